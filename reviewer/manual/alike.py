"""Which texts are the same in other words."""

from collections.abc import Sequence

from reviewer.folding import fold

_ROWS = 256


def most_alike(texts: Sequence[str], others: Sequence[str], *, at_least: float) -> dict[int, int]:
    """Return index in ``texts`` to index in ``others`` of pairs, the most alike first, each used once.

    Args:
        texts: Texts that want a partner.
        others: Where it may be found.
        at_least: Normalised Indel similarity of the folded texts, 0-100.
    """
    import numpy as np
    from rapidfuzz import fuzz, process

    if not texts or not others:
        return {}
    folded, queries = [fold(text).text for text in others], [fold(text).text for text in texts]
    pairs: list[tuple[float, int, int]] = []
    for start in range(0, len(queries), _ROWS):
        scores = process.cdist(
            queries[start : start + _ROWS], folded, scorer=fuzz.ratio, score_cutoff=at_least, dtype=np.float32
        )
        found = np.argwhere(scores > 0)
        pairs += [(-float(scores[row, other]), start + int(row), int(other)) for row, other in found]
    matched: dict[int, int] = {}
    used: set[int] = set()
    for _, text, other in sorted(pairs):
        if text not in matched and other not in used:
            matched[text] = other
            used.add(other)
    return matched
