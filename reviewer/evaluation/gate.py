"""Keeps what was reached: floors of the measures and, example by example, what was right.

The floors stand in a file of the repository, so that lowering one is a change that somebody reads.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from reviewer.errors import InputError
from reviewer.evaluation.compare import VERDICT_LABELS
from reviewer.evaluation.metrics.counts import cited_by, red_rules, verdict_of, verdict_right
from reviewer.evaluation.metrics.measure import LABELS, Measure
from reviewer.evaluation.metrics.summary import summarise
from reviewer.evaluation.records import Record, Run
from reviewer.files import atomic_path
from reviewer.malformed import where_it_is

# Recorded by default. Times are left out: they are of the machine as much as of the system.
GATED = (
    "verdict_accuracy",
    "flag_recall",
    "flag_specificity",
    "citation_precision",
    "citation_recall",
    "citation_f1",
    "citation_macro_f1",
    "red_line_recall",
)
_SHOWN_IDS = 20
_ROUNDING = 1e-6  # floors are written with six digits


class MaxFlips(BaseModel):
    """How many examples that were right may now be wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    red: int = Field(0, ge=0, description="Examples that break a red line or are to be blocked.")
    other: int = Field(2, ge=0)


class Floors(BaseModel):
    """What a run must hold; for a measure of which less is better, the value is a ceiling."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal["reviewer.floors/1"] = "reviewer.floors/1"
    data: str = ""
    data_hash: str = Field("", description="Compared with the run's unless empty.")
    measures: dict[str, FiniteFloat]
    cases: dict[str, Literal["right", "wrong"]] = Field(default_factory=dict)
    max_flips: MaxFlips = Field(default_factory=MaxFlips)


@dataclass(frozen=True, slots=True)
class Broken:
    """A measure beyond its floor; ``value`` is None where the run does not have it."""

    name: str
    floor: float
    value: float | None
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class FlippedCase:
    """An example that was right and is now wrong."""

    id: str
    red: bool
    gold: tuple[str, ...]
    cited: tuple[str, ...]
    gold_verdict: str
    verdict: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether the run holds the floors, and what does not.

    ``missing`` are recorded examples that the run does not hold: leaving some out is no way to pass.
    ``gained`` are examples that were wrong and are now right.
    """

    passed: bool
    broken: tuple[Broken, ...]
    flipped: tuple[FlippedCase, ...]
    missing: tuple[str, ...]
    gained: tuple[str, ...]
    max_flips: MaxFlips


def read_floors(path: Path) -> Floors:
    """Return the floors in ``path``.

    Raises:
        InputError: the file cannot be read or is no floors file.
    """
    try:
        return Floors.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise InputError(
            f"读不了下限文件 {path}：{cause.strerror}；可用 --record-floors 先记录一份。"
        ) from cause
    except ValidationError as cause:
        first = cause.errors(include_url=False, include_input=False)[0]
        place = where_it_is(first["loc"])
        raise InputError(f"下限文件 {path} 的 {place} 不可用：{first['msg']}。") from cause
    except UnicodeDecodeError as cause:
        raise InputError(f"下限文件 {path} 不是 UTF-8。") from cause


