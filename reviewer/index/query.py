"""Questions to an open index: which passages fit a text, and in which order rules come to mind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reviewer.errors import IndexMismatchError
from reviewer.index.bm25 import Bm25Index
from reviewer.index.chunks import Passage
from reviewer.index.dense import DenseIndex
from reviewer.index.encoder import Encoder
from reviewer.index.fusion import RRF_K, Items, Ranking, Ranks, Scores, reciprocal_rank_fusion
from reviewer.index.passages import Columns

# Up to so many vectors an index is loaded into memory and ranked whole.
WHOLE = 4_000
# Of a larger index, so many of each ranking are found; the ranks of others are estimated. Of the eight best
# of two whole rankings of 100,000 the fusion keeps 0.99 so, and 0.95 without the others (decision 0009).
NEIGHBOURS = 1_000
# Of more rules than are ranked whole, so many are; a check asks about fewer.
RULES = 100


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A passage that fits a query.

    ``score`` is the fused score; ``dense_score`` a cosine, ``bm25_score`` is > 0; ranks count from 1.
    A score and its rank are None where that search did not run or cannot find the passage. Behind the
    ``NEIGHBOURS`` first of a large index a rank is an estimate.
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
    without an encoder; ``bm25`` their best BM25 score, 0 without a common token. Of more rules than are
    ranked whole, both are of the passage that is best by ``fused``.
    """

    rule_id: str
    fused: float
    dense: float | None
    bm25: float


@dataclass(frozen=True, slots=True)
class _Fused:
    """Distinct passages by their fused score, best first; all of shape [n].

    A rank is infinite, and its score 0, where that search cannot find the passage.
    """

    rows: Items
    scores: Ranks
    dense_ranks: Ranks
    cosines: Scores
    bm25_ranks: Ranks
    bm25_scores: Scores


