"""E02: a colleague's or an internal telephone number handed out; S07: the agent's own.

Source: manual rules E02 (no non-public number is given; the agent passes the matter on) and S07 (an
agent tells only the work number). Mobile and landline numbers are recognised with the numbering
plan of China (phonenumbers); extensions by the word in front of them.

A hit needs a holder: a role, department or nickname (for E02) or the agent himself (for S07) must be
named near the number. Not a hit: numbers on the team's public list, hotlines and service numbers,
the customer's own number, masked numbers, order numbers, and numbers whose holder is not said. A
number of another customer is E01, which is the grader's to judge.

Which error is worse: both rules ask for a revision only, but a hit on the customer's own number
would look foolish; the check therefore keeps silent when in doubt.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.checks.holders import Holder, names_colleague, names_third_party, nearest_holder
from reviewer.checks.subject import Subject
from reviewer.checks.wording import sentence_bounds
from reviewer.types import Hit

_MOBILE = re.compile(
    r"(?<![0-9a-z*])(?:\+?86[ \-]?)?"
    r"(?P<number>1[ \-.]{0,2}[3-9](?:[ \-.]{0,2}[0-9]){9})(?![0-9*]|[个元天年小分])"
)
_SPOKEN_DIGITS = str.maketrans("零〇一幺二三四五六七八九", "001123456789")
_SPOKEN = "零〇一幺二三四五六七八九"
_SPOKEN_MOBILE = re.compile(
    rf"(?<![{_SPOKEN}0-9])(?P<number>[一幺][三四五六七八九][{_SPOKEN}]{{9}})(?![{_SPOKEN}0-9])"
)
_LANDLINE = re.compile(
    r"(?<![0-9\-])(?P<number>(?:\(?0\d{2,3}\)?[ \-]?)?[2-8]\d{3}[ \-]?\d{3,4})(?:(?:转|-)\d{1,5})?(?![0-9])"
)
_EXTENSION = re.compile(r"(?P<word>内线|分机)(?:号码?)?(?:是|为|:)?\s*(?P<number>\d{3,6})(?!\d)")

_OTHER_NUMBER = re.compile(
    r"(?:单号?|订单|运单|流水|编号|验证码|卡号|账号|户号|工号|型号)(?:号码?)?(?:是|为|:)?\s*$"
)
_CONTACT = re.compile(r"手机|电话|号|联系|打|拨|微信|直线|致电|找|加")
_INTERNAL = re.compile(r"内线|直线(?!距离)|直拨")
# The office line of a company is often public, that of a colleague is not.
_OFFICE = re.compile(r"座机|办公室|办公电话")
_PRIVATE = re.compile(r"(?:私人|工作|内部|值班)的?(?:手机|电话|号码?|联系方式)|[他她]的?(?:手机|电话|号码)")
_DIAL_HIM = re.compile(r"[^。!?\n]{0,8}打(?:给|通)?[他她]")
# The number is the one at which the customer is to be reached.
_REACHES_CUSTOMER = re.compile(
    r"[^。!?\n]{0,14}(?:联系您|给您[打回来致]|找您|是您|您的|您这边|畅通|对吗|对不对|是吗|正确|没错|接听)"
)
_HOTLINE = re.compile(r"(?<!\d)(?:400|800)[ \-]?\d|(?<!\d)9[56]\d{3}|热线|总机|客服电话")


@dataclass(frozen=True, slots=True)
class _Candidate:
    start: int
    end: int
    digits: str
    kind: Literal["mobile", "internal", "office"]


def find_phone_numbers(subject: Subject) -> tuple[Hit, ...]:
    """Return at most one E02 and one S07 hit over the telephone numbers of the draft."""
    leaks: dict[str, list[_Candidate]] = {"E02": [], "S07": []}
    for candidate in sorted(_candidates(subject.draft.text), key=lambda found: found.start):
        if subject.declared_by_team(candidate.digits) or subject.written_by_customer(candidate.digits):
            continue
        rule_id = _judge(subject, candidate)
        if rule_id:
            leaks[rule_id].append(candidate)
    return tuple(
        Hit(
            rule_id,
            tuple(subject.draft.span(leak.start, leak.end) for leak in found),
            _reason(rule_id, found),
        )
        for rule_id, found in leaks.items()
        if found
    )


def _candidates(text: str) -> Iterator[_Candidate]:
    """Yield every telephone-like number that is valid in its numbering plan, unsorted."""
    for pattern in (_MOBILE, _SPOKEN_MOBILE):
        for match in pattern.finditer(text):
            digits = re.sub(r"[ \-.]", "", match["number"].translate(_SPOKEN_DIGITS))
            if _is_valid(digits) and not _OTHER_NUMBER.search(text, max(0, match.start() - 8), match.start()):
                yield _Candidate(match.start(), match.end(), digits, "mobile")
    for match in _LANDLINE.finditer(text):
        digits = re.sub(r"[() \-]", "", match["number"])
        if digits.startswith("0") and not _is_valid(digits):
            continue
        lead = max(0, match.start() - 10), match.start()
        if _INTERNAL.search(text, *lead):
            yield _Candidate(match.start(), match.end(), digits, "internal")
        elif _OFFICE.search(text, *lead):
            yield _Candidate(match.start(), match.end(), digits, "office")
    for match in _EXTENSION.finditer(text):
        start, end = match.span("number")
        yield _Candidate(start, end, match["number"], "internal" if match["word"] == "内线" else "office")


def _is_valid(digits: str) -> bool:
    import phonenumbers

    return phonenumbers.is_valid_number(phonenumbers.parse(digits, "CN"))


def _judge(subject: Subject, candidate: _Candidate) -> str | None:
    """Return the rule that handing out this number breaks, or None when that is not certain."""
    text = subject.draft.text
    if _REACHES_CUSTOMER.match(text, candidate.end):
        return None
    holder = nearest_holder(text, candidate.start)
    if holder.kind in ("customer", "third", "public"):
        return None
    if candidate.kind != "mobile":
        return "E02" if _is_internal_line(text, candidate, holder) else None
    if holder.kind == "agent":
        return "S07"
    if holder.kind == "colleague" and _introduced(text, candidate, holder):
        return "E02"
    return "E02" if _is_unnamed_colleague(subject, candidate) else None


def _is_internal_line(text: str, candidate: _Candidate, holder: Holder) -> bool:
    """Whether a landline or extension belongs to the inside of the company."""
    first, _ = sentence_bounds(text, candidate.start, candidate.end)
    if _HOTLINE.search(text, first, candidate.start):
        return False
    return candidate.kind == "internal" or holder.kind == "colleague"


def _introduced(text: str, candidate: _Candidate, holder: Holder) -> bool:
    """Whether the words from the holder to just after the number offer it as a contact."""
    return (
        candidate.start - holder.end <= 2
        or _CONTACT.search(text, holder.end, min(len(text), candidate.end + 10)) is not None
    )


def _is_unnamed_colleague(subject: Subject, candidate: _Candidate) -> bool:
    """Whether he or she whose number it is can only be a colleague named elsewhere."""
    text = subject.draft.text
    offered = _PRIVATE.search(text, max(0, candidate.start - 10), candidate.start) or _DIAL_HIM.match(
        text, candidate.end
    )
    if not offered or names_third_party(text) or names_third_party(subject.asked):
        return False
    return names_colleague(text) or names_colleague(subject.customer)


def _reason(rule_id: str, leaks: list[_Candidate]) -> str:
    tails = "、".join(dict.fromkeys(f"尾号{leak.digits[-4:]}" for leak in leaks))
    if rule_id == "S07":
        return f"草稿把坐席自己的电话（{tails}）给了客户；只报工号即可，客户凭工号能找到本人。"
    return (
        f"草稿把同事或内部的号码（{tails}）直接给了客户；"
        "这个号码不在公开号码之列，应请客户留下情况，由您代为转达。"
    )
