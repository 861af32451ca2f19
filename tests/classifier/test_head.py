"""The label-attention head."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reviewer.classifier.head import Head, Vector
from reviewer.errors import ModelCorruptError

RULES, WIDTH, HIDDEN = 3, 4, 5


def make_head(seed: int = 0) -> Head:
    draw = np.random.default_rng(seed)

    def normal(*shape: int) -> Vector:
        return draw.normal(size=shape).astype(np.float32)

    return Head(
        rules=np.array(["A01", "B01", "E01"]),
        texts=np.array(["t1", "t2", "t3"]),
        queries=normal(RULES, WIDTH),
        bias=normal(RULES),
        pointed=np.array([1.0, 0.0, 0.9], dtype=np.float32),
        key_weight=normal(WIDTH, WIDTH),
        key_bias=normal(WIDTH),
        value_weight=normal(WIDTH, WIDTH),
        value_bias=normal(WIDTH),
        sharpness=np.array([4.0, 4.0], dtype=np.float32),
        hidden_weight=normal(HIDDEN, 5 * WIDTH),
        hidden_bias=normal(HIDDEN),
        out_weight=normal(HIDDEN),
        out_bias=normal(1),
    )


def test_attention_is_a_share_of_the_draft() -> None:
    vectors = np.random.default_rng(1).normal(size=(9, WIDTH)).astype(np.float32)
    scores = make_head().score(vectors, 5, 8)
    assert scores.logits.shape == (RULES,)
    assert scores.attention.shape == (RULES, 3)
    assert np.allclose(scores.attention.sum(axis=1), 1, atol=1e-5)


def test_attention_goes_to_the_token_that_matches_the_query() -> None:
    eye = np.eye(WIDTH, dtype=np.float32)
    head = replace(
        make_head(),
        queries=eye[:RULES] * 10,
        key_weight=eye,
        key_bias=np.zeros(WIDTH, dtype=np.float32),
    )
    scores = head.score(eye[:RULES], 0, RULES)
    assert scores.attention.argmax(axis=1).tolist() == [0, 1, 2]


def test_context_counts_but_cannot_be_pointed_at() -> None:
    vectors = np.random.default_rng(1).normal(size=(9, WIDTH)).astype(np.float32)
    other = vectors.copy()
    other[0] += 1
    head = make_head()
    one, two = head.score(vectors, 5, 8), head.score(other, 5, 8)
    assert np.allclose(one.attention, two.attention)
    assert not np.allclose(one.logits, two.logits)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    head = make_head()
    head.save(tmp_path / "head.npz")
    again = Head.load(tmp_path / "head.npz")
    vectors = np.ones((4, WIDTH), dtype=np.float32)
    assert np.array_equal(head.score(vectors, 1, 4).logits, again.score(vectors, 1, 4).logits)
    assert again.rules.tolist() == ["A01", "B01", "E01"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "head.npz"
    path.write_bytes(content)
    with pytest.raises(ModelCorruptError, match="已损坏"):
        Head.load(path)
