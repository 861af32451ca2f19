"""The numbers and marks that lines begin with: 第三条, 二、, （一）, 1.2, 1、, A、, ①, √, ×, •."""

import re
from dataclasses import dataclass

_CN = "一二三四五六七八九十百"
_STYLES: tuple[tuple[str, str], ...] = (
    ("part", rf"第\s*(?P<o>[{_CN}\d]+)\s*(?:部分|部|篇|编)"),
    ("chapter", rf"第\s*(?P<o>[{_CN}\d]+)\s*章"),
    ("section", rf"第\s*(?P<o>[{_CN}\d]+)\s*节"),
    ("article", rf"第\s*(?P<o>[{_CN}\d]+)\s*条"),
    ("step", rf"(?:步骤|第(?=[{_CN}\d]+步))\s*(?P<o>[{_CN}\d]+)步?"),
    ("cn", rf"(?P<o>[{_CN}]+)\s*[、.．]"),
    ("cn_paren", rf"[（(]\s*(?P<o>[{_CN}]+)\s*[)）]"),
    ("dotted", r"(?P<o>\d{1,2}(?:\.\d{1,2}){1,4})(?!\d|\s*[%元分小])\s*[、.．]?"),
    ("num", r"(?P<o>\d{1,3})\s*[、.．](?!\d)"),
    ("num_paren", r"[（(]?(?P<o>\d{1,3})\s*[)）]"),
    ("alpha", r"(?P<o>[A-Za-z])\s*[、.．)）](?![a-z])"),
    ("circle", r"(?P<o>[①-⑳])\s*[、.．]?"),
    ("bullet", r"(?P<o>[-•·●▪■◆◇►➢*※])[-—]?\s*(?=\S)"),
)
_PATTERNS = tuple((style, re.compile(rf"\s*{pattern}\s*[:：]?\s*")) for style, pattern in _STYLES)
RIGHT, WRONG = "√✓✔☑✅", "×✗✘✕✖☒❌"
_MARK = re.compile(rf"\s*(?P<o>[{RIGHT}{WRONG}])\s*")
#: Styles that are headings by what they say.
DIVISIONS = frozenset({"part", "chapter", "section", "step"})
_ORDER = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class Number:
    """What a line begins with: ``style``, its own characters, and where the text after it begins."""

    style: str
    ordinal: str
    end: int

    @property
    def first(self) -> bool:
        """Whether it opens a list."""
        return self.ordinal in ("一", "1", "A", "a", "①") or self.ordinal.endswith(".1")


def number_of(text: str) -> Number | None:
    """Return the number or mark that ``text`` begins with; of two in a row (- 1、) the second."""
    number = _first_number(text)
    if number is None or number.style not in ("bullet", "num"):
        return number
    inner = _first_number(text[number.end :])
    return Number(inner.style, inner.ordinal, number.end + inner.end) if inner else number


def _first_number(text: str) -> Number | None:
    mark = _MARK.match(text)
    if mark:
        return Number("right" if mark["o"] in RIGHT else "wrong", mark["o"], mark.end())
    for style, pattern in _PATTERNS:
        match = pattern.match(text)
        if match:
            return Number(style, match["o"], match.end())
    return None


def follows(earlier: str, later: str) -> bool:
    """Whether ordinal ``later`` comes next after ``earlier``."""
    if earlier.isdecimal() and later.isdecimal():
        return int(later) == int(earlier) + 1
    if len(earlier) == len(later) == 1:
        if earlier in _ORDER and later in _ORDER:
            return _ORDER.index(later) == _ORDER.index(earlier) + 1
        return ord(later) == ord(earlier) + 1
    return False
