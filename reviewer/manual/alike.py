"""Which texts are the same in other words."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reviewer.folding import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 256


def likenesses(
    texts: Sequence[str], others: Sequence[str], *, at_least: float
) -> "Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]]":
    """Yield indices in ``texts``, indices in ``others`` and likenesses of the pairs, in blocks.

    Time grows with the product of their characters.

    Args:
        texts: Folded texts.
        others: Folded texts to compare each of them with.
        at_least: Normalised Indel similarity, 0-100.
    """
    import numpy as np
    from rapidfuzz import fuzz, process

    for start in range(0, len(texts) if others else 0, _ROWS):
        scores = process.cdist(
            texts[start : start + _ROWS], others, scorer=fuzz.ratio, score_cutoff=at_least, dtype=np.float32
        )
        rows, columns = np.nonzero(scores)
        yield rows + start, columns, scores[rows, columns]


def most_alike(texts: Sequence[str], others: Sequence[str], *, at_least: float) -> dict[int, int]:
    """Return index in ``texts`` to index in ``others`` of pairs, the most alike first, each used once.

    Args:
        texts: Texts that want a partner.
        others: Where it may be found.
        at_least: Normalised Indel similarity of the folded texts, 0-100.
    """
    import numpy as np

    queries, folded = [fold(text).text for text in texts], [fold(text).text for text in others]
    blocks = list(likenesses(queries, folded, at_least=at_least))
    if not blocks:
        return {}
    rows, columns, scores = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    matched: dict[int, int] = {}
    used: set[int] = set()
    for at in np.lexsort((columns, rows, -scores)):
        text, other = int(rows[at]), int(columns[at])
        if text not in matched and other not in used:
            matched[text] = other
            used.add(other)
    return matched
