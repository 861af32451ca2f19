"""A new import beside what a person made of an earlier one: ids stay, edits stay, the rest follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from reviewer.manual.alike import most_alike
from reviewer.manual.imported import ImportedEntry, RuleEntry, one_line
from reviewer.resources import content_hash

# Normalised Indel similarity, 0-100: a reworded rule keeps more than half of its characters.
_REWORDED = 60.0
_REWORDED_NOTE = "原文已改，人工修改过的各项保留未动，请核对"


class Proposed(BaseModel):
    """A rule as the importer proposed it: digest of all its fields, its section, the text that it quotes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    digest: str
    section: str
    text: str


class Record(BaseModel):
    """What an import knows of itself: enough to tell a person's edits from its own words.

    ``rules`` holds every rule as the importer proposed it, also those that a person deleted, whatever
    became of their source. ``kept_ids`` maps the id that a rule would get today to the one that it
    keeps. ``titles`` are those that the importer proposed, by document.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    importer: str
    files: dict[str, str] = Field(description="SHA-256 by document.")
    titles: dict[str, str]
    rules: dict[str, Proposed]
    kept_ids: dict[str, str] = Field(default_factory=dict)
    catalogue: str = Field("", description="Content hash of the catalogue as it was written.")


@dataclass(frozen=True, slots=True)
class Revision:
    """The rules after a new import, and the record that goes with them.

    ``titles`` are those of the documents, a person's where he changed one. ``lost`` were added or
    edited by hand and quote nothing that is still there.
    """

    rules: tuple[RuleEntry, ...]
    record: Record
    titles: Mapping[str, str]
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """What an import found: rules, and by stem the documents' titles, texts, and SHA-256 of their files."""

    importer: str
    rules: tuple[RuleEntry, ...]
    titles: Mapping[str, str]
    texts: Mapping[str, str]
    files: Mapping[str, str]

    def record(self, rules: dict[str, Proposed], kept_ids: dict[str, str]) -> Record:
        """Return what is to be known of this import."""
        return Record(
            importer=self.importer, files=dict(self.files), titles=dict(self.titles), rules=rules,
            kept_ids=kept_ids,
        )  # fmt: skip


def first_revision(edition: Edition) -> Revision:
    """Return the rules of a first import as they are."""
    record = edition.record({rule.id: _proposed(rule) for rule in edition.rules}, {})
    return Revision(edition.rules, record, edition.titles)


def revise(edition: Edition, *, mine: ImportedEntry, record: Record) -> Revision:
    """Bring what was imported anew together with what a person edited.

    Args:
        edition: The new import.
        mine: The catalogue as it stands in the person's folder.
        record: What the import that made that catalogue knew.
    """
    fresh = edition.rules
    kept_ids = dict(record.kept_ids)
    present = {kept_ids.get(rule.id, rule.id) for rule in fresh}
    gone = {name: known.text for name, known in record.rules.items() if name not in present}
    strange = [rule for rule in fresh if kept_ids.get(rule.id, rule.id) not in record.rules]
    kept_ids |= _reworded(gone, strange)
    found = {rule.id for rule in fresh}
    kept_ids = {new: old for new, old in kept_ids.items() if new in found}
    edited = {rule.id: rule for rule in mine.rules}
    proposed: dict[str, Proposed] = {}
    rules: list[RuleEntry] = []
    for rule in _renamed(fresh, kept_ids):
        proposed[rule.id] = _proposed(rule)
        known = record.rules.get(rule.id)
        if known is None:
            rules.append(rule)
        elif rule.id in edited:
            own = edited[rule.id]
            rules.append(rule if digest(own) == known.digest else _with_source_of(own, rule, known))
    lost: list[str] = []
    for rule in mine.rules:
        if rule.id in record.rules:
            if rule.id not in proposed and digest(rule) != record.rules[rule.id].digest:
                lost.append(rule.id)
        elif (again := _found_again(rule, edition.texts)) is not None:
            rules.append(again)
        else:
            lost.append(rule.id)
    deleted = {name: known for name, known in record.rules.items() if name not in edited}
    titles = _titles(edition.titles, mine, record)
    return Revision(tuple(rules), edition.record({**deleted, **proposed}, kept_ids), titles, tuple(lost))


def digest(rule: RuleEntry) -> str:
    """Return what identifies a rule's fields; where it stands and what resembles it do not count.

    What earlier versions did not have is left out where it is empty: their rules are not taken for edited.
    """
    left_out = {"start", "end", "similar"} | (set() if rule.same_as else {"same_as"})
    words = rule.model_dump_json(by_alias=True, exclude=left_out)
    return content_hash(words.encode())


def _proposed(rule: RuleEntry) -> Proposed:
    return Proposed(digest=digest(rule), section=rule.section, text=rule.text)


def _titles(fresh: Mapping[str, str], mine: ImportedEntry, record: Record) -> dict[str, str]:
    """Return the documents' titles: a person's where they are not what the importer had proposed."""
    own = {each.stem: each.title for each in mine.documents if each.title != record.titles.get(each.stem)}
    return {stem: own.get(stem, title) for stem, title in fresh.items()}


def _reworded(gone: Mapping[str, str], strange: Sequence[RuleEntry]) -> dict[str, str]:
    """Return new id to old id of rules that are the same in other words or in another place.

    ``gone`` are texts by id.
    """
    names = list(gone)
    found = most_alike([rule.text for rule in strange], list(gone.values()), at_least=_REWORDED)
    return {strange[new].id: names[old] for new, old in found.items()}


def _renamed(rules: Sequence[RuleEntry], kept_ids: Mapping[str, str]) -> list[RuleEntry]:
    return [
        rule.model_copy(
            update={
                "id": kept_ids.get(rule.id, rule.id),
                "similar": [kept_ids.get(other, other) for other in rule.similar],
            }
        )
        for rule in rules
    ]


def _with_source_of(own: RuleEntry, rule: RuleEntry, known: Proposed) -> RuleEntry:
    """Return a person's rule with the place and words of the new document, in the section that he named."""
    place = {name: getattr(rule, name) for name in ("document", "start", "end", "similar", "text")}
    section = rule.section if own.section == known.section else own.section
    note = own.note
    if own.text != rule.text and _REWORDED_NOTE not in note:
        note = f"{note}；{_REWORDED_NOTE}" if note else _REWORDED_NOTE
    return own.model_copy(update={**place, "section": section, "note": note})


def _found_again(rule: RuleEntry, texts: Mapping[str, str]) -> RuleEntry | None:
    """Return a rule that a person added, where its words stand now; None when they do not."""
    text = texts.get(rule.document, "")
    if one_line(text[rule.start : rule.end]) == rule.text:
        return rule
    at = text.find(rule.text)
    return rule.model_copy(update={"start": at, "end": at + len(rule.text)}) if at >= 0 else None
