"""Loads the catalogue of rules and proves that it says what the manual says."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from reviewer.errors import CorpusError
from reviewer.manual.entries import Entry, Line, read_entries
from reviewer.manual.imported import CATALOGUE_FILE, RECORD_FILE, REPORT_FILE, is_imported, load_imported
from reviewer.manual.markdown import Section, load_sections
from reviewer.resources import tree_hash
from reviewer.types import Channel, Conversation, Rule, Severity, Source, Stage, Turn

# Lies in the corpus folder, but says nothing of what a rule demands: see reviewer.rewriting.wordings.
WORDINGS_FILE = "wordings.yaml"
MANUAL_FOLDER = "manual"

_KnownStage = Literal["opening", "middle", "closing"]
_KnownChannel = Literal["online", "phone"]
_ALL_STAGES = frozenset(("opening", "middle", "closing"))


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the manual: file stem, and title in 《》."""

    stem: str
    title: str


@dataclass(frozen=True, slots=True)
class Precedence:
    """Rules (ids) that pull apart, which one stands, and why."""

    rules: tuple[str, ...]
    stands: str
    why: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The manual as the program uses it.

    ``rules`` keep the order of the file, ``sections`` that of ``documents``. ``content_hash`` covers
    every byte of the corpus folder but the approved wordings, which judge nothing.
    """

    rules: tuple[Rule, ...]
    sections: tuple[Section, ...]
    documents: tuple[Document, ...]
    precedence: tuple[Precedence, ...]
    base_score: int
    content_hash: str

    def rule(self, rule_id: str) -> Rule:
        """Return the rule ``rule_id``.

        Raises:
            CorpusError: there is none.
        """
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise CorpusError(f"手册里没有规则 {rule_id}；请核对编号，或重建索引。")

    def applicable(self, conversation: Conversation) -> tuple[Rule, ...]:
        """Return the rules whose stage and channel fit, in catalogue order.

        A rule of one stage needs that stage to be known; a rule of one channel is left out only where
        another channel is known. Whether the situation (``when``) obtains is for the grader to say.
        """
        return tuple(rule for rule in self.rules if _fits(rule, conversation))

    def not_applicable(self, conversation: Conversation) -> tuple[Rule, ...]:
        """Return the complement of :meth:`applicable`, in catalogue order."""
        return tuple(rule for rule in self.rules if not _fits(rule, conversation))


def load_catalogue(folder: Path) -> Catalogue:
    """Load ``catalogue.yaml`` and ``manual/`` of a corpus folder, or a manual that was imported.

    Raises:
        CorpusError: a file is missing or malformed, or catalogue and manual contradict each other.
    """
    if is_imported(folder):
        return _imported(folder)
    entry = read_entries(folder / CATALOGUE_FILE, _CatalogueEntry)
    documents = tuple(
        Document(item.file.removesuffix(".md"), f"《{item.title}》") for item in entry.documents
    )
    sections = _order_sections(load_sections(folder / MANUAL_FOLDER), documents)
    titles = {document.stem: document.title for document in documents}
    rules = tuple(_rule(item, titles, entry.points) for item in entry.rules)
    precedence = tuple(Precedence(tuple(item.rules), item.stands, item.why) for item in entry.precedence)
    _prove_references(entry, rules)
    _prove_sections(entry, rules, sections)
    return Catalogue(
        rules=rules,
        sections=sections,
        documents=documents,
        precedence=precedence,
        base_score=entry.base_score,
        content_hash=hash_of(folder),
    )


def hash_of(folder: Path) -> str:
    """Return what ``load_catalogue`` gives as the content hash, without reading what the files say.

    Raises:
        CorpusError: there is no catalogue, or a file cannot be read.
    """
    idle = {WORDINGS_FILE, RECORD_FILE, REPORT_FILE} if is_imported(folder) else {WORDINGS_FILE}
    return tree_hash(folder, without=frozenset(idle))


def _imported(folder: Path) -> Catalogue:
    manual = load_imported(folder)
    return Catalogue(
        rules=manual.rules,
        sections=manual.sections,
        documents=tuple(Document(each.stem, f"《{each.title}》") for each in manual.documents),
        precedence=(),
        base_score=manual.base_score,
        content_hash=hash_of(folder),
    )


class _TurnEntry(Entry):
    role: Literal["customer", "agent"]
    text: Line


class _ContextEntry(Entry):
    channel: _KnownChannel
    stage: _KnownStage
    customer: Line
    history: list[_TurnEntry] = Field(default_factory=list)
    identity_verified: bool | None = None
    agent_id: str = ""
    facts: list[Line] = Field(default_factory=list)


class _RuleEntry(Entry):
    id: Annotated[str, Field(pattern=r"^[A-Z]\d{2}$")]
    title: Line
    severity: Severity
    when: Line
    require: Line
    avoid: Line
    text: Line
    good: Line
    bad: Line
    good_context: _ContextEntry
    document: Line
    section: Line
    stages: Annotated[list[_KnownStage], Field(min_length=1)]
    channels: Annotated[list[_KnownChannel], Field(min_length=1)]
    points: Annotated[int, Field(ge=1)] | None = None
    deduction: Line | None = None
    yields_to: list[str] = Field(default_factory=list)
    same_as: Annotated[str, Field(pattern=r"^(?:[A-Z]\d{2})?$")] = ""
    origins: Annotated[list[Line], Field(min_length=1)]


class _DocumentEntry(Entry):
    file: Annotated[str, Field(pattern=r"^[\w-]+\.md$")]
    title: Line


class _PrecedenceEntry(Entry):
    rules: Annotated[list[str], Field(min_length=1)]
    stands: Line
    why: Line


class _PointsEntry(Entry):
    red: Annotated[int, Field(ge=1)]
    major: Annotated[int, Field(ge=1)]
    minor: Annotated[int, Field(ge=1)]


class _CatalogueEntry(Entry):
    schema_name: Literal["reviewer.catalogue/1"] = Field(alias="schema")
    language: Line
    base_score: Annotated[int, Field(ge=1)]
    points: _PointsEntry
    documents: Annotated[list[_DocumentEntry], Field(min_length=1)]
    materials: dict[str, Line]
    rules: Annotated[list[_RuleEntry], Field(min_length=1)]
    precedence: list[_PrecedenceEntry]


def _order_sections(sections: Iterable[Section], documents: tuple[Document, ...]) -> tuple[Section, ...]:
    """Put sections in the order of ``documents``, which must be the ones that exist.

    Raises:
        CorpusError: a document is missing, not listed, or has another title.
    """
    by_stem: dict[str, list[Section]] = {}
    for section in sections:
        by_stem.setdefault(section.document, []).append(section)
    listed = {document.stem: document.title for document in documents}
    for stem in sorted(listed.keys() ^ by_stem.keys()):
        fault = "没有这个文件，或者它是空的" if stem in listed else f"没有列入 {CATALOGUE_FILE} 的 documents"
        raise CorpusError(f"{MANUAL_FOLDER}/{stem}.md：{fault}；请补上或删去。")
    for stem, title in listed.items():
        if by_stem[stem][0].title != title:
            raise CorpusError(f"{stem}.md 的标题是{by_stem[stem][0].title}，目录写作{title}；请改成一致。")
    return tuple(section for stem in listed for section in by_stem[stem])


def _rule(entry: _RuleEntry, titles: dict[str, str], points: _PointsEntry) -> Rule:
    if entry.document not in titles:
        _refuse(entry.id, f"所在的文件 {entry.document} 没有列入 documents")
    context = entry.good_context
    price: dict[Severity, int] = {"red": points.red, "major": points.major, "minor": points.minor}
    return Rule(
        id=entry.id,
        title=entry.title,
        severity=entry.severity,
        when=entry.when,
        require=entry.require,
        avoid=entry.avoid,
        good=entry.good,
        bad=entry.bad,
        good_context=Conversation(
            draft=entry.good,
            customer=context.customer,
            history=tuple(Turn(turn.role, turn.text) for turn in context.history),
            channel=context.channel,
            stage=context.stage,
            identity_verified=context.identity_verified,
            agent_id=context.agent_id,
            facts=tuple(context.facts),
        ),
        text=entry.text,
        source=Source(document=titles[entry.document], section=entry.section),
        stages=tuple(entry.stages),
        channels=tuple(entry.channels),
        points=entry.points or price[entry.severity],
        deduction=entry.deduction or entry.id,
        yields_to=tuple(entry.yields_to),
        origins=tuple(entry.origins),
        known_as=entry.same_as or entry.id,
        vouched=bool(entry.same_as),
    )


def _prove_references(entry: _CatalogueEntry, rules: tuple[Rule, ...]) -> None:
    """Prove that ids are unique and that everything named by id exists."""
    by_id = {rule.id: rule for rule in rules}
    if len(by_id) != len(rules):
        ids = [rule.id for rule in rules]
        _refuse(next(name for name in ids if ids.count(name) > 1), "的编号出现了不止一次")
    for rule in rules:
        for fault in _reference_faults(rule, by_id, entry.materials):
            _refuse(rule.id, fault)
    for note in entry.precedence:
        for unknown in sorted(set(note.rules) - by_id.keys()):
            _refuse(unknown, "在 precedence 里被提到，却不存在")


def _reference_faults(rule: Rule, by_id: dict[str, Rule], materials: dict[str, str]) -> Iterator[str]:
    for other in rule.yields_to:
        if other not in by_id:
            yield f"的 yields_to 提到不存在的 {other}"
        elif rule.id in by_id[other].yields_to:
            yield f"与 {other} 互相让位，两条都不会被引用"
    for origin in rule.origins:
        if origin.split(" ", 1)[0].split("《", 1)[0] not in materials:
            yield f"的出处“{origin}”不在 materials 之内"
    if rule.require not in rule.text or rule.avoid not in rule.text:
        yield "的 text 与 require、avoid 不一致"
    if not _fits(rule, rule.good_context):
        yield "的 good_context 不在它适用的阶段或渠道之内"


def _prove_sections(entry: _CatalogueEntry, rules: tuple[Rule, ...], sections: tuple[Section, ...]) -> None:
    """Prove that every rule has its section, with the rule text verbatim, and every rule section its rule."""
    stems = {item.id: item.document for item in entry.rules}
    by_place = {(section.document, section.heading): section for section in sections}
    for rule in rules:
        place = (stems[rule.id], f"{rule.id} {rule.title}")
        if rule.source.section != place[1]:
            _refuse(rule.id, f"的 section 应当是“{place[1]}”")
        if place not in by_place:
            _refuse(rule.id, f"在 {place[0]}.md 里没有“{place[1]}”一节")
        if rule.text not in by_place[place].text.split("\n"):
            _refuse(rule.id, f"的 text 与 {place[0]}.md“{place[1]}”里引用的原文不一致")
    homes = {(stems[rule.id], rule.id) for rule in rules}
    for section in sections:
        if section.rule_id is not None and (section.document, section.rule_id) not in homes:
            _refuse(section.rule_id, f"写在 {section.document}.md 里，目录却没有收在这一篇")


def _refuse(rule_id: str, fault: str) -> NoReturn:
    raise CorpusError(f"手册目录有误：规则 {rule_id} {fault}；请改正 {CATALOGUE_FILE} 或手册原文。")


def known_here(rule: Rule, conversation: Conversation) -> bool:
    """Whether what is known of ``rule`` holds in this conversation: a namesake's was learned elsewhere."""
    return not rule.vouched or _within(rule.known_stages, rule.known_channels, conversation)


def _fits(rule: Rule, conversation: Conversation) -> bool:
    return _within(rule.stages, rule.channels, conversation)


def _within(stages: Collection[Stage], channels: Collection[Channel], conversation: Conversation) -> bool:
    if conversation.stage == "unknown":
        stage_fits = _ALL_STAGES.issubset(stages)
    else:
        stage_fits = conversation.stage in stages
    return stage_fits and (conversation.channel == "unknown" or conversation.channel in channels)
