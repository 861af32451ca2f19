"""Writes a reply out of the draft and the approved wordings, without a model.

What no finding cites stays as it is, in its order and its bubbles. Cited clauses are left out, changed
or kept as ``corpus/wordings.yaml`` says for their rule; a clause that carries facts is left out only
where the rule demands that they go. A greeting stands first, comfort next, a farewell last.

The result is a proposal: whether it may be sent is for ``reviewer.rewriting.verification`` to say.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from reviewer.rewriting.facts import compare_facts, extract_facts
from reviewer.rewriting.pieces import Joined, Piece, cut, join
from reviewer.rewriting.wordings import SLOT_ORDER, Mending, Slot, WordingBook
from reviewer.types import SEVERITY_ORDER, Conversation, Finding, Span

# What stands in quotation marks is somebody's words or a name: never exchanged.
_QUOTED = re.compile(r"(《[^》]*》|【[^】]*】|“[^”]*”|「[^」]*」|\[[^\]]*\])")
# A reply that grows by more is a lecture; the wordings of the gravest rules come first.
MAX_ADDED_CHARS = 220
_FIRST_TRY: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Mended:
    """A proposed reply.

    ``places`` say which part of ``text`` is which piece. ``dropped`` are the parts of the draft that
    were left out although they may carry facts, because a rule demands it. ``speechless`` are the ids of
    cited rules that have no approved wording.
    """

    text: str
    places: tuple[tuple[Span, Piece], ...]
    dropped: tuple[Span, ...] = ()
    speechless: tuple[str, ...] = ()

    def in_draft(self, span: Span) -> tuple[Span, ...]:
        """Return where the words of the draft stand that ``span`` of the reply touches."""
        return tuple(
            piece.span
            for place, piece in self.places
            if piece.span is not None and place.start < span.end and span.start < place.end
        )

    def is_new(self, span: Span) -> bool:
        """Whether ``span`` of the reply touches a wording that was put in."""
        return any(
            piece.span is None and place.start < span.end and span.start < place.end
            for place, piece in self.places
        )


@dataclass(frozen=True, slots=True)
class _Breach:
    """A finding, what mends it, and the pieces that it cites."""

    finding: Finding
    mending: Mending
    cited: tuple[int, ...]

    @property
    def rule(self) -> str:
        return self.finding.rule.id


@dataclass(frozen=True, slots=True)
class _Insertion:
    """A wording to put in before piece ``position``."""

    breach: _Breach
    slot: Slot
    position: int
    text: str


def mend(
    conversation: Conversation,
    findings: Sequence[Finding],
    book: WordingBook,
    *,
    attempts: Mapping[str, int] = _FIRST_TRY,
) -> Mended:
    """Return a reply that does what the violated rules ask for.

    Args:
        conversation: The draft and its situation.
        findings: What is wrong with the draft; without any, the draft itself is returned.
        book: The approved wordings.
        attempts: By rule id, how many of its wordings have been tried in vain.
    """
    pieces = cut(conversation.draft)
    speechless = tuple(finding.rule.id for finding in findings if book.get(finding.rule.id) is None)
    breaches = _breaches(pieces, findings, book)
    if not breaches:
        whole = Span(0, len(conversation.draft), conversation.draft)
        return Mended(whole.text, ((whole, Piece(whole.text, span=whole)),), speechless=speechless)
    work = _Work(conversation, list(pieces), attempts)
    for breach in breaches:
        work.mend(breach)
    joined = work.reply(breaches[0])
    return Mended(joined.text, joined.places, work.dropped(), speechless)


def _breaches(pieces: Sequence[Piece], findings: Sequence[Finding], book: WordingBook) -> list[_Breach]:
    """Return what can be mended, gravest first."""
    return [
        _Breach(finding, mending, _cited(pieces, finding.spans))
        for finding in sorted(findings, key=lambda finding: SEVERITY_ORDER[finding.rule.severity])
        if (mending := book.get(finding.rule.id)) is not None
    ]


def _cited(pieces: Sequence[Piece], spans: Sequence[Span]) -> tuple[int, ...]:
    return tuple(
        number
        for number, piece in enumerate(pieces)
        if piece.span is not None
        and any(span.start < piece.span.end and piece.span.start < span.end for span in spans)
    )


class _Work:
    """The draft while it is being mended."""

    def __init__(self, conversation: Conversation, pieces: list[Piece], attempts: Mapping[str, int]) -> None:
        self._conversation = conversation
        self._pieces = pieces
        self._attempts = attempts
        self._lost: set[int] = set()
        self._dropped: set[int] = set()
        self._insertions: list[_Insertion] = []

    def mend(self, breach: _Breach) -> None:
        """Change what ``breach`` cites, and note the wording that it needs."""
        settled = bool(breach.cited) and self._lost.issuperset(breach.cited)
        softened = self._soften(breach)
        action = breach.mending.action
        if action == "replace":
            if softened:
                return
            action = breach.mending.otherwise
        if action == "remove":
            # What was left out for another rule is mended, unless its wording is to stand aside for this one.
            if settled and not any(each.breach.rule in breach.mending.covers for each in self._insertions):
                return
            self._remove(breach)
        text = breach.mending.wording(self._conversation, self._attempts.get(breach.rule, 0))
        slot = breach.mending.slot
        self._insertions.append(_Insertion(breach, slot, self._position(breach, slot, action), text))

    def dropped(self) -> tuple[Span, ...]:
        """Return where the pieces stood in the draft that went, facts and all."""
        return tuple(span for number in sorted(self._dropped) if (span := self._pieces[number].span))

    def reply(self, gravest: _Breach) -> Joined:
        """Return what is left and put in; never without a word."""
        joined = join(tuple(self._sequence(self._needed())))
        if any(char.isalnum() for char in joined.text):
            return joined
        text = gravest.mending.wording(self._conversation, 0)
        return join((Piece(text, rule=gravest.rule),))

    def _soften(self, breach: _Breach) -> bool:
        """Exchange words of the clauses that are still there; return whether that mends the breach."""
        numbers = breach.cited if breach.mending.scope == "cited" else range(len(self._pieces))
        changed = {
            number for number in numbers if number not in self._lost and self._exchange(number, breach)
        }
        cited = changed.intersection(breach.cited)
        return bool(cited) if breach.cited and breach.mending.otherwise == "remove" else bool(changed)

    def _exchange(self, number: int, breach: _Breach) -> bool:
        """Exchange words of one piece unless a fact that may not go would; return whether it changed."""
        piece = self._pieces[number]
        text = _exchanged(piece.text, breach.mending)
        empty = not any(char.isalnum() for char in text)
        may_go = breach.mending.facts != "keep" and (empty or number in breach.cited)
        if text == piece.text or not (may_go or _keeps_facts(piece.text, text)):
            return False
        if may_go:
            self._dropped.add(number)
        self._pieces[number] = replace(piece, text=text, rule=breach.rule)
        if empty:
            self._lose(number)
        return True

    def _remove(self, breach: _Breach) -> None:
        for number in breach.cited:
            named = breach.finding.origin == "check" and self._names_the_facts(breach.finding.spans, number)
            self._leave_out(number, facts_too=named or breach.mending.facts != "keep")
        for number in self._beside(breach):
            piece = self._pieces[number]
            if not (piece.leads or piece.takes_leave or piece.has_feeling):
                self._leave_out(number, facts_too=breach.mending.facts == "extent")

    def _names_the_facts(self, spans: Sequence[Span], number: int) -> bool:
        """Whether all facts of a piece stand in the exact words that a check objects to."""
        own = self._pieces[number].span
        return own is not None and all(
            any(
                span.start <= own.start + fact.span.start and own.start + fact.span.end <= span.end
                for span in spans
            )
            for fact in extract_facts(own.text)
        )

    def _leave_out(self, number: int, *, facts_too: bool) -> None:
        if facts_too:
            self._dropped.add(number)
        if facts_too or not extract_facts(self._pieces[number].text):
            self._lose(number)

    def _beside(self, breach: _Breach) -> Iterator[int]:
        """Yield the pieces that the extent reaches beside the cited ones."""
        extent = breach.mending.extent
        if extent == "reply":
            yield from (number for number in range(len(self._pieces)) if number not in breach.cited)
            return
        for number in breach.cited if extent != "clause" else ():
            last = number
            while last + 1 < len(self._pieces) and not self._ends(last):
                last += 1
                yield last
            first = number
            while extent == "sentence" and first > 0 and not self._ends(first - 1):
                first -= 1
                yield first

    def _ends(self, number: int) -> bool:
        following = self._pieces[number + 1]
        return self._pieces[number].ends_sentence or "\n" in following.gap

    def _lose(self, number: int) -> None:
        self._lost.add(number)
        before = next((n for n in range(number - 1, -1, -1) if n not in self._lost), None)
        if before is not None:
            self._pieces[before] = replace(self._pieces[before], torn=True)

    def _position(self, breach: _Breach, slot: Slot, action: str) -> int:
        count = len(self._pieces)
        if slot == "place" and breach.cited:
            return breach.cited[-1] + 1 if action == "append" else breach.cited[0]
        if slot == "greeting":
            return _leading(self._pieces, lambda piece: piece.greets)
        if slot == "comfort":
            return _leading(self._pieces, lambda piece: piece.leads)
        if slot == "closing":
            return count
        return count - _leading(self._pieces[::-1], lambda piece: piece.takes_leave)

    def _needed(self) -> list[_Insertion]:
        """Return the wordings to put in: none that another covers or repeats, and not too much."""
        kept: list[_Insertion] = []
        added = 0
        for insertion in sorted(self._insertions, key=lambda each: each.breach.mending.alone):
            others = [other for other in self._insertions if other is not insertion]
            if insertion.text in [other.text for other in kept] or self._covered(insertion, others):
                continue
            if insertion.breach.mending.alone and self._says_something(kept):
                continue
            if kept and added + len(insertion.text) > MAX_ADDED_CHARS:
                continue
            kept.append(insertion)
            added += len(insertion.text)
        return sorted(kept, key=lambda each: (each.position, SLOT_ORDER[each.slot]))

    def _says_something(self, insertions: Sequence[_Insertion]) -> bool:
        """Whether there is more to the reply than greeting, comfort and farewell."""
        return any(insertion.slot in ("place", "body") for insertion in insertions) or any(
            not (piece.leads or piece.takes_leave or piece.has_feeling)
            for number, piece in enumerate(self._pieces)
            if number not in self._lost
        )

    def _covered(self, insertion: _Insertion, others: Sequence[_Insertion]) -> bool:
        """Whether another wording says enough; of two that cover each other the graver one stays."""
        rule = insertion.breach.rule
        order = [each.breach.rule for each in self._insertions]
        return any(
            rule in other.breach.mending.covers
            and not (
                other.breach.rule in insertion.breach.mending.covers
                and order.index(rule) < order.index(other.breach.rule)
            )
            for other in others
        )

    def _sequence(self, insertions: Sequence[_Insertion]) -> Iterator[Piece]:
        """Yield what remains of the draft and the wordings, with the line breaks between them."""
        bubbles = any("\n" in piece.gap for piece in self._pieces)
        waiting = list(insertions)
        gap = ""
        for number in range(len(self._pieces) + 1):
            piece = self._pieces[number] if number < len(self._pieces) else None
            own = piece.gap if piece is not None else "\n" if bubbles else ""
            gap = own if "\n" not in gap else gap
            while waiting and waiting[0].position == number:
                insertion = waiting.pop(0)
                yield Piece(insertion.text, gap if "\n" in gap else "", rule=insertion.breach.rule)
                gap = ""
            if piece is not None and number not in self._lost:
                yield replace(piece, gap=gap)
                gap = ""


def _leading(pieces: Sequence[Piece], holds: Callable[[Piece], bool]) -> int:
    """Return how many pieces from the start ``holds`` is true of."""
    return next((number for number, piece in enumerate(pieces) if not holds(piece)), len(pieces))


def _keeps_facts(before: str, after: str) -> bool:
    return not compare_facts(before, after).missing


def _exchanged(text: str, mending: Mending) -> str:
    for substitution in mending.substitutions:
        parts = _QUOTED.split(text)
        parts[::2] = [re.sub(substitution.find, substitution.put, part) for part in parts[::2]]
        text = "".join(parts)
    return text
