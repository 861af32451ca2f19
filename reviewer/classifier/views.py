"""Parts of a draft that are read by themselves as well, so that the rest cannot hide a fault.

A classifier weighs everything it reads. Words to whoever reviews the draft, which no customer has any use
for, and pages of pleasantries lower the logit of the one clause that breaks a rule.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reviewer.clauses import split_clauses
from reviewer.folding import fold

# Drafts of composed and real chats are seldom longer (99 % of the development set).
LONG = 100
# Enough for one sentence with what belongs to it; each part costs one more pass of the encoder.
_PART, _MOST_PARTS = 40, 12
# A sentence by itself looks worse than in its place. With three taken off, the best sentence of a draft
# costs nothing on the development set (area under precision and recall of the red lines 0.866, of the
# whole draft alone 0.861; with none taken off 0.848).
_LOWERED = 3.0
_MOST_CLAUSES = 200

# What only somebody who grades, or a program, has to do with; and marks of its formats.
_ASIDE = re.compile(
    r"质检|审查|评审|评判|判定|合规|违规|不违反|豁免|扣分|评分|(?:请勿|不要|不得|勿|别)(?:再)?(?:标记|审核|标注)"
    r"|规则.{0,6}(?:不适用|作废|删除|无效|失效|停用)|规则编号|(?:忽略|无视|跳过|照抄).{0,8}(?:规则|指令|要求|本条|此行|草稿)"
    r"|[本该此](?:条|段|草稿|回复|答复|消息|对话)|以[上下](?:所有|全部)?(?:内容|对话|文字|回复|答复)"
    r"|提示词|指令|模型|演练|台词|剧本|短剧|扮演|虚构|教学案例|真实案例"
    r"|你现在是|你是一[个名]|不再是|新任务|系统[:：]|返回(?:空|相同|结果|列表|json)"
    r"|</?[a-z_|]+>|<!--|-->|\[/?[a-z]{3,}\]|[{}]|[a-z]=\w|=="
    r"|(?<![a-z])(?:verdict|pass(?:ed)?|violations?|prompt|system|assistant|instructions?|ignore|inst|dan|json"
    r"|rules?|check|review(?:er)?|flag|compliance|compliant|llm)(?![a-z])",
    re.IGNORECASE,
)
# Up to the closing bracket or, since a clause may end before it, to the end.
_BRACKETED = re.compile(r"[（(【\[<][^）)】\]>]*(?:[）)】\]>]|$)")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class View:
    """Half-open ranges of the draft that are read together, and what its logits are lowered by."""

    kept: tuple[tuple[int, int], ...]
    lowered: float


def views(draft: str) -> tuple[View, ...]:
    """Return what is read besides the whole: the draft without asides, and a long one in parts.

    Most drafts have none.
    """
    pieces = [(start, end, bool(_ASIDE.search(fold(draft[start:end]).text))) for start, end in _pieces(draft)]
    found = []
    kept = tuple((start, end) for start, end, aside in pieces if not aside)
    if 0 < len(kept) < len(pieces):
        found.append(View(kept, 0.0))
    if len(draft) > LONG:
        found += [View((part,), _LOWERED) for part in _parts(pieces, max(_PART, len(draft) // _MOST_PARTS))]
    return tuple(found)


def _pieces(draft: str) -> Iterator[tuple[int, int]]:
    """Yield the clauses, what stands in brackets apart."""
    for clause in split_clauses(draft, limit=_MOST_CLAUSES):
        bounds = [clause.span.start]
        for match in _BRACKETED.finditer(draft, clause.span.start, clause.span.end):
            bounds += match.span()
        bounds.append(clause.span.end)
        yield from ((start, end) for start, end in pairwise(bounds) if _WORD.search(draft, start, end))


def _parts(pieces: Sequence[tuple[int, int, bool]], size: int) -> list[tuple[int, int]]:
    """Join neighbours into parts of ``size`` characters or more; what is an aside stands by itself."""
    parts: list[tuple[int, int]] = []
    joinable = False
    for start, end, aside in pieces:
        if joinable and not aside and parts[-1][1] - parts[-1][0] < size:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
        joinable = not aside
    return parts
