"""Questions to an open index: which passages fit a text, and in which order rules come to mind."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from reviewer.errors import IndexMismatchError
from reviewer.index.bm25 import Bm25Index
from reviewer.index.chunks import Passage
from reviewer.index.dense import DenseIndex
from reviewer.index.encoder import Encoder
from reviewer.index.fusion import reciprocal_rank_fusion

Scored = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A passage that fits a query.

    ``score`` is the fused score; ``dense_score`` a cosine, ``bm25_score`` is > 0; ranks count from 1.
    A score and its rank are None where that search did not run or did not find the passage.
    """

    passage: Passage
    score: float
    dense_score: float | None
    bm25_score: float | None
    dense_rank: int | None
    bm25_rank: int | None


@dataclass(frozen=True, slots=True)
class RuleScore:
    """How well a rule fits a text.

    ``fused`` is the reciprocal-rank score, >= 0; ``dense`` the best cosine of the rule's passages, None
    without an encoder; ``bm25`` their best BM25 score, 0 without a common token.
    """

    rule_id: str
    fused: float
    dense: float | None
    bm25: float


@dataclass(frozen=True, slots=True)
class ManualIndex:
    """An index that was checked against its sidecar and lies in memory.

    ``index_identity`` is the content hash that goes into reviews. Searching takes a millisecond beyond
    the encoder's own time; without an encoder only BM25 is used.
    """

    passages: tuple[Passage, ...]
    dense: DenseIndex
    bm25: Bm25Index
    encoder_identity: str
    index_identity: str

    def search(self, query: str, *, encoder: Encoder | None, top_k: int) -> list[SearchHit]:
        """Return at most ``top_k`` passages, best first; each rule once, by its best passage.

        A blank query gives an empty list.

        Raises:
            IndexMismatchError: the index was built with another encoder.
        """
        dense, bm25 = self._dense_scores(query, encoder), self.bm25.search(query, len(self.passages))
        fused = reciprocal_rank_fusion([[row for row, _ in dense], [row for row, _ in bm25]])
        dense_at, bm25_at = _positions(dense), _positions(bm25)
        hits: list[SearchHit] = []
        for row, score in self._first_of_each_rule(fused):
            if len(hits) >= top_k:
                break
            dense_rank, dense_score = dense_at.get(row, (None, None))
            bm25_rank, bm25_score = bm25_at.get(row, (None, None))
            hit = SearchHit(self.passages[row], score, dense_score, bm25_score, dense_rank, bm25_rank)
            hits.append(hit)
        return hits

    def rank_rules(self, query: str, *, encoder: Encoder | None) -> list[RuleScore]:
        """Return every rule of the index once, best first, equal scores in the manual's order.

        Only checkable passages count. A blank query gives every rule a score of 0.

        Raises:
            IndexMismatchError: the index was built with another encoder.
        """
        rules = self._rule_rows()
        dense = _best(rules, self._dense_scores(query, encoder))
        bm25 = _best(rules, self.bm25.search(query, len(self.passages)))
        numbers = {rule_id: number for number, rule_id in enumerate(rules)}
        fused = dict(reciprocal_rank_fusion([_ranked(dense, numbers), _ranked(bm25, numbers)]))
        scores = [
            RuleScore(rule_id, fused.get(number, 0.0), dense.get(rule_id), bm25.get(rule_id, 0.0))
            for rule_id, number in numbers.items()
        ]
        return sorted(scores, key=lambda score: -score.fused)

    def _dense_scores(self, query: str, encoder: Encoder | None) -> Scored:
        """Return every passage with the cosine of its nearest vector, best first."""
        if encoder is None or not query.strip():
            return []
        if encoder.identity != self.encoder_identity:
            raise IndexMismatchError("索引是用另一个嵌入模型建立的，请运行 reviewer index build 重建。")
        owners = [row for row, passage in enumerate(self.passages) for _ in passage.embedded]
        best: dict[int, float] = {}
        for vector_row, score in self.dense.search(encoder.encode_query([query])[0], len(self.dense)):
            best.setdefault(owners[vector_row], score)
        return list(best.items())

    def _first_of_each_rule(self, ranked: Scored) -> Iterable[tuple[int, float]]:
        seen: set[str] = set()
        for row, score in ranked:
            rule_id = self.passages[row].rule_id
            if rule_id is None or rule_id not in seen:
                yield row, score
            if rule_id is not None:
                seen.add(rule_id)

    def _rule_rows(self) -> dict[str, list[int]]:
        """Return the checkable passages of every rule, rules in the order of their first passage."""
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, passage in enumerate(self.passages):
            if passage.checkable and passage.rule_id is not None:
                rows[passage.rule_id].append(row)
        return dict(rows)


def _positions(scored: Scored) -> dict[int, tuple[int, float]]:
    return {row: (rank, score) for rank, (row, score) in enumerate(scored, start=1)}


def _best(rules: dict[str, list[int]], scored: Scored) -> dict[str, float]:
    """Return the best score of each rule that has one."""
    scores = dict(scored)
    found = {rule_id: [scores[row] for row in rows if row in scores] for rule_id, rows in rules.items()}
    return {rule_id: max(values) for rule_id, values in found.items() if values}


def _ranked(best: dict[str, float], numbers: dict[str, int]) -> list[int]:
    ordered = sorted(best.items(), key=lambda entry: (-entry[1], numbers[entry[0]]))
    return [numbers[rule_id] for rule_id, _ in ordered]
