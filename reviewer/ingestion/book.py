"""Documents into a book of rules: ids, sections, what was left out, what repeats or contradicts itself."""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from reviewer.errors import DocumentError
from reviewer.folding import fold
from reviewer.ingestion.blocks import Extracted
from reviewer.ingestion.furniture import NO_NORM, Removed, without_furniture
from reviewer.ingestion.likeness import with_likely_same
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.norms import Norm, norms_of
from reviewer.ingestion.outline import Section, sections_of, title_of
from reviewer.ingestion.relations import Contradiction, contradictions_of, groups_of
from reviewer.ingestion.units import units_of
from reviewer.manual.imported import CHANNELS, STEM_CHARS, DocumentEntry, RuleEntry, SectionEntry, one_line
from reviewer.resources import content_hash
from reviewer.types import Rule

#: Raise whenever the same files would give other rules.
IMPORTER_VERSION = "3"
_TITLE_CHARS = 60
# Of a larger group a rule names the first; the report names them all.
_MAX_SIMILAR = 20
_LIMITS = Limits()
_ID_DIGITS = 8
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was read: its name, the SHA-256 of its bytes, and the document."""

    name: str
    sha256: str
    document: Extracted


@dataclass(frozen=True, slots=True)
class Chapter:
    """One document of the book; ``source`` names the file that it came from.

    ``removed`` is not part of the manual; ``unused`` is, and no rule quotes it.
    """

    entry: DocumentEntry
    source: SourceFile
    removed: tuple[Removed, ...]
    unused: tuple[Removed, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """All that an import finds: rules in the order of the documents, groups and contradictions by id."""

    chapters: tuple[Chapter, ...]
    rules: tuple[RuleEntry, ...]
    groups: tuple[tuple[str, ...], ...]
    contradictions: tuple[Contradiction, ...]


def build_book(
    files: Sequence[SourceFile],
    known: Sequence[Rule] = (),
    *,
    limits: Limits = _LIMITS,
) -> Book:
    """Turn documents into rules; the same files in any order give the same book.

    Args:
        files: The documents.
        known: Rules among which each new one looks for one that asks for the same.
        limits: How many segments and rules there may be, and how long these may be together.

    Raises:
        DocumentError: there is more than the limits allow.
    """
    chapters: list[Chapter] = []
    rules: list[RuleEntry] = []
    used: set[str] = set()
    ordered = sorted(files, key=lambda each: (each.name, each.sha256))
    segments = sum(len(each.document.blocks) for each in ordered)
    _refuse_more(segments, limits.segments, "段")
    for source, stem in zip(ordered, _stems([each.name for each in ordered]), strict=True):
        text = source.document.text
        cleaned = without_furniture(source.document)
        units = units_of(text, cleaned.blocks)
        # A line may hold many that lost their breaks.
        segments += max(0, len(units) - len(source.document.blocks))
        _refuse_more(segments, limits.segments, "段")
        title = _title(source.document.title or title_of(units) or stem)
        sections = [_beneath(section, title) for section in sections_of(units)]
        outline = [
            SectionEntry(heading=one_line(section.heading), start=section.start, end=section.end)
            for section in sections
        ]
        entry = DocumentEntry(file=f"{stem}.txt", title=title, sections=outline)
        norms = [norm for section in sections for norm in norms_of(text, section)]
        _refuse_more(len(rules) + len(norms), limits.rules, "条规则")
        chapters.append(Chapter(entry, source, cleaned.removed, tuple(_unused(text, sections, norms))))
        rules += _entries(norms, text, stem, used)
        _refuse_more(sum(len(rule.text) for rule in rules), limits.rule_characters, "字的规则")
    return _related(chapters, rules, known)


def _refuse_more(count: int, most: int, what: str) -> None:
    if count > most:
        raise DocumentError(
            f"手册超过 {most} {what}，什么都没有写；请删去与客服无关的部分，或分成几本分别导入。"
        )


def _related(chapters: Sequence[Chapter], rules: Sequence[RuleEntry], known: Sequence[Rule]) -> Book:
    """Return the book with what its rules have to do with each other and with ``known``."""
    groups = groups_of(rules)
    similar = {
        rule: [other for other in group[: _MAX_SIMILAR + 1] if other != rule][:_MAX_SIMILAR]
        for group in groups
        for rule in group
    }
    rules = [rule.model_copy(update={"similar": similar.get(rule.id, [])}) for rule in rules]
    rules = with_likely_same(rules, known)
    return Book(tuple(chapters), tuple(rules), tuple(groups), tuple(contradictions_of(rules)))


def _unused(text: str, sections: Sequence[Section], norms: Sequence[Norm]) -> Iterator[Removed]:
    """Yield what stands in the sections and in no norm, in order; numbers and marks alone are nothing."""
    quoted = bytearray(len(text))
    for norm in norms:
        quoted[norm.start : norm.end] = b"\x01" * (norm.end - norm.start)
    for unit in (unit for section in sections for unit in section.units):
        start, end = unit.body, unit.block.end
        while start < end:
            last = quoted.find(1, start, end)
            last = end if last < 0 else last
            words = text[start:last]
            if _WORD.search(words):
                first = start + len(words) - len(words.lstrip())
                yield Removed(first, first + len(words.strip()), NO_NORM)
            start = quoted.find(0, last, end) if last < end else end
            start = end if start < 0 else start


def _entries(norms: Sequence[Norm], text: str, stem: str, used: set[str]) -> list[RuleEntry]:
    """Return the rules of one document, each with an id from its place and content.

    The place is the document and the nearest heading, without its number; the content is the folded
    text. What is added, removed or renamed elsewhere changes no id; equal rules of one heading are
    told apart by their order. ``used`` are the ids that are taken; those given here are added to it.
    """
    seen: Counter[str] = Counter()
    entries = []
    for norm in norms:
        quoted = one_line(text[norm.start : norm.end])
        place = "\x00".join((stem, *norm.headings[-1:], fold(quoted).text))
        seen[place] += 1
        name = _free_id(place, seen[place], used)
        used.add(name)
        entries.append(_entry(norm, name, quoted, stem))
    return entries


def _free_id(place: str, order: int, used: Collection[str]) -> str:
    """Return an id that nothing has yet; eight digits of two places may be the same."""
    digests = (
        content_hash(place.encode(), str(order).encode(), *[b"again"] * attempt)
        for attempt in itertools.count()
    )
    return next(name for digest in digests if (name := f"R{digest[:_ID_DIGITS]}") not in used)


def _entry(norm: Norm, name: str, quoted: str, stem: str) -> RuleEntry:
    # By alias and validated: what the importer writes must be what the loader reads.
    return RuleEntry.model_validate(
        {
            "id": name,
            "class": norm.kind,
            "title": one_line(norm.title) or quoted[:_TITLE_CHARS].strip(),
            "severity": norm.severity,
            "when": one_line(norm.when),
            "require": one_line(norm.require) or quoted,
            "avoid": one_line(norm.avoid),
            "approved": [wording for each in norm.approved if (wording := one_line(each))],
            "forbidden": [wording for each in norm.forbidden if (wording := one_line(each))],
            "text": quoted,
            "document": stem,
            "section": one_line(" / ".join(norm.headings)),
            "start": norm.start,
            "end": norm.end,
            "stages": list(norm.stages),
            "channels": list(CHANNELS),
            "points": norm.points or None,
            "guessed": list(norm.guessed),
        }
    )


def _beneath(section: Section, title: str) -> Section:
    """Return the section without the document's own title among its headings."""
    headings = section.path[1:] if section.path and one_line(section.path[0]) == title else section.path
    return Section(headings, section.start, section.units)


def _title(words: str) -> str:
    """Return a title fit for 《》 and for one line."""
    return " ".join(re.sub("[《》]", "", one_line(words)).split())[:_TITLE_CHARS].strip() or "未命名"


def _stems(names: Sequence[str]) -> list[str]:
    """Return a file name of its own for every document, without anything that could lead elsewhere."""
    stems: list[str] = []
    for name in names:
        base = re.split(r"[/\\]", unicodedata.normalize("NFKC", name))[-1].rsplit(".", 1)[0]
        stem = re.sub(rf"[^{STEM_CHARS}]+", "-", base).strip("-")[:_TITLE_CHARS] or "document"
        taken = {each.lower() for each in stems}
        tries = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
        stems.append(next(each for each in tries if each.lower() not in taken))
    return stems
