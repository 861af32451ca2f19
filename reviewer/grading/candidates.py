"""Which rules are asked, and in which order.

Coverage (design, section 1): standing rules and red rules are always asked; a manual small enough
is asked whole; from a larger one retrieval selects the rest. Gravest first, then what fits best, so
that a deadline costs the least.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from reviewer.manual.catalogue import known_here
from reviewer.types import SEVERITY_ORDER, Conversation, Rule

DEFAULT_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Candidates:
    """``asked`` in the order to ask; ``skipped`` were not selected, of ``strange`` ones nothing is known."""

    asked: tuple[Rule, ...]
    skipped: tuple[Rule, ...]
    strange: tuple[Rule, ...] = ()


def speakers(rules: Sequence[Rule]) -> Mapping[str, str]:
    """Return, by the id of each rule, the id of the one that speaks for it: mostly itself.

    Of rules that are known as the same one all would be found together, or none. The gravest speaks, of
    equals the first, so that one fault is not cited, weighed and counted twice.
    """
    first: dict[str, str] = {}
    for rule in sorted(rules, key=lambda rule: SEVERITY_ORDER[rule.severity]):
        first.setdefault(rule.known_as or _own(rule), rule.id)
    return {rule.id: first[rule.known_as or _own(rule)] for rule in rules}


def _own(rule: Rule) -> str:
    # No id begins like this.
    return f"={rule.id}"


@dataclass(frozen=True, slots=True)
class Heard:
    """The rules that speak, the ``known`` ones among them, and by the id of every rule its speaker's.

    What checks and classifier say of a known one holds in this conversation.
    """

    rules: tuple[Rule, ...]
    known: tuple[Rule, ...]
    speakers: Mapping[str, str]


def heard_among(
    applicable: Sequence[Rule], conversation: Conversation, adjusted: Callable[[Rule], Rule]
) -> Heard:
    """Return which of the applicable rules speak, in their order and as they are given.

    Args:
        applicable: The applicable rules, with the manual's severities.
        conversation: What they are applicable to.
        adjusted: Gives a rule the team's severity; by that it is said which is the gravest.
    """
    by_id = speakers([adjusted(rule) for rule in applicable])
    rules = tuple(rule for rule in applicable if by_id[rule.id] == rule.id)
    return Heard(rules, tuple(rule for rule in rules if known_here(rule, conversation)), by_id)


def fit_of(retrieved: Mapping[str, float], learned: Mapping[str, float]) -> Mapping[str, float]:
    """Return how well each rule fits a conversation; only the order means something.

    Args:
        retrieved: Fused score of the index by rule id.
        learned: Calibrated chance by rule id, from what the trained classifier and the index know. Where
            there is one it orders alone: on dev it brings up 0.989 of the broken situational rules
            among eight, the classifier's logit 0.987, the untrained index 0.82.
    """
    return learned or retrieved


def select_candidates(
    applicable: Sequence[Rule],
    fit: Mapping[str, float],
    *,
    limit: int | None = DEFAULT_LIMIT,
    learned: Collection[str] | None = None,
) -> Candidates:
    """Choose and order the rules to ask.

    Args:
        applicable: The applicable rules.
        fit: Of ``fit_of``, higher fits better; a rule that is missing comes last.
        limit: Most rules to ask besides standing and red ones' guarantee; None asks all.
        learned: Ids of the only rules that anything can be said of; None when all can be asked. To call
            the others clear for want of evidence would be a guess.
    """
    rules = [rule for rule in applicable if learned is None or rule.id in learned]
    by_fit = sorted(rules, key=lambda rule: -fit.get(rule.id, -math.inf))
    chosen = by_fit
    if limit is not None and len(rules) > limit:
        must = [rule for rule in by_fit if rule.standing or rule.severity == "red"]
        rest = [rule for rule in by_fit if rule not in must]
        chosen = must + rest[: max(0, limit - len(must))]
    asked = sorted(chosen, key=lambda rule: SEVERITY_ORDER[rule.severity])
    return Candidates(
        tuple(asked),
        tuple(rule for rule in rules if rule not in asked),
        tuple(rule for rule in applicable if rule not in rules),
    )


def resident_rules(rules: Sequence[Rule], *, limit: int = DEFAULT_LIMIT) -> tuple[Rule, ...]:
    """Return the rules whose text stands in the fixed prefix: all of a small manual, else none.

    Questions about other rules carry the rule's text themselves.
    """
    return tuple(rules) if len(rules) <= limit else ()
