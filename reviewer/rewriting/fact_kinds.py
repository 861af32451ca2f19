"""The kinds of fact that can be recognised in folded text, and their values in one notation.

A kind is a pattern with a group ``fact`` and a function that gives the value of a match. The tuple
``KINDS`` is ordered: an earlier kind claims its characters, so that the day in 3月2日 is no number.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from reviewer.numerals import NUMERAL, numeral_value, plain
from reviewer.rewriting.fact_dates import (
    DAY,
    DAY_WORD,
    FULL_DATE,
    ISO_DATE,
    MONTH,
    TIME,
    TO,
    date_value,
    day_value,
    time_value,
)

#: Claims its characters but is no fact: a placeholder, a slogan.
NO_FACT = ""


def _never(_match: re.Match[str]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fact.

    ``value`` returns the normalised value of a match, ``NO_FACT`` to claim the characters without a
    fact, or None to leave them to later kinds. What ``common`` holds of need not survive a rewrite (一个,
    两种) but can stand for a fact (1个).
    """

    name: str
    pattern: re.Pattern[str]
    value: Callable[[re.Match[str]], str | None]
    common: Callable[[re.Match[str]], bool] = _never


# --- links, names, long numbers -----------------------------------------------------------------------


def _no_fact(_match: re.Match[str]) -> str | None:
    return NO_FACT


def _verbatim(match: re.Match[str]) -> str | None:
    return match["fact"].replace(" ", "")


def _digits(match: re.Match[str]) -> str | None:
    return re.sub(r"[ \-()]", "", match["fact"])


def _inner(match: re.Match[str]) -> str | None:
    return match["inner"].replace(" ", "")


_PLACEHOLDER = re.compile(r"(?P<fact>\[[^\[\]\n]{1,20}\])")
_URL = re.compile(r"(?P<fact>(?:https?://|www\.)[a-z0-9\-._~:/?#@!$&'()*+,;=%]*[a-z0-9/=#_\-])")
_EMAIL = re.compile(
    r"(?P<fact>(?<![a-z0-9._+\-])[a-z0-9._+\-]{1,64}@[a-z0-9\-]{1,63}(?:\.[a-z0-9\-]{1,63}){1,4})"
)
_POLICY = re.compile(r"(?P<fact>《(?P<inner>[^《》\n]{1,40})》)")
_MASKED = re.compile(r"(?P<fact>(?<![\d*])\d{1,8}\*{2,20}\d{0,6}(?![\d*]))")
_PHONE = re.compile(
    r"(?P<fact>(?<![\da-z])(?:1[3-9]\d[ \-]?\d{4}[ \-]?\d{4}"
    r"|[48]00[ \-]?\d{3,4}[ \-]?\d{3,4}|0\d{2,3}[ \-]\d{7,8}))(?!\d)"
)
_CARD = re.compile(r"(?P<fact>(?<![\da-z])\d{4}(?:[ \-]\d{4}){3}(?:[ \-]\d{1,3})?)(?![\d])")
_WORK_NUMBER = re.compile(
    r"工号(?:是|为|:)?\s?(?P<fact>(?P<inner>[a-z]{0,3}\d{2,8}))号?"
    r"|(?<!\d)(?P<fact_2>(?P<inner_2>\d{3,6})号)(?=客服|为您|坐席|座席|竭诚)"
)
_CODE = re.compile(
    r"(?P<fact>(?<![a-z0-9_\-])(?=[0-9_\-]{0,40}[a-z])(?=[a-z_\-]{0,40}\d)[a-z0-9]{1,40}(?:[_\-][a-z0-9]{1,40}){0,6})(?![a-z0-9_])"
)
_SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶魏苏吕丁任沈姚卢"
    "姜崔钟谭陆汪范廖石金韦贾夏付邹熊孟秦邱江尹薛阎段雷侯史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔白汤方乔温"
    "庄章鲁倪樊岳葛伍申尤毕聂焦柳邢骆齐梅盛童霍"
)
_TITLES = (
    "师傅|经理|主管|主任|老师|医生|大夫|教练|工程师|站长|店长|班长|队长|组长|所长|专员|管家|顾问"
    "|先生|女士|小姐"
)
# Left out: surnames that start a word after 小 or 老 (小范围, 小毛病, 小于, 小程序).
_NICKNAMES = (
    "李张刘赵吴徐孙朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖董袁潘蒋蔡杜魏吕丁沈姚卢姜崔谭陆廖贾邹孟秦邱"
    "尹薛阎侯陶黎贺郝龚邵严覃戴莫"
)
_PERSON = re.compile(
    rf"(?P<fact>(?<![责主现担信])[{_SURNAMES}](?:{_TITLES})|[小老](?:[{_NICKNAMES}]|周(?!期|年|边|末|转)|陈(?!列|旧|皮)|王(?!子|国)|顾(?!客|虑)))"
)

# --- amounts ------------------------------------------------------------------------------------------


