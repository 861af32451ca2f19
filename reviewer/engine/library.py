"""The only file that touches llama.cpp: typed wrappers over its C interface.

An object is used by one thread at a time. Pointers are freed by ``close`` only.
"""

import ctypes
import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from reviewer.errors import EngineClosedError, EngineError, ModelCorruptError, TextTooLongError

Embeddings = Literal["pooled", "tokens"]

ABORTED = 2  # llama_decode: the abort callback returned true
NO_SLOT = 1  # llama_decode: the context is full


@dataclass(frozen=True, slots=True)
class _Library:
    """The imported bindings; ``log_callback`` is held so that C never calls a freed function."""

    api: ModuleType
    log_callback: Any


@functools.cache
def _library() -> _Library:
    """Import llama_cpp (about 0.2 s) and silence its log, once a process.

    Idle OpenMP threads sleep instead of spinning: on a machine that does anything else, spinning
    makes every decode several times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import llama_cpp

    def drop(_level: int, _text: bytes, _data: object) -> None:
        """Swallow a log line: llama.cpp writes to standard error otherwise."""

    callback = llama_cpp.llama_log_callback(drop)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return _Library(llama_cpp, callback)


@functools.cache
def library_build() -> str:
    """Return 16 hex digits that change with the llama.cpp build: its version and shared objects."""
    import llama_cpp

    digest = hashlib.sha256(llama_cpp.__version__.encode())
    folder = Path(llama_cpp.__file__).parent / "lib"
    for path in sorted(folder.glob("lib*llama*")) + sorted(folder.glob("*ggml-cpu*")):
        if not path.is_symlink():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class LoadedModel:
    """Weights and vocabulary of one GGUF file, memory-mapped."""

    def __init__(self, path: Path) -> None:
        """Load ``path`` (0.3-1 s).

        Raises:
            ModelCorruptError: llama.cpp cannot read it.
        """
        self._lib = _library().api
        params = self._lib.llama_model_default_params()
        params.n_gpu_layers = 0
        self.pointer = self._lib.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            raise ModelCorruptError(f"llama.cpp 无法载入模型 {path}；请用 reviewer models verify 检查。")
        self._vocab = self._lib.llama_model_get_vocab(self.pointer)
        self.n_vocab: int = self._lib.llama_vocab_n_tokens(self._vocab)
        self.n_embd: int = self._lib.llama_model_n_embd(self.pointer)

    def tokenize(self, text: str, *, special: bool = False, add_bounds: bool = False) -> list[int]:
        """Return the token ids of ``text``.

        Args:
            text: Any text; empty gives [].
            special: Read control tokens such as ``<|im_end|>`` as such.
            add_bounds: Add the vocabulary's own begin and end tokens.
        """
        data = text.encode("utf-8", "replace")
        buffer = (self._lib.llama_token * (len(data) + 8))()
        count = self._lib.llama_tokenize(
            self._vocab, data, len(data), buffer, len(buffer), add_bounds, special
        )
        if count < 0:
            raise TextTooLongError("分词失败：文本过长。")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """Return the bytes of ``token``; control tokens give b''."""
        buffer = ctypes.create_string_buffer(256)
        count = self._lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(count, 0)]

    def ends_generation(self, token: int) -> bool:
        """Whether ``token`` ends a turn or text."""
        return bool(self._lib.llama_vocab_is_eog(self._vocab, token))

    def close(self) -> None:
        """Free the weights."""
        if self.pointer:
            self._lib.llama_model_free(self.pointer)
            self.pointer = None


@dataclass(frozen=True, slots=True)
class TokenAt:
    """A token to decode: its position, its sequence, and whether its logits are wanted."""

    token: int
    position: int
    sequence: int
    logits: bool = False


class DecodeContext:
    """A llama.cpp context: key-value memory for many sequences that share cells."""

    def __init__(
        self,
        model: LoadedModel,
        *,
        n_ctx: int,
        n_batch: int,
        n_sequences: int,
        n_threads: int,
        should_abort: Callable[[], bool],
        embeddings: Embeddings | None = None,
    ) -> None:
        """Create the context.

        Args:
            model: The weights; must outlive this object.
            n_ctx: Cells of the memory, in tokens over all sequences.
            n_batch: Most tokens of one ``decode``.
            n_sequences: Most sequences alive at once.
            n_threads: Threads for prefill and decode alike.
            should_abort: Asked between graph nodes, on a llama.cpp thread; true ends ``decode``.
            embeddings: Instead of logits: one mean-pooled vector a sequence, or one a token.

        Raises:
            EngineError: no memory for it.
        """
        self._lib = _library().api
        self._model = model
        self.n_ctx, self.n_batch, self.n_sequences = n_ctx, n_batch, n_sequences
        params = self._lib.llama_context_default_params()
        params.n_ctx, params.n_batch = n_ctx, n_batch
        params.n_ubatch = n_batch if embeddings else min(n_batch, 512)
        params.n_seq_max, params.kv_unified = n_sequences, True
        params.n_threads = params.n_threads_batch = n_threads
        if embeddings:
            params.embeddings = True
            params.pooling_type = (
                self._lib.LLAMA_POOLING_TYPE_MEAN
                if embeddings == "pooled"
                else self._lib.LLAMA_POOLING_TYPE_NONE
            )
            # Flash attention rounds keys and values to half precision, which an encoder need not.
            params.flash_attn_type = self._lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._abort = self._lib.ggml_abort_callback(lambda _data: should_abort())
        params.abort_callback = self._abort
        self._pointer = self._lib.llama_init_from_model(model.pointer, params)
        if not self._pointer:
            raise EngineError("llama.cpp 无法创建上下文，多半是内存不足；请调小 context_tokens。")
        self._memory = self._lib.llama_get_memory(self._pointer)
        self._batch = self._lib.llama_batch_init(n_batch, 0, 1)
        self._adapter: Any = None

    def decode(self, items: Sequence[TokenAt]) -> bool:
        """Run the model over ``items``; False when it was aborted, the memory then being dirty.

        Raises:
            TextTooLongError: the memory is full.
            EngineError: llama.cpp failed.
        """
        self._require_open()
        batch = self._batch
        batch.n_tokens = len(items)
        for i, item in enumerate(items):
            batch.token[i] = item.token
            batch.pos[i] = item.position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = item.sequence
            batch.logits[i] = item.logits
        status = self._lib.llama_decode(self._pointer, batch)
        if status == NO_SLOT:
            raise TextTooLongError(
                f"内容超出模型上下文（{self.n_ctx} 个词元）；请缩短或调大 context_tokens。"
            )
        if status not in (0, ABORTED):
            raise EngineError(f"llama.cpp 推理失败（代码 {status}）。")
        return bool(status == 0)

    def logits(self, index: int) -> npt.NDArray[np.float32]:
        """Return a view of the logits, shape [n_vocab], of item ``index`` of the last ``decode``."""
        pointer = self._lib.llama_get_logits_ith(self._pointer, index)
        return np.ctypeslib.as_array(pointer, shape=(self._model.n_vocab,))

    def embedding(self, sequence: int) -> npt.NDArray[np.float32]:
        """Return a copy of the pooled embedding, shape [n_embd], of ``sequence``."""
        pointer = self._lib.llama_get_embeddings_seq(self._pointer, sequence)
        return np.array(np.ctypeslib.as_array(pointer, shape=(self._model.n_embd,)), dtype=np.float32)

    def token_embeddings(self, count: int) -> npt.NDArray[np.float32]:
        """Return a copy of the vectors, shape [count, n_embd], of the first ``count`` items decoded."""
        pointers = [self._lib.llama_get_embeddings_ith(self._pointer, index) for index in range(count)]
        rows = [np.ctypeslib.as_array(pointer, shape=(self._model.n_embd,)) for pointer in pointers]
        return np.array(rows, dtype=np.float32)

    def fork(self, source: int, target: int) -> None:
        """Let ``target`` begin with all that ``source`` holds; costs no cells."""
        self._require_open()
        self._lib.llama_memory_seq_rm(self._memory, target, -1, -1)
        self._lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def truncate(self, sequence: int, position: int) -> None:
        """Forget everything of ``sequence`` from ``position`` on."""
        self._require_open()
        self._lib.llama_memory_seq_rm(self._memory, sequence, position, -1)

    def clear(self) -> None:
        """Forget every sequence."""
        self._require_open()
        self._lib.llama_memory_clear(self._memory, True)

    def save_sequence(self, path: Path, sequence: int, tokens: Sequence[int]) -> bool:
        """Write the state of ``sequence`` and its ``tokens`` to ``path``; False when it failed."""
        array = (self._lib.llama_token * len(tokens))(*tokens)
        written = self._lib.llama_state_seq_save_file(
            self._pointer, str(path).encode(), sequence, array, len(tokens)
        )
        return bool(written > 0)

    def load_sequence(self, path: Path, sequence: int, tokens: Sequence[int]) -> bool:
        """Restore ``sequence`` from ``path``; False unless it holds exactly ``tokens``."""
        array = (self._lib.llama_token * len(tokens))()
        count = ctypes.c_size_t(0)
        read = self._lib.llama_state_seq_load_file(
            self._pointer, str(path).encode(), sequence, array, len(tokens), ctypes.byref(count)
        )
        if read > 0 and count.value == len(tokens) and list(array) == list(tokens):
            return True
        self.truncate(sequence, -1)
        return False

    def _require_open(self) -> None:
        """Refuse what would run on freed memory."""
        if not self._pointer:
            raise EngineClosedError("模型引擎已关闭。")

    def load_adapter(self, path: Path) -> None:
        """Read a LoRA adapter; it stays off until ``adapter_on``.

        Raises:
            ModelCorruptError: it is not a LoRA GGUF for this model.
        """
        self._adapter = self._lib.llama_adapter_lora_init(self._model.pointer, str(path).encode())
        if not self._adapter:
            raise ModelCorruptError(f"适配器 {path} 不是这个模型的 LoRA GGUF，无法载入。")

    @contextmanager
    def adapter_on(self) -> Iterator[None]:
        """Apply the loaded adapter, if there is one, within the block."""
        self._set_adapter(on=True)
        try:
            yield
        finally:
            self._set_adapter(on=False)

    def _set_adapter(self, *, on: bool) -> None:
        if self._adapter is None:
            return
        adapters = (self._lib.llama_adapter_lora_p_ctypes * 1)(self._adapter)
        scales = (ctypes.c_float * 1)(1.0)
        self._lib.llama_set_adapters_lora(self._pointer, adapters, int(on), scales)

    def close(self) -> None:
        """Free the context and the adapter; the model stays."""
        if self._pointer:
            self._lib.llama_batch_free(self._batch)
            self._lib.llama_free(self._pointer)
            self._pointer = self._memory = None
            if self._adapter is not None:
                self._lib.llama_adapter_lora_free(self._adapter)
                self._adapter = None
