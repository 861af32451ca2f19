"""Writes a reply out of the draft and the approved wordings, without a model.

What no finding cites stays as it is, in its order and its bubbles, but for empty talk beside a breach, for
what a rule's own patterns name, and for what makes no sense without the words that went; where that may
have told the customer something, the reply says so (``Mended.lost``). Cited clauses are left out, changed
or kept as ``corpus/wordings.yaml`` says for their rule, some with their whole sentence or the sentences
around it; a clause that carries facts is left out only where the rule demands that they go.
``reviewer.rewriting.planning`` chooses what is said instead.

The result is a proposal: whether it may be sent is for ``reviewer.rewriting.verification`` to say.
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType

from reviewer.rewriting.facts import Fact, compare_facts, extract_facts
from reviewer.rewriting.mended import Mended
from reviewer.rewriting.pieces import QUOTED, Joined, Piece, cut, join
from reviewer.rewriting.planning import Insertion, plan, says_something, sequence
from reviewer.rewriting.wordings import Mending, Slot, WordingBook
from reviewer.types import SEVERITY_ORDER, Conversation, Finding, Span

# A step is kept like a fact: the others mean nothing without it.
_STEP = re.compile(r"第[一二三四五六七八九十\d]+步")
# A way to reach or find a person, which is what a leak gives away.
_CONTACTS = frozenset({"phone", "card", "masked", "email"})
_CONTACT = re.compile(
    r"微信|QQ|电话|手机|分机|内线|拨|住在?|地址|身份证|卡号|个人账[号户]|[加找][我他她]|[打转]给[我他她]",
    re.IGNORECASE,
)
# Facts that a threat or a jibe has as well: 明天, 七十岁, 小王. They alone make no answer.
_SOFT_FACTS = frozenset({"day", "quantity", "person"})
# Parts of a reply that tell or ask something; greeting, sympathy and farewell do not.
_MAIN_PARTS = frozenset({"answer", "add", "next"})
_FIRST_TRY: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Breach:
    """A finding, what mends it, and the pieces that it cites."""

    finding: Finding
    mending: Mending
    cited: tuple[int, ...]

    @property
    def rule(self) -> str:
        return self.finding.rule.id


def mend(
    conversation: Conversation,
    findings: Sequence[Finding],
    book: WordingBook,
    *,
    attempts: Mapping[str, int] = _FIRST_TRY,
    suspect: Sequence[Span] = (),
    bare: bool = False,
) -> Mended:
    """Return a reply that does what the violated rules ask for.

    Args:
        conversation: The draft and its situation.
        findings: What is wrong with the draft; without any, the draft itself is returned.
        book: The approved wordings.
        attempts: By rule id, how many of its wordings have been tried in vain.
        suspect: Parts of the draft whose sentences are to go as well, whatever they break.
        bare: Whether to keep only sentences with facts or business of what the findings do not cite.
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
    work.leave_out(_cited(pieces, suspect))
    if bare:
        work.strip()
    work.tidy()
    told = work.told()
    joined = work.reply(breaches, told)
    return Mended(
        joined.text,
        joined.places,
        dropped=work.dropped(),
        lost=work.lost(),
        forbidden=tuple(breach.mending.forbidden for breach in breaches if breach.mending.forbidden),
        speechless=speechless,
        empty=work.says_nothing(told),
        settled=_settled(joined, book),
    )


