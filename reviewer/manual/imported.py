"""The catalogue of an imported manual: what ``reviewer manual import`` writes and a person edits.

The format is that of ``corpus/catalogue.yaml`` with other sources: every rule quotes the text of a
document in ``documents/`` by its offsets, the loader proves it, and rules that a reply cannot be
checked against are kept beside those that it can.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from reviewer.errors import CorpusError
from reviewer.manual.entries import Entry, Line, read_entries
from reviewer.manual.markdown import Section
from reviewer.resources import read_text
from reviewer.types import Conversation, Rule, Severity, Source

IMPORTED_SCHEMA: Literal["reviewer.imported/1"] = "reviewer.imported/1"
CATALOGUE_FILE = "catalogue.yaml"
DOCUMENTS_FOLDER = "documents"
# The importer's own notes; they say nothing of what a rule demands.
RECORD_FILE, REPORT_FILE = "import.json", "report.md"

#: What the names of files in ``documents/`` consist of: Latin letters, digits, Han characters, _ and -.
STEM_CHARS = r"0-9A-Za-z_\u3400-\u9fff-"

RuleClass = Literal["checkable", "conduct", "process", "background"]
_Stage = Literal["opening", "middle", "closing"]
_Channel = Literal["online", "phone"]
_Text = Annotated[str, Field(pattern=r"^(?:\S(?:[^\n]*\S)?)?$")]
STAGES: tuple[_Stage, ...] = ("opening", "middle", "closing")
CHANNELS: tuple[_Channel, ...] = ("online", "phone")


class RuleEntry(Entry):
    """One rule. ``text`` is ``documents/<document>.txt[start:end]`` on one line.

    ``same_as`` is the id of a rule of the shipped manual that asks for the same: what is known of that
    one, checks, classifier and wordings, then serves this one. ``guessed`` names the fields that the
    importer concluded from words. ``similar`` are rules that say nearly the same elsewhere. ``note`` is
    for the person who edits.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z][0-9a-z]{2,15}$")]
    kind: RuleClass = Field(alias="class")
    title: Line
    severity: Severity
    when: Line
    require: Line
    avoid: _Text = ""
    approved: list[Line] = Field(default_factory=list)
    forbidden: list[Line] = Field(default_factory=list)
    text: Line
    document: Line
    section: _Text = ""
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    stages: Annotated[list[_Stage], Field(min_length=1)] = Field(default_factory=lambda: list(STAGES))
    channels: Annotated[list[_Channel], Field(min_length=1)] = Field(default_factory=lambda: list(CHANNELS))
    points: Annotated[int, Field(ge=1)] | None = None
    deduction: Line | None = None
    yields_to: list[str] = Field(default_factory=list)
    same_as: Annotated[str, Field(pattern=r"^(?:[A-Z]\d{2})?$")] = ""
    similar: list[str] = Field(default_factory=list)
    guessed: list[Line] = Field(default_factory=list)
    note: _Text = ""


class SectionEntry(Entry):
    """A section of a document, for reference: its headings and offsets."""

    heading: _Text
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]


class DocumentEntry(Entry):
    """A document: file in ``documents/``, title, and sections in order."""

    file: Annotated[str, Field(pattern=rf"^[{STEM_CHARS}]+\.txt$")]
    title: Line
    sections: list[SectionEntry] = Field(default_factory=list)

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return self.file.removesuffix(".txt")


class PointsEntry(Entry):
    """Points off by severity, where a rule has none of its own."""

    red: Annotated[int, Field(ge=1)] = 100
    major: Annotated[int, Field(ge=1)] = 10
    minor: Annotated[int, Field(ge=1)] = 5


class ImportedEntry(Entry):
    """The whole file."""

    schema_name: Literal["reviewer.imported/1"] = Field(IMPORTED_SCHEMA, alias="schema")
    language: Line = "zh-CN"
    base_score: Annotated[int, Field(ge=1)] = 100
    points: PointsEntry = Field(default_factory=PointsEntry)
    documents: Annotated[list[DocumentEntry], Field(min_length=1)]
    rules: list[RuleEntry]


@dataclass(frozen=True, slots=True)
class ImportedManual:
    """An imported manual that was proven against its documents.

    ``rules`` are those that a reply can be checked against; ``entries`` are all.
    """

    rules: tuple[Rule, ...]
    sections: tuple[Section, ...]
    documents: tuple[DocumentEntry, ...]
    entries: tuple[RuleEntry, ...]
    base_score: int


