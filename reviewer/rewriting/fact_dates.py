"""Dates, days and times of day in folded text, and their values in one notation.

The patterns have a group ``fact`` (or ``fact_2``); the functions return None for what is no date or
time. 3月2号 gives 3月2日, 下午2点到4点 gives 14:00~16:00.
"""

import re
from decimal import Decimal

from reviewer.numerals import numeral_value, plain

_CN = "零〇一二两三四五六七八九十"
_SMALL = rf"(?:\d{{1,2}}|[{_CN}]{{1,3}})"
FULL_DATE = re.compile(
    rf"(?P<fact>(?:(?P<year>\d{{4}})年)?(?<!\d)(?P<month>{_SMALL})月(?P<day>{_SMALL})[日号])"
)
ISO_DATE = re.compile(
    r"(?P<fact>(?<![\d\-])(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2}))(?![\d\-])"
)
MONTH = re.compile(
    rf"(?P<fact>(?:(?P<year>\d{{4}})年)?(?<!\d)(?P<month>{_SMALL})月)"
    r"|(?P<fact_2>(?<!\d)(?P<year_2>\d{4})年)"
)
DAY = re.compile(
    rf"(?<![\d路街巷道弄村第尾编户线楼栋座幢店里桥园元{_CN}])"
    rf"(?P<fact>(?P<day>\d{{1,2}}|[{_CN}]{{2,3}}|十)[日号])"
    r"(?![楼线房店门柜馆桌车客坐座为机院码厅窗地栋口库桩卡位技教同员次内游常用均报志文架网])"
)


def date_value(match: re.Match[str]) -> str | None:
    """Return year, month and day as far as they are said, or None when there is no such day."""
    named = match.groupdict()
    year, month, day = (
        numeral_value(text) if (text := named.get(name) or named.get(f"{name}_2")) else None
        for name in ("year", "month", "day")
    )
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    parts = ((year, "年"), (month, "月"), (day, "日"))
    return "".join(f"{plain(number)}{unit}" for number, unit in parts if number is not None)


DAY_WORD = re.compile(
    r"(?P<fact>大?前天|大?后天|[昨明次][天日]|[昨明][早晚]|[上下本这]?个?(?:周|星期|礼拜)[一二三四五六日天]"
    r"|今[天日](?=早上|上午|中午|下午|晚上|之?内|以内|前|下班|\d)|今[早晚](?=\d)|[上下]个?(?:周|星期|礼拜|月)|月底|月初|年底)"
)


def day_value(match: re.Match[str]) -> str | None:
    """Return the day word in one form: 明日 and 明早 are 明天, 礼拜三 is 周三."""
    word = re.sub(r"星期|礼拜", "周", match["fact"]).replace("个", "")
    if word[0] in "今昨明次":
        return f"{word[0]}天"
    return re.sub("周天$", "周日", word)


_PERIOD = "凌晨|清晨|早上|早晨|上午|中午|正午|下午|午后|傍晚|晚上|晚间|夜里|夜间"
_AFTERNOON = frozenset({"下午", "午后", "傍晚", "晚上", "晚间", "晚"})
_HALVES = {"半": 30, "一刻": 15, "三刻": 45}
TO = r"[-~到至—–]{1,2}"


def _clock(prefix: str) -> str:
    return (
        rf"(?P<{prefix}period>{_PERIOD})?(?<!\d)(?P<{prefix}hour>{_SMALL})"
        rf"(?::(?P<{prefix}minute>\d\d)(?!\d)"
        rf"|[点时](?![间候刻长效段常限评建意要原说注疑])"
        rf"(?:(?P<{prefix}half>半|一刻|三刻)|(?P<{prefix}rest>{_SMALL})分(?!钟))?(?P<{prefix}sharp>[钟整])?)"
    )


TIME = re.compile(rf"(?P<fact>{_clock('')}(?:{TO}{_clock('to_')})?)")
_AFTER_TIME = re.compile(r"之?[前后]|以[前后]|左右|准时|开|下班|上班|出|到")


def time_value(match: re.Match[str]) -> str | None:
    """Return a time of day or a range of two as HH:MM, or None for words such as 一点, 两点建议."""
    spoken = not (match["hour"][0].isdigit() or match["period"] or match["half"] or match["sharp"])
    # 两点建议 and 快一点 are no times.
    vague = match["hour"] == "一" or not _AFTER_TIME.match(match.string, match.end())
    if spoken and vague and not match["to_hour"]:
        return None
    first = _minutes(match, "")
    if first is None or not match["to_hour"]:
        return None if first is None else _as_time(first)
    second = _minutes(match, "to_")
    if second is None:
        return None
    # 下午2点到4点: the second time stands in the same half of the day.
    if not match["to_period"] and second < first and second + 720 <= 1440:
        second += 720
    return f"{_as_time(first)}~{_as_time(second)}"


def _minutes(match: re.Match[str], prefix: str) -> int | None:
    """Return the minutes since midnight of one clock time, or None when there is no such time."""
    minute = match[f"{prefix}minute"] or match[f"{prefix}rest"]
    hours, rest = numeral_value(match[f"{prefix}hour"]), numeral_value(minute) if minute else Decimal(0)
    if hours is None or rest is None or hours > 24 or rest > 59:
        return None
    before = match.string[max(0, match.start() - 2) : match.start()]
    # 今晚8点: the day word claims 晚, the time still needs it.
    period = match[f"{prefix}period"] or ("晚" if before in ("今晚", "明晚", "昨晚", "当晚") else "")
    late = period in _AFTERNOON or (period == "中午" and hours < 10) or (period[:1] == "夜" and hours > 5)
    if late and hours <= 12 and not (period in ("下午", "午后") and hours == 12):
        hours += 12
    return int(hours) * 60 + int(rest) + _HALVES.get(match[f"{prefix}half"] or "", 0)


def _as_time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
