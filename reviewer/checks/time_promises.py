"""C07: an answer to a query or complaint is promised later than the norms allow.

Source: manual rule C07: a query within 15 minutes; a complaint first answered within 2 hours, closed
within 1 working day when simple (at most 3) and 5 when complex (at most 7). When simple or complex
is not said, only more than 7 working days is too long.

A hit needs a duration together with words for answering the customer. Delivery, arrival of a refund,
repair and visits are not answers; a duration that has passed (都三天了) or binds the customer
(请您三天内回复我们) is no promise.

Which error is worse: C07 costs points and asks for a revision; the limits are public, so a false hit
would be contested. Calendar days are therefore counted leniently (11 always hold 7 working days
outside long holidays), and a query counts as late only from one whole day on.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from reviewer.checks.subject import Subject
from reviewer.checks.wording import clause_bounds, quoted, sentence_bounds
from reviewer.numerals import NUMERAL, numeral_value
from reviewer.types import Hit

_HOURS = {
    "分钟": Decimal(1) / 60,
    "小时": Decimal(1),
    "钟头": Decimal(1),
    "工作日": Decimal(24),
    "自然日": Decimal(24),
    "天": Decimal(24),
    "日": Decimal(24),
    "周": Decimal(24 * 7),
    "星期": Decimal(24 * 7),
    "礼拜": Decimal(24 * 7),
    "月": Decimal(24 * 30),
}
_DURATION = re.compile(
    rf"(?P<number>{NUMERAL}|后)(?P<half>个半|个)?(?P<unit>分钟|小时|钟头|工作日|自然日|天|日(?=内|之内|以内|后)|周|星期|礼拜|月)(?P<and_half>半)?"
)
_FIRST_REPLY_LIMIT = Decimal(2)
_QUERY_LIMIT = Decimal(24)
_WORKDAY_LIMIT = 7
_CALENDAR_LIMIT = Decimal(24 * 11)

_ANSWER = re.compile(
    r"(?:回复|答复|回电|回话|回信|告诉|告知|联系|通知|反馈给?)(?:[您你]|结果)"
    r"|(?:跟|与|和|给|向|为)[您你](?:首次|第一次)?(?:联系|回|答|反馈|[个一]*(?:说法|答案|结果|处理))"
    r"|[回答]复(?:结果|时间)|(?:处理|查询|调查|核查|核实)(?:结果|周期|时限|意见|方案|完)|首次(?:回|答|联系)"
    r"|(?:有人|专员|专人)(?:会)?(?:回|联系|跟[您你])|[有出]结果|回[您你]|办结|结案"
)
_FIRST_REPLY = re.compile(r"(?:首次|第一次|初次)(?:给您|跟您|与您|向您|联系|回|答|反馈|沟通)+")
_NOT_AN_ANSWER = re.compile(
    r"到账|退款|退费|退回|退还|打款|返还|入账|赔付|理赔款|扣款|发票|物流|发货|送达|配送|快递|派送|派件|寄|取件|签收|到货"
    r"|备货|现货|补发|换货|退货|维修|检修|抢修|修[好复完]|返厂|上门|安装|装机|施工|定制|制作|制卡|出片|修图|精修|出票|出证"
    r"|开通|生效|审核|审批|审查|核保|复检|鉴定|检测|送检|校验|检验|考试|预约|办理|取消|关闭|解冻|解绑|冻结"
    r"|续费|续约|到期|提醒|保养|维护|保修|质保|有效|试用|无理由|犹豫期|保留|保存|录音|起飞|降价|价保|保价"
)
_AFTER_PAST = re.compile(r"(?:之内|以内|内|后)?(?:还|都|仍|一直)?(?:了|来|前|以前|之前|多了|没|未)")
_BEFORE_PAST = re.compile(
    r"(?:(?<!不)超过|已经?|都|等了|过去|这|近|前|上|每|第|满|最近|不到|超出|逾期|晚了|拖了|历史|未来|提前)$"
    r"|如果|若|要是|假如|万一|一旦|不会|不用|不需要|无需|不必|之前|此前|上次|当时|当初"
)
_CUSTOMER_ACTS = re.compile(
    r"(?:请|麻烦|烦请)[您你][^,。!?]{0,12}$|[您你](?:可以|可|需要?|要|得|应)?(?:在|于)?$"
)
_TO_US = re.compile(r"(?:联系|回复|告诉|告知|通知|反馈给?)(?:我们|我|客服)")
_COMPLAINT = re.compile(
    r"投诉|举报|申诉|异议|争议|仲裁|索赔|维权|曝光|说法|太[^,。]{0,4}了|气死|骗|什么破|凭什么|赔"
)
_QUERY = re.compile(r"查询|查[一下到完看]|帮您查|查(?=[^,。]{0,10}(?:明细|进度|情况|记录|位置))")


@dataclass(frozen=True, slots=True)
class _Promise:
    start: int
    end: int
    hours: Decimal
    workdays: Decimal | None


def find_time_promises(subject: Subject) -> tuple[Hit, ...]:
    """Return one hit over all promises of an answer that are beyond the limits, or none."""
    text = subject.draft.text
    late = [(promise, why) for promise in _promises(text) if (why := _why_late(subject, promise)) is not None]
    if not late:
        return ()
    spans = tuple(subject.draft.span(promise.start, promise.end) for promise, _ in late)
    return (Hit("C07", spans, late[0][1]),)


def _promises(text: str) -> list[_Promise]:
    """Return every duration in which the agent's side promises to answer, in order."""
    found = []
    for match in _DURATION.finditer(text):
        hours = _hours(match)
        first, last = clause_bounds(text, match.start(), match.end())
        if hours is None or not _is_answer(text, match, first, last):
            continue
        workdays = hours / 24 if match["unit"] == "工作日" else None
        found.append(_Promise(match.start(), _rtrim(text, match.end(), last), hours, workdays))
    return found


