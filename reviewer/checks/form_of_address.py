"""A01 and A08: 你 where 您 is due, and endearments.

Source: manual rules A01 (address the customer as 您 throughout) and A08 (warm, never sugary: no 亲爱哒,
么么哒, 小妹). A01 is hit only by a draft that says 你 and never 您: one slip in a polite reply is for
the grader. 你好 and 你们 (the company, a family) are no address. A single 亲 is no endearment.

Which error is worse: both rules are minor and ask for a revision, so a false hit costs trust. Words
that mostly mean somebody else (宝宝 is a baby, 人家 other people) are left to the grader.
"""

import re

from reviewer.checks.subject import Subject
from reviewer.types import Hit

_YOU = re.compile(r"你(?![好们])")
# 亲爱的用户 opens a formal notice; 亲爱的 alone addresses one person.
_ENDEARMENT = re.compile(
    r"亲爱[的哒滴](?!客户|会员|用户|业主|旅客|顾客|家长|读者|车主)|亲亲|么么哒?|小可爱|小仙女"
    r"|宝子|宝儿|小妹|(?<!小)妹子"
)


def find_familiar_address(subject: Subject) -> tuple[Hit, ...]:
    """Return at most one hit of A01, with a span for every 你 that addresses the customer."""
    if "您" in subject.draft.text:
        return ()
    spans = subject.said(_YOU)
    return (Hit("A01", spans, "全句用“你”称呼客户，没有一处用“您”。"),) if spans else ()


def find_endearments(subject: Subject) -> tuple[Hit, ...]:
    """Return at most one hit of A08, with a span for every endearment."""
    spans = subject.said(_ENDEARMENT)
    if not spans:
        return ()
    said = "、".join(f"“{text}”" for text in dict.fromkeys(span.text for span in spans))
    return (Hit("A08", spans, f"{said}过于亲昵，不够专业得体。"),)
