"""Which rules are asked, and in which order.

Coverage (design, section 1): standing rules and red rules are always asked; a manual small enough
is asked whole; from a larger one retrieval selects the rest. Gravest first, then what fits best, so
that a deadline costs the least.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reviewer.types import SEVERITY_ORDER, Rule

DEFAULT_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Candidates:
    """``asked`` in the order to ask; ``skipped`` were not selected and stay not assessed."""

    asked: tuple[Rule, ...]
    skipped: tuple[Rule, ...]


def fit_of(retrieved: Mapping[str, float], learned: Mapping[str, float]) -> Mapping[str, float]:
    """Return how well each rule fits a conversation; only the order means something.

    Args:
        retrieved: Fused score of the index by rule id.
        learned: Logit of the trained classifier by rule id. Where there is one it orders alone: on
            dev it brings up 0.95 of the broken situational rules among eight, the index 0.74, and
            no mixture of both more than 0.96.
    """
    return learned or retrieved


def select_candidates(
    rules: Sequence[Rule], fit: Mapping[str, float], *, limit: int | None = DEFAULT_LIMIT
) -> Candidates:
    """Choose and order the rules to ask.

    Args:
        rules: The applicable rules.
        fit: Of ``fit_of``, higher fits better; a rule that is missing comes last.
        limit: Most rules to ask besides standing and red ones' guarantee; None asks all.
    """
    by_fit = sorted(rules, key=lambda rule: -fit.get(rule.id, -math.inf))
    chosen = by_fit
    if limit is not None and len(rules) > limit:
        must = [rule for rule in by_fit if rule.standing or rule.severity == "red"]
        rest = [rule for rule in by_fit if rule not in must]
        chosen = must + rest[: max(0, limit - len(must))]
    asked = sorted(chosen, key=lambda rule: SEVERITY_ORDER[rule.severity])
    return Candidates(tuple(asked), tuple(rule for rule in rules if rule not in asked))


def resident_rules(rules: Sequence[Rule], *, limit: int = DEFAULT_LIMIT) -> tuple[Rule, ...]:
    """Return the rules whose text stands in the fixed prefix: all of a small manual, else none.

    Questions about other rules carry the rule's text themselves.
    """
    return tuple(rules) if len(rules) <= limit else ()
