"""Chooses which approved wordings a reply needs, and where they stand.

A reply has at most one of each: greeting, sympathy, what holds, what is asked or added, what we do next,
farewell. What the draft itself already says well is not said again.
"""

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from reviewer.rewriting.pieces import Piece
from reviewer.rewriting.wordings import SLOT_ORDER, Mending, Slot

# A reply that grows by more is a lecture; the wordings of the gravest rules come first.
MAX_ADDED_CHARS = 180
_KIND_ORDER = {"answer": 0, "ask": 1, "add": 1, "next": 2}
_CONSENT_ASKED = re.compile(r"，(?:您看)?(?:可以|好)吗？$")


@dataclass(frozen=True, slots=True)
class Insertion:
    """A wording for ``rule``, which cites the pieces ``cited``; ``again`` when a reply failed before."""

    rule: str
    mending: Mending
    slot: Slot
    text: str
    cited: tuple[int, ...] = ()
    again: bool = False

    @property
    def part(self) -> str:
        """Which part of a reply it is; there is at most one of each."""
        if self.slot in ("greeting", "comfort", "closing"):
            return self.slot
        return "add" if self.mending.kind == "ask" else self.mending.kind


def _place(insertion: Insertion, pieces: Sequence[Piece], kept: Sequence[int]) -> int:
    """Return the piece before which a wording stands, the number of pieces for the end."""
    slot, cited = insertion.slot, insertion.cited
    if slot == "place" and cited:
        return cited[-1] + 1 if insertion.mending.action == "append" else cited[0]
    if slot == "closing":
        return len(pieces)
    leads = _leading(kept, lambda number: pieces[number].leads)
    if slot == "greeting":
        leads = _leading(kept, lambda number: pieces[number].greets)
    if slot in ("greeting", "comfort", "front"):
        return kept[leads - 1] + 1 if leads else 0
    leaves = _leading(kept[::-1], lambda number: pieces[number].takes_leave)
    return kept[-leaves] if leaves else len(pieces)


def plan(
    insertions: Sequence[Insertion], pieces: Sequence[Piece], gone: Set[int]
) -> list[tuple[int, Insertion]]:
    """Return the wordings to put in and the piece that each stands before, in the order of the reply.

    Args:
        insertions: What the violated rules would say, of the gravest rule first.
        pieces: The draft.
        gone: The numbers of the pieces that have been left out.
    """
    numbers = [number for number in range(len(pieces)) if number not in gone]
    kept = [pieces[number] for number in numbers]
    chosen: list[Insertion] = []
    by_kind = sorted(insertions, key=lambda each: (each.mending.alone, _KIND_ORDER[each.mending.kind]))
    for insertion in by_kind:
        needless = insertion.text in [other.text for other in chosen] or _covered(insertion, insertions)
        if needless or _is_told(insertion, chosen, kept):
            continue
        if chosen and sum(len(other.text) for other in chosen) + len(insertion.text) > MAX_ADDED_CHARS:
            continue
        chosen.append(insertion)
    if any(each.slot == "closing" for each in chosen):
        # The farewell asks a question of its own.
        chosen = [
            replace(each, text=_CONSENT_ASKED.sub("。", each.text)) if each.part == "next" else each
            for each in chosen
        ]
    placed = [(_place(each, pieces, numbers), each) for each in chosen]
    return sorted(placed, key=lambda each: (each[0], SLOT_ORDER[each[1].slot]))


def _is_told(insertion: Insertion, chosen: Sequence[Insertion], kept: Sequence[Piece]) -> bool:
    """Whether the reply already has what ``insertion`` would say."""
    parts = {other.part for other in chosen}
    if insertion.part in parts:
        return True
    if insertion.part == "comfort":
        return any(piece.has_feeling for piece in kept)
    if insertion.mending.alone and (parts & _KIND_ORDER.keys() or says_something(kept)):
        return True
    if insertion.part == "add" and insertion.mending.action == "append":
        # An addition to nothing.
        return not says_something(kept)
    if insertion.part == "next":
        return bool(parts & _KIND_ORDER.keys()) or _is_promised(insertion, kept)
    return False


def _is_promised(insertion: Insertion, kept: Sequence[Piece]) -> bool:
    """Whether the draft says itself what we do next; with a time, no more is needed."""
    return any("[具体时间]" in piece.text or (piece.promises and not insertion.again) for piece in kept)


def says_something(pieces: Sequence[Piece]) -> bool:
    """Whether there is more than greeting, comfort and farewell."""
    return any(not piece.is_frame for piece in pieces)


def _covered(insertion: Insertion, insertions: Sequence[Insertion]) -> bool:
    """Whether another wording says enough; of two that cover each other the graver one stays."""
    order = [each.rule for each in insertions]
    return any(
        insertion.rule in other.mending.covers
        and other.rule != insertion.rule
        and not (
            other.rule in insertion.mending.covers and order.index(insertion.rule) < order.index(other.rule)
        )
        for other in insertions
    )


def sequence(
    pieces: Sequence[Piece], gone: Set[int], insertions: Sequence[tuple[int, Insertion]]
) -> Iterator[Piece]:
    """Yield what remains of the draft and the wordings, with the line breaks between them."""
    bubbles = any("\n" in piece.gap for piece in pieces)
    waiting = list(insertions)
    carried = ""
    for number in range(len(pieces) + 1):
        piece = pieces[number] if number < len(pieces) else None
        own = piece.gap if piece is not None else "\n" if bubbles else ""
        gap = carried if "\n" in carried else own
        while waiting and waiting[0][0] == number:
            _, insertion = waiting.pop(0)
            yield Piece(insertion.text, gap if "\n" in gap else "", rule=insertion.rule)
            # A line break of what went before is not that of what comes.
            gap = own if carried and "\n" in own else ""
            carried = ""
        carried = gap
        if piece is not None and number not in gone:
            yield replace(piece, gap=gap)
            carried = ""


def _leading(numbers: Sequence[int], holds: Callable[[int], bool]) -> int:
    """Return how many numbers from the start ``holds`` is true of."""
    return next((done for done, number in enumerate(numbers) if not holds(number)), len(numbers))
