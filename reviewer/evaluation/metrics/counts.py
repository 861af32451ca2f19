"""How every figure reads a record, and the count arrays that most figures start from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reviewer.evaluation.examples import Example
from reviewer.evaluation.metrics.intervals import BoolArray, IntArray
from reviewer.evaluation.records import Record, RuleInfo, Run
from reviewer.types import Verdict


def verdict_of(record: Record) -> Verdict:
    """Return the system's verdict; a record with an error is not assessed."""
    return "not_assessed" if record.outcome.error else record.outcome.verdict


def cited_by(record: Record) -> frozenset[str]:
    """Return the rules cited, those in dispute left out; none for a record with an error."""
    return frozenset() if record.outcome.error else record.cited


def flagged(record: Record) -> bool:
    """Whether the system raises the draft: it has a verdict and cites a rule not in dispute."""
    return verdict_of(record) != "not_assessed" and bool(cited_by(record))


def verdict_right(record: Record) -> bool:
    """Whether the verdict is the labelled one.

    Where label or system rest on a rule in dispute, the flag decides; but a labelled block that does not
    is matched by nothing less than a block.
    """
    verdict, example = verdict_of(record), record.example
    disputed = set(example.disputed)
    found = {rule.rule for rule in record.outcome.rules if rule.status == "found"}
    sure = disputed.isdisjoint(violation.rule for violation in example.violations)
    if sure and (example.verdict == "block" or disputed.isdisjoint(found)):
        return verdict == example.verdict
    return verdict != "not_assessed" and flagged(record) == example.is_wrong


def red_rules(rules: Sequence[RuleInfo]) -> frozenset[str]:
    """Return the ids of the red lines."""
    return frozenset(rule.id for rule in rules if rule.severity == "red")


def clusters_of(records: Sequence[Record]) -> IntArray:
    """Return a number a record, equal within a contrast pair and within two compared drafts."""
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(_cluster(each.example), len(numbers)) for each in records], dtype=np.int64
    )


def _cluster(example: Example) -> str:
    if example.pair:
        return f"pair {example.pair}"
    return min(example.id, example.partner) if example.partner else example.id


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What is labelled and what is cited, shape (records, rules)."""

    rules: tuple[str, ...]
    gold: BoolArray
    cited: BoolArray
    clusters: IntArray


def count(run: Run) -> Counts:
    """Return the arrays; rules in the order of the manifest, then any it does not know, sorted."""
    return count_records(run.records, [rule.id for rule in run.manifest.rules])


def count_records(records: Sequence[Record], rules: Sequence[str]) -> Counts:
    """Return the arrays of ``records``; a labelled or cited rule outside ``rules`` still counts.

    Where only a verdict is labelled, no citation is right or wrong.
    """
    golds = [record.example.gold for record in records]
    cites = [frozenset() if record.example.verdict_only else cited_by(record) for record in records]
    known = tuple(dict.fromkeys([*rules, *sorted(frozenset().union(*golds, *cites))]))
    return Counts(known, _matrix(golds, known), _matrix(cites, known), clusters_of(records))


def _matrix(sets: Sequence[frozenset[str]], rules: Sequence[str]) -> BoolArray:
    place = {rule: number for number, rule in enumerate(rules)}
    matrix = np.zeros((len(sets), len(rules)), dtype=np.bool_)
    for row, members in enumerate(sets):
        matrix[row, [place[rule] for rule in members]] = True
    return matrix
