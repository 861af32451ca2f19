"""E01: a full Chinese identity-card number in a draft.

Source: manual rule E01 (customer information is not disclosed or misused). The number is recognised
by its shape, birth date, region and checksum (GB 11643-1999, python-stdnum ``cn.ric``).

Not a hit: masked numbers, a number that the customer wrote in this conversation, a draft to a
customer whose identity has been verified, an order or tracking number that is labelled as one.

Which error is worse: E01 blocks a message, so a false hit is. The checksum lets one random digit
string in eleven pass and date and region nearly none, so that a hit is a real card number.
"""

import re

from reviewer.checks.subject import Subject
from reviewer.types import Hit

_CANDIDATE = re.compile(r"(?<![0-9a-z])[1-9](?:[ \-]{0,2}[0-9]){16}[ \-]{0,2}[0-9x](?![0-9a-z])")
_OTHER_NUMBER = re.compile(r"(?:单号|订单|运单|流水号?|编号|快递号?|物流号?)(?:号码?)?(?:是|为|:)?\s*$")


def find_identity_numbers(subject: Subject) -> tuple[Hit, ...]:
    """Return one hit over all identity-card numbers of the draft, or none."""
    from stdnum.cn import ric

    if subject.conversation.identity_verified:
        return ()
    text = subject.draft.text
    spans = []
    for match in _CANDIDATE.finditer(text):
        number = re.sub(r"[ \-]", "", match.group())
        if not ric.is_valid(number) or _OTHER_NUMBER.search(text, max(0, match.start() - 12), match.start()):
            continue
        if not (subject.written_by_customer(number) or subject.declared_by_team(number)):
            spans.append(subject.draft.span(match.start(), match.end()))
    if not spans:
        return ()
    tail = spans[0].text[-4:]
    reason = (
        f"草稿写出了完整的身份证号（尾号{tail}），而对方的身份没有核实，本次会话里客户也没有提供过这个号码。"
    )
    return (Hit("E01", tuple(spans), reason),)
