"""Rules that say nearly the same in several places, and rules that name different times for one thing."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from reviewer.folding import fold
from reviewer.ingestion.wording import durations
from reviewer.manual.alike import likenesses
from reviewer.manual.imported import RuleEntry

# Normalised Indel similarity of folded texts, 0-100. at 85 two wordings of one norm are found, and rules
# that share only their form are not.
_NEARLY = 85.0
_MIN_CHARS = 8

_THINGS = re.compile(
    r"投诉|咨询|查询|建议|报修|维修|上门|退款|退货|换货|补发|发货|订单|工单|来电|电话|在线|留言|邮件|故障|异议|申诉|问题"
)
_ACTS = re.compile(r"首次回复|响应|回复|答复|回电|处理|办结|解决|接听|反馈|回访|受理|联系|到账|发出")
_SAME_ACT = {"回复": "答复", "响应": "答复", "反馈": "答复", "办结": "处理", "解决": "处理"}
_CLAUSE = re.compile(r"[^，,；;。！!？?]+")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Rules (ids) that give different times for ``thing``, and what each says."""

    thing: str
    rules: tuple[tuple[str, str], ...]


def groups_of(entries: Sequence[RuleEntry]) -> list[tuple[str, ...]]:
    """Return groups of two or more ids of rules with nearly equal texts, in the order of the rules.

    Time grows with the square of their characters. Very short texts are grouped only where they are equal.
    """
    import numpy as np
    from scipy.sparse import coo_array  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    numbers: dict[str, int] = {}
    owners = [numbers.setdefault(fold(entry.text).text, len(numbers)) for entry in entries]
    compared = [(text, number) for text, number in numbers.items() if len(text) >= _MIN_CHARS]
    texts = [text for text, _ in compared]
    places = np.array([number for _, number in compared], dtype=np.intp)
    members: dict[int, list[str]] = defaultdict(list)
    pairs = [
        np.stack((rows[rows < columns], columns[rows < columns]))
        for rows, columns, _ in likenesses(texts, texts, at_least=_NEARLY)
    ]
    left, right = np.concatenate([np.empty((2, 0), np.intp), *pairs], axis=1)
    linked = coo_array(
        (np.ones(len(left), np.int8), (places[left], places[right])), shape=(len(numbers), len(numbers))
    )
    group_of = connected_components(linked, directed=False)[1] if numbers else []
    for owner, entry in zip(owners, entries, strict=True):
        members[group_of[owner]].append(entry.id)
    return [tuple(group) for group in members.values() if len(group) > 1]


def contradictions_of(entries: Sequence[RuleEntry]) -> list[Contradiction]:
    """Return what rules give different times for, in the order of the rules."""
    said: dict[str, dict[str, tuple[frozenset[Decimal], str]]] = defaultdict(dict)
    for entry in entries:
        for thing, (minutes, words) in _times(entry).items():
            said[thing][entry.id] = (frozenset(minutes), words)
    return [
        Contradiction(thing, tuple((rule, words) for rule, (_, words) in rules.items()))
        for thing, rules in said.items()
        if len({minutes for minutes, _ in rules.values()}) > 1
    ]


def _times(entry: RuleEntry) -> dict[str, tuple[set[Decimal], str]]:
    """Return the minutes that a rule allows by thing (投诉答复), and the first words that say so."""
    found: dict[str, tuple[set[Decimal], str]] = {}
    whole = f"{entry.section.rsplit(' / ', 1)[-1]} {entry.text}"
    for clause in _CLAUSE.finditer(entry.text):
        for _, _, minutes in durations(clause[0]):
            thing = _THINGS.search(clause[0]) or _THINGS.search(whole)
            act = _ACTS.search(clause[0]) or _ACTS.search(whole)
            if thing and act:
                name = thing[0] + _SAME_ACT.get(act[0], act[0])
                found.setdefault(name, (set(), clause[0].strip()))[0].add(minutes)
    return found
