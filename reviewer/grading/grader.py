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
        deadline: Deadline,
    ) -> Grading:
        """Grade ``rules`` in their order, the likeliest and gravest first being the caller's affair.

        Rules outside ``resident``, those of the prompt's system text, bring their own text. The
        language model is not asked when calibration has found its answers worth nothing: waiting for
        them would change no grade.

        Raises:
            EngineError: the prompt does not fit, or the engine failed.
        """
        if not self.calibration.uses_the_model:
            return Grading(
                tuple(self._grade(rule, None, evidence.get(rule.id, Evidence())) for rule in rules), ()
            )
        tails = [self.prompts.violated(rule, resident=rule in resident) for rule in rules]
        scores = self.engine.score(prompt, tails, self.prompts.choices, deadline=deadline)
        grades: list[Grade] = []
        unanswered: list[Rule] = []
        for rule, score in zip(rules, scores, strict=True):
            if score is None:
                unanswered.append(rule)
                continue
            yes, no = score
            grades.append(self._grade(rule, yes - no, evidence.get(rule.id, Evidence())))
        return Grading(tuple(grades), tuple(unanswered))

    def _grade(self, rule: Rule, logit: float | None, evidence: Evidence) -> Grade:
        features = {
            "logit": logit or 0.0,
            "dense": evidence.dense,
            "bm25": evidence.bm25,
            "classifier": evidence.classifier,
        }
        probability = self.calibration.probability(rule.id, features)
        return Grade(rule.id, logit, probability, self.calibration.violated(rule.severity, probability))
