"""Facts of a reply that a rewrite must not lose, change or make up.

Amounts, dates, times, durations, quantities, numbers, names, links. Each is normalised, so that
３００元, 300元 and 三百块钱 are the same fact. Generic words (一下, 一点, 第一步, 一个问题, 24小时热线) are
none.

Recognition is by pattern: exact about digits and blind to meaning. A fact that moves to another
clause still counts as kept.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.folding import Folded, fold
from reviewer.rewriting.fact_kinds import KINDS, NO_FACT
from reviewer.types import Span

_PLACEHOLDER = re.compile(r"[\[［][^\[\]［］\n]{1,20}[\]］]")
# Their value stands in a text as it is, whatever surrounds it.
_VERBATIM = frozenset({"url", "email", "policy", "code", "person"})
# One number that can be written with or without its unit: 金额300, 300元; 1024号, 工号1024.
_NUMERIC = frozenset({"number", "money", "quantity", "work_number", "phone", "card"})
_ONE_NUMBER = re.compile(r"[^\d~]*(\d+(?:\.\d+)?)[^\d~]*")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its kind, its value in one notation, and where it stands."""

    kind: str
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class FactChanges:
    """What a rewrite did to the facts of a draft.

    ``missing`` stand in the draft and not in the rewrite, ``invented`` the other way round; the
    spans of ``missing`` refer to the draft, those of ``invented`` to the rewrite.
    """

    missing: tuple[Fact, ...] = ()
    invented: tuple[Fact, ...] = ()


def extract_facts(text: str) -> tuple[Fact, ...]:
    """Return the facts of ``text`` in order; they do not overlap; empty for a text without any."""
    return tuple(fact for fact, common in _scan(fold(text)) if not common)


def compare_facts(
    draft: str, rewrite: str, *, removable: Sequence[Span] = (), known: str = ""
) -> FactChanges:
    """Compare the facts of ``rewrite`` with those of ``draft``.

    Args:
        draft: What the agent wrote.
        rewrite: What is proposed instead.
        removable: Spans of the draft whose facts may go, because a rule demands it.
        known: Text that the rewrite may take facts from: conversation, team facts, approved wordings.

    Returns:
        Facts missing from the rewrite, and facts that neither draft nor ``known`` support, each value
        once. Placeholders such as [具体时间] are not facts.
    """
    in_draft, in_rewrite, in_known = _FactSet(draft), _FactSet(rewrite), _FactSet(known)
    missing = [
        fact
        for fact in in_draft.certain
        if not in_rewrite.supports(fact)
        and not any(span.start < fact.span.end and fact.span.start < span.end for span in removable)
    ]
    invented = [
        fact for fact in in_rewrite.certain if not (in_draft.supports(fact) or in_known.supports(fact))
    ]
    return FactChanges(_once(missing), _once(invented))


def placeholders(text: str) -> tuple[str, ...]:
    """Return the placeholders of ``text`` with their brackets, in order: ``[具体时间]``, ``［工号］``."""
    return tuple(_PLACEHOLDER.findall(text))


class _FactSet:
    """The facts of one text, ready to be looked up."""

    def __init__(self, text: str) -> None:
        folded = fold(text)
        found = list(_scan(folded))
        self.certain = tuple(fact for fact, common in found if not common)
        self._values = {(fact.kind, fact.value) for fact, _ in found}
        self._numbers = {number for fact, _ in found if (number := _bare_number(fact))}
        self._bare = {fact.value for fact, _ in found if fact.kind == "number"}
        self._text = folded.text.replace(" ", "")

    def supports(self, fact: Fact) -> bool:
        """Whether this text holds ``fact``, be it with another unit word where one has none."""
        if (fact.kind, fact.value) in self._values:
            return True
        if fact.kind in _VERBATIM:
            return fact.value in self._text
        number = _bare_number(fact)
        if number is None:
            return False
        return number in (self._numbers if fact.kind == "number" else self._bare)


def _bare_number(fact: Fact) -> str | None:
    """Return the only number of a fact whose unit may be left out, else None."""
    match = _ONE_NUMBER.fullmatch(fact.value) if fact.kind in _NUMERIC else None
    return match[1] if match else None


def _once(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    first: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        first.setdefault((fact.kind, fact.value), fact)
    return tuple(first.values())


def _scan(folded: Folded) -> Iterator[tuple[Fact, bool]]:
    """Yield every fact in order, with whether it is common; an earlier kind claims its characters."""
    # Claimed in the original text: one of its characters may fold to several (¼ is 1⁄4).
    taken = bytearray(len(folded.original))
    found: list[tuple[int, Fact, bool]] = []
    for kind in KINDS:
        for match in kind.pattern.finditer(folded.text):
            group = "fact" if match["fact"] is not None else "fact_2"
            span = folded.span(*match.span(group))
            value = None if any(taken[span.start : span.end]) else kind.value(match)
            if value is None:
                continue
            taken[span.start : span.end] = b"\x01" * (span.end - span.start)
            if value != NO_FACT:
                found.append((span.start, Fact(kind.name, value, span), kind.common(match)))
    for _, fact, common in sorted(found, key=lambda item: item[0]):
        yield fact, common