def _settled(reply: Joined, book: WordingBook) -> frozenset[str]:
    put_in = {piece.rule for _, piece in reply.places if piece.span is None}
    return frozenset(rule for rule in put_in if (entry := book.get(rule)) is not None and entry.settles)


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
        self._original = tuple(pieces)
        self._pieces = pieces
        self._sentences = _sentences(pieces)
        self._attempts = attempts
        self._known_facts: dict[str, tuple[Fact, ...]] = {}
        self._lost: set[int] = set()
        self._taken_along: set[int] = set()
        self._dropped: set[int] = set()
        self._insertions: list[Insertion] = []

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
            demanded = {number for number in breach.cited if self._demanded(breach, number)}
            self._dropped |= demanded & self._taken_along
            self._taken_along -= demanded
            # What was left out for another rule is mended, unless its wording is to stand aside for this one.
            if settled and not any(each.rule in breach.mending.covers for each in self._insertions):
                return
            self._remove(breach)
        attempt = self._attempts.get(breach.rule, 0)
        self._put(breach, "comfort", breach.mending.comfort(self._conversation, attempt))
        self._put(breach, breach.mending.slot, breach.mending.wording(self._conversation, attempt))

    def _put(self, breach: _Breach, slot: Slot, text: str) -> None:
        if text:
            again = self._attempts.get(breach.rule, 0) > 0
            self._insertions.append(Insertion(breach.rule, breach.mending, slot, text, breach.cited, again))

    def leave_out(self, numbers: Sequence[int]) -> None:
        """Leave out pieces with their sentences."""
        sentences = {self._sentences[number] for number in numbers}
        for number, sentence in enumerate(self._sentences):
            if sentence in sentences and not self._pieces[number].is_frame:
                self._take(number)

    def strip(self) -> None:
        """Leave out the sentences without facts and business, if there is something to say instead."""
        if not any(self._answers(each) for each in self._insertions):
            return
        telling = {self._sentences[number] for number in self._kept() if self._matters(number)}
        for number in self._kept():
            if self._sentences[number] not in telling and not self._pieces[number].is_frame:
                self._take(number)

    @staticmethod
    def _answers(insertion: Insertion) -> bool:
        return insertion.part in _MAIN_PARTS and not insertion.mending.alone

    def told(self) -> list[tuple[int, Insertion]]:
        """Return the wordings that the reply needs and the piece that each stands before."""
        return plan(self._insertions, self._pieces, self._lost)

    def says_nothing(self, told: Sequence[tuple[int, Insertion]]) -> bool:
        """Whether nothing of substance is left of a draft that had some, and nothing is ``told`` instead."""
        left = [self._pieces[number] for number in self._kept()]
        mains = any(each.part in _MAIN_PARTS for _, each in told)
        # Without a piece or a wording, the reply is the gravest rule's wording.
        alone = not told and not left
        return says_something(self._pieces) and not (mains or alone or says_something(left))

    def tidy(self) -> None:
        """Leave out what makes no sense without the words that went."""
        while dangling := [number for number in self._kept() if self._dangles(number)]:
            for number in dangling:
                self._take(number)

    def _dangles(self, number: int) -> bool:
        piece, sentence = self._pieces[number], self._sentences[number]
        before, after = number - 1, number + 1
        lost_before = before in self._lost and not self._pieces[before].is_frame
        lost_after = after in self._lost and self._sentences[after] == sentence
        if piece.assents:
            return lost_before or after in self._lost
        if piece.is_frame:
            return False
        return (lost_before and piece.continues) or (lost_after and piece.awaits)

    def _kept(self) -> list[int]:
        return [number for number in range(len(self._pieces)) if number not in self._lost]

    def dropped(self) -> tuple[Span, ...]:
        """Return where the pieces stood in the draft that went, facts and all."""
        return self._spans(self._dropped)

    def lost(self) -> tuple[Span, ...]:
        """Return where the pieces stood that went uncited and told the customer something."""
        spans = self._spans(self._taken_along - self._dropped)
        return tuple(span for span in spans if Piece(span.text).serves or self._facts(span.text))

    def _spans(self, numbers: Set[int]) -> tuple[Span, ...]:
        return tuple(span for number in sorted(numbers) if (span := self._pieces[number].span))

    def _facts(self, text: str) -> tuple[Fact, ...]:
        if text not in self._known_facts:
            self._known_facts[text] = extract_facts(text)
        return self._known_facts[text]

    def _matters(self, number: int, *, demanded: bool = False) -> bool:
        """Whether a piece has business or a fact in it; where facts are to go, more than a day or count."""
        ignored = _SOFT_FACTS if demanded else frozenset[str]()
        own = self._original[number]
        return own.serves or any(fact.kind not in ignored for fact in self._facts(own.text))

    def reply(self, breaches: Sequence[_Breach], told: Sequence[tuple[int, Insertion]]) -> Joined:
        """Return what is left and put in; never without a word."""
        joined = join(tuple(sequence(self._pieces, self._lost, told)))
        if any(char.isalnum() for char in joined.text):
            return joined
        entry = breaches[0].mending
        text = entry.wording(self._conversation, 0) or entry.comforts[-1].text
        return join((Piece(text, rule=breaches[0].rule),))

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
        own = {self._sentences[number] for number in breach.cited}
        run = self._run(breach, own)
        for number in self._kept():
            if number not in breach.cited and self._sentences[number] in run:
                self._mend_beside(number, breach, within=self._sentences[number] in own)

    def _run(self, breach: _Breach, own: Set[int]) -> Set[int]:
        """Return the sentences that are mended with the cited pieces: their own, and those around them."""
        if breach.mending.extent != "run" or not own:
            return own
        run = set(own)
        for start, step in ((min(own), -1), (max(own), 1)):
            sentence = start + step
            while self._belongs(sentence, breach.mending):
                run.add(sentence)
                sentence += step
        return run

    def _belongs(self, sentence: int, mending: Mending) -> bool:
        """Whether a sentence beside a breach is but its topic and empty talk."""
        own = [number for number, each in enumerate(self._sentences) if each == sentence]
        talk = [number for number in own if not self._pieces[number].is_frame]
        return bool(talk) and all(
            self._on_topic(number, mending, quietly=mending.facts == "extent") or self._is_empty_talk(number)
            for number in talk
        )

    def _is_empty_talk(self, number: int) -> bool:
        text = self._pieces[number].text
        return not (Piece(text).may_answer or self._facts(text))

    def _mend_beside(self, number: int, breach: _Breach, *, within: bool) -> None:
        """Leave out an uncited piece ``within`` the sentence of a breach or beside it, if it cannot stand."""
        mending, piece = breach.mending, self._pieces[number]
        # A rule on contacts that cites none was wrong, or points elsewhere.
        texts = [self._pieces[number].text for number in breach.cited]
        wrong = (
            mending.facts == "contact"
            and not any(map(_CONTACT.search, texts))
            and not any(map(self._gives_contact, breach.cited))
        )
        if piece.is_frame or (mending.spared and re.search(mending.spared, piece.text)):
            return
        if mending.extent == "clause" or wrong:
            goes = self._is_empty_talk(number)
        elif (within and mending.facts == "extent") or self._on_topic(
            number, mending, quietly=mending.facts == "extent" or (within and mending.facts != "keep")
        ):
            self._dropped.add(number)
            goes = True
        else:
            strict = within and mending.facts == "drop" and not piece.serves
            goes = strict or not self._matters(number, demanded=self._demands(mending))
        if number in self._dropped:
            self._lose(number)
        elif goes or (mending.forbidden and re.search(mending.forbidden, piece.text)):
            self._take(number, breach)

    def _on_topic(self, number: int, mending: Mending, *, quietly: bool) -> bool:
        """Whether a piece is of the breach; one with facts or business only where these go ``quietly``."""
        on_topic = bool(mending.topic) and re.search(mending.topic, self._pieces[number].text) is not None
        return on_topic and (quietly or not self._matters(number))

    @staticmethod
    def _demands(mending: Mending) -> bool:
        return mending.facts in ("drop", "extent")

    def _demanded(self, breach: _Breach, number: int) -> bool:
        """Whether the rule demands that the facts of a cited piece go."""
        by_contact = breach.mending.facts == "contact" and self._gives_contact(number)
        return by_contact or self._demands(breach.mending)

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

    def _take(self, number: int, breach: _Breach | None = None) -> None:
        """Leave out a piece that need not be cited: another finding on it may be on a word only."""
        if breach is None or number not in breach.cited:
            self._taken_along.add(number)
        if breach is not None and self._demands(breach.mending) and not self._matters(number, demanded=True):
            self._dropped.add(number)
        self._lose(number)

    def _lose(self, number: int) -> None:
        self._lost.add(number)
        before = next((n for n in range(number - 1, -1, -1) if n not in self._lost), None)
        if before is not None:
            self._pieces[before] = replace(self._pieces[before], torn=True)


def _keeps_facts(before: str, after: str) -> bool:
    return not compare_facts(before, after).missing


def _exchanged(text: str, mending: Mending) -> str:
    for substitution in mending.substitutions:
        parts = QUOTED.split(text)
        parts[::2] = [re.sub(substitution.find, substitution.put, part) for part in parts[::2]]
        text = "".join(parts)
    return text
