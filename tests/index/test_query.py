from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.errors import IndexMismatchError
from reviewer.index import query as query_module
from reviewer.index.bm25 import Bm25Index
from reviewer.index.chunks import Passage
from reviewer.index.dense import DenseIndex
from reviewer.index.encoder import HashingEncoder, Matrix
from reviewer.index.fusion import reciprocal_rank_fusion
from reviewer.index.passages import Columns
from reviewer.index.query import ManualIndex
from tests.index.samples import make_passages

_ENCODER = HashingEncoder()


class ScriptedEncoder(HashingEncoder):
    """Answers every query with one vector."""

    def __init__(self, vector: Sequence[float]) -> None:
        super().__init__(len(vector))
        self._vector = np.array([vector], dtype=np.float32)

    def encode_query(self, texts: Sequence[str]) -> Matrix:
        return np.repeat(self._vector, len(texts), axis=0)


def make_passage(
    number: int, searchable: str, *, rule_id: str | None = None, facets: int = 0, checkable: bool = True
) -> Passage:
    return Passage(
        id=f"p{number}",
        document="《手册》",
        section=f"第{number}节",
        rule_id=rule_id,
        checkable=checkable,
        text=searchable,
        searchable=searchable,
        facets=("",) * facets,
    )


def make_index(passages: Sequence[Passage], vectors: Matrix | None = None) -> ManualIndex:
    texts = [text for passage in passages for text in passage.embedded]
    built = _ENCODER.encode_document(texts) if vectors is None else vectors
    return ManualIndex(
        passages=tuple(passages),
        columns=Columns.of(passages),
        dense=DenseIndex.build(built),
        bm25=Bm25Index.build([passage.searchable for passage in passages]),
        encoder_identity=HashingEncoder(built.shape[1]).identity,
        index_identity="",
    )


def test_search_fuses_the_two_rankings() -> None:
    # Cosines 0.6, 0.8, 0: dense ranks p1, p0, p2. BM25 finds only p0 (退款) and ranks it first.
    # p0: 1/62 + 1/61 = 0.032522; p1: 1/61 = 0.016393; p2: 1/63 = 0.015873.
    vectors = np.array([[0.6, 0.8, 0], [0.8, 0.6, 0], [0, 0, 1]], dtype=np.float32)
    index = make_index([make_passage(0, "退款"), make_passage(1, "发票"), make_passage(2, "上门")], vectors)

    hits = index.search("退款", encoder=ScriptedEncoder([1, 0, 0]), top_k=3)

    assert [hit.passage.id for hit in hits] == ["p0", "p1", "p2"]
    assert [hit.score for hit in hits] == pytest.approx([0.032522, 0.016393, 0.015873], abs=1e-6)
    assert [hit.dense_score for hit in hits] == pytest.approx([0.6, 0.8, 0])
    assert [hit.dense_rank for hit in hits] == [2, 1, 3]
    assert [hit.bm25_rank for hit in hits] == [1, None, None]
    assert [hit.bm25_score is None for hit in hits] == [False, True, True]


def test_a_passage_is_as_near_as_the_nearest_of_its_vectors() -> None:
    # p0 owns vectors 0-2, of which the last is nearest (cosine 1); p1 owns vector 3 (cosine 0.8).
    vectors = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [0.8, 0.6, 0]], dtype=np.float32)
    index = make_index([make_passage(0, "甲", facets=2), make_passage(1, "乙")], vectors)

    hits = index.search("丙", encoder=ScriptedEncoder([1, 0, 0]), top_k=9)

    assert [(hit.passage.id, hit.dense_rank) for hit in hits] == [("p0", 1), ("p1", 2)]
    assert [hit.dense_score for hit in hits] == pytest.approx([1, 0.8])


def test_search_returns_at_most_top_k_and_all_when_there_are_fewer() -> None:
    index = make_index([make_passage(n, f"退款{n}") for n in range(4)])

    assert len(index.search("退款", encoder=_ENCODER, top_k=2)) == 2
    assert len(index.search("退款", encoder=_ENCODER, top_k=99)) == 4
    assert index.search("退款", encoder=_ENCODER, top_k=0) == []


def test_search_shows_a_rule_once_and_sections_without_a_rule_each() -> None:
    rules = ["A01", "A01", None, None]
    index = make_index([make_passage(n, "退款", rule_id=rule_id) for n, rule_id in enumerate(rules)])

    hits = index.search("退款", encoder=_ENCODER, top_k=9)
    assert [hit.passage.id for hit in hits] == ["p0", "p2", "p3"]


