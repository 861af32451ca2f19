"""Text folded for matching, with the way back to the exact original characters.

One word can be typed in many ways: full-width digits, traditional characters, blanks or invisible
characters pushed between the letters, or hidden in base64. Checks, classifier and fact extraction
read the folded text and report spans of the text as it was written.
"""

import base64
import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reviewer.types import Span

# Marks (Mn, Me) sit on a character, e.g. the keycap around a digit; formats (Cf) and controls (Cc)
# are invisible. None of them is part of a word that a check looks for.
_MARKS = frozenset({"Mn", "Me"})
_INVISIBLE = frozenset({"Cf", "Cc", "Cs"})
# Letters by category that render as nothing: the Hangul fillers.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_LINE_BREAKS = frozenset("\n\x0b\x0c\x85\u2028\u2029")
# Long enough for two ideographs; shorter runs are words and order numbers.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{8,}={0,2}(?![A-Za-z0-9+/=])")
# First and last code point of CJK ideographs and their punctuation.
_CJK_RANGES = ((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFD))
# Folded characters that are kept: more than are in use, fewer than a hostile text could bring.
_REMEMBERED = 16_384


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text and where each of its characters came from.

    ``text[i]`` was made from ``original[starts[i]:ends[i]]``. Several folded characters can come
    from one (㎡ gives m2) or from one encoded run, and marks on a character belong to it.
    """

    text: str
    original: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        """Return the verbatim part of the original behind ``text[start:end]``.

        An empty range gives an empty span at the place it stands at.

        Raises:
            ValueError: the range does not lie inside the folded text.
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"[{start}, {end}) is outside a folded text of {len(self.text)} characters")
        if start == end:
            at = self.starts[start] if start < len(self.starts) else len(self.original)
            return Span(at, at, "")
        first, last = self.starts[start], self.ends[end - 1]
        return Span(first, last, self.original[first:last])


def fold(text: str) -> Folded:
    """Fold ``text``: NFKC by character, lower case, simplified, nothing invisible, no blanks at Chinese.

    Chinese text encoded in base64 is replaced by what it says.

    Line breaks become line feeds and stay; other blanks become one space each and are dropped next to
    a CJK character (加 微 信, 3 天内). Linear in the length of the text; an empty text gives an empty result.
    """
    pieces: list[tuple[str, int, int]] = []
    for char, at, end in _characters(text):
        folded = _fold_char(char)
        if folded:
            pieces.append((folded, at, end))
        elif pieces and pieces[-1][2] == at and unicodedata.category(char) in _MARKS:
            kept, start, _ = pieces[-1]
            pieces[-1] = (kept, start, end)
    kept_pieces = _without_cjk_blanks(pieces)
    return Folded(
        text="".join(folded for folded, _, _ in kept_pieces),
        original=text,
        starts=tuple(start for folded, start, _ in kept_pieces for _ in folded),
        ends=tuple(end for folded, _, end in kept_pieces for _ in folded),
    )


def simplify(text: str) -> str:
    """Return ``text`` with traditional characters made simplified, one for one: offsets stay."""
    return "".join(char if char < "\u2e80" else _simple(char) for char in text)


@functools.cache
def _simple(char: str) -> str:
    plain = _simplifier()(char)
    return plain if len(plain) == 1 else char


def _characters(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield every character and where it stands; one that was encoded stands at the whole run."""
    at = 0
    for run in _BASE64.finditer(text):
        hidden = _decoded(run.group())
        if hidden:
            yield from ((text[place], place, place + 1) for place in range(at, run.start()))
            yield from ((char, run.start(), run.end()) for char in hidden)
            at = run.end()
    yield from ((text[place], place, place + 1) for place in range(at, len(text)))


def _decoded(run: str) -> str:
    """Return the Chinese text that ``run`` encodes, empty when it encodes none."""
    try:
        hidden = base64.b64decode(run + "=" * (-len(run) % 4), validate=True).decode("utf-8")
    except ValueError:
        return ""
    return hidden if sum(map(_is_cjk, hidden)) >= 2 else ""


@functools.cache
def _simplifier() -> Callable[[str], str]:
    """Return the traditional-to-simplified conversion; the table is read once, on first use."""
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert


@functools.lru_cache(maxsize=_REMEMBERED)
def _fold_char(char: str) -> str:
    """Fold one character to none, one or several."""
    if char in _LINE_BREAKS:
        return "\n"
    if char.isspace():
        return "" if char == "\r" else " "
    if char in _FILLERS or unicodedata.category(char) in _INVISIBLE | _MARKS:
        return ""
    plain = unicodedata.normalize("NFKC", char)
    if not plain.isascii():
        plain = _simplifier()(plain)
    kept = (part for part in plain.lower() if unicodedata.category(part) not in _MARKS)
    return "".join(kept)


def _without_cjk_blanks(pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Drop runs of blanks that have a CJK character on one side."""
    kept: list[tuple[str, int, int]] = []
    blanks: list[tuple[str, int, int]] = []
    for piece in pieces:
        if piece[0] == " ":
            blanks.append(piece)
            continue
        if blanks:
            if not (_is_cjk(piece[0][0]) or (kept and _is_cjk(kept[-1][0][-1]))):
                kept.extend(blanks)
            blanks = []
        kept.append(piece)
    return kept + blanks


def _is_cjk(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _CJK_RANGES)
