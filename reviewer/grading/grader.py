"""Turns what is known about each rule into a grade, asking the language model where that counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reviewer.deadline import Deadline
from reviewer.engine.protocol import Engine, Prompt
from reviewer.grading.calibration import Calibration
from reviewer.prompting import PromptBook
from reviewer.types import Grade, Rule


@dataclass(frozen=True, slots=True)
class Evidence:
    """What retriever and classifier know about one rule and this request; zero when nothing.

    ``classifier`` is a logit before calibration.
    """

    dense: float = 0.0
    bm25: float = 0.0
    classifier: float = 0.0


@dataclass(frozen=True, slots=True)
class Grading:
    """Grades in the order asked; ``unanswered`` are the rules that time did not reach."""

    grades: tuple[Grade, ...]
    unanswered: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Grader:
    """One engine, one set of prompts, one calibration."""

    engine: Engine
    prompts: PromptBook
    calibration: Calibration

    def grade(
        self,
        prompt: Prompt,
        rules: Sequence[Rule],
        *,
        resident: Sequence[Rule],
        evidence: Mapping[str, Evidence],
        hit: bool,
        deadline: Deadline,
    ) -> Grading:
        """Grade ``rules`` in their order, the likeliest and gravest first being the caller's affair.

        Rules outside ``resident``, those of the prompt's system text, bring their own text. The
        language model is not asked when calibration has found its answers worth nothing: waiting for
        them would change no grade. ``hit`` says that a check has found something already.

        Raises:
            EngineError: the prompt does not fit, or the engine failed.
        """
        logits: Sequence[float | None] = [None] * len(rules)
        unanswered: tuple[Rule, ...] = ()
        if self.calibration.uses_the_model:
            tails = [self.prompts.violated(rule, resident=rule in resident) for rule in rules]
            scores = self.engine.score(prompt, tails, self.prompts.choices, deadline=deadline)
            unanswered = tuple(rule for rule, score in zip(rules, scores, strict=True) if score is None)
            rules = [rule for rule, score in zip(rules, scores, strict=True) if score is not None]
            logits = [yes - no for yes, no in filter(None, scores)]
        return Grading(self._grades(rules, logits, evidence, hit=hit), unanswered)

    def prior(self, rule_id: str, evidence: Evidence) -> float:
        """Return what orders the rules before the language model is asked: the chance of a violation.

        Where the classifier has no weight in it, the classifier's logit: the chance would be the same
        for all.
        """
        if not self.calibration.weights.get("classifier"):
            return evidence.classifier
        return self._probability(rule_id, None, evidence)

    def _grades(
        self,
        rules: Sequence[Rule],
        logits: Sequence[float | None],
        evidence: Mapping[str, Evidence],
        *,
        hit: bool,
    ) -> tuple[Grade, ...]:
        asked = dict(zip((rule.id for rule in rules), logits, strict=True))
        probabilities = {
            rule_id: self._probability(rule_id, logit, evidence.get(rule_id, Evidence()))
            for rule_id, logit in asked.items()
        }
        severities = {rule.id: rule.severity for rule in rules}
        violated = self.calibration.violated(probabilities, severities, hit=hit)
        return tuple(
            Grade(rule_id, logit, probabilities[rule_id], rule_id in violated)
            for rule_id, logit in asked.items()
        )

    def _probability(self, rule_id: str, logit: float | None, evidence: Evidence) -> float:
        features = {
            "logit": logit or 0.0,
            "dense": evidence.dense,
            "bm25": evidence.bm25,
            "classifier": evidence.classifier,
        }
        return self.calibration.probability(rule_id, features)
