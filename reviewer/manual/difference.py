"""What is different between two versions of a manual: rules added, removed, reworded, moved, changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reviewer.folding import fold
from reviewer.manual.alike import most_alike
from reviewer.manual.catalogue import load_catalogue
from reviewer.manual.imported import RuleEntry, is_imported, load_imported
from reviewer.types import Rule

Change = Literal["added", "removed", "reworded", "moved", "changed"]
# Normalised Indel similarity, 0-100, from which a vanished rule is found again in a new one.
_REWORDED = 60.0
#: What a review goes by, beside a rule's text and place.
JUDGED = (
    "kind", "title", "severity", "points", "deduction", "when", "stages", "channels", "require", "avoid",
    "approved", "forbidden", "yields_to", "same_as",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule as far as two versions are compared; imported rules of every class are listed."""

    id: str
    title: str
    text: str
    document: str
    section: str
    kind: str
    severity: str
    when: str
    points: int | None
    deduction: str | None = None
    stages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    require: str = ""
    avoid: str = ""
    approved: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that is not the same: what it was and what it is, None where it is not."""

    change: Change
    old: Listed | None
    new: Listed | None


def list_rules(folder: Path) -> tuple[Listed, ...]:
    """Return the rules of a manual in its order.

    Raises:
        CorpusError: it cannot be loaded.
    """
    if not is_imported(folder):
        return tuple(_of_catalogue(rule) for rule in load_catalogue(folder).rules)
    manual = load_imported(folder)
    titles = {document.stem: f"《{document.title}》" for document in manual.documents}
    return tuple(_of_import(rule, titles[rule.document]) for rule in manual.entries)


def _of_catalogue(rule: Rule) -> Listed:
    return Listed(
        id=rule.id,
        title=rule.title,
        text=rule.text,
        document=rule.source.document,
        section=rule.source.section,
        kind="checkable",
        severity=rule.severity,
        when=rule.when,
        points=rule.points,
        deduction=rule.deduction,
        stages=rule.stages,
        channels=rule.channels,
        require=rule.require,
        avoid=rule.avoid,
        approved=(rule.good,),
        forbidden=(rule.bad,),
        yields_to=rule.yields_to,
        same_as=rule.known_as if rule.vouched else "",
    )


def _of_import(rule: RuleEntry, document: str) -> Listed:
    return Listed(
        id=rule.id,
        title=rule.title,
        text=rule.text,
        document=document,
        section=rule.section,
        kind=rule.kind,
        severity=rule.severity,
        when=rule.when,
        points=rule.points,
        deduction=rule.deduction,
        stages=tuple(rule.stages),
        channels=tuple(rule.channels),
        require=rule.require,
        avoid=rule.avoid,
        approved=tuple(rule.approved),
        forbidden=tuple(rule.forbidden),
        yields_to=tuple(rule.yields_to),
        same_as=rule.same_as,
    )


def compare_rules(old: Sequence[Listed], new: Sequence[Listed]) -> list[Difference]:
    """Return the differences, in the order of ``new``, then what was removed in the order of ``old``.

    A rule is the same when its id is; one whose id went is found again by its words.
    """
    before = {rule.id: rule for rule in old}
    after = {rule.id for rule in new}
    gone = [rule for rule in old if rule.id not in after]
    come = [rule for rule in new if rule.id not in before]
    alike = most_alike([rule.text for rule in come], [rule.text for rule in gone], at_least=_REWORDED)
    matches = {come[at].id: gone[earlier] for at, earlier in alike.items()}
    found: list[Difference] = []
    for rule in new:
        earlier = before.get(rule.id) or matches.get(rule.id)
        if earlier is None:
            found.append(Difference("added", None, rule))
        else:
            found.extend(Difference(change, earlier, rule) for change in _changes(earlier, rule))
    matched = {rule.id for rule in matches.values()}
    found += [Difference("removed", r, None) for r in old if r.id not in after and r.id not in matched]
    return found


def changed_fields(old: Listed, new: Listed) -> list[tuple[str, str, str]]:
    """Return name, old and new value of every judged field that is not the same, in their order."""
    return [
        (name, _said(getattr(old, name)), _said(getattr(new, name)))
        for name in JUDGED
        if getattr(old, name) != getattr(new, name)
    ]


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return "；".join(map(str, value))
    return "" if value is None else str(value)


def _changes(old: Listed, new: Listed) -> Iterator[Change]:
    if fold(old.text).text != fold(new.text).text:
        yield "reworded"
    if (old.document, old.section) != (new.document, new.section):
        yield "moved"
    if changed_fields(old, new):
        yield "changed"
