"""C08: the last reply of a conversation has none of the parts of a farewell.

Source: manual rule C08 (ask for further needs, thank, say goodbye, invite back: one of them will do).
The check reports an absence, so its hit has no span.

Which error is worse: C08 is minor and asks for a revision; a false hit on a reply that does take
leave would cost trust, so the list of farewells is wide, and a curt 再见 passes this check.
"""

import re

from reviewer.checks.subject import Subject
from reviewer.types import Hit

_FAREWELL = re.compile(
    r"还有(?:什么|啥|别的|其他|其它|没有|需要|问题|疑问|不)|其他|其它|别的|另外有|谢谢|感谢|多谢|谢啦|致谢|感恩|再见|再会|拜拜|拜了|回见"
    r"|回聊|再[喊找叫]我|晚安|改天见|到时见|8+6|bye(?![a-z])|欢迎|期待|随时|祝|愿您|顺心|愉快|生活愉快|保重|慢走|有需要|有问题|有疑问|有任何"
)


def find_missing_closing(subject: Subject) -> tuple[Hit, ...]:
    """Return one hit without span when a closing reply takes no leave in any form."""
    if subject.conversation.stage != "closing":
        return ()
    text = subject.draft.text
    if not text.strip() or _FAREWELL.search(text):
        return ()
    reason = "这是本次会话的最后一句回复，草稿没有询问其他需要，也没有致谢、道别或欢迎再联系。"
    return (Hit("C08", (), reason),)
