"""What the proposed replies are worth, counted over drafts that break a rule."""

import difflib
import re
from collections.abc import Sequence

import numpy as np

from reviewer.evaluation.metrics.counts import clusters_of
from reviewer.evaluation.metrics.intervals import FloatArray, bootstrapped, proportion, ratio
from reviewer.evaluation.metrics.measure import Better, Measure, undefined
from reviewer.evaluation.records import Record, RewriteOutcome

try:
    from rapidfuzz.distance import Indel
except ImportError:  # optional: difflib gives nearly the same, slowly
    Indel = None  # type: ignore[assignment]

# A gap that the agent would have to fill in: [姓名]. What stands in 【】 is a menu or a button.
_PLACEHOLDER = re.compile(r"[\[［]([^\[\]［］\n]{1,20})[\]］]")


def rewrite_measures(records: Sequence[Record]) -> tuple[Measure, ...]:
    """Return how many violating drafts get a rewrite, and what the rewrites are like.

    All but the first two are over the rewrites that have a text, those of one origin where the name
    says so. Undefined when the system proposes none at all. Distance, length and origin have no better
    direction: an unchanged draft has distance 0.
    """
    asked = [record for record in records if record.example.gold]
    offered = any(record.outcome.rewrite is not None for record in records)
    made = [(record, rewrite) for record in asked if (rewrite := _rewrite_of(record)) is not None]
    texts = [rewrite for _, rewrite in made]
    ready = sum(
        each.status == "verified" and not has_placeholder(each.text, r.example.draft) for r, each in made
    )
    return (
        *(
            proportion(count, len(asked), name, "higher") if offered else undefined(name, "higher")
            for name, count in (("rewrite_share", len(made)), ("rewrite_ready_share", ready))
        ),
        _share("rewrite_verified_share", "higher", _verified(texts)),
        _share("rewrite_wordings_share", "neither", [each.origin == "wordings" for each in texts]),
        *(
            _share(f"rewrite_{origin}_verified_share", "higher", _verified(texts, origin))
            for origin in ("wordings", "model")
        ),
        _share("rewrite_tone_share", "higher", [not _off_tone(each) for each in texts]),
        _share("rewrite_facts_kept_share", "higher", [not each.changed_facts for each in texts]),
        _share(
            "rewrite_placeholder_share",
            "lower",
            [has_placeholder(each.text, r.example.draft) for r, each in made],
        ),
        _mean("rewrite_edit_distance", made, [edit_distance(r.example.draft, each.text) for r, each in made]),
        _mean("rewrite_length_ratio", made, [len(each.text) / len(r.example.draft) for r, each in made]),
    )


def edit_distance(draft: str, rewrite: str) -> float:
    """Return the share of characters inserted or deleted, 0 (equal) to 1 (nothing kept).

    By the longest common subsequence (rapidfuzz); without that package by the matching blocks of
    difflib, which never gives less. 0 for two empty texts.
    """
    if Indel is not None:
        return float(Indel.normalized_distance(draft, rewrite))
    return 1 - difflib.SequenceMatcher(None, draft, rewrite, autojunk=False).ratio()


def has_placeholder(text: str, draft: str = "") -> bool:
    """Whether ``text`` has a gap in square brackets to fill in; one that ``draft`` has ([图片]) is none."""
    return bool(set(_PLACEHOLDER.findall(text)) - set(_PLACEHOLDER.findall(draft)))


def _verified(rewrites: Sequence[RewriteOutcome], origin: str = "") -> list[bool]:
    """Return which rewrites of ``origin``, or of any, are verified."""
    return [each.status == "verified" for each in rewrites if origin in ("", each.origin)]


def _off_tone(rewrite: RewriteOutcome) -> bool:
    """Whether a rule of manner is broken: group A of the shipped manual is about how a reply sounds."""
    return any(rule.startswith("A") for rule in rewrite.broken_rules)


def _rewrite_of(record: Record) -> RewriteOutcome | None:
    rewrite = record.outcome.rewrite
    return rewrite if rewrite and rewrite.text and not record.outcome.error else None


def _share(name: str, better: Better, hits: Sequence[bool]) -> Measure:
    return proportion(sum(hits), len(hits), name, better)


def _mean(name: str, made: Sequence[tuple[Record, RewriteOutcome]], values: Sequence[float]) -> Measure:
    columns: FloatArray = np.array([[value, 1.0] for value in values]).reshape(-1, 2)
    clusters = clusters_of([record for record, _ in made])
    return bootstrapped(name, "neither", ratio, columns, clusters, n=len(made))
