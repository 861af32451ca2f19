"""E01: a full bank-card number in a draft.

Source: manual rule E01 (customer information is not disclosed or misused). A card number has 16 or
19 digits, or 16-19 for UnionPay, a known issuer prefix (ISO/IEC 7812) and a valid Luhn digit
(python-stdnum ``luhn``).

Not a hit: masked numbers, a number that the customer wrote in this conversation, a draft to a
customer whose identity has been verified, order and tracking numbers, an account of the company.

Which error is worse: E01 blocks a message, so a false hit is. One digit string in ten passes the
Luhn test; therefore a word for card or account must stand in the draft or the question, too.
"""

import re

from reviewer.checks.subject import Subject
from reviewer.checks.wording import sentence_bounds
from reviewer.types import Hit

_CANDIDATE = re.compile(r"(?<![0-9a-z])[0-9](?:[ \-]{0,2}[0-9]){15,18}(?![0-9a-z个元天年小分])")
# UnionPay; Visa; Mastercard; JCB; debit cards of the large Chinese banks issued before UnionPay.
_ISSUER = re.compile(
    r"62\d{14,17}|4\d{15}|4\d{18}|5[1-5]\d{14}|35(?:2[89]|[3-8]\d)\d{12}|(?:9558|9559|6013)\d{15}"
)
_CARD_WORD = re.compile(r"卡|账号|帐号|账户|帐户|银行|开户|汇款|打款|收款|转账")
_OTHER_NUMBER = re.compile(
    r"(?:单|订单|运单|流水|快递|物流|工单|保单|合同|设备|序列|条形?码|sn|imei|iccid|sim卡?|物联网卡)"
)
_COMPANY = re.compile(r"对公|我司|我们公司|公司(?:的)?(?:账|帐)|单位(?:账|帐)|官方(?:账|帐)|监管账户|户名")


def find_bank_cards(subject: Subject) -> tuple[Hit, ...]:
    """Return one hit over all bank-card numbers of the draft, or none."""
    from stdnum import luhn

    if subject.conversation.identity_verified:
        return ()
    text = subject.draft.text
    if not (_CARD_WORD.search(text) or _CARD_WORD.search(subject.asked)):
        return ()
    spans = []
    for match in _CANDIDATE.finditer(text):
        number = re.sub(r"[ \-]", "", match.group())
        if not (_ISSUER.fullmatch(number) and luhn.is_valid(number)):
            continue
        first, last = sentence_bounds(text, match.start(), match.end())
        if _OTHER_NUMBER.search(text, max(first, match.start() - 8), match.start()):
            continue
        if _COMPANY.search(text, first, last):
            continue
        if not (subject.written_by_customer(number) or subject.declared_by_team(number)):
            spans.append(subject.draft.span(match.start(), match.end()))
    if not spans:
        return ()
    tail = spans[0].text[-4:]
    reason = (
        f"草稿写出了完整的银行卡号（尾号{tail}），而对方的身份没有核实，本次会话里客户也没有提供过这个卡号。"
    )
    return (Hit("E01", tuple(spans), reason),)