def _range(match: re.Match[str], unit: str, *, scale: Decimal = Decimal(1)) -> str | None:
    """Return ``number`` of the match, and ``low`` before it, with ``unit``."""
    values = [numeral_value(text) for text in (match["low"], match["number"]) if text]
    if not values or any(value is None for value in values):
        return None
    return "~".join(plain((value * scale).normalize()) for value in values if value is not None) + unit


_PERCENT = re.compile(
    rf"(?P<fact>(?:(?P<low>{NUMERAL})%?{TO})?(?P<number>{NUMERAL})(?:%|个百分点)"
    rf"|(?P<word>[百千])分之(?P<after>{NUMERAL})|百分百)"
)


def _percent(match: re.Match[str]) -> str | None:
    if match["after"]:
        value = numeral_value(match["after"])
        unit = "%" if match["word"] == "百" else "‰"
        percent = None if value is None else plain(value) + unit
    else:
        percent = _range(match, "%")
    # 百分百满意 is a slogan.
    return NO_FACT if percent in ("100%", None) else percent


_DISCOUNT = re.compile(
    r"(?P<fact>(?<![\d.])(?P<number>\d\.\d|\d{1,2}|[一二三四五六七八九]{1,2})折)(?![叠扣返腾磨旧算])"
)


def _discount(match: re.Match[str]) -> str | None:
    number = match["number"].translate(str.maketrans("一二三四五六七八九", "123456789"))
    value = Decimal(number)
    return f"{plain(value / 10 if value > 10 else value)}折"


_MONEY = re.compile(
    rf"(?P<fact>(?:(?P<low>{NUMERAL})(?:元|块)?{TO})?(?P<number>{NUMERAL})[多余]?(?P<unit>元|块钱?|角|毛钱?|分钱)(?P<cents>(?<=块)\d(?!\d))?"
    rf"|[¥$] ?(?P<after_sign>{NUMERAL})元?)(?![旦宵素])"
)
_SMALL_MONEY = {"角": Decimal("0.1"), "毛": Decimal("0.1"), "分": Decimal("0.01")}


def _money(match: re.Match[str]) -> str | None:
    if match["after_sign"]:
        value = numeral_value(match["after_sign"])
        return None if value is None else f"{plain(value)}元"
    if match["cents"]:
        value = numeral_value(match["number"])
        return None if value is None else f"{plain(value)}.{match['cents']}元"
    return _range(match, "元", scale=_SMALL_MONEY.get(match["unit"][0], Decimal(1)))


def _is_common_money(match: re.Match[str]) -> bool:
    """Whether the unit may be another word: 一块办理, 两块电池, 三角裤."""
    return (
        match["unit"] in ("块", "角")
        and not match["cents"]
        and match["number"] in tuple("一两三四五六七八九半")
    )


_DAYS, _MINUTES, _MONTHS = "天", "分钟", "个月"
_UNIT_SCALES: dict[str, tuple[str, Decimal]] = {
    "秒钟": ("秒", Decimal(1)),
    "秒": ("秒", Decimal(1)),
    "分钟": (_MINUTES, Decimal(1)),
    "刻钟": (_MINUTES, Decimal(15)),
    "小时": (_MINUTES, Decimal(60)),
    "钟头": (_MINUTES, Decimal(60)),
    "工作日": ("个工作日", Decimal(1)),
    "自然日": (_DAYS, Decimal(1)),
    "天": (_DAYS, Decimal(1)),
    "日": (_DAYS, Decimal(1)),
    "晚": ("晚", Decimal(1)),
    "周": (_DAYS, Decimal(7)),
    "星期": (_DAYS, Decimal(7)),
    "礼拜": (_DAYS, Decimal(7)),
    "月": (_MONTHS, Decimal(1)),
    "季度": (_MONTHS, Decimal(3)),
    "年": (_MONTHS, Decimal(12)),
}
_TIME_UNIT = (
    "分钟|刻钟|秒钟?|小时|钟头|工作日|自然日|天(?![气然猫津])|日(?=之?内|以内|后)|晚(?![上间会点餐饭安班])"
    "|周(?![年末一二三四五六日天边期转围])|星期(?![一二三四五六日天])|礼拜(?![一二三四五六日天])|季度|月|年(?![级龄份度货纪轻终会])"
)
_DURATION = re.compile(
    rf"(?<!第)(?P<fact>(?:(?P<low>{NUMERAL})个?(?:{_TIME_UNIT})?{TO})?"
    rf"(?P<number>{NUMERAL})(?P<piece>个半|个)?(?P<unit>{_TIME_UNIT})(?P<half>半(?!价))?)(?P<limit>之?内|以内|之?后|左右)?"
)
_ROUND_THE_CLOCK = re.compile(r"不间断|(?:人工|全天)?(?:在线|热线|服务|客服|营业|值班|开放|接听|响应)")


def _duration(match: re.Match[str]) -> str | None:
    unit, scale = _UNIT_SCALES[match["unit"]]
    if match["unit"] == "月" and not match["piece"] and match["number"] != "俩":
        return None
    slogan = match["number"] == "24" and (
        match.string[max(0, match.start() - 2) : match.start()] in ("7x", "7×", "7*")
        or _ROUND_THE_CLOCK.match(match.string, match.end())
    )
    if slogan:
        return NO_FACT
    if match["piece"] == "个半" or match["half"]:
        value = numeral_value(match["number"])
        return None if value is None else plain((value + Decimal("0.5")) * scale) + unit
    return _range(match, unit, scale=scale)


