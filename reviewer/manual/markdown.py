"""Reads the manual: Markdown documents into sections.

A document opens with one ``#`` title; every ``##`` heading starts a section. A heading such as
``A01 敬语称谓`` makes the section a rule; any other section must carry a block quote that ends in
``不作为判定依据。``, so that nothing without a rule id can ever be cited against a draft.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.errors import CorpusError
from reviewer.resources import read_text

if TYPE_CHECKING:
    from markdown_it.token import Token

_NOT_CITED = "不作为判定依据。"
_RULE_HEADING = re.compile(r"(?P<id>[A-Z]\d{2}) \S.*")


@dataclass(frozen=True, slots=True)
class Section:
    """One ``##`` section of the manual.

    ``document`` is the file stem and ``title`` the document's title in 《》. ``text`` is the plain
    text below the heading, one line a block (paragraph, quote, list item, sub-heading). ``checkable``
    is false where the manual says that the section is no ground for a finding.
    """

    document: str
    title: str
    heading: str
    rule_id: str | None
    text: str
    checkable: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """A leaf block: ``level`` is 0 outside headings, ``line`` starts at 1."""

    line: int
    level: int
    quoted: bool
    text: str


def load_sections(folder: Path) -> tuple[Section, ...]:
    """Parse every ``*.md`` of ``folder``.

    Returns:
        The sections by file name, then in reading order; empty for a folder without documents.

    Raises:
        CorpusError: a document cannot be read or breaks the form described above.
    """
    return tuple(
        section
        for path in sorted(folder.glob("*.md"))
        for section in parse_document(read_text(path), stem=path.stem)
    )


def parse_document(source: str, *, stem: str) -> tuple[Section, ...]:
    """Parse one document.

    Args:
        source: Markdown (CommonMark with tables).
        stem: file name without suffix; becomes ``Section.document`` and stands in error messages.

    Returns:
        The sections in reading order; text before the first one introduces the document and is left out.

    Raises:
        CorpusError: no title or a second one, a repeated heading, or a section that neither is a rule
            nor says that it is no ground for a finding (or is both).
    """
    blocks = list(_blocks(source))
    titles = [block for block in blocks if block.level == 1]
    if len(titles) != 1:
        raise CorpusError(f"{stem}.md 应当有且只有一个一级标题，现有 {len(titles)} 个；请改正。")
    starts = [number for number, block in enumerate(blocks) if block.level == 2]
    ends = [*starts[1:], len(blocks)]
    sections = [
        _section(stem, titles[0].text, blocks[start:end]) for start, end in zip(starts, ends, strict=False)
    ]
    headings = [section.heading for section in sections]
    for heading in headings:
        if headings.count(heading) > 1:
            raise CorpusError(f"{stem}.md 有两节同名“{heading}”；请合并或改名。")
    return tuple(sections)


def _section(stem: str, title: str, blocks: Sequence[_Block]) -> Section:
    head, *body = blocks
    match = _RULE_HEADING.fullmatch(head.text)
    cited = not any(block.quoted and block.text.endswith(_NOT_CITED) for block in body)
    if (match is not None) != cited:
        fault = (
            "是一条规则，却标了“不作为判定依据”；请去掉标记"
            if match
            else "没有规则编号，也没有标明“不作为判定依据”；请补上其中一样"
        )
        raise CorpusError(f"{stem}.md 第 {head.line} 行：“{head.text}”{fault}。")
    return Section(
        document=stem,
        title=f"《{title}》",
        heading=head.text,
        rule_id=match["id"] if match else None,
        text="\n".join(block.text for block in body),
        checkable=cited,
    )


def _blocks(source: str) -> Iterator[_Block]:
    from markdown_it import MarkdownIt

    level = quotes = line = 0
    for token in MarkdownIt("commonmark").enable("table").parse(source):
        if token.map:
            line = token.map[0] + 1
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "heading_close":
            level = 0
        elif token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        elif token.type == "inline":
            yield _Block(line=line, level=level, quoted=quotes > 0, text=plain_text(token.children or []))
        elif token.type in ("fence", "code_block"):
            yield _Block(line=line, level=0, quoted=quotes > 0, text=token.content.rstrip("\n"))


def plain_text(children: Sequence["Token"]) -> str:
    """Drop markup; a line break in the source is none in Chinese text, a hard break is one."""
    kept = {"text", "code_inline"}
    return "".join(
        "\n" if child.type == "hardbreak" else child.content if child.type in kept else ""
        for child in children
    )
