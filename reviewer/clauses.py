"""Cuts a draft into numbered clauses with exact code-point offsets."""

import heapq
import re
import unicodedata
from collections.abc import Iterator

from reviewer.types import Clause, Span

_TERMINATORS = frozenset("，。！？；…～~!?;,")
_LINE_BREAKS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
_CLOSING = frozenset("”’」』）)】》〉]｝}")
_URL = re.compile(r"(?:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
# Punctuation that ends the sentence around a link rather than being part of it.
_AFTER_URL = ",.;!?~"


def split_clauses(draft: str, *, limit: int = 20) -> tuple[Clause, ...]:
    """Cut ``draft`` at sentence and clause punctuation and at line breaks.

    Closing punctuation, quotes and what carries no word (a lone emoji) stay with the clause they
    follow; decimals, times, thousands, ranges and links are not cut. Every character that is not a
    blank lies in exactly one clause.

    Args:
        draft: any text.
        limit: at least 1; when there are more clauses, the shortest neighbours are merged first.

    Returns:
        Clauses in the order of the draft, numbered from 1; empty when the draft is blank.

    Raises:
        ValueError: ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    bounds = _attach_wordless(draft, [_trim(draft, *piece) for piece in _pieces(draft)])
    bounds = _merge_shortest(bounds, limit)
    return tuple(
        Clause(number, Span(start, end, draft[start:end]))
        for number, (start, end) in enumerate(bounds, start=1)
    )


def clauses_of(clauses: tuple[Clause, ...], start: int, end: int) -> tuple[int, ...]:
    """Return the numbers of the clauses that share a character with ``[start, end)``, in order."""
    return tuple(
        clause.number for clause in clauses if max(clause.span.start, start) < min(clause.span.end, end)
    )


def _pieces(draft: str) -> Iterator[tuple[int, int]]:
    """Yield the uncut bounds, which together are the whole draft."""
    links = _links(draft)
    start = at = 0
    open_quote = False
    while at < len(draft):
        char = draft[at]
        if char == '"':
            open_quote = not open_quote
        if at in links:
            at = links[at]
        elif char in _LINE_BREAKS:
            yield start, at
            start = at = at + 1
        elif char in _TERMINATORS and not _inside_number(draft, at):
            end = _end_of_clause(draft, at + 1, open_quote=open_quote)
            if open_quote and '"' in draft[at:end]:
                open_quote = False
            yield start, end
            start = at = end
        else:
            at += 1
    yield start, len(draft)


def _links(draft: str) -> dict[int, int]:
    """Return start and end of every link, less the punctuation that follows it."""
    found = {}
    for match in _URL.finditer(draft):
        found[match.start()] = match.start() + len(match.group().rstrip(_AFTER_URL))
    return found


def _inside_number(draft: str, at: int) -> bool:
    """Whether the mark at ``at`` stands inside 1,000 or in a range such as 3~5天 or 9点～11点."""
    before = draft[at - 1] if at else ""
    after = draft[at + 1] if at + 1 < len(draft) else ""
    if draft[at] == ",":
        return before.isdigit() and after.isdigit()
    return draft[at] in "~～" and before.isalnum() and after.isdigit()


def _end_of_clause(draft: str, at: int, *, open_quote: bool) -> int:
    """Return where the clause ends, past the terminators, closers and marks that start at ``at``."""
    while at < len(draft):
        char = draft[at]
        closes = char in _CLOSING or (char == '"' and open_quote)
        mark = unicodedata.category(char) in ("Mn", "Me", "Cf")
        if char == '"' and closes:
            open_quote = False
        if not (closes or mark or (char in _TERMINATORS and not _inside_number(draft, at))):
            break
        at += 1
    return at


def _trim(draft: str, start: int, end: int) -> tuple[int, int]:
    while start < end and draft[start].isspace():
        start += 1
    while end > start and draft[end - 1].isspace():
        end -= 1
    return start, end


def _attach_wordless(draft: str, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join a piece without a letter or digit to the one before it, or to the next at the start."""
    joined: list[tuple[int, int]] = []
    lead: int | None = None
    for start, end in pieces:
        if start == end:
            continue
        has_word = any(char.isalnum() for char in draft[start:end])
        if has_word:
            joined.append((start if lead is None else lead, end))
            lead = None
        elif joined:
            joined[-1] = (joined[-1][0], end)
        elif lead is None:
            lead = start
    if lead is not None:
        joined.append((lead, max(end for start, end in pieces if start < end)))
    return joined


def _merge_shortest(bounds: list[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """Merge the two neighbours that are shortest together until ``limit`` remain; O(n log n)."""
    if len(bounds) <= limit:
        return bounds
    alive: dict[int, tuple[int, int]] = dict(enumerate(bounds))
    following = {index: index + 1 for index in range(len(bounds) - 1)}
    previous = {after: before for before, after in following.items()}
    heap = [(bounds[after][1] - bounds[before][0], before, after) for before, after in following.items()]
    heapq.heapify(heap)
    while len(alive) > limit:
        length, left, right = heapq.heappop(heap)
        stale = left not in alive or following.get(left) != right
        if stale or alive[right][1] - alive[left][0] != length:
            continue
        alive[left] = (alive[left][0], alive.pop(right)[1])
        beyond = following.pop(right, None)
        following.pop(left)
        if beyond is not None:
            following[left], previous[beyond] = beyond, left
            heapq.heappush(heap, (alive[beyond][1] - alive[left][0], left, beyond))
        before = previous.get(left)
        if before is not None:
            heapq.heappush(heap, (alive[left][1] - alive[before][0], before, left))
    return [alive[index] for index in sorted(alive)]
