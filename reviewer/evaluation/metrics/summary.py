"""All figures of a run, as one record that a report, a gate or a table reads."""

import json
from dataclasses import asdict, dataclass

from reviewer.evaluation.metrics.calibration import CurvePoint, calibration_measures, decisions, reliability
from reviewer.evaluation.metrics.citations import RuleRow, citation_measures, rule_rows
from reviewer.evaluation.metrics.counts import count
from reviewer.evaluation.metrics.coverage import aurc, risk_coverage
from reviewer.evaluation.metrics.groups import GroupRow, group_rows, robustness_rows
from reviewer.evaluation.metrics.latency import StageRow, latency_measures, stage_rows
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.metrics.retrieval import retrieval_measures
from reviewer.evaluation.metrics.rewrites import rewrite_measures
from reviewer.evaluation.metrics.robustness import robustness_measures
from reviewer.evaluation.metrics.spans import span_measures
from reviewer.evaluation.metrics.verdicts import verdict_measures
from reviewer.evaluation.records import Run

# Below the noise of any figure, above that of floating point on another machine.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Curves:
    """Points to plot; empty where the system gives no probabilities.

    ``reliability`` is over all decisions in bins of equal mass, ``reliability_fixed_width`` in bins of
    equal width, ``reliability_contrast`` over violations and near-misses alone.
    """

    reliability: tuple[CurvePoint, ...]
    reliability_fixed_width: tuple[CurvePoint, ...]
    reliability_contrast: tuple[CurvePoint, ...]
    risk_coverage: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one run."""

    system: str
    data: str
    n_records: int
    measures: tuple[Measure, ...]
    rules: tuple[RuleRow, ...]
    groups: tuple[GroupRow, ...]
    stages: tuple[StageRow, ...]
    curves: Curves

    def measure(self, name: str) -> Measure:
        """Return the measure of that name.

        Raises:
            KeyError: there is none; an undefined measure is there, with value None.
        """
        return {measure.name: measure for measure in self.measures}[name]

    def to_json(self) -> str:
        """Return it as JSON, keys sorted and numbers rounded, so that equal runs give equal files."""
        return json.dumps(_rounded(asdict(self)), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def summarise(run: Run) -> Summary:
    """Return every figure of ``run``; an empty run gives undefined ones. Cost: 2 s for 520 drafts."""
    every = decisions(run.records)
    return Summary(
        system=run.manifest.system,
        data=run.manifest.data,
        n_records=len(run.records),
        measures=(
            *verdict_measures(run),
            *citation_measures(run),
            *span_measures(run.records),
            *retrieval_measures(run),
            *calibration_measures(run.records),
            aurc(run.records),
            *robustness_measures(run),
            *rewrite_measures(run.records),
            *latency_measures(run.records),
        ),
        rules=rule_rows(count(run)),
        groups=(*group_rows(run), *robustness_rows(run)),
        stages=stage_rows(run.records),
        curves=Curves(
            reliability=reliability(every, "quantile"),
            reliability_fixed_width=reliability(every, "uniform"),
            reliability_contrast=reliability(every.contrast(), "quantile"),
            risk_coverage=risk_coverage(run.records),
        ),
    )


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
