"""Units into sections: what is a heading, and what stands under which."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from reviewer.ingestion.numbering import DIVISIONS
from reviewer.ingestion.units import Unit
from reviewer.ingestion.wording import SENTENCE_ENDS

_HEADING_CHARS = 30
_DIVISION_CHARS = 40
_ENDS = re.compile(rf"[{SENTENCE_ENDS}]")
_LABEL_STYLE, _TITLE_STYLE = "label", "title"
_MARKED = ("right", "wrong")
_WORD = re.compile(r"[\u4e00-\u9fffA-Za-z]")


@dataclass(frozen=True, slots=True)
class Section:
    """Units under one heading. ``path`` are the headings above, outermost first, without numbers."""

    path: tuple[str, ...]
    start: int
    units: tuple[Unit, ...]

    @property
    def heading(self) -> str:
        """The path as it is cited; empty before the first heading."""
        return " / ".join(self.path)

    @property
    def end(self) -> int:
        """Where the last unit ends; the start when there is none."""
        return self.units[-1].block.end if self.units else self.start


@dataclass
class _Open:
    """A section under construction: styles and texts of the headings above it."""

    styles: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    def enter(self, unit: Unit, style: str) -> None:
        """Put ``unit`` in its place: beside the last heading of its style, or below everything."""
        depth = self._depth(unit, style)
        self.styles[depth:] = [style]
        self.path[depth:] = [unit.words.rstrip(":：").strip() or unit.text]

    def _depth(self, unit: Unit, style: str) -> int:
        if style.startswith("#"):
            levels = [int(each[1:]) if each.startswith("#") else 99 for each in self.styles]
            return next((at for at, level in enumerate(levels) if level >= unit.block.level), len(levels))
        if style == _TITLE_STYLE:
            return sum(each.startswith("#") for each in self.styles)
        return self.styles.index(style) if style in self.styles else len(self.styles)


def sections_of(units: Sequence[Unit]) -> list[Section]:
    """Divide ``units`` at their headings; a heading without anything below it is text itself.

    Everything is in exactly one section, in order.
    """
    opened = _Open()
    sections: list[Section] = []
    waiting: Unit | None = None
    for unit, style in zip(units, _headings(units), strict=True):
        if not style:
            start = waiting.block.start if waiting else unit.block.start
            _put(sections, tuple(opened.path), start, unit)
            waiting = None
            continue
        before = tuple(opened.path)
        opened.enter(unit, style)
        if waiting and len(opened.path) <= len(before):
            _put(sections, before[:-1], waiting.block.start, waiting)
        waiting = unit
    if waiting:
        _put(sections, tuple(opened.path[:-1]), waiting.block.start, waiting)
    return sections


def _put(sections: list[Section], path: tuple[str, ...], start: int, unit: Unit) -> None:
    """Append ``unit`` to the last section when that has the same headings, else to a new one."""
    if sections and sections[-1].path == path and start == unit.block.start:
        sections[-1] = replace(sections[-1], units=(*sections[-1].units, unit))
    else:
        sections.append(Section(path, start, (unit,)))


def title_of(units: Sequence[Unit]) -> str:
    """Return the first line as the document's title; empty when that is a sentence."""
    if not units:
        return ""
    words = units[0].words.rstrip(":：").strip()
    titled = len(words) <= _DIVISION_CHARS and not _ENDS.search(words) and units[0].style not in _MARKED
    return words if titled else ""


def _headings(units: Sequence[Unit]) -> list[str]:
    """Return for every unit the style of heading that it is, empty for text."""
    flags = [_style(units, at) for at in range(len(units))]
    for at in range(1, len(units)):
        before, unit = units[at - 1], units[at]
        # The last of a list of short lines heads what follows as little as the others do.
        if unit.style and unit.style == before.style and not flags[at - 1] and unit.style not in DIVISIONS:
            flags[at] = flags[at] if unit.block.level else ""
    return flags


def _style(units: Sequence[Unit], at: int) -> str:
    unit = units[at]
    if unit.block.level:
        return f"#{unit.block.level}"
    if unit.block.kind == "heading":
        return _TITLE_STYLE
    words = unit.words
    if unit.block.kind in ("row", "item") or not _WORD.search(words) or unit.style in _MARKED:
        return ""
    if unit.style in DIVISIONS:
        return unit.style if len(words) <= _DIVISION_CHARS and not _ENDS.search(words) else ""
    if at + 1 < len(units) and units[at + 1].style in _MARKED and not _ENDS.search(words[-1]):
        return unit.style or _LABEL_STYLE
    return _style_of_line(units, at)


def _style_of_line(units: Sequence[Unit], at: int) -> str:
    """Return the style of a line that only its form can make a heading."""
    unit = units[at]
    words = unit.words
    bare = words.rstrip(":：")
    labels = words[-1] in ":：" and not unit.style
    limit = _DIVISION_CHARS + 5 if labels else _HEADING_CHARS
    if not bare or len(bare) > limit or _ENDS.search(bare) or bare[-1] in "，,、…":
        return ""
    if unit.style:
        bulleted = unit.style == "bullet" and (at + 1 == len(units) or bool(units[at + 1].style))
        return "" if bulleted or unit.style == "article" or re.search("[，,]", bare) else unit.style
    if labels:
        return "" if re.search('[“”"]', bare) else _LABEL_STYLE
    return "" if re.search(r"[，,：:“”\"]", bare) or _unfinished(units, at) else _TITLE_STYLE


def _unfinished(units: Sequence[Unit], at: int) -> bool:
    """Whether the line may end the sentence of the unit before it, or nothing comes after it."""
    before = units[at - 1].text if at else "。"
    after_text = before[-1] in SENTENCE_ENDS + "：:”」）)"
    after_heading = len(before) <= _HEADING_CHARS
    return at + 1 == len(units) or not (after_text or after_heading)
