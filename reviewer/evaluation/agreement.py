"""How far two annotators agree on the same examples.

Source: Cohen's kappa (1960) and F1 as scikit-learn computes them. Kappa is -1 to 1, 0 is chance, higher
is better; it is None where both give one and the same answer throughout, which leaves nothing to agree
on beyond chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example

_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class RuleAgreement:
    """Agreement on one rule that at least one annotator found; ``agreed`` is a share, 0-1."""

    rule: str
    n_a: int
    n_b: int
    n_both: int
    kappa: float | None
    agreed: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One example on which the annotators differ, in verdict or rules."""

    id: str
    verdict_a: str
    verdict_b: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two annotators on the ``n`` examples that both labelled.

    Rules that either of them put in dispute are left out of that example. A flag is a verdict other
    than pass. ``rule_f1`` is micro F1 of ``b`` against ``a``, which is the same the other way round,
    None where neither found anything. ``rules_agreed`` is the share of examples with the same rules.
    ``missing_in_a`` and ``missing_in_b`` are the ids that only the other one labelled.
    """

    n: int
    flag_kappa: float | None
    flag_agreed: float
    verdict_agreed: float
    rules_agreed: float
    rule_f1: float | None
    rules: tuple[RuleAgreement, ...]
    differences: tuple[Difference, ...]
    missing_in_a: tuple[str, ...]
    missing_in_b: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain lists, mappings, strings and numbers; None where undefined."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the figures, the table of rules and the examples that differ, in Chinese Markdown."""
        lines = [
            f"两份标注共有 {self.n} 条样本。",
            f"是否有问题：一致 {self.flag_agreed:.1%}，kappa {_figure(self.flag_kappa)}",
            f"结论：一致 {self.verdict_agreed:.1%}",
            f"规则：集合完全一致 {self.rules_agreed:.1%}，微平均 F1 {_figure(self.rule_f1)}",
        ]
        for name, missing in (("第一份", self.missing_in_a), ("第二份", self.missing_in_b)):
            if missing:
                lines.append(f"{name}缺 {len(missing)} 条：{_named(missing)}")
        lines += ["", "| 规则 | 第一份 | 第二份 | 共同 | 一致 | kappa |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {row.rule} | {row.n_a} | {row.n_b} | {row.n_both} | {row.agreed:.1%} | {_figure(row.kappa)} |"
            for row in self.rules
        ]
        lines += ["", f"不一致的样本 {len(self.differences)} 条"]
        lines += [_difference_line(difference) for difference in self.differences]
        return "\n".join(lines)


def agreement(a: Sequence[Example], b: Sequence[Example]) -> Agreement:
    """Compare two annotators' examples, joined by id, in the order of ``a``.

    Raises:
        InputError: an id repeats in one file, no id is in both, or one id has two different drafts.
    """
    ours, theirs = _by_id(a, "第一份"), _by_id(b, "第二份")
    shared = [name for name in ours if name in theirs]
    if not shared:
        raise InputError("两份标注没有共同的样本编号；请核对是否同一批样本。")
    for name in shared:
        if ours[name].draft != theirs[name].draft:
            raise InputError(f"样本 {name} 在两份标注里的草稿不同；请用同一批样本。")
    rows = [_Row.of(ours[name], theirs[name]) for name in shared]
    rules = sorted(frozenset[str]().union(*(row.rules_a | row.rules_b for row in rows)))
    flags_a, flags_b = [row.flag_a for row in rows], [row.flag_b for row in rows]
    return Agreement(
        n=len(rows),
        flag_kappa=_kappa(flags_a, flags_b),
        flag_agreed=_share([row.flag_a == row.flag_b for row in rows]),
        verdict_agreed=_share([row.first.verdict == row.second.verdict for row in rows]),
        rules_agreed=_share([row.rules_a == row.rules_b for row in rows]),
        rule_f1=_micro_f1(rows, rules),
        rules=tuple(_rule_row(rule, rows) for rule in rules),
        differences=tuple(difference for row in rows if (difference := row.difference())),
        missing_in_a=tuple(name for name in theirs if name not in ours),
        missing_in_b=tuple(name for name in ours if name not in theirs),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One example as both labelled it."""

    first: Example
    second: Example
    rules_a: frozenset[str]
    rules_b: frozenset[str]
    disputed: frozenset[str]

    @classmethod
    def of(cls, first: Example, second: Example) -> "_Row":
        disputed = frozenset(first.disputed) | frozenset(second.disputed)
        return cls(first, second, first.gold - disputed, second.gold - disputed, disputed)

    @property
    def flag_a(self) -> bool:
        return self.first.verdict != "pass"

    @property
    def flag_b(self) -> bool:
        return self.second.verdict != "pass"

    def difference(self) -> Difference | None:
        if self.rules_a == self.rules_b and self.first.verdict == self.second.verdict:
            return None
        return Difference(
            id=self.first.id,
            verdict_a=self.first.verdict,
            verdict_b=self.second.verdict,
            only_a=tuple(sorted(self.rules_a - self.rules_b)),
            only_b=tuple(sorted(self.rules_b - self.rules_a)),
        )


def _by_id(examples: Sequence[Example], which: str) -> Mapping[str, Example]:
    found: dict[str, Example] = {}
    for example in examples:
        if example.id in found:
            raise InputError(f"{which}标注里编号 {example.id} 重复；请改成各不相同的编号。")
        found[example.id] = example
    return found


def _rule_row(rule: str, rows: Sequence[_Row]) -> RuleAgreement:
    """Compare on the examples where the rule is not in dispute."""
    asked = [row for row in rows if rule not in row.disputed]
    in_a = [rule in row.rules_a for row in asked]
    in_b = [rule in row.rules_b for row in asked]
    return RuleAgreement(
        rule=rule,
        n_a=sum(in_a),
        n_b=sum(in_b),
        n_both=sum(one and other for one, other in zip(in_a, in_b, strict=True)),
        kappa=_kappa(in_a, in_b),
        agreed=_share([one == other for one, other in zip(in_a, in_b, strict=True)]),
    )


def _kappa(a: Sequence[bool], b: Sequence[bool]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    if len({*a, *b}) < 2:
        return None
    return float(cohen_kappa_score(a, b))


def _micro_f1(rows: Sequence[_Row], rules: Sequence[str]) -> float | None:
    """Return F1 over all (example, rule) answers laid end to end, which is what micro-averaging is."""
    from sklearn.metrics import f1_score

    if not rules:
        return None
    in_a = [rule in row.rules_a for row in rows for rule in rules]
    in_b = [rule in row.rules_b for row in rows for rule in rules]
    return float(f1_score(in_a, in_b, zero_division=0.0))


def _share(answers: Sequence[bool]) -> float:
    return sum(answers) / len(answers)


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _named(names: Sequence[str]) -> str:
    more = "等" if len(names) > _MAX_NAMED else ""
    return "、".join(names[:_MAX_NAMED]) + more


def _difference_line(difference: Difference) -> str:
    verdicts = f"{difference.verdict_a} / {difference.verdict_b}"
    only_a = "、".join(difference.only_a) or "无"
    only_b = "、".join(difference.only_b) or "无"
    return f"- {difference.id}：结论 {verdicts}；仅第一份 {only_a}；仅第二份 {only_b}"
