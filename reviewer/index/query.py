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
from reviewer.index.fusion import Ranking, reciprocal_rank_fusion
from reviewer.index.passages import Columns

# Up to so many vectors an index is loaded into memory and ranked whole.
WHOLE = 4_000
# Of a larger index, so many of each ranking are fused. Of the eight best of two whole rankings of 100,000
# the fusion of the first 400 keeps 0.92, of 1,000 0.95, of 4,000 0.98 (decision 0009).
NEIGHBOURS = 4_000


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
        rows, scores = reciprocal_rank_fusion(dense.rows, bm25.rows)
        rules = self.columns.rule[rows]
        shown = rules < 0
        shown[_firsts(rules)] = True
        hits: list[SearchHit] = []
        for row, score in zip(rows[shown][: max(top_k, 0)].tolist(), scores[shown].tolist(), strict=False):
            dense_rank, dense_score = dense.place(row)
            bm25_rank, bm25_score = bm25.place(row)
            hit = SearchHit(self.passages[row], score, dense_score, bm25_score, dense_rank, bm25_rank)
            hits.append(hit)
        return hits

    def rank_rules(self, query: str, *, encoder: Encoder | None) -> list[RuleScore]:
        """Return the rules of the index, each once, best first, equal scores in the manual's order.

        Only checkable passages count. All rules are returned, and a blank query gives every one a score
        of 0, as long as they have at most ``WHOLE`` vectors; of more, those that a search found.

        Raises:
            IndexMismatchError: the index was built with another encoder.
        """
        ruled = self.columns.ruled
        n_vectors = int(ruled[self.columns.owner].sum())
        whole = n_vectors <= WHOLE
        among, depth = (
            (None, WHOLE) if len(self.dense) <= WHOLE else (ruled, n_vectors if whole else NEIGHBOURS)
        )
        dense = self._best(ruled, self._dense_ranking(query, encoder, depth, among))
        bm25 = self._best(ruled, self.bm25.rank(query, depth, among=among))
        found, scores = reciprocal_rank_fusion(dense.rows, bm25.rows)
        numbers = np.unique(self.columns.rule[ruled]) if whole else np.sort(found)
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
        return Ranking(rows[first], found.scores[first])

    def _best(self, ruled: npt.NDArray[np.bool_], ranking: Ranking) -> Ranking:
        """Return the rules, by number, with the best score of their passages; equal scores by number."""
        admitted = ruled[ranking.rows]
        rules, scores = self.columns.rule[ranking.rows[admitted]], ranking.scores[admitted]
        first = _firsts(rules)
        return Ranking.of(rules[first], scores[first])


def _firsts(values: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.intp]:
    """Return where each distinct value stands first, in rising order."""
    return np.sort(np.unique(values, return_index=True)[1])
