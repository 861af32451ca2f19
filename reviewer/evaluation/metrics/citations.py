"""Are the right rules cited? One decision is one rule of one draft; rules in dispute are left out."""

from dataclasses import dataclass

import numpy as np

from reviewer.evaluation.metrics.counts import Counts, count, red_rules
from reviewer.evaluation.metrics.intervals import (
    BoolArray,
    FloatArray,
    bootstrapped,
    divide,
    proportion,
    ratio,
)
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.metrics.verdicts import kappa
from reviewer.evaluation.records import Run


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule: how often labelled, how often cited, how often both; None is undefined."""

    rule: str
    n_gold: int
    n_cited: int
    hits: int
    precision: float | None
    recall: float | None
    f1: float | None
    kappa: float | None


def citation_measures(run: Run) -> tuple[Measure, ...]:
    """Return micro precision, recall and F1, macro F1, and the red lines' recall and precision."""
    counts = count(run)
    return (
        citation_precision(counts),
        citation_recall(counts),
        citation_f1(counts),
        citation_macro_f1(counts),
        *red_line_measures(counts, red_rules(run.manifest.rules)),
    )


def citation_precision(counts: Counts) -> Measure:
    """Share of citations that are labelled, 0-1, higher is better; undefined without a citation."""
    return _share("citation_precision", counts, counts.cited)


def citation_recall(counts: Counts) -> Measure:
    """Share of labelled violations that are cited, 0-1, higher is better; undefined without one."""
    return _share("citation_recall", counts, counts.gold)


def citation_f1(counts: Counts) -> Measure:
    """Micro F1 over drafts and rules, 0-1, higher is better; undefined with neither label nor citation."""
    hits = counts.gold & counts.cited
    columns = np.stack([2 * hits.sum(1), counts.gold.sum(1) + counts.cited.sum(1)], axis=1)
    return bootstrapped(
        "citation_f1", "higher", ratio, columns.astype(np.float64), counts.clusters, n=len(columns)
    )


def citation_macro_f1(counts: Counts) -> Measure:
    """Mean F1 of the rules that are labelled at least once, 0-1; ``n`` is the number of these rules."""
    n_rules = len(counts.rules)
    columns = np.concatenate([counts.gold & counts.cited, counts.gold, counts.cited], axis=1)

    def macro(sums: FloatArray) -> FloatArray:
        hits, gold, cited = (sums[:, start * n_rules : (start + 1) * n_rules] for start in range(3))
        labelled = gold > 0
        scores = np.where(labelled, 2 * hits / np.maximum(gold + cited, 1), 0.0)
        return divide(scores.sum(1), labelled.sum(1).astype(np.float64))

    n = int(counts.gold.any(axis=0).sum())
    return bootstrapped(
        "citation_macro_f1", "higher", macro, columns.astype(np.float64), counts.clusters, n=n
    )


def red_line_measures(counts: Counts, red: frozenset[str]) -> tuple[Measure, Measure]:
    """Return recall and precision over the red rules alone, 0-1, higher is better."""
    columns = [number for number, rule in enumerate(counts.rules) if rule in red]
    gold, cited = counts.gold[:, columns], counts.cited[:, columns]
    hits = int((gold & cited).sum())
    return (
        proportion(hits, int(gold.sum()), "red_line_recall", "higher"),
        proportion(hits, int(cited.sum()), "red_line_precision", "higher"),
    )


def rule_rows(counts: Counts) -> tuple[RuleRow, ...]:
    """Return a row a rule, in the order of ``counts.rules``; no intervals, most rules are too rare."""
    gold, cited = counts.gold.sum(0), counts.cited.sum(0)
    hits = (counts.gold & counts.cited).sum(0)
    confusion = np.stack([hits, cited - hits, gold - hits, len(counts.gold) - gold - cited + hits], axis=1)
    kappas = kappa(confusion.astype(np.float64))
    rows = zip(counts.rules, gold, cited, hits, kappas, strict=True)
    return tuple(
        RuleRow(
            rule=rule,
            n_gold=int(n_gold),
            n_cited=int(n_cited),
            hits=int(both),
            precision=_quotient(both, n_cited),
            recall=_quotient(both, n_gold),
            f1=_quotient(2 * both, n_gold + n_cited),
            kappa=float(agreement) if np.isfinite(agreement) else None,
        )
        for rule, n_gold, n_cited, both, agreement in rows
    )


def _share(name: str, counts: Counts, base: BoolArray) -> Measure:
    hits = counts.gold & counts.cited
    columns = np.stack([hits.sum(1), base.sum(1)], axis=1).astype(np.float64)
    return bootstrapped(name, "higher", ratio, columns, counts.clusters, n=int(base.sum()))


def _quotient(numerator: int, denominator: int) -> float | None:
    return float(numerator / denominator) if denominator else None
