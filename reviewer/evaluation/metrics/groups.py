"""The core figures on parts of a run: by industry, author, manner, and by what a compared draft tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reviewer.evaluation.metrics.citations import citation_f1
from reviewer.evaluation.metrics.counts import count_records
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.metrics.robustness import (
    Pair,
    mutation_measures,
    pairs,
    redteam_measures,
    stability_measures,
)
from reviewer.evaluation.metrics.verdicts import flag_measures
from reviewer.evaluation.records import Record, Run

UNNAMED = "未注明"
KINDS = {
    "industry": "行业",
    "author": "作者",
    "manner": "文风",
    "edit": "改动方式",
    "attack": "攻击方式",
    "level": "变异难度",
}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One part of a run: its kind (a key of ``KINDS``), its name, how many records or pairs, its figures."""

    kind: str
    name: str
    n: int
    measures: tuple[Measure, ...]


def group_rows(run: Run) -> tuple[GroupRow, ...]:
    """Return micro F1, flag recall and specificity by industry, by author and by manner.

    Kinds in the order of ``KINDS``, names sorted within a kind.
    """
    return (
        *_split(run, "industry", lambda record: record.example.industry),
        *_split(run, "author", lambda record: record.example.author),
        *_split(run, "manner", lambda record: record.example.manner),
    )


def robustness_rows(run: Run) -> tuple[GroupRow, ...]:
    """Return the figures of compared drafts by edit, by attack and by level; none without such drafts."""
    stability = pairs(run.records, "base")
    redteam = pairs(run.records, "clean", partner="attack")
    mutation = pairs(run.records, "clean", partner="mutated")
    return (
        *_by_tag(stability, "edit", stability_measures),
        *_by_tag(redteam, "attack", redteam_measures),
        *_by_tag(mutation, "level", mutation_measures),
    )


def _split(run: Run, kind: str, name_of: Callable[[Record], str]) -> list[GroupRow]:
    parts: dict[str, list[Record]] = {}
    for record in run.records:
        parts.setdefault(name_of(record) or UNNAMED, []).append(record)
    rules = [rule.id for rule in run.manifest.rules]
    return [
        GroupRow(kind, name, len(part), (citation_f1(count_records(part, rules)), *flag_measures(part)))
        for name, part in sorted(parts.items())
    ]


def _by_tag(
    couples: Sequence[Pair], kind: str, measure: Callable[[Sequence[Pair]], tuple[Measure, ...]]
) -> list[GroupRow]:
    # The last tag says how a draft differs from its twin; a mutation's first is the rule.
    parts: dict[str, list[Pair]] = {}
    for couple in couples:
        tags = couple[1].example.tags
        parts.setdefault((tags[-1] if tags else "") or UNNAMED, []).append(couple)
    return [GroupRow(kind, name, len(part), measure(part)) for name, part in sorted(parts.items())]