def write_floors(path: Path, floors: Floors) -> None:
    """Put ``floors`` into ``path``, whole or not at all; keys are sorted so that changes can be read."""
    text = json.dumps(floors.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def check(run: Run, floors: Floors) -> GateResult:
    """Return whether ``run`` holds ``floors``. Costs as much as summarising the run.

    Raises:
        InputError: the floors were recorded on other data.
    """
    if floors.data_hash and floors.data_hash != run.manifest.data_hash:
        raise InputError(
            f"下限是在数据 {floors.data}（{floors.data_hash}）上记录的，"
            f"本次评测用的是 {run.manifest.data}（{run.manifest.data_hash}）；请用同一份数据或重新记录。"
        )
    return judge(run, floors, summarise(run).measures)


def judge(run: Run, floors: Floors, measures: Sequence[Measure]) -> GateResult:
    """Return whether ``run``, whose figures are ``measures``, holds ``floors``."""
    by_name = {measure.name: measure for measure in measures}
    broken = tuple(
        fault
        for name, floor in sorted(floors.measures.items())
        if (fault := _broken(name, floor, by_name.get(name)))
    )
    records = {record.example.id: record for record in run.records}
    red = red_rules(run.manifest.rules)
    flipped = tuple(
        _flipped(records[example_id], red)
        for example_id, state in floors.cases.items()
        if state == "right" and example_id in records and not verdict_right(records[example_id])
    )
    gained = tuple(
        example_id
        for example_id, state in floors.cases.items()
        if state == "wrong" and example_id in records and verdict_right(records[example_id])
    )
    missing = tuple(example_id for example_id in floors.cases if example_id not in records)
    n_red = sum(case.red for case in flipped)
    too_many = n_red > floors.max_flips.red or len(flipped) - n_red > floors.max_flips.other
    return GateResult(
        not broken and not too_many and not missing, broken, flipped, missing, gained, floors.max_flips
    )


def record(run: Run, margin: float, *, names: Sequence[str] = GATED) -> Floors:
    """Return floors that ``run`` holds.

    Args:
        run: What is to be kept.
        margin: How far a measure may drop, in the measure's own unit; 0.02 is two points.
        names: The measures; one that the run does not have is left out.

    Raises:
        InputError: ``margin`` is negative, so that the run would fail its own floors.
    """
    if margin < 0:
        raise InputError("下限的余量不能是负数。")
    by_name = {measure.name: measure for measure in summarise(run).measures}
    return Floors(
        data=run.manifest.data,
        data_hash=run.manifest.data_hash,
        measures=_floors_of([by_name[name] for name in names if name in by_name], margin),
        cases={
            each.example.id: "right" if verdict_right(each) else "wrong"
            for each in sorted(run.records, key=lambda each: each.example.id)
        },
    )


def _floors_of(measures: Sequence[Measure], margin: float) -> dict[str, float]:
    floors: dict[str, float] = {}
    for measure in measures:
        if measure.value is None or measure.better == "neither":
            continue
        bound = measure.value + margin if measure.better == "lower" else max(0.0, measure.value - margin)
        floors[measure.name] = round(bound, 6)
    return floors


def _broken(name: str, floor: float, measure: Measure | None) -> Broken | None:
    """Return the fault, None when the measure is there and holds its floor."""
    lower = measure is not None and measure.better == "lower"
    if measure is None or measure.value is None:
        return Broken(name, floor, None, lower)
    beyond = measure.value - floor if lower else floor - measure.value
    return Broken(name, floor, measure.value, lower) if beyond > _ROUNDING else None


def _flipped(each: Record, red: frozenset[str]) -> FlippedCase:
    example, expected = each.example, each.example.verdict
    return FlippedCase(
        id=example.id,
        red=expected == "block" or bool(example.gold & red),
        gold=tuple(sorted(example.gold)),
        cited=tuple(sorted(cited_by(each))),
        gold_verdict=expected,
        verdict=verdict_of(each),
    )


def render_text(result: GateResult, labels: Mapping[str, str] = LABELS) -> str:
    """Return the result as Chinese text for a terminal, with a final newline."""
    lines = ["通过：没有低于下限的指标。" if result.passed else "未通过。"]
    for fault in result.broken:
        bound = "上限" if fault.lower_is_better else "下限"
        value = "没有数值" if fault.value is None else f"{fault.value:.3f}"
        lines.append(f"  {labels.get(fault.name, fault.name)}：{value}，{bound} {fault.floor:.3f}")
    lines += _flipped_lines(result)
    if result.missing:
        more = "" if len(result.missing) <= _SHOWN_IDS else " 等"
        shown = "、".join(result.missing[:_SHOWN_IDS])
        lines.append(f"缺少 {len(result.missing)} 条已记录的样本：{shown}{more}")
    if result.gained:
        lines.append(f"新判对 {len(result.gained)} 条；重新记录下限即可保住。")
    return "\n".join(lines) + "\n"


def _flipped_lines(result: GateResult) -> list[str]:
    """Return the examples that were right, red lines first, with what is allowed."""
    lines = []
    for red, name, allowed in (
        (True, "红线样本", result.max_flips.red),
        (False, "其他样本", result.max_flips.other),
    ):
        cases = [case for case in result.flipped if case.red == red]
        if not cases:
            continue
        lines.append(f"原来判对、现在判错的{name} {len(cases)} 条（允许 {allowed}）：")
        for case in cases:
            gold, cited = "、".join(case.gold) or "无违规", "、".join(case.cited) or "无"
            lines.append(
                f"  {case.id}：标注 {VERDICT_LABELS[case.gold_verdict]}（{gold}），"
                f"现在 {VERDICT_LABELS[case.verdict]}（引用 {cited}）"
            )
    return lines
