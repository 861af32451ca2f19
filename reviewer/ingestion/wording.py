"""Sentences, quotations and durations of Chinese text, by offset."""

import re
from collections.abc import Iterator
from decimal import Decimal

from reviewer.numerals import NUMERAL, numeral_value

SENTENCE_ENDS = "。！？!?；;"
_CLOSERS = "”’」』）)】》\"'"
_OPENERS = {"「": "」", "『": "』"}
# A full stop typed in the Latin way between Chinese characters.
_WESTERN_STOP = re.compile(r"[\u4e00-\u9fff”’）)]\.(?=[\u4e00-\u9fff“\s]|$)")
_QUOTES = '“”"'
_SHORT_QUOTE, _LONG_QUOTE = 12, 250
_BRACKETS = {"（": 1, "(": 1, "）": -1, ")": -1}
# A bracket that was never closed must not swallow the rest of a document.
_MAX_BRACKET = 120

_TITLE_CHARS = 24
_DAY = 24 * 60
_MINUTES = {
    "秒": Decimal(1) / 60,
    "秒钟": Decimal(1) / 60,
    "分钟": Decimal(1),
    "小时": Decimal(60),
    "钟头": Decimal(60),
    "天": Decimal(_DAY),
    "日": Decimal(_DAY),
    "工作日": Decimal(_DAY),
    "自然日": Decimal(_DAY),
    "周": Decimal(7 * _DAY),
    "月": Decimal(30 * _DAY),
}
_DURATION = re.compile(
    rf"(?P<number>{NUMERAL})\s*个?\s*(?P<unit>秒钟?|分钟|小时|钟头|工作日|自然日|天|日(?=内|之内|以内)|周|(?<=个)月)"
)


def quotations(text: str) -> list[tuple[int, int]]:
    """Return what stands inside quotation marks, without them, in order.

    Marks that were typed the wrong way round (“…“, "…”) count as what they can only be: an opening
    mark soon after another one closes, a mark that is never closed opens nothing.
    """
    found, opened, close = [], -1, _QUOTES
    for at, char in enumerate(text):
        opens = char in '“"' or char in _OPENERS
        lost = opened >= 0 and at - opened > (_SHORT_QUOTE if char == "“" else _LONG_QUOTE)
        if opens and (opened < 0 or lost):
            opened, close = at + 1, _OPENERS.get(char, _QUOTES)
        elif opened >= 0 and char in close:
            if text[opened:at].strip() and not lost:
                found.append((opened, at))
            opened = -1
    return found


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences of ``text`` in order, whole; what is quoted or in brackets is not cut."""
    quoted = [False] * (len(text) + 1)
    for first, last in quotations(text):
        quoted[first:last] = [True] * (last - first)
    start = at = depth = 0
    opened = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char in _BRACKETS and not quoted[at - 1]:
            depth = max(0, depth + _BRACKETS[char])
            opened = at if depth == 1 and _BRACKETS[char] == 1 else opened
        if depth and at - opened > _MAX_BRACKET:
            depth = 0
        stop = char in SENTENCE_ENDS or (char == "." and _WESTERN_STOP.match(text, at - 2) is not None)
        ends = stop and not quoted[at - 1] and not depth
        if not ends and not (char in SENTENCE_ENDS and at < len(text) and _ends_quote(text, at, quoted)):
            continue
        while at < len(text) and (text[at] in SENTENCE_ENDS or text[at] in _CLOSERS):
            at += 1
        if text[start:at].strip():
            yield start, at
        start = at
    if text[start:].strip():
        yield start, len(text)


def _ends_quote(text: str, at: int, quoted: list[bool]) -> bool:
    """Whether a quoted sentence and the quotation end at ``at``, and nothing but a new sentence follows."""
    if not quoted[at - 1] or text[at] not in _CLOSERS or quoted[at]:
        return False
    after = text[at + 1 : at + 2]
    return not after or after not in "，,、或等之的（(；;。"


def durations(text: str) -> list[tuple[int, int, Decimal]]:
    """Return every length of time as start, end and minutes, in order."""
    found = []
    for match in _DURATION.finditer(text):
        value = numeral_value(match["number"])
        if value is not None:
            found.append((match.start(), match.end(), value * _MINUTES[match["unit"]]))
    return found


def shortened(words: str) -> str:
    """Return a title of at most ``_TITLE_CHARS`` characters, cut at a pause if there is one."""
    words = re.sub(r"[“”\"]", "", words).strip(" ，,。；;：:！!")
    if len(words) <= _TITLE_CHARS:
        return words
    head = re.split(r"[，,。；;：:、！!？?]", words, maxsplit=1)[0]
    return head if 4 <= len(head) <= _TITLE_CHARS else words[: _TITLE_CHARS - 1] + "…"