def _is_common_duration(match: re.Match[str]) -> bool:
    """Whether it is a manner of speaking: 一天到晚, 等了半天, 有一天."""
    if match["unit"] not in ("天", "年", "晚") or match["number"] not in ("一", "半") or match["limit"]:
        return False
    before = match.string[max(0, match.start() - 1) : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return match["fact"] == "半天" or before in tuple("有哪某同那这每另当") or after in tuple("到四一天")


# --- quantities and numbers -----------------------------------------------------------------------------

_ABSTRACT = tuple("个位名人次条项张份场趟笔单台件")
_GOODS = (
    *(
        "公斤",
        "千克",
        "平方米",
        "平方",
        "平米",
        "公里",
        "千米",
        "厘米",
        "毫米",
        "毫升",
        "英寸",
        "积分",
        "单元",
        "号楼",
    ),
    *"斤克吨米升兆箱盒瓶袋包部套双只支把本册间座层楼栋幢室寸码度户倍期票罐桶片颗粒束朵盆辆排",
    *_ABSTRACT,
)
_LATIN = ("kg", "km", "cm", "mm", "ml", "gb", "mb", "m2", "w", "g", "m", "l", "k")
_SAME_UNIT = {
    "kg": "公斤",
    "千克": "公斤",
    "克": "g",
    "gb": "g",
    "m2": "平米",
    "平方米": "平米",
    "平方": "平米",
    "公里": "km",
    "千米": "km",
    "厘米": "cm",
    "毫米": "mm",
    "毫升": "ml",
    "升": "l",
    "兆": "m",
    "mb": "m",
    "人": "位",
    "名": "位",
}
_QUANTITY = re.compile(
    rf"(?<!第)(?P<fact>(?:(?P<low>{NUMERAL}){TO})?(?P<number>{NUMERAL}) ?"
    rf"(?P<unit>{'|'.join(_GOODS)}|(?:{'|'.join(_LATIN)})(?![a-z0-9\-_])))"
)


def _quantity(match: re.Match[str]) -> str | None:
    # 百度, 万米: a unit of ten thousand alone is no number.
    if match["number"] in tuple("十百千万亿") and match["number"] != "十":
        return None
    unit = match["unit"]
    if unit in ("克", "米") and match["number"][0].isdigit() and match["number"].endswith("千"):
        # 2.5千克: the 千 belongs to the unit.
        value = numeral_value(match["number"][:-1])
        return None if value is None else plain(value.normalize()) + _SAME_UNIT[f"千{unit}"]
    return _range(match, _SAME_UNIT.get(unit, unit))


def _is_common_quantity(match: re.Match[str]) -> bool:
    """Whether it counts nothing in particular: 一件事, 两种办法, 三位同事, 1个."""
    spoken = not match["number"][0].isdigit()
    abstract = match["unit"] in _ABSTRACT
    return (spoken and (match["number"] in ("一", "两", "半") or abstract)) or (
        abstract and match["number"] == "1"
    )


_NUMBER = re.compile(
    r"(?<![\da-z第.])(?P<fact>(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?+)(?![a-z])"
    r"|(?P<fact_2>[一二两三四五六七八九十][零一二三四五六七八九十]{0,4}[百千万亿][零一二三四五六七八九十百千万亿]{0,8})(?![多几余来])"
)


def _number(match: re.Match[str]) -> str | None:
    text = match["fact"] or match["fact_2"]
    if len(text) == 1:
        return None
    if text.isdigit():
        return text
    value = numeral_value(text)
    return None if value is None else plain(value)


KINDS: tuple[Kind, ...] = (
    Kind("placeholder", _PLACEHOLDER, _no_fact),
    Kind("url", _URL, _verbatim),
    Kind("email", _EMAIL, _verbatim),
    Kind("policy", _POLICY, _inner),
    Kind("date", ISO_DATE, date_value),
    Kind("phone", _PHONE, _digits),
    Kind("card", _CARD, _digits),
    Kind("masked", _MASKED, _digits),
    Kind("date", FULL_DATE, date_value),
    Kind("time", TIME, time_value),
    Kind("percent", _PERCENT, _percent),
    Kind("discount", _DISCOUNT, _discount),
    Kind("money", _MONEY, _money, _is_common_money),
    Kind("duration", _DURATION, _duration, _is_common_duration),
    Kind("date", MONTH, date_value),
    Kind("work_number", _WORK_NUMBER, lambda match: match["inner"] or match["inner_2"]),
    Kind("date", DAY, date_value),
    Kind("quantity", _QUANTITY, _quantity, _is_common_quantity),
    Kind("code", _CODE, _verbatim),
    Kind("person", _PERSON, _verbatim),
    Kind("day", DAY_WORD, day_value),
    Kind("number", _NUMBER, _number),
)
