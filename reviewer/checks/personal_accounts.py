"""S07, E02, E03: a personal WeChat or QQ account handed out.

Source: manual rules S07 (an agent tells only the work number), E02 (no internal contact is given)
and E03 (no private dealings). The agent's own account is S07 when the customer asked for it or when
no business goes with it; offered unasked together with money it is E03; a colleague's is E02.

Not a hit: official, enterprise and public accounts, an account that the customer wrote, a refusal,
an account whose holder is not said.

Which error is worse: a false E03 blocks a message, so E03 needs money to be handed over in the same
sentence as the account.
"""

import re

from reviewer.checks.holders import nearest_holder
from reviewer.checks.subject import Subject
from reviewer.checks.wording import clause_bounds, negated, quoted, sentence_bounds, warned
from reviewer.types import Hit, Span

_ACCOUNT = re.compile(
    r"(?:微信|薇信|威信|vx|v信|wx|wechat|qq)(?:号码?|id)?(?:就?是|为|:|,|给您|给你){0,2}\s*"
    r"(?P<account>[a-z0-9_][a-z0-9_\-]{4,19})(?![a-z0-9_\-.@/])"
)
_WORD_AHEAD = re.compile(r"(?:我|他|她|加|私人|个人|自己|的|小号|大号)*$")
_OFFICIAL = re.compile(r"官方|企业|公司|公众|客服|服务号|小程序|搜索|群")
_TOLD = re.compile(r"说|让您|让你|要求|反映|如果|若")
_ASKED = re.compile(r"微信|vx|wx|qq|联系方式|电话|手机|怎么称呼|叫啥|叫什么|名字|姓名|贵姓|加个|加你|加您")
_MONEY = re.compile(
    r"(?:转|付|打|汇)(?:钱|款)?(?:给|到|至)?我(?!们|司|行|公司)|发我?红包|红包(?:发|转)|转账|钱转|私下|返您|返你|转\d"
)

_REASONS = {
    "S07": "草稿把坐席自己的微信或QQ（{account}）给了客户；应说明只通报工号，客户凭工号能找到本人。",
    "E02": "草稿把同事的微信或QQ（{account}）给了客户；应请客户留下情况和联系方式，由您代为转达。",
    "E03": "草稿让客户加坐席的私人账号（{account}）办理钱款或交易；付款和办理只能走公司渠道。",
}


def find_personal_accounts(subject: Subject) -> tuple[Hit, ...]:
    """Return at most one hit a rule over the chat accounts of the draft."""
    text = subject.draft.text
    found: dict[str, list[Span]] = {}
    for match in _ACCOUNT.finditer(text):
        if subject.written_by_customer(match["account"]) or subject.declared_by_team(match["account"]):
            continue
        rule_id = _judge(subject, match)
        if rule_id:
            found.setdefault(rule_id, []).append(subject.draft.span(match.start(), match.end()))
    return tuple(
        Hit(rule_id, tuple(spans), _REASONS[rule_id].format(account=spans[0].text))
        for rule_id, spans in found.items()
    )


def _offered(text: str, start: int, end: int) -> bool:
    """Whether the account is given to be used, not refused, quoted, warned against or told of somebody."""
    first, _ = clause_bounds(text, start, start)
    told = _TOLD.search(text, first, start)
    return not (told or quoted(text, start, end) or negated(text, start) or warned(text, start, end))


def _judge(subject: Subject, match: re.Match[str]) -> str | None:
    text = subject.draft.text
    first, last = sentence_bounds(text, match.start(), match.end())
    if _OFFICIAL.search(text, first, match.start()) or not _offered(text, match.start(), match.end()):
        return None
    lead = _WORD_AHEAD.search(text, first, match.start())
    words = lead.group() if lead else ""
    holder = nearest_holder(text, match.start()).kind
    if "她" in words or "他" in words or holder == "colleague":
        return "E02" if holder in ("colleague", "unknown") else None
    if "我" not in words and not (holder == "agent" or words.startswith("加")):
        return None
    asked = _ASKED.search(subject.asked) is not None
    if not asked and _MONEY.search(text, first, last):
        return "E03"
    return "S07"
