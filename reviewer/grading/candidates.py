"""Which rules are asked, and in which order.

Coverage (design, section 1): standing rules and red rules are always asked; a manual small enough
is asked whole; from a larger one the index selects the rest. Gravest first, then by the order of
the retriever, so that a deadline costs the least.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reviewer.types import SEVERITY_ORDER, Rule

DEFAULT_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Candidates:
    """``asked`` in the order to ask; ``skipped`` were not selected and stay not assessed."""

    asked: tuple[Rule, ...]
    skipped: tuple[Rule, ...]


def select_candidates(
    rules: Sequence[Rule], relevance: Mapping[str, float], *, limit: int | None = DEFAULT_LIMIT
) -> Candidates:
    """Choose and order the rules to ask.

    Args:
        rules: The applicable rules.
        relevance: Fused retrieval score by rule id, higher is more relevant; missing counts as 0.
        limit: Most rules to ask besides standing and red ones' guarantee; None asks all.
    """
    by_relevance = sorted(rules, key=lambda rule: -relevance.get(rule.id, 0.0))
    chosen = by_relevance
    if limit is not None and len(rules) > limit:
        must = [rule for rule in by_relevance if rule.standing or rule.severity == "red"]
        rest = [rule for rule in by_relevance if rule not in must]
        chosen = must + rest[: max(0, limit - len(must))]
    asked = sorted(chosen, key=lambda rule: (SEVERITY_ORDER[rule.severity], -relevance.get(rule.id, 0.0)))
    return Candidates(tuple(asked), tuple(rule for rule in rules if rule not in asked))


def resident_rules(rules: Sequence[Rule], *, limit: int = DEFAULT_LIMIT) -> tuple[Rule, ...]:
    """Return the rules whose text stands in the fixed prefix: all of a small manual, else none.

    Questions about other rules carry the rule's text themselves.
    """
    return tuple(rules) if len(rules) <= limit else ()
