"""Does retrieval bring up the situational rules that a draft breaks?"""

from collections.abc import Collection

from reviewer.evaluation.metrics.intervals import proportion
from reviewer.evaluation.metrics.measure import Measure, undefined
from reviewer.evaluation.records import Run

DEPTHS = (1, 3, 5, 8)
# Asked because of the stage of the conversation (opening, closing), whatever retrieval says.
STAGE_RULES = frozenset({"C01", "C08"})


def retrieval_measures(run: Run) -> tuple[Measure, ...]:
    """Return recall at each depth, 0-1, over labelled situational rules, with and without C01 and C08.

    Undefined when no record of the run has a ranking; where some have, one without is a miss.
    """
    situational = frozenset(rule.id for rule in run.manifest.rules if not rule.standing)
    return (
        *(_recall(run, depth, situational, "") for depth in DEPTHS),
        *(_recall(run, depth, situational - STAGE_RULES, "_without_stage_rules") for depth in DEPTHS),
    )


def _recall(run: Run, depth: int, rules: Collection[str], suffix: str) -> Measure:
    name = f"retrieval_recall_at_{depth}{suffix}"
    if not any(record.outcome.ranking for record in run.records):
        return undefined(name, "higher")
    hits = n = 0
    for record in run.records:
        gold = record.example.gold & frozenset(rules)
        hits += len(gold & frozenset(record.outcome.ranking[:depth]))
        n += len(gold)
    return proportion(hits, n, name, "higher")