@pytest.mark.parametrize("query", ["", " \n"])
def test_a_blank_query_finds_nothing(query: str) -> None:
    assert make_index(make_passages()).search(query, encoder=_ENCODER, top_k=5) == []


def test_guidance_that_cannot_be_checked_is_found_by_search() -> None:
    hits = make_index(make_passages()).search("上班着装坐姿", encoder=_ENCODER, top_k=1)

    assert (hits[0].passage.section, hits[0].passage.checkable) == ("仪容", False)


def test_without_an_encoder_only_bm25_is_used() -> None:
    hits = make_index(make_passages()).search("打八折", encoder=None, top_k=9)

    assert hits[0].passage.rule_id == "D03"
    assert {(hit.dense_score, hit.dense_rank) for hit in hits} == {(None, None)}


def test_traditional_query_finds_simplified_text() -> None:
    index = make_index(make_passages())

    assert index.search("維修部的手機你自己打", encoder=None, top_k=1)[0].passage.rule_id == "E02"


def test_rank_rules_returns_every_rule_once_best_first() -> None:
    ranked = make_index(make_passages()).rank_rules("还能再便宜点吗我私下给你打折", encoder=_ENCODER)

    assert ranked[0].rule_id == "D03"
    assert sorted(score.rule_id for score in ranked) == ["A02", "D03", "E02"]
    fused = [score.fused for score in ranked]
    assert fused == sorted(fused, reverse=True)


def test_rank_rules_takes_the_best_passage_of_a_rule() -> None:
    passages = [make_passage(0, "甲", rule_id="A01"), make_passage(1, "退款", rule_id="A01")]
    vectors = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)
    index = make_index(passages, vectors)

    (score,) = index.rank_rules("退款", encoder=ScriptedEncoder([1, 0]))

    assert score.dense == pytest.approx(1)
    assert score.bm25 == pytest.approx(index.bm25.scores("退款")[1])
    assert score.fused == pytest.approx(2 / 61)  # first in both rankings: 1/61 + 1/61


def test_rank_rules_never_contains_what_cannot_be_checked() -> None:
    passages = [make_passage(0, "退款", rule_id="A01", checkable=False), make_passage(1, "退款")]
    rule = make_passage(2, "发票", rule_id="B01")

    ranked = make_index([*passages, rule]).rank_rules("退款", encoder=_ENCODER)
    assert [score.rule_id for score in ranked] == ["B01"]


def test_rank_rules_without_encoder_or_common_token_keeps_the_manual_order() -> None:
    ranked = make_index(make_passages()).rank_rules("zzz", encoder=None)

    assert [score.rule_id for score in ranked] == ["A02", "E02", "D03"]
    assert {(score.fused, score.dense, score.bm25) for score in ranked} == {(0.0, None, 0.0)}


@pytest.mark.parametrize("query", ["", "\u3000"])
def test_rank_rules_of_a_blank_query_scores_nothing(query: str) -> None:
    ranked = make_index(make_passages()).rank_rules(query, encoder=_ENCODER)

    assert [score.rule_id for score in ranked] == ["A02", "E02", "D03"]
    assert {score.fused for score in ranked} == {0.0}


def test_an_encoder_of_another_space_is_refused() -> None:
    index = make_index(make_passages())

    with pytest.raises(IndexMismatchError, match="reviewer index build"):
        index.search("退款", encoder=HashingEncoder(64), top_k=3)
    with pytest.raises(IndexMismatchError, match="reviewer index build"):
        index.rank_rules("退款", encoder=HashingEncoder(64))


def test_a_very_long_query_is_answered() -> None:
    query = "维修部的手机你自己打。" * 2000

    assert make_index(make_passages()).rank_rules(query, encoder=_ENCODER)[0].rule_id == "E02"


def scattered(count: int, seed: int) -> tuple[list[Passage], Matrix]:
    """Return passages of random characters, a third of them of 40 rules, and vectors that fit nothing."""
    rng = np.random.default_rng(seed)
    passages = [
        make_passage(
            number,
            "".join(rng.choice(list("退款发票维修上门安装预约电话"), 6)),
            rule_id=f"R{rng.integers(40)}" if number % 3 == 0 else None,
        )
        for number in range(count)
    ]
    vectors = rng.standard_normal((count, 8)).astype(np.float32)
    return passages, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fused_whole(index: ManualIndex, query: str, vector: Matrix) -> list[str]:
    """Return the ids of all passages, each rule once, by the fusion of two whole rankings."""
    rows, _ = reciprocal_rank_fusion(
        index.dense.rank(vector, len(index.passages)).rows, index.bm25.rank(query, len(index.passages)).rows
    )
    best = [index.passages[row] for row in rows.tolist()]
    first = {passage.rule_id or passage.id: passage.id for passage in reversed(best)}
    return [passage.id for passage in best if first[passage.rule_id or passage.id] == passage.id]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("top_k", [1, 8, 30, 999])
