"""Blocks into units: lines that belong together joined, and what lost its line breaks cut again."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reviewer.ingestion.blocks import Block
from reviewer.ingestion.numbering import RIGHT, WRONG, Number, follows, number_of
from reviewer.ingestion.wording import SENTENCE_ENDS, quotations
from reviewer.manual.imported import one_line

_PAUSES = "，、,（(/"
_STOPS = SENTENCE_ENDS + "：:…."
_CLOSERS = '”’」』"）)】》'
# A line of a column of text has at least so many characters; a heading that long is rare.
_FULL_LINE = 25
_LONG = 100
_FRAGMENT = 40
_NUMBER_CHARS = 30
_SITUATION_CHARS = 200
_MARKS = RIGHT + WRONG
_SPOTS = re.compile(
    rf"[{_MARKS}]|(?<!\d)\d{{1,2}}(?:\.\d{{1,2}}){{1,4}}(?=[、.．]?\s*[\u4e00-\u9fff])|(?:第\s*)?(?:\d{{1,2}}|[一二三四五六七八九十]{{1,3}}|[A-H]|[①-⑳])\s*[、.．)）条章节](?!\d)"
    rf"|[（(](?:\d{{1,2}}|[一二三四五六七八九十]{{1,3}})[)）]"
)
# Numbers such as 7.2 may stand right after a heading that lost its line; three of them are no accident.
_DOTTED = re.compile(r"(?<!\d)\d{1,2}\.\d{1,2}(?:\.\d{1,2}){0,3}(?=[\u4e00-\u9fff])(?![分元秒个小倍万米])")
_MANY = 3
_LABEL = re.compile(
    r"(?:^|(?<=[\s。！？!?；;”\"）)]))(?P<name>[^\s\d，,。！？!?；;：:“”\"、（(]{2,8})[：:](?![“\"/\d])"
)
_LEAD = re.compile(r"^[^：:，,。；;“\"\s]{2,10}[：:]\s*$")
_SITUATION = re.compile(r"(?:遇|当|如果?|若|凡|对于?|在)[^：:]*[：:]?\s*$")
_TABLE_WIDTHS = (5, 4, 3, 2)
_NAME_CHARS = 12
_NO_NAME = re.compile(r"[。！？!?；;，,：:“”\"]")


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of meaning: ``text`` is that of the document, ``number`` what it begins with."""

    block: Block
    text: str
    number: Number | None

    @property
    def body(self) -> int:
        """Where in the document the words after the number begin."""
        return self.block.start + (self.number.end if self.number else 0)

    @property
    def words(self) -> str:
        """The text without its number, on one line."""
        return one_line(self.text[self.number.end :] if self.number else self.text)

    @property
    def style(self) -> str:
        """Style of the number, empty when there is none."""
        return self.number.style if self.number else ""


def units_of(text: str, blocks: Sequence[Block]) -> list[Unit]:
    """Return the units of a cleaned document, in order."""
    joined = _tabled(text, _joined(text, blocks))
    labels = _labels(text, joined)
    cut = [piece for block in joined for piece in _cut(text, block, labels)]
    return [_unit(text, block) for block in cut]


def _unit(text: str, block: Block) -> Unit:
    piece = text[block.start : block.end]
    return Unit(block, piece, None if block.kind == "row" else number_of(piece))


def _joined(text: str, blocks: Sequence[Block]) -> list[Block]:
    """Join the lines of one sentence, where the format breaks lines at the edge of a column."""
    merged: list[Block] = []
    last_line = 0
    for block in blocks:
        length = block.end - block.start
        if merged and _continues(text, merged[-1], block, last_line):
            merged[-1] = replace(merged[-1], end=block.end)
        else:
            merged.append(block)
        last_line = length
    return merged


def _continues(text: str, before: Block, block: Block, last_line: int) -> bool:
    if not (before.wrapped and block.wrapped) or "heading" in (before.kind, block.kind):
        return False
    if text[before.end : block.start].count("\n") != 1 or number_of(text[block.start : block.end]):
        return False
    end = text[before.end - 1]
    if end in _PAUSES:
        return True
    closed = end in _STOPS or (end in _CLOSERS and text[before.end - 2] in _STOPS)
    return not closed and last_line >= _FULL_LINE and block.end - block.start <= last_line * 2


def _tabled(text: str, blocks: Sequence[Block]) -> list[Block]:
    """Make rows of a table whose cells came one a line.

    Source: the names of its columns give it away: the same two to five short lines stand at the head
    of two tables or more, each followed by whole rows.
    """
    plain = [block.wrapped and not number_of(text[block.start : block.end]) for block in blocks]
    texts = [text[block.start : block.end] for block in blocks]
    for width in _TABLE_WIDTHS:
        heads = _heads(texts, plain, width)
        if heads:
            return _with_rows(blocks, texts, plain, heads, width)
    return list(blocks)


def _heads(texts: Sequence[str], plain: Sequence[bool], width: int) -> list[int]:
    runs = [tuple(texts[at : at + width]) for at in range(len(texts) - width + 1)]
    counts = Counter(runs)
    return [
        at
        for at, run in enumerate(runs)
        if counts[run] > 1
        and len(set(run)) == width
        and all(plain[at : at + width])
        and all(len(name) <= _NAME_CHARS and not _NO_NAME.search(name) for name in run)
    ]


