"""Two runs on the same examples: which is better, by how much, and on which examples.

Source: McNemar's test (1947), exact, on the examples that only one run gets right; percentile
bootstrap of the difference (Efron and Tibshirani 1993), drawn by contrast pair because the two
drafts of a pair are not independent.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar  # type: ignore[import-untyped]

from reviewer.errors import InputError
from reviewer.evaluation.metrics.counts import (
    cited_by,
    clusters_of,
    flagged,
    verdict_of,
    verdict_right,
)
from reviewer.evaluation.metrics.intervals import FloatArray, compact, divide
from reviewer.evaluation.records import Record, Run

N_RESAMPLES, _SEED, _INTERVAL = 2000, 0, (2.5, 97.5)
VERDICT_LABELS = {"pass": "通过", "revise": "需修改", "block": "拦截", "not_assessed": "未评定"}
_Pair = tuple[Record, Record]
_SHOWN_IDS = 20  # of the ids that only one run holds, in text


@dataclass(frozen=True, slots=True)
class Paired:
    """A measure of both runs on the shared examples; ``low`` and ``high`` are of ``difference``, b minus a.

    None throughout where the measure is undefined.
    """

    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class FlagTest:
    """McNemar's test on the flag being right.

    ``only_a`` and ``only_b`` are the examples that one run alone gets right; ``p_value`` is exact
    and two-sided, 1 when there are none.
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What b does otherwise than a on one rule, in numbers of examples.

    ``won`` and ``lost`` are violations cited by b alone and by a alone; ``alarms_new`` and
    ``alarms_gone`` are false citations of b alone and of a alone.
    """

    rule: str
    title: str
    n_gold: int
    won: int
    lost: int
    alarms_new: int
    alarms_gone: int

    @property
    def balance(self) -> int:
        """Errors that b avoids, less those that it adds."""
        return self.won - self.lost + self.alarms_gone - self.alarms_new


@dataclass(frozen=True, slots=True)
class Flip:
    """An example that one run gets right and the other does not.

    ``flag`` says whether the flag itself changed, or only the verdict between revise and block.
    """

    id: str
    gold: tuple[str, ...]
    gold_verdict: str
    verdict_a: str
    verdict_b: str
    cited_a: tuple[str, ...]
    cited_b: tuple[str, ...]
    flag: bool
    change: Literal["better", "worse"]


# With fewer examples every resample can be the same, and an interval without width proves nothing.
MIN_SHARED = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """How run b differs from run a on the examples that both hold; ids of the rest are listed."""

    system_a: str
    system_b: str
    n_shared: int
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    flag_test: FlagTest
    micro_f1: Paired
    rules: tuple[RuleChange, ...]
    flips: tuple[Flip, ...]

    def to_json(self) -> str:
        """Return everything as JSON with sorted keys and a final newline."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def flag_right(record: Record) -> bool:
    """Return whether the draft is flagged exactly when something is wrong; not assessed is not right."""
    return verdict_of(record) != "not_assessed" and flagged(record) == record.example.is_wrong


def compare(a: Run, b: Run) -> Comparison:
    """Compare two runs on the examples that both hold. About 0.1 s for 520 examples.

    Raises:
        InputError: they share no example, or the same id is not the same example in both.
    """
    pairs, only_a, only_b = _align(a, b)
    titles = {info.id: info.title for info in (*a.manifest.rules, *b.manifest.rules)}
    return Comparison(
        system_a=a.manifest.system,
        system_b=b.manifest.system,
        n_shared=len(pairs),
        only_in_a=only_a,
        only_in_b=only_b,
        flag_test=_flag_test(pairs),
        micro_f1=_micro_f1(pairs),
        rules=_rule_changes(pairs, titles),
        flips=tuple(flip for pair in pairs if (flip := _flip(*pair))),
    )


