"""Writes a reply out of the draft and the approved wordings, without a model.

What no finding cites stays as it is, in its order and its bubbles, but for empty talk beside a breach and
for what a rule's own patterns name; where that may have told the customer something, the reply says so
(``Mended.lost``). Cited clauses are left out, changed or kept as ``corpus/wordings.yaml`` says for their
rule; a clause that carries facts is left out only where the rule demands that they go. A greeting stands
first, comfort next, a farewell last.

The result is a proposal: whether it may be sent is for ``reviewer.rewriting.verification`` to say.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType

from reviewer.rewriting.facts import Fact, compare_facts, extract_facts
from reviewer.rewriting.pieces import QUOTED, Joined, Piece, cut, join
from reviewer.rewriting.wordings import SLOT_ORDER, Mending, Slot, WordingBook
from reviewer.types import SEVERITY_ORDER, Conversation, Finding, Span

# A step is kept like a fact: the others mean nothing without it.
_STEP = re.compile(r"第[一二三四五六七八九十\d]+步")
# A way to reach or find a person, which is what a leak gives away.
_CONTACTS = frozenset({"phone", "card", "masked", "email"})
_CONTACT = re.compile(
    r"微信|QQ|电话|手机|分机|内线|拨|住在?|地址|身份证|卡号|个人账[号户]|[加找][我他她]|[打转]给[我他她]",
    re.IGNORECASE,
)
# A reply that grows by more is a lecture; the wordings of the gravest rules come first.
MAX_ADDED_CHARS = 220
_FIRST_TRY: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Mended:
    """A proposed reply.

    ``places`` say which part of ``text`` is which piece. ``dropped`` are the parts of the draft that
    were left out although they may carry facts, because a rule demands it. ``lost`` are those
    that went beside a breach and may have told the customer something: such a reply needs a look.
    ``forbidden`` are patterns that no verified reply to these breaches matches. ``speechless`` are the
    ids of cited rules that have no approved wording.
    """

    text: str
    places: tuple[tuple[Span, Piece], ...]
    dropped: tuple[Span, ...] = ()
    lost: tuple[Span, ...] = ()
    forbidden: tuple[str, ...] = ()
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
    return Mended(
        joined.text,
        joined.places,
        dropped=work.dropped(),
        lost=work.lost(),
        forbidden=tuple(breach.mending.forbidden for breach in breaches if breach.mending.forbidden),
        speechless=speechless,
    )


def _breaches(pieces: Sequence[Piece], findings: Sequence[Finding], book: WordingBook) -> list[_Breach]:
    """Return what can be mended, gravest first."""
    return [
        _Breach(finding, mending, _cited(pieces, finding.spans))
        for finding in sorted(findings, key=lambda finding: SEVERITY_ORDER[finding.rule.severity])
        if (mending := book.get(finding.rule.id)) is not None
    ]


def _cited(pieces: Sequence[Piece], spans: Sequence[Span]) -> tuple[int, ...]:
    at = {position for span in spans for position in range(span.start, span.end)}
    return tuple(
        number
        for number, piece in enumerate(pieces)
        if piece.span is not None and not at.isdisjoint(range(piece.span.start, piece.span.end))
    )


def _sentences(pieces: Sequence[Piece]) -> list[int]:
    """Return the number of the sentence that each piece belongs to; a line break ends one, too."""
    numbers: list[int] = []
    for number, piece in enumerate(pieces):
        starts = number > 0 and (pieces[number - 1].ends_sentence or "\n" in piece.gap)
        numbers.append((numbers[-1] if numbers else 0) + starts)
    return numbers


class _Work:
    """The draft while it is being mended."""

    def __init__(self, conversation: Conversation, pieces: list[Piece], attempts: Mapping[str, int]) -> None:
        self._conversation = conversation
        self._pieces = pieces
        self._sentences = _sentences(pieces)
        self._attempts = attempts
        self._known_facts: dict[str, tuple[Fact, ...]] = {}
        self._lost: set[int] = set()
        self._taken_along: set[int] = set()
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
            self._taken_along.difference_update(breach.cited)
            # What was left out for another rule is mended, unless its wording is to stand aside for this one.
            if settled and not any(each.breach.rule in breach.mending.covers for each in self._insertions):
                return
            self._remove(breach)
        text = breach.mending.wording(self._conversation, self._attempts.get(breach.rule, 0))
        slot = breach.mending.slot
        self._insertions.append(_Insertion(breach, slot, self._position(breach, slot, action), text))

    def dropped(self) -> tuple[Span, ...]:
        """Return where the pieces stood in the draft that went, facts and all."""
        return self._spans(self._dropped)

    def lost(self) -> tuple[Span, ...]:
        """Return where the pieces stood that went uncited and may have told the customer something."""
        spans = self._spans(self._taken_along)
        return tuple(span for span in spans if Piece(span.text).may_answer or self._facts(span.text))

    def _spans(self, numbers: Set[int]) -> tuple[Span, ...]:
        return tuple(span for number in sorted(numbers) if (span := self._pieces[number].span))

    def _facts(self, text: str) -> tuple[Fact, ...]:
        if text not in self._known_facts:
            self._known_facts[text] = extract_facts(text)
        return self._known_facts[text]

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
        may_go = number in breach.cited and self._demanded(breach, number)
        if text == piece.text or not (may_go or _keeps_facts(piece.text, text)):
            return False
        if may_go:
            self._dropped.add(number)
        self._pieces[number] = replace(piece, text=text, rule=breach.rule)
        if empty:
            self._take(number, breach)
        return True

    def _remove(self, breach: _Breach) -> None:
        for number in breach.cited:
            named = breach.finding.origin == "check" and self._names_the_facts(breach.finding.spans, number)
            self._leave_out(number, facts_too=named or self._demanded(breach, number))
        for number in self._beside(breach):
            if self._goes_along(breach, number):
                self._take(number, breach)

    def _demanded(self, breach: _Breach, number: int) -> bool:
        """Whether the rule demands that the facts of a cited piece go."""
        facts = breach.mending.facts
        return facts in ("drop", "extent") or (facts == "contact" and self._gives_contact(number))

    def _gives_contact(self, number: int) -> bool:
        text = self._pieces[number].text
        facts = self._facts(text)
        return any(fact.kind in _CONTACTS for fact in facts) or bool(facts and _CONTACT.search(text))

    def _names_the_facts(self, spans: Sequence[Span], number: int) -> bool:
        """Whether all facts of a piece stand in the exact words that a check objects to."""
        own = self._pieces[number].span
        return own is not None and all(
            any(
                span.start <= own.start + fact.span.start and own.start + fact.span.end <= span.end
                for span in spans
            )
            for fact in self._facts(own.text)
        )

    def _leave_out(self, number: int, *, facts_too: bool) -> None:
        if facts_too:
            self._dropped.add(number)
        text = self._pieces[number].text
        if facts_too or not (self._facts(text) or _STEP.search(text)):
            self._lose(number)

    def _beside(self, breach: _Breach) -> list[int]:
        """Return the pieces that stand in the sentences of the cited ones and are not cited themselves."""
        mended = {self._sentences[number] for number in breach.cited}
        return [
            number
            for number, sentence in enumerate(self._sentences)
            if sentence in mended and number not in breach.cited and number not in self._lost
        ]

    def _goes_along(self, breach: _Breach, number: int) -> bool:
        """Whether a piece in the sentence of a breach goes with it, although nobody cites it."""
        mending, piece = breach.mending, self._pieces[number]
        if mending.forbidden and re.search(mending.forbidden, piece.text):
            return True
        # A rule on contacts that cites none was wrong, or points elsewhere.
        wrong = mending.facts == "contact" and not any(map(self._gives_contact, breach.cited))
        if mending.extent == "clause" or wrong or piece.leads or piece.takes_leave or piece.has_feeling:
            return False
        if mending.facts in ("extent", "contact") and self._gives_contact(number):
            return True
        return not (piece.may_answer or self._facts(piece.text))

    def _take(self, number: int, breach: _Breach) -> None:
        """Leave out a piece that ``breach`` need not cite: another finding on it may be on a word only."""
        if number not in breach.cited:
            self._taken_along.add(number)
        self._lose(number)

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
        parts = QUOTED.split(text)
        parts[::2] = [re.sub(substitution.find, substitution.put, part) for part in parts[::2]]
        text = "".join(parts)
    return text
