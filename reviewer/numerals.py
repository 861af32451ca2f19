"""Reads numbers written in digits, in Chinese numerals or in a mixture of both (3万, 两千三, 二〇二五).

The maintained package for this, cn2an, ships a top-level ``build`` directory in its wheel, which
shadows PyPA's ``build``; hence these few lines.
"""

import re
from decimal import Decimal

_DIGITS = dict(zip("零〇一二三四五六七八九", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)) | {
    "幺": 1,
    "两": 2,
    "俩": 2,
    **dict(zip("壹贰叁肆伍陆柒捌玖", range(1, 10), strict=True)),
}
_SMALL_UNITS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_LARGE_UNITS = {"万": 10**4, "亿": 10**8}

_CHINESE = "零〇一二三四五六七八九幺两俩壹贰叁肆伍陆柒捌玖十百千拾佰仟万亿"
_ARABIC = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?+"

#: Matches one number in folded text; digits may carry a Chinese unit (3.5万, 3千5百). Bounded and
#: possessive, so that a long run of digits costs linear time.
NUMERAL = (
    rf"(?:(?<!\d)(?<!\d\.){_ARABIC}[十百千万亿]{{0,3}}+(?:\d{{1,4}}[十百千万])*+"
    rf"|[{_CHINESE}]{{1,12}}(?:点[{_CHINESE}]{{1,6}})?|半)"
)

_TOKEN = re.compile(rf"(?P<arabic>{_ARABIC})|(?P<chinese>[{_CHINESE}])")


def numeral_value(text: str) -> Decimal | None:
    """Return the value of a number in folded text, or None when ``text`` is not one number.

    Spoken short forms are read as a speaker means them (两千三 is 2300, 一万二 is 12000); digits read
    one by one (二〇二五) are joined; 半 is 0.5.
    """
    if text == "半":
        return Decimal("0.5")
    whole, point, fraction = text.partition("点")
    if point:
        head, tail = numeral_value(whole), _joined_digits(fraction)
        return None if head is None or tail is None else Decimal(f"{head}.{tail}")
    tokens = _tokens(text)
    if not tokens:
        return None
    joined = _joined_digits(text)
    if joined is None or len(joined) == 1:
        return _combine(tokens)
    # Two digits side by side are an estimate (三五天, 两三个), three or more are read one by one.
    return Decimal(joined) if len(joined) > 2 else None


def _tokens(text: str) -> list[Decimal | str]:
    """Return values and unit characters in order; empty when something else stands between them."""
    tokens: list[Decimal | str] = []
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() != at:
            return []
        at = match.end()
        char = match["chinese"]
        if char is None:
            tokens.append(Decimal(match["arabic"].replace(",", "")))
        else:
            tokens.append(Decimal(_DIGITS[char]) if char in _DIGITS else char)
    return tokens if at == len(text) else []


def _joined_digits(text: str) -> str | None:
    if text and all(char in _DIGITS for char in text):
        return "".join(str(_DIGITS[char]) for char in text)
    return None


def _combine(tokens: list[Decimal | str]) -> Decimal | None:
    """Add up values and units, largest unit first; None when two values stand side by side."""
    total = part = Decimal(0)
    current: Decimal | None = None
    last_unit = 1
    after_unit = False
    for token in tokens:
        if isinstance(token, Decimal):
            if current is not None and current != 0:
                return None
            # Only a digit directly after a unit is a short form: 两千三 against 两千零三.
            after_unit = current is None and last_unit > 10
            current = token
        elif token in _SMALL_UNITS:
            last_unit = _SMALL_UNITS[token]
            part += (1 if current is None else current) * last_unit
            current = None
        else:
            last_unit = _LARGE_UNITS[token]
            section = part + (current or 0)
            # 一亿 after 万 multiplies all that stands before it; 万 only its own section.
            if last_unit == 10**8:
                total = (total + section) * last_unit
            else:
                total += section * last_unit
            part, current = Decimal(0), None
    short_form = after_unit and current is not None and current < 10
    return total + part + (current or 0) * (last_unit // 10 if short_form else 1)


def plain(value: Decimal) -> str:
    """Write ``value`` without exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