def _align(a: Run, b: Run) -> tuple[list[_Pair], tuple[str, ...], tuple[str, ...]]:
    """Return the shared examples in the order of a, and the ids that only a and only b hold."""
    by_id = {record.example.id: record for record in b.records}
    ids_a = {record.example.id for record in a.records}
    pairs = [(record, by_id[record.example.id]) for record in a.records if record.example.id in by_id]
    if not pairs:
        raise InputError("两次评测没有相同的样本，无法比较；请在同一份数据上各运行一次。")
    for left, right in pairs:
        first, second = left.example, right.example
        if first.draft != second.draft or first.gold != second.gold or first.verdict != second.verdict:
            raise InputError(
                f"样本 {first.id} 在两次评测里的草稿或标注不同，无法比较；请在同一份数据上重新运行。"
            )
    only_a = tuple(record.example.id for record in a.records if record.example.id not in by_id)
    return pairs, only_a, tuple(example_id for example_id in by_id if example_id not in ids_a)


def _flag_test(pairs: Sequence[_Pair]) -> FlagTest:
    """Return McNemar's test; exact because few examples may differ."""
    table = np.zeros((2, 2), dtype=np.int64)
    for left, right in pairs:
        table[int(not flag_right(left)), int(not flag_right(right))] += 1
    result = mcnemar(table, exact=True)
    (both, only_a), (only_b, neither) = table.tolist()
    return FlagTest(both, only_a, only_b, neither, min(1.0, float(result.pvalue)))


def _counts(record: Record) -> tuple[int, int, int]:
    """Return hits, false citations and misses of one example."""
    gold, cited = record.example.gold, cited_by(record)
    return len(gold & cited), len(cited - gold), len(gold - cited)


def _micro_f1(pairs: Sequence[_Pair]) -> Paired:
    """Return micro F1 of both runs and the bootstrap interval of the difference."""
    n_clusters, places = compact(clusters_of([left for left, _ in pairs]))
    counts = np.zeros((n_clusters, 6))
    np.add.at(counts, places, [(*_counts(left), *_counts(right)) for left, right in pairs])
    value_a, value_b = _f1(counts.sum(axis=0)[None, :])
    if np.isnan(value_a[0]) or np.isnan(value_b[0]):
        return Paired(None, None, None, None, None)
    # How often each cluster is drawn is all that a resample needs.
    drawn = np.random.default_rng(_SEED).multinomial(
        n_clusters, np.full(n_clusters, 1 / n_clusters), N_RESAMPLES
    )
    resampled_a, resampled_b = _f1(drawn @ counts)
    differences = resampled_b - resampled_a
    low, high = np.percentile(differences[~np.isnan(differences)], _INTERVAL)
    a, b = float(value_a[0]), float(value_b[0])
    return Paired(a, b, b - a, float(low), float(high))


