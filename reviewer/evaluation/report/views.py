"""What the pages show, as strings and small rows: every decision about wording and rounding is here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

from reviewer.evaluation.compare import VERDICT_LABELS, flag_right
from reviewer.evaluation.metrics.counts import cited_by, red_rules, verdict_of, verdict_right
from reviewer.evaluation.metrics.measure import LABELS, SECOND_READER_LABELS, Measure
from reviewer.evaluation.metrics.spans import positions
from reviewer.evaluation.metrics.summary import Summary
from reviewer.evaluation.records import Record, Run

ABSENT = "–"
_SEVERITIES = {"red": "红线", "major": "严重", "minor": "一般"}
HEADLINE = (
    "flag_recall",
    "flag_specificity",
    "citation_f1",
    "citation_precision",
    "citation_recall",
    "red_line_recall",
    "verdict_accuracy",
    "latency_p50_ms",
)
# Section of the full table by the start of a name; the first that fits.
_SECTIONS = (
    ("判定与报警", ("verdict", "flag", "alerts", "not_assessed", "n_errors")),
    ("规则引用", ("citation", "red_line")),
    ("违规片段", ("span",)),
    ("情境规则检索", ("retrieval",)),
    ("概率校准", ("brier", "ece", "auroc", "aurc", "balanced_accuracy")),
    ("稳健性", ("stability", "redteam", "mutation")),
    ("改写", ("rewrite",)),
    ("耗时", ("latency", "tokens")),
    ("其他", ("",)),
)
_BETTER = {"higher": "越高越好", "lower": "越低越好", "neither": ""}
_FAULTS = MappingProxyType(
    {
        "failed": "出错或未评定",
        "missed_red": "漏掉红线",
        "missed": "漏报：违规而没有报警",
        "alarm": "误报：合规而报警",
        "verdict": "报警对，判定等级不对",
        "citation": "判定对，引用的规则不完全对",
    }
)


@dataclass(frozen=True, slots=True)
class MeasureView:
    """A measure as text; ``bar`` is left edge, width and value of its interval in per cent."""

    label: str
    value: str
    interval: str
    n: int
    better: str
    bar: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule of the table."""

    rule: str
    title: str
    severity: str
    red: bool
    n_gold: int
    n_cited: int
    hits: int
    precision: str
    recall: str
    f1: str


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The parts of one kind: column heads, then name, number and figures of each part."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[MeasureView, ...]], ...]


@dataclass(frozen=True, slots=True)
class WrongView:
    """An example that the system gets wrong. ``pieces`` is the draft in parts, each with a CSS class."""

    id: str
    gold_verdict: str
    verdict: str
    missed: tuple[str, ...]
    false: tuple[str, ...]
    hits: tuple[str, ...]
    situation: str
    history: tuple[tuple[str, str], ...]
    pieces: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, str], ...]
    error: str


def number(name: str, value: float | None) -> str:
    """Return ``value`` with the digits that suit the unit in ``name``."""
    if value is None:
        return ABSENT
    if name.endswith("_ms") or name.startswith(("n_", "tokens")):
        return f"{value:,.0f}"
    return f"{value:.1f}" if "per_100" in name else f"{value:.3f}"


def measure_view(measure: Measure) -> MeasureView:
    """Return ``measure`` for a page."""
    name, value, low, high = measure.name, measure.value, measure.low, measure.high
    interval, bar = "", None
    if value is not None and low is not None and high is not None:
        interval = f"{number(name, low)} 至 {number(name, high)}"
        if 0 <= low <= high <= 1:
            bar = (round(100 * low, 2), round(100 * (high - low), 2), round(100 * value, 2))
    return MeasureView(
        LABELS.get(name, name), number(name, value), interval, measure.n, _BETTER[measure.better], bar
    )


def headline(summary: Summary) -> tuple[MeasureView, ...]:
    """Return the measures that stand on top."""
    by_name = {measure.name: measure for measure in summary.measures}
    return tuple(measure_view(by_name[name]) for name in HEADLINE if name in by_name)


def sections(measures: Iterable[Measure]) -> tuple[tuple[str, tuple[MeasureView, ...]], ...]:
    """Return all measures by section; a section in which nothing is defined is left out."""
    parts: dict[str, list[Measure]] = {title: [] for title, _ in _SECTIONS}
    for measure in measures:
        parts[next(title for title, starts in _SECTIONS if measure.name.startswith(starts))].append(measure)
    return tuple(
        (title, tuple(measure_view(measure) for measure in part))
        for title, part in parts.items()
        if any(measure.value is not None for measure in part)
    )


def rule_views(run: Run, summary: Summary) -> tuple[RuleView, ...]:
    """Return the rules that are labelled or cited at all, in the order of the manual."""
    infos = {info.id: info for info in run.manifest.rules}
    views = []
    for row in summary.rules:
        if not row.n_gold and not row.n_cited:
            continue
        info = infos.get(row.rule)
        views.append(
            RuleView(
                rule=row.rule,
                title=info.title if info else "",
                severity=_SEVERITIES[info.severity] if info else "",
                red=info is not None and info.severity == "red",
                n_gold=row.n_gold,
                n_cited=row.n_cited,
                hits=row.hits,
                precision=number("", row.precision),
                recall=number("", row.recall),
                f1=number("", row.f1),
            )
        )
    return tuple(views)