def one_line(text: str) -> str:
    """Return ``text`` without line breaks, which are none in Chinese; Latin words keep a blank."""
    joined = ""
    parts = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        latin = joined[-1:].isascii() and joined[-1:].isalnum() and line[0].isascii() and line[0].isalnum()
        parts.append(f" {line}" if latin else line)
        joined = line
    return "".join(parts).replace("\t", " ")


def is_imported(folder: Path) -> bool:
    """Whether the catalogue of ``folder`` was written by an import.

    Raises:
        CorpusError: there is no catalogue.
    """
    text = read_text(folder / CATALOGUE_FILE)
    return re.search(rf"^schema:\s*['\"]?{re.escape(IMPORTED_SCHEMA)}", text, re.MULTILINE) is not None


def load_imported(folder: Path) -> ImportedManual:
    """Load the catalogue of an imported manual.

    Raises:
        CorpusError: a file is missing or malformed, a rule does not quote its document, or nothing
            can be checked.
    """
    entry = read_entries(folder / CATALOGUE_FILE, ImportedEntry)
    texts = {each.stem: read_text(folder / DOCUMENTS_FOLDER / each.file) for each in entry.documents}
    titles = {each.stem: f"《{each.title}》" for each in entry.documents}
    _prove(entry.rules, texts)
    checkable = [each for each in entry.rules if each.kind == "checkable"]
    if not checkable:
        raise CorpusError(
            f"{folder} 里没有可以对照回复检查的规则（class: checkable）；请改正 {CATALOGUE_FILE}。"
        )
    points: dict[Severity, int] = {
        "red": entry.points.red, "major": entry.points.major, "minor": entry.points.minor
    }  # fmt: skip
    return ImportedManual(
        rules=tuple(_rule(each, titles[each.document], points) for each in checkable),
        sections=tuple(
            Section(
                document=each.stem,
                title=titles[each.stem],
                heading=part.heading or each.title,
                rule_id=None,
                text=texts[each.stem][part.start : part.end],
                checkable=False,
            )
            for each in entry.documents
            for part in each.sections
        ),
        documents=tuple(entry.documents),
        entries=tuple(entry.rules),
        base_score=entry.base_score,
    )


def _prove(rules: Sequence[RuleEntry], texts: dict[str, str]) -> None:
    """Prove that ids are unique, that all that is named exists, and that every quotation is verbatim."""
    known = Counter(rule.id for rule in rules)
    for rule in rules:
        if known[rule.id] > 1:
            _refuse(rule, "的编号出现了不止一次")
        if rule.document not in texts:
            _refuse(rule, f"所在的文件 {rule.document} 没有列入 documents")
        if one_line(texts[rule.document][rule.start : rule.end]) != rule.text:
            _refuse(
                rule, f"的 text 与 {DOCUMENTS_FOLDER}/{rule.document}.txt 的 {rule.start}-{rule.end} 不一致"
            )
        if unknown := [other for other in rule.yields_to if other not in known]:
            _refuse(rule, f"的 yields_to 提到不存在的 {unknown[0]}")


def _rule(entry: RuleEntry, document: str, points: dict[Severity, int]) -> Rule:
    good = entry.approved[0] if entry.approved else ""
    return Rule(
        id=entry.id,
        title=entry.title,
        severity=entry.severity,
        when=entry.when,
        require=entry.require,
        avoid=entry.avoid,
        good=good,
        bad=entry.forbidden[0] if entry.forbidden else "",
        good_context=Conversation(draft=good),
        text=entry.text,
        source=Source(document=document, section=entry.section),
        stages=tuple(entry.stages),
        channels=tuple(entry.channels),
        points=entry.points or points[entry.severity],
        deduction=entry.deduction or entry.id,
        yields_to=tuple(entry.yields_to),
        origins=(f"{entry.document} {entry.start}-{entry.end}",),
        known_as=entry.same_as,
        vouched=bool(entry.same_as),
    )


def _refuse(rule: RuleEntry, fault: str) -> NoReturn:
    raise CorpusError(f"手册目录有误：规则 {rule.id} {fault}；请改正 {CATALOGUE_FILE}，或重新导入。")