def _f1(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the F1 of a and of b for each row of tp, fp, fn of a and of b; NaN where undefined."""
    hits_a, alarms_a, misses_a, hits_b, alarms_b, misses_b = counts.T
    return (
        divide(2 * hits_a, 2 * hits_a + alarms_a + misses_a),
        divide(2 * hits_b, 2 * hits_b + alarms_b + misses_b),
    )


def _rule_changes(pairs: Sequence[_Pair], titles: dict[str, str]) -> tuple[RuleChange, ...]:
    """Return the rules on which the runs differ, greatest change for the worse first."""
    tally: dict[str, list[int]] = {}
    gold_count: dict[str, int] = {}
    for left, right in pairs:
        gold = left.example.gold
        for rule in gold:
            gold_count[rule] = gold_count.get(rule, 0) + 1
        only_a, only_b = cited_by(left) - cited_by(right), cited_by(right) - cited_by(left)
        columns = (only_b & gold, only_a & gold, only_b - gold, only_a - gold)
        for column, rules in enumerate(columns):
            for rule in rules:
                tally.setdefault(rule, [0, 0, 0, 0])[column] += 1
    changes = [
        RuleChange(rule, titles.get(rule, ""), gold_count.get(rule, 0), *row) for rule, row in tally.items()
    ]
    return tuple(sorted(changes, key=lambda change: (change.balance, change.rule)))


def _flip(left: Record, right: Record) -> Flip | None:
    """Return how the example changed, None when both runs are as right as each other; flag before verdict."""
    before = flag_right(left), verdict_right(left)
    after = flag_right(right), verdict_right(right)
    if before == after:
        return None
    example = left.example
    return Flip(
        id=example.id,
        gold=tuple(sorted(example.gold)),
        gold_verdict=example.verdict,
        verdict_a=verdict_of(left),
        verdict_b=verdict_of(right),
        cited_a=tuple(sorted(cited_by(left))),
        cited_b=tuple(sorted(cited_by(right))),
        flag=before[0] != after[0],
        change="better" if after > before else "worse",
    )


def conclusion(comparison: Comparison) -> str:
    """Return in one Chinese sentence whether citations differ beyond chance."""
    paired = comparison.micro_f1
    if paired.difference is None or paired.low is None or paired.high is None:
        return "两边都没有可比的引用，引用 F1 无从比较。"
    if comparison.n_shared < MIN_SHARED:
        return f"共同样本只有 {comparison.n_shared} 条，太少，引用 F1 的差异不作结论。"
    if paired.low > 0:
        return f"{comparison.system_b} 的引用 F1 更高，差异超出抽样误差。"
    if paired.high < 0:
        return f"{comparison.system_b} 的引用 F1 更低，差异超出抽样误差。"
    return "引用 F1 的差异没有超出抽样误差（95% 区间包含 0）。"


def render_text(comparison: Comparison) -> str:
    """Return the comparison as Chinese text for a terminal, with a final newline."""
    test = comparison.flag_test
    lines = [
        f"A：{comparison.system_a}",
        f"B：{comparison.system_b}",
        f"共同样本 {comparison.n_shared} 条",
    ]
    for name, ids in (("A", comparison.only_in_a), ("B", comparison.only_in_b)):
        if ids:
            more = "" if len(ids) <= _SHOWN_IDS else f" 等 {len(ids)} 条"
            lines.append(f"只在 {name} 里：{'、'.join(ids[:_SHOWN_IDS])}{more}")
    lines += ["", conclusion(comparison), _f1_line(comparison.micro_f1)]
    lines.append(
        f"是否报警判对：两边都对 {test.both}，仅 A 对 {test.only_a}，仅 B 对 {test.only_b}，"
        f"都错 {test.neither}；McNemar 精确检验 p = {test.p_value:.3g}"
    )
    lines += ["", *_rule_lines(comparison.rules), "", *_flip_lines(comparison.flips)]
    return "\n".join(lines) + "\n"


def _f1_line(paired: Paired) -> str:
    if paired.a is None or paired.b is None or paired.difference is None:
        return "引用 F1（微平均）：无"
    return (
        f"引用 F1（微平均）：A {paired.a:.3f}，B {paired.b:.3f}，"
        f"差 {paired.difference:+.3f}（95% 区间 {paired.low:+.3f} 至 {paired.high:+.3f}）"
    )


def _rule_lines(rules: Sequence[RuleChange]) -> list[str]:
    if not rules:
        return ["各规则的引用完全相同。"]
    lines = ["规则（相对 A，B 的变化）："]
    for change in rules:
        lines.append(
            f"  {change.rule} {change.title}：多找到 {change.won}，漏掉 {change.lost}，"
            f"新误报 {change.alarms_new}，消除误报 {change.alarms_gone}（标注 {change.n_gold}）"
        )
    return lines


def _flip_lines(flips: Sequence[Flip]) -> list[str]:
    lines = []
    for change, heading in (("worse", "变差"), ("better", "变好")):
        chosen = [flip for flip in flips if flip.change == change]
        lines.append(f"{heading}的样本 {len(chosen)} 条{'：' if chosen else '。'}")
        for flip in chosen:
            gold = "、".join(flip.gold) or "无违规"
            lines.append(
                f"  {flip.id}（标注 {VERDICT_LABELS[flip.gold_verdict]}：{gold}）"
                f"{VERDICT_LABELS[flip.verdict_a]} → {VERDICT_LABELS[flip.verdict_b]}"
            )
    return lines
