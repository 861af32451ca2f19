"""From a conversation to how much each rule has to do with it, without torch at query time.

The index is built through sentence-transformers; queries run through the same weights as a BERT
GGUF in llama.cpp, which is loaded anyway. ``tests/models/test_e5_parity.py`` holds the two spaces
together (decision 0003).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reviewer.engine.bert import BertEncoder
from reviewer.index.encoder import Encoder, Matrix, Prompts
from reviewer.index.query import ManualIndex
from reviewer.models.unigram import UnigramTokenizer
from reviewer.types import Conversation

_MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Relevance:
    """How well one rule fits: the fused score orders, the other two are evidence for the grader."""

    fused: float
    dense: float
    bm25: float


class LlamaEncoder:
    """A BERT encoder in llama.cpp. Implements ``Encoder``; not safe to share between threads."""

    def __init__(
        self, gguf: Path, vocabulary: Path, *, identity: str, prompts: Prompts, n_threads: int
    ) -> None:
        """Map the weights (about 0.1 s).

        Args:
            gguf: The encoder without a vocabulary.
            vocabulary: Folder of the unigram tokenizer.
            identity: The same as of the encoder that built the index.
            prompts: What is put before a text.
            n_threads: Threads of one query.

        Raises:
            ModelCorruptError: a file cannot be read.
        """
        self._identity, self._prompts = identity, prompts
        self._tokenizer = UnigramTokenizer(vocabulary)
        self._bert = BertEncoder(gguf, positions=_MAX_TOKENS, n_threads=n_threads, embeddings="pooled")

    @property
    def identity(self) -> str:
        """Content hash of the model and its prompts."""
        return self._identity

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._bert.dimension

    @property
    def prompts(self) -> Prompts:
        """What is put before a text."""
        return self._prompts

    def encode_query(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""
        return self._encode(texts, self._prompts.query)

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""
        return self._encode(texts, self._prompts.document)

    def close(self) -> None:
        """Free the weights."""
        self._bert.close()

    def _encode(self, texts: Sequence[str], prompt: str) -> Matrix:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            vector = self._bert.encode(self._tokenizer.encode(prompt + text, max_tokens=_MAX_TOKENS))
            rows[row] = vector / np.linalg.norm(vector)
        return rows


@dataclass(frozen=True, slots=True)
class IndexRetriever:
    """An open index and the encoder of its queries."""

    index: ManualIndex
    encoder: Encoder

    @property
    def identity(self) -> str:
        """Content hash of the index."""
        return self.index.index_identity

    def close(self) -> None:
        """Free the encoder's weights."""
        if isinstance(self.encoder, LlamaEncoder):
            self.encoder.close()

    def relevance(self, conversation: Conversation) -> Mapping[str, Relevance]:
        """Return the relevance of every rule of the index, by rule id."""
        scores = self.index.rank_rules(query_of(conversation), encoder=self.encoder)
        return {score.rule_id: Relevance(score.fused, score.dense or 0.0, score.bm25) for score in scores}


def query_of(conversation: Conversation) -> str:
    """Return the text that is searched for: the customer's message and the draft."""
    return "\n".join(part for part in (conversation.customer, conversation.draft) if part.strip())
