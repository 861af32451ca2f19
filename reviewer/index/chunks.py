"""Cuts a manual into passages along its own structure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from reviewer.types import Rule

# Raise whenever passages or their searchable text change: indexes of another version are refused.
CHUNKER_VERSION = "1"

# An e5 encoder reads 512 tokens, about 700 Chinese characters; shorter passages match more sharply.
PASSAGE_CHARS = 400

_LINE = re.compile(r"(?<=\n)")
_SENTENCE = re.compile(r"(?<=[。！？；!?;])")


class SectionLike(Protocol):
    """A section of the manual, as the reader of documents delivers it.

    ``title`` is the document's, ``heading`` the section's own; ``text`` holds one paragraph or list
    item a line; ``rule_id`` is None where the section states no rule; ``checkable`` is False for
    guidance that a reply cannot be checked against.
    """

    @property
    def document(self) -> str:
        """Name of the document."""

    @property
    def title(self) -> str:
        """Title of the document."""

    @property
    def heading(self) -> str:
        """Heading of the section."""

    @property
    def rule_id(self) -> str | None:
        """Rule that the section states."""

    @property
    def text(self) -> str:
        """Body of the section."""

    @property
    def checkable(self) -> bool:
        """Whether a reply can be checked against the section."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One entry of the index.

    ``text`` is verbatim in the manual and is what a reader is shown; ``document`` is the document's
    title, so that both kinds of passage cite alike. ``searchable`` is matched by BM25 and embedded.
    ``facets`` are embedded each on its own: a passage is as near to a query as the nearest of them.
    """

    id: str
    document: str
    section: str
    rule_id: str | None
    checkable: bool
    text: str
    searchable: str
    facets: tuple[str, ...] = ()

    @property
    def embedded(self) -> tuple[str, ...]:
        """The texts that get a vector: ``searchable``, then the facets."""
        return (self.searchable, *self.facets)


def chunk_manual(sections: Sequence[SectionLike], rules: Sequence[Rule]) -> tuple[Passage, ...]:
    """Return one passage a rule, in order, then those of every section, in order.

    A section longer than ``PASSAGE_CHARS`` is cut at lines, else at sentences, without overlap; nothing
    but white space at the cuts is lost. A section without text gives no passage. Identifiers are unique
    as long as those of the rules are. Nothing in, nothing out.
    """
    return (*map(_rule_passage, rules), *_section_passages(sections))


def _rule_passage(rule: Rule) -> Passage:
    situation = "" if rule.standing else rule.when
    customer = rule.good_context.customer
    whole = (f"{rule.id} {rule.title}", situation, rule.text, rule.bad, rule.good, customer)
    # A query is what a customer said and a draft. One vector of the whole rule blurs what it would
    # be near to: with these facets recall@8 of situational rules rises from 0.56 to 0.66 (dense).
    facets = (situation, rule.bad, customer + rule.bad)
    return Passage(
        id=f"rule:{rule.id}",
        document=rule.source.document,
        section=rule.source.section,
        rule_id=rule.id,
        checkable=True,
        text=rule.text,
        searchable="\n".join(part for part in whole if part.strip()),
        facets=tuple(dict.fromkeys(facet for facet in facets if facet.strip())),
    )


def _section_passages(sections: Sequence[SectionLike]) -> Iterator[Passage]:
    # Article numbers repeat in stitched manuals, so a heading does not identify a section.
    seen: Counter[str] = Counter()
    for section in sections:
        seen[section.document] += 1
        for number, part in enumerate(split_text(section.text, limit=PASSAGE_CHARS), start=1):
            yield Passage(
                id=f"{section.document}#{seen[section.document]}.{number}",
                document=section.title,
                section=section.heading,
                rule_id=section.rule_id,
                checkable=section.checkable,
                text=part,
                searchable=f"{section.heading}\n{part}",
            )


def split_text(text: str, *, limit: int) -> list[str]:
    """Return consecutive verbatim parts of ``text``, each of 1 to ``limit`` characters.

    Cuts fall between lines, inside a line over the limit between sentences, inside a sentence over the
    limit anywhere. Only white space around the cuts is left out; blank text gives
    no part.
    """
    parts: list[str] = []
    pending = ""
    for atom in _atoms(text, limit):
        if pending and len((pending + atom).strip()) > limit:
            parts.append(pending.strip())
            pending = ""
        pending += atom
    parts.append(pending.strip())
    return [part for part in parts if part]


def _atoms(text: str, limit: int) -> Iterator[str]:
    """Yield ``text`` in order and whole, in pieces that have at most ``limit`` characters stripped."""
    for line in _LINE.split(text):
        if len(line.strip()) <= limit:
            yield line
            continue
        for sentence in _SENTENCE.split(line):
            if len(sentence.strip()) <= limit:
                yield sentence
            else:
                yield from (sentence[at : at + limit] for at in range(0, len(sentence), limit))