@dataclass(frozen=True, slots=True)
class ManualIndex:
    """An index that was checked against its sidecar; a large one is read from its files as needed.

    ``index_identity`` is the content hash that goes into reviews. Searching takes a few milliseconds
    beyond the encoder's own time; without an encoder only BM25 is used. An index of at most ``WHOLE``
    vectors is ranked whole, from a larger one each search contributes its ``NEIGHBOURS`` best.
    """

    passages: Sequence[Passage]
    columns: Columns
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
        depth = len(self.dense) if len(self.dense) <= WHOLE else max(NEIGHBOURS, 4 * top_k)
        dense, bm25 = self._dense_ranking(query, encoder, depth), self.bm25.rank(query, depth)
        fused = self._fuse(dense, bm25, max(top_k, 0))
        hits: list[SearchHit] = []
        for at, row in enumerate(fused.rows.tolist()):
            dense_rank, dense_score = _place(fused.dense_ranks[at], fused.cosines[at])
            bm25_rank, bm25_score = _place(fused.bm25_ranks[at], fused.bm25_scores[at])
            hit = SearchHit(
                self.passages[row], float(fused.scores[at]), dense_score, bm25_score, dense_rank, bm25_rank
            )
            hits.append(hit)
        return hits

    def rank_rules(self, query: str, *, encoder: Encoder | None) -> list[RuleScore]:
        """Return the rules of the index, each once, best first, equal scores in the manual's order.

        Only checkable passages count. All rules are returned, and a blank query gives every one a score
        of 0, as long as they have at most ``WHOLE`` vectors; of more, the ``RULES`` best that a search found.

        Raises:
            IndexMismatchError: the index was built with another encoder.
        """
        ruled = self.columns.ruled
        n_vectors = int(ruled[self.columns.owner].sum())
        if n_vectors > WHOLE:
            return self._best_rules(query, encoder, ruled)
        among, depth = (None, WHOLE) if len(self.dense) <= WHOLE else (ruled, n_vectors)
        dense = self._best(ruled, self._dense_ranking(query, encoder, depth, among))
        bm25 = self._best(ruled, self.bm25.rank(query, depth, among=among))
        found, scores = reciprocal_rank_fusion(dense.rows, bm25.rows)
        numbers = np.unique(self.columns.rule[ruled])
        fused = np.zeros(len(self.columns.rules))
        fused[found] = scores
        numbers = numbers[np.argsort(-fused[numbers], kind="stable")]
        cosines, bm25_scores = dict(dense.pairs()), dict(bm25.pairs())
        return [
            RuleScore(rule_id, score, cosines.get(number), bm25_scores.get(number, 0.0))
            for number, rule_id, score in zip(
                numbers.tolist(), self.columns.rules[numbers].tolist(), fused[numbers].tolist(), strict=True
            )
        ]

    def _best_rules(
        self, query: str, encoder: Encoder | None, ruled: npt.NDArray[np.bool_]
    ) -> list[RuleScore]:
        """Return the ``RULES`` best rules, each by its best passage of those that ``ruled`` admits."""
        dense = self._dense_ranking(query, encoder, NEIGHBOURS, ruled)
        fused = self._fuse(dense, self.bm25.rank(query, NEIGHBOURS, among=ruled), RULES)
        rule_ids = self.columns.rules[self.columns.rule[fused.rows]].tolist()
        return [
            RuleScore(
                rule_id,
                float(fused.scores[at]),
                _place(fused.dense_ranks[at], fused.cosines[at])[1],
                float(fused.bm25_scores[at]),
            )
            for at, rule_id in enumerate(rule_ids)
        ]

    def _fuse(self, dense: Ranking, bm25: Ranking, top_k: int) -> _Fused:
        """Return the ``top_k`` best passages of two rankings, each rule once, equal scores by passage."""
        contenders = [self._contenders(ranking.rows, top_k) for ranking in (dense, bm25)]
        rows = np.union1d(*contenders)
        (dense_ranks, cosines), (bm25_ranks, bm25_scores) = dense.places(rows), bm25.places(rows)
        scores = 1 / (RRF_K + dense_ranks) + 1 / (RRF_K + bm25_ranks)
        order = np.argsort(-scores, kind="stable")
        best = order[self._shown(rows[order])][:top_k]
        return _Fused(
            rows[best], scores[best], dense_ranks[best], cosines[best], bm25_ranks[best], bm25_scores[best]
        )

    def _contenders(self, rows: Items, top_k: int) -> Items:
        """Return the first of ``rows``, as many as can be among the ``top_k`` best of a fusion.

        If ``top_k`` different ones are among the first m of a ranking, each of them scores at least
        1 / (k + m), but 1 / (k + r) from either ranking is half of that at r = k + 2m.
        """
        m = 1 + int(np.searchsorted(np.cumsum(self._shown(rows)), top_k))
        return rows[: RRF_K + 2 * m]

    def _shown(self, rows: Items) -> npt.NDArray[np.bool_]:
        """Return which of ``rows`` state no rule, or theirs for the first time."""
        rules = self.columns.rule[rows]
        shown: npt.NDArray[np.bool_] = rules < 0
        shown[_firsts(rules)] = True
        return shown

    def _dense_ranking(
        self, query: str, encoder: Encoder | None, depth: int, among: npt.NDArray[np.bool_] | None = None
    ) -> Ranking:
        """Return the passages of the ``depth`` nearest vectors with the nearest's cosine, best first.

        Args:
            query: What to search for; a blank one gives an empty ranking.
            encoder: None gives an empty ranking.
            depth: How many vectors.
            among: Which passages may be found; None allows all.
        """
        if encoder is None or not query.strip():
            return Ranking.empty()
        if encoder.identity != self.encoder_identity:
            raise IndexMismatchError("索引是用另一个嵌入模型建立的，请运行 reviewer index build 重建。")
        owner = self.columns.owner
        found = self.dense.rank(
            encoder.encode_query([query])[0], depth, among=None if among is None else among[owner]
        )
        rows = owner[found.rows]
        first = _firsts(rows)

        def beyond(wanted: Items) -> tuple[Ranks, Scores]:
            """Place passages by the nearest of their vectors, of which none was found."""
            alike = wanted.astype(owner.dtype)  # of two types, numpy would convert all owners
            starts, ends = (np.searchsorted(owner, alike, side=side) for side in ("left", "right"))
            counts = ends - starts
            heads = np.cumsum(counts) - counts
            ranks, cosines = found.beyond(np.arange(counts.sum()) + np.repeat(starts - heads, counts))
            # Several of the nearer vectors may belong to one passage, as they do among those found.
            share = len(first) / max(1, len(rows))
            return share * np.minimum.reduceat(ranks, heads), np.maximum.reduceat(cosines, heads)

        return Ranking(rows[first], found.scores[first], beyond)

    def _best(self, ruled: npt.NDArray[np.bool_], ranking: Ranking) -> Ranking:
        """Return the rules, by number, with the best score of their passages; equal scores by number."""
        admitted = ruled[ranking.rows]
        rules, scores = self.columns.rule[ranking.rows[admitted]], ranking.scores[admitted]
        first = _firsts(rules)
        return Ranking.of(rules[first], scores[first])


def _firsts(values: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.intp]:
    """Return where each distinct value stands first, in rising order."""
    return np.sort(np.unique(values, return_index=True)[1])


def _place(rank: np.float64, score: np.float32) -> tuple[int, float] | tuple[None, None]:
    return (int(rank), float(score)) if np.isfinite(rank) else (None, None)