def test_no_passage_beyond_the_contenders_is_among_the_best(seed: int, top_k: int) -> None:
    passages, vectors = scattered(900, seed)
    index = make_index(passages, vectors)
    hits = index.search("预约退款", encoder=ScriptedEncoder(vectors[0]), top_k=top_k)

    assert [hit.passage.id for hit in hits] == fused_whole(index, "预约退款", vectors[0])[:top_k]


@given(seed=st.integers(0, 1000), top_k=st.integers(1, 20))
@settings(max_examples=10, deadline=None)
def test_ties_are_fused_by_definition(seed: int, top_k: int) -> None:
    passages, vectors = scattered(300, seed)
    # Six directions and five texts: most passages tie with others in both rankings.
    passages = [replace(passage, searchable=passages[row % 5].text) for row, passage in enumerate(passages)]
    vectors = vectors[np.arange(300) % 6]
    index = make_index(passages, vectors)
    rows, scores = reciprocal_rank_fusion(
        index.dense.rank(vectors[0], 300).rows, index.bm25.rank("预约退款", 300).rows
    )
    defined = {f"p{row}": score for row, score in zip(rows.tolist(), scores.tolist(), strict=True)}

    hits = index.search("预约退款", encoder=ScriptedEncoder(vectors[0]), top_k=top_k)
    assert [hit.passage.id for hit in hits] == fused_whole(index, "预约退款", vectors[0])[:top_k]
    assert [hit.score for hit in hits] == [defined[hit.passage.id] for hit in hits]


def test_ranks_that_were_not_found_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_module, "WHOLE", 100)
    monkeypatch.setattr(query_module, "NEIGHBOURS", 150)
    passages, vectors = scattered(1800, 0)
    index = make_index(passages, vectors)
    mapped = Bm25Index.build([passage.searchable for passage in passages], mapped=True)
    index = replace(index, bm25=mapped)
    shares = []
    for number in range(20):
        query, vector = passages[number].text[:3], vectors[-1 - number]
        hits = index.search(query, encoder=ScriptedEncoder(vector), top_k=8)
        shares.append(len({hit.passage.id for hit in hits} & set(fused_whole(index, query, vector)[:8])) / 8)

    assert np.mean(shares) >= 0.95


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_module, "WHOLE", 3)
    monkeypatch.setattr(query_module, "NEIGHBOURS", 2)


def line_of_passages(rules: Sequence[str | None]) -> tuple[list[Passage], Matrix]:
    """Return passages that are ever farther from (1, 0), in this order, and their vectors."""
    angles = np.linspace(0, 1.5, len(rules))
    passages = [
        make_passage(number, f"发票{number}", rule_id=rule_id) for number, rule_id in enumerate(rules)
    ]
    return passages, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.mark.usefixtures("small_limits")
def test_a_large_index_is_searched_for_the_nearest_only() -> None:
    index = make_index(*line_of_passages([None] * 30))

    hits = index.search("丙", encoder=ScriptedEncoder([1, 0]), top_k=2)
    assert [hit.passage.id for hit in hits] == ["p0", "p1"]
    deep = index.search("丙", encoder=ScriptedEncoder([1, 0]), top_k=5)
    assert [hit.passage.id for hit in deep] == ["p0", "p1", "p2", "p3", "p4"]


@pytest.mark.usefixtures("small_limits")
def test_few_rules_in_a_large_index_are_all_ranked() -> None:
    rules = [None] * 20 + ["B01", None, "A01", "C01"]
    index = make_index(*line_of_passages(rules))

    ranked = index.rank_rules("丙", encoder=ScriptedEncoder([1, 0]))
    assert [score.rule_id for score in ranked] == ["B01", "A01", "C01"]
    assert all(score.dense is not None and score.fused > 0 for score in ranked)
    assert [score.rule_id for score in index.rank_rules("", encoder=None)] == ["B01", "A01", "C01"]


@pytest.mark.usefixtures("small_limits")
def test_of_many_rules_in_a_large_index_the_best_are_ranked() -> None:
    rules = [None, *(f"R{number}" for number in range(9))]
    index = make_index(*line_of_passages(rules))

    ranked = index.rank_rules("票8", encoder=ScriptedEncoder([1, 0]))
    # The two nearest, and by the word 票8 the passage of R7, beside another that only holds 票.
    assert {"R0", "R1", "R7"} <= {score.rule_id for score in ranked}
    assert len(ranked) <= 4
    assert index.rank_rules("", encoder=None) == []