def group_tables(summary: Summary, titles: Mapping[str, str]) -> tuple[GroupTable, ...]:
    """Return a table a kind of group, in the order of ``summary``; kinds outside ``titles`` are left out."""
    tables = []
    for kind, group in groupby(summary.groups, key=lambda row: row.kind):
        rows = list(group)
        if kind not in titles:
            continue
        heads = tuple(LABELS.get(measure.name, measure.name) for measure in rows[0].measures)
        cells = tuple((row.name, row.n, tuple(measure_view(each) for each in row.measures)) for row in rows)
        tables.append(GroupTable(titles[kind], heads, cells))
    return tuple(tables)


def wrong_examples(run: Run) -> tuple[tuple[str, tuple[WrongView, ...]], ...]:
    """Return what the system gets wrong by kind of fault, gravest first; kinds without any left out."""
    red = red_rules(run.manifest.rules)
    titles = {info.id: f"{info.id} {info.title}" for info in run.manifest.rules}
    parts: dict[str, list[WrongView]] = {fault: [] for fault in _FAULTS}
    for record in run.records:
        fault = _fault(record, red)
        if fault:
            parts[fault].append(_wrong_view(record, titles))
    return tuple((_FAULTS[fault], tuple(views)) for fault, views in parts.items() if views)


def _fault(record: Record, red: frozenset[str]) -> str:
    """Return the key in ``_FAULTS`` of the gravest fault, empty when all is right."""
    gold, cited = record.example.gold, cited_by(record)
    if verdict_of(record) == "not_assessed":
        return "failed"
    if gold & red - cited:
        return "missed_red"
    if not flag_right(record):
        return "missed" if gold else "alarm"
    if not verdict_right(record):
        return "verdict"
    return "citation" if gold != cited else ""


def _wrong_view(record: Record, titles: Mapping[str, str]) -> WrongView:
    example, cited = record.example, cited_by(record)

    def named(rules: Iterable[str]) -> tuple[str, ...]:
        return tuple(titles.get(rule, rule) for rule in sorted(rules))

    return WrongView(
        id=example.id,
        gold_verdict=VERDICT_LABELS[example.verdict],
        verdict=VERDICT_LABELS[verdict_of(record)],
        missed=named(example.gold - cited),
        false=named(cited - example.gold),
        hits=named(example.gold & cited),
        situation=" · ".join(part for part in (example.industry, example.manner, example.author) if part),
        history=(
            *(("客户" if turn.role == "customer" else "客服", turn.text) for turn in example.history),
            *([("客户", example.customer)] if example.customer else []),
        ),
        pieces=pieces(record),
        reasons=tuple(
            (titles.get(label.rule, label.rule), label.reason) for label in example.violations if label.reason
        ),
        error=record.outcome.error,
    )


def pieces(record: Record) -> tuple[tuple[str, str], ...]:
    """Return the draft cut where a labelled quote or a cited span starts or ends.

    Each piece comes with "gold", "cited", "gold cited" or nothing; joined, they are the draft.
    """
    draft, cited = record.example.draft, cited_by(record)
    quoted = {
        place
        for label in record.example.violations
        if label.rule in record.example.gold
        for place in positions(draft, label.quote)
    }
    marked = {
        place
        for rule in record.outcome.rules
        if rule.rule in cited
        for span in rule.spans
        for place in range(span.start, span.end)
    }

    def style(place: int) -> str:
        return " ".join(name for name, places in (("gold", quoted), ("cited", marked)) if place in places)

    return tuple(
        ("".join(draft[place] for place in places), name)
        for name, places in groupby(range(len(draft)), key=style)
    )


def provenance(run: Run) -> tuple[tuple[str, str], ...]:
    """Return what was run, on what, with what, as pairs of name and value; empty values left out."""
    manifest = run.manifest
    rows: Sequence[tuple[str, str]] = (
        ("系统", manifest.system),
        ("系统哈希", manifest.identity),
        ("数据", manifest.data),
        ("数据哈希", manifest.data_hash),
        *(
            (f"第二读者与标注的一致：{told}", f"{manifest.second_reader[name]:.3f}")
            for name, told in SECOND_READER_LABELS.items()
            if name in manifest.second_reader
        ),
        ("样本数", f"{len(run.records)} / {manifest.n_examples}"),
        ("开始时间（UTC）", manifest.started),
        ("代码提交", manifest.commit),
        ("机器", manifest.machine),
        *((f"选项 {name}", value) for name, value in sorted(manifest.options.items())),
        *((f"版本 {name}", value) for name, value in sorted(manifest.versions.items())),
    )
    return tuple((name, value) for name, value in rows if value)
