"""From what is known about a rule to the probability that it is violated.

The evidence is stacked by a logistic model, fitted on the dev files by ``eval/calibrate.py``: the
language model's logit, the classifier's, the retriever's dense and BM25 scores, and one intercept a
rule. The file names
everything it was fitted for; with anything else the raw logit is used and the review says so.

Source: stacked generalisation (Wolpert 1992) with Platt's sigmoid (1999) as the combiner.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import CorpusError
from reviewer.resources import content_hash, read_text
from reviewer.types import Severity

_THRESHOLD = 0.5


class Conditions(BaseModel):
    """What a combiner was fitted for; its weights mean nothing for anything else.

    In the file, an empty model, prompts or encoder means any: that evidence has no weight. An empty
    manual means any that has rules the classifier knows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str = Field(description="SHA-256 of the GGUF file.")
    adapter: str = Field(description="SHA-256 of the adapter, empty without one.")
    prompts: str = Field(description="Content hash of the templates.")
    manual: str = Field(description="Content hash of the corpus.")
    encoder: str = Field(description="Identity of the vector space.")
    classifier: str = Field("", description="Identity of the classifier, empty without one.")

    def hold_for(self, present: "Conditions") -> bool:
        """Whether a combiner fitted for these conditions may be used under ``present`` ones."""
        free = {name for name in ("model", "prompts", "manual", "encoder") if not getattr(self, name)}
        return all(
            name in free or getattr(self, name) == getattr(present, name) for name in Conditions.model_fields
        )


class Thresholds(BaseModel):
    """From which probability on a rule counts as violated, and a draft as suspect.

    ``red`` and ``other`` are about one rule; ``draft`` is about the chance that any rule is broken,
    None where that has not been fitted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    red: float = Field(_THRESHOLD, gt=0, lt=1)
    other: float = Field(_THRESHOLD, gt=0, lt=1)
    draft: float | None = Field(None, gt=0, lt=1)


class _Fitted(BaseModel):
    """One fitted model as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    conditions: Conditions
    fitted_on: str
    thresholds: Thresholds
    check_probability: float = Field(gt=0, le=1, description="Precision of the checks on the same data.")
    weights: dict[str, float]
    intercept: float
    rule_intercepts: dict[str, float]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    fitted: list[_Fitted]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted combiner, or the raw sigmoid when ``fitted_on`` is empty."""

    content_hash: str = ""
    fitted_on: str = ""
    thresholds: Thresholds = field(
        default_factory=lambda: Thresholds(red=_THRESHOLD, other=_THRESHOLD, draft=None)
    )
    check_probability: float = 0.99
    intercept: float = 0.0
    weights: Mapping[str, float] = field(default_factory=lambda: {"logit": 1.0})
    rule_intercepts: Mapping[str, float] = field(default_factory=dict)

    @property
    def uses_the_model(self) -> bool:
        """Whether the grader's own answer has any weight in the probability."""
        return self.weights.get("logit", 0.0) != 0.0

    def violated(
        self, probabilities: Mapping[str, float], severities: Mapping[str, Severity], *, hit: bool
    ) -> frozenset[str]:
        """Return the ids of the rules that count as violated by one draft.

        A draft is suspect when the chance that any rule is broken, one minus the product of the chances
        that each is kept, reaches its threshold. One that is not breaks nothing. A suspect one breaks
        the rules that reach their own threshold, and at least the likeliest: neighbouring rules that
        share the doubt about one fault would otherwise let it pass.

        Args:
            probabilities: The chance, 0-1, that each rule is violated, by rule id.
            severities: The manual's severity of each of them.
            hit: Whether a check has found something already, so that the draft does not pass anyway.
        """
        limits = {"red": self.thresholds.red}
        reached = frozenset(
            rule_id
            for rule_id, probability in probabilities.items()
            if probability >= limits.get(severities[rule_id], self.thresholds.other)
        )
        if self.thresholds.draft is None:
            return reached
        if 1 - math.prod(1 - probability for probability in probabilities.values()) < self.thresholds.draft:
            return frozenset()
        return reached if reached or hit else frozenset({max(probabilities, key=probabilities.__getitem__)})

    def named(self, names: Mapping[str, str]) -> "Calibration":
        """Return the same for a manual with other ids: ``names`` gives, by an id there, the one here."""
        own = {
            rule_id: self.rule_intercepts[known]
            for rule_id, known in names.items()
            if known in self.rule_intercepts
        }
        return replace(self, rule_intercepts=own)

    def probability(self, rule_id: str, features: Mapping[str, float]) -> float:
        """Return the chance, 0-1, that the rule is violated.

        Args:
            rule_id: The rule; one that was not in the data has no intercept of its own.
            features: Evidence by name; what the combiner has no weight for is not used.
        """
        total = self.intercept + self.rule_intercepts.get(rule_id, 0.0)
        total += sum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


def load_calibration(path: Path, conditions: Conditions) -> Calibration:
    """Return the combiner fitted for these conditions, else the raw sigmoid.

    Raw is the classifier's logit, which was trained as one; without a classifier, or with an adapter
    that somebody trained for the language model, it is the language model's.

    Raises:
        CorpusError: the file is there but cannot be read.
    """
    if not path.exists():
        return _raw(conditions)
    text = read_text(path)
    try:
        entries = _File.model_validate(json.loads(text)).fitted
    except (ValueError, ValidationError) as cause:
        raise CorpusError(f"校准文件 {path} 无效：{str(cause).splitlines()[0]}") from cause
    fitting = [entry for entry in entries if entry.conditions.hold_for(conditions)]
    if not fitting:
        return _raw(conditions)
    # One that was fitted with this very manual knows more than one for any.
    entry = max(fitting, key=lambda entry: bool(entry.conditions.manual))
    return Calibration(
        content_hash=content_hash(entry.model_dump_json().encode()),
        fitted_on=entry.fitted_on,
        thresholds=entry.thresholds,
        check_probability=entry.check_probability,
        intercept=entry.intercept,
        weights=entry.weights,
        rule_intercepts=entry.rule_intercepts,
    )


def _raw(conditions: Conditions) -> Calibration:
    if conditions.classifier and not conditions.adapter:
        return Calibration(weights={"classifier": 1.0})
    return Calibration()