def _with_rows(
    blocks: Sequence[Block], texts: Sequence[str], plain: Sequence[bool], heads: list[int], width: int
) -> list[Block]:  # fmt: skip
    result: list[Block] = []
    at = 0
    for head in heads:
        if head < at:
            continue
        last = head + width
        while last < len(blocks) and plain[last] and last not in heads:
            last += 1
        cells = blocks[head + width : last]
        if not cells or len(cells) % width:
            continue
        result.extend(blocks[at:head])
        for start in range(0, len(cells), width):
            row = cells[start : start + width]
            bounds = tuple((cell.start, cell.end) for cell in row)
            columns = tuple(texts[head : head + width])
            result.append(Block(row[0].start, row[-1].end, "row", cells=bounds, columns=columns))
        at = last
    return [*result, *blocks[at:]]


def _labels(text: str, blocks: Sequence[Block]) -> frozenset[str]:
    """Return the words that introduce a part (案例分析：) and do so more than once in the document."""
    counts = Counter(
        match["name"]
        for block in blocks
        if block.kind != "row"
        for match in _LABEL.finditer(text[block.start : block.end])
    )
    return frozenset(name for name, count in counts.items() if count > 1)


def _cut(text: str, block: Block, labels: frozenset[str]) -> Iterator[Block]:
    """Cut a paragraph before the marks, numbers and labels that stood at the beginning of lines."""
    piece = text[block.start : block.end]
    if block.kind in ("row", "heading"):
        yield block
        return
    spots = _spots(piece) | _inline_labels(piece, labels)
    bounds = [0, *sorted(spot for spot in spots if 0 < spot < len(piece)), len(piece)]
    for first, last in itertools.pairwise(bounds):
        words = piece[first:last]
        start = block.start + first + len(words) - len(words.lstrip())
        if words.strip():
            yield replace(block, start=start, end=start + len(words.strip()))


def _spots(piece: str) -> set[int]:
    """Return where marks and numbers begin lines that were lost, and the situations before marks."""
    quoted = bytearray(len(piece))
    for first, last in quotations(piece):
        quoted[first:last] = b"\x01" * (last - first)
    found: set[int] = set()
    expected: dict[str, str] = {}
    dotted = len(_DOTTED.findall(piece)) >= _MANY
    for match in _SPOTS.finditer(piece):
        at = match.start()
        number = None if quoted[at] else number_of(piece[at : at + _NUMBER_CHARS])
        if number is None:
            continue
        if number.style in ("right", "wrong"):
            found |= {at, *_situation(piece, at)}
        elif len(piece) < _LONG and not (at <= _NUMBER_CHARS and _LEAD.match(piece[:at])):
            continue
        elif (number.style == "dotted" and dotted) or _opens_line(piece, at, number, expected):
            expected[number.style] = number.ordinal
            found.add(at)
    return found


def _opens_line(piece: str, at: int, number: Number, expected: dict[str, str]) -> bool:
    """Whether a number stands where a line can begin, and begins or goes on with a list."""
    if at == 0:
        return True
    before = expected.get(number.style)
    return _after_end(piece, at) and (
        number.first or (before is not None and follows(before, number.ordinal))
    )


def _after_end(piece: str, at: int) -> bool:
    """Whether a line can begin at ``at``: after a sentence, a colon or a blank."""
    return at == 0 or piece[at - 1].isspace() or piece[at - 1] in _STOPS + _CLOSERS


def _situation(piece: str, mark: int) -> set[int]:
    """Return where the situation begins that a mark answers: the words since the last sentence.

    A long run of words is headings and situation in one; it is divided after colons.
    """
    start, limit = mark, max(0, mark - _SITUATION_CHARS)
    while start > limit and piece[start - 1] not in _MARKS and not _ends_sentence(piece, start):
        start -= 1
    words = piece[start:mark]
    if not words.strip() or words.strip()[-1] in _CLOSERS:
        return set()
    cuts = {start}
    if len(words) > _FRAGMENT:
        colons = [start + colon.end() for colon in re.finditer("[:：]", words)]
        cuts |= {colon for colon in colons if _SITUATION.fullmatch(piece[colon:mark].strip())}
    return cuts


def _ends_sentence(piece: str, at: int) -> bool:
    """Whether a sentence, with the quotation marks and brackets around its end, is over before ``at``."""
    back = at - 1
    while back > 0 and (piece[back] in _CLOSERS or piece[back].isspace()):
        back -= 1
    return piece[back] in SENTENCE_ENDS and not (at < len(piece) and piece[at] in _CLOSERS + SENTENCE_ENDS)


def _inline_labels(piece: str, labels: frozenset[str]) -> set[int]:
    """Return where labels begin in a paragraph that holds several lines, and where their text begins."""
    if len(piece) < _LONG:
        return set()
    return {at for match in _LABEL.finditer(piece) if match["name"] in labels for at in match.span()}
