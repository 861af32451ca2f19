"""A02: a reply that says it does not know or cannot, and offers nothing.

Source: manual rule A02 (never end on 不知道, 不清楚, 没办法, 不归我管 without a way out).

The hit needs both: one of the words, in the agent's own voice, and nothing in the whole draft that
offers help, a check, a transfer, an alternative or an apology. So a reply that is honest about not
knowing and says what happens next never hits.

Which error is worse: A02 costs ten points, so a false hit is; polite ways of brushing off are left
to the grader.
"""

import re

from reviewer.checks.subject import Subject
from reviewer.types import Hit

_REFUSAL = re.compile(r"不清楚|不知道|不晓得|没办法|管不了|不归(?:我们?|咱们?)管")
_WAY_OUT = re.compile(
    r"[帮为给替][您你]|核实|核对|查询|查一?下|查查|确认|转[给接达]|联系|回复|答复|回电|反馈|登记|建议"
    r"|可以|麻烦|请[您你]|申请|上报|[您你]看|明白|理解|抱歉|对不起|不好意思|稍等"
)


def find_brush_off(subject: Subject) -> tuple[Hit, ...]:
    """Return at most one hit, its spans the words of refusal."""
    if _WAY_OUT.search(subject.draft.text):
        return ()
    spans = subject.said(_REFUSAL)
    if not spans:
        return ()
    return (Hit("A02", spans, f"只说“{spans[0].text}”，没有答应查询核实，也没有给客户出路。"),)
