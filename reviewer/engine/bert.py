"""A BERT encoder in llama.cpp: token ids in, one vector a text or one a token out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reviewer.engine.library import DecodeContext, Embeddings, LoadedModel, TokenAt

Vectors = npt.NDArray[np.float32]


class BertEncoder:
    """Weights without a vocabulary, and one text at a time. Not safe to share between threads."""

    def __init__(self, gguf: Path, *, positions: int, n_threads: int, embeddings: Embeddings) -> None:
        """Map the weights (about 0.1 s).

        Args:
            gguf: The encoder without a vocabulary.
            positions: Most tokens of one text.
            n_threads: Threads of one text.
            embeddings: What ``encode`` returns: one mean-pooled vector, or one a token.

        Raises:
            ModelCorruptError: the file cannot be read.
        """
        self._model = LoadedModel(gguf)
        self._embeddings = embeddings
        self._context = DecodeContext(
            self._model,
            n_ctx=positions,
            n_batch=positions,
            n_sequences=1,
            n_threads=n_threads,
            should_abort=lambda: False,
            embeddings=embeddings,
        )

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._model.n_embd

    def encode(self, ids: Sequence[int]) -> Vectors:
        """Return shape [dimension] when pooled, else [len(ids), dimension]; not normalised."""
        self._context.clear()
        self._context.decode([TokenAt(token, i, 0, logits=True) for i, token in enumerate(ids)])
        if self._embeddings == "pooled":
            return self._context.embedding(0)
        return self._context.token_embeddings(len(ids))

    def close(self) -> None:
        """Free the weights."""
        self._context.close()
        self._model.close()