def _hours(match: re.Match[str]) -> Decimal | None:
    """Return the length in hours; None for what is no length (一月 is January, 几天 has no value)."""
    unit = match["unit"]
    if match["number"] == "后":
        return Decimal(48) if unit == "天" else None
    value = numeral_value(match["number"])
    if value is None or (unit == "月" and not match["half"]):
        return None
    if match["number"] == "半" and unit == "天" and match["half"]:
        return None
    if match["half"] == "个半" or match["and_half"]:
        value += Decimal("0.5")
    return value * _HOURS[unit]


def _is_answer(text: str, match: re.Match[str], first: int, last: int) -> bool:
    """Whether the clause ``[first, last)`` promises to answer the customer within the duration."""
    if quoted(text, match.start(), match.end()) or _AFTER_PAST.match(text, match.end()):
        return False
    if _BEFORE_PAST.search(text, first, match.start()) or _CUSTOMER_ACTS.search(text, first, match.start()):
        return False
    if _NOT_AN_ANSWER.search(text, first, last) or _TO_US.search(text, first, last):
        return False
    return _ANSWER.search(text, first, last) is not None


def _why_late(subject: Subject, promise: _Promise) -> str | None:
    """Return why the promise is beyond the norm, or None when it may stand."""
    text = subject.draft.text
    span = subject.draft.span(promise.start, promise.end).text
    first, last = clause_bounds(text, promise.start, promise.end)
    everything = f"{text}\n{subject.customer}"
    complaint = _COMPLAINT.search(everything) is not None
    if "投诉" in everything and _FIRST_REPLY.search(text, first, last) and promise.hours > _FIRST_REPLY_LIMIT:
        return f"“{span}”：投诉应在2小时内首次回复，这里承诺的时间超过了规范。"
    if _beyond_any_limit(promise):
        return f"“{span}”：查询应在15分钟内答复，投诉最长7个工作日办结，这里承诺的时间超过了规范。"
    sentence_first, _ = sentence_bounds(text, promise.start, promise.end)
    query = _QUERY.search(text, sentence_first, last) is not None or "查" in subject.asked
    if query and not complaint and promise.hours >= _QUERY_LIMIT:
        return f"“{span}”：查询应在15分钟内答复，这里要客户等一天以上。"
    return None


def _beyond_any_limit(promise: _Promise) -> bool:
    if promise.workdays is not None:
        return promise.workdays > _WORKDAY_LIMIT
    return promise.hours > _CALENDAR_LIMIT


def _rtrim(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
