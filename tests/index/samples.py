"""A small manual to index."""

from dataclasses import dataclass

from reviewer.index.chunks import Passage, chunk_manual
from reviewer.types import Conversation, Rule, Source


@dataclass(frozen=True, slots=True)
class Section:
    document: str
    title: str
    heading: str
    rule_id: str | None
    text: str
    checkable: bool


def make_rule(rule_id: str, title: str, *, when: str, text: str, bad: str, customer: str = "") -> Rule:
    return Rule(
        id=rule_id,
        title=title,
        severity="major",
        when=when,
        require="",
        avoid="",
        good="好的，我来为您核实。",
        bad=bad,
        good_context=Conversation(draft="好的，我来为您核实。", customer=customer),
        text=text,
        source=Source("《投诉处理》", f"{rule_id} {title}"),
        stages=("opening", "middle", "closing"),
        channels=("online", "phone"),
        points=10,
        deduction=rule_id,
        yields_to=(),
        origins=(),
    )


RULES = (
    make_rule("A02", "不用否定语", when="any", text="不要说不知道、没办法。", bad="这个我不知道，没办法。"),
    make_rule(
        "E02",
        "不外泄内部号码",
        when="客户要其他部门的电话",
        text="请客户留下联系方式，代为转达。不要直接给出内部号码。",
        bad="维修部的手机你自己打。",
        customer="售后的电话给我一个",
    ),
    make_rule(
        "D03",
        "价格按统一口径",
        when="客户询问价格、优惠",
        text="按公司统一报价答复。不要私自打折。",
        bad="别跟别人说，我私下给你打八折。",
        customer="还能再便宜点吗",
    ),
)
SECTIONS = (
    Section("complaints", "《投诉处理》", "E02 不外泄内部号码", "E02", "转达之后告知客户多久回电。", True),
    Section(
        "complaints", "《投诉处理》", "仪容", None, "上班时间着工装，坐姿端正。\n不作为判定依据。", False
    ),
)


def make_passages() -> tuple[Passage, ...]:
    return chunk_manual(SECTIONS, RULES)
