"""Where in the draft a rule is broken, and why: from the models, checked in code."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reviewer.deadline import Deadline
from reviewer.engine.protocol import Engine, Generation, Prompt
from reviewer.prompting.book import CLAUSE_MARKS, PromptBook, Violation
from reviewer.types import Clause, Rule, Span

_REASON_TOKENS = 48
# Reasons are decoded in step, one token each a step: beyond this many an agent waits without reading.
_MAX_REASONS = 8
_MARKS = re.compile(f"[{CLAUSE_MARKS}]")
# A clause is cited beside the best one when it is at least this likely relative to it.
_SECOND_CLAUSE = 0.5
_ENDS = ("。", "！", "？", ".", "!", "?", "。”", "！”", "？”")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The clauses that break a rule, as spans of the draft, and one sentence why."""

    rule_id: str
    spans: tuple[Span, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Explainer:
    """Points and gives reasons for rules already found violated.

    A language model whose yes or no is worth nothing does not explain what it did not find: unless
    it is ``trusted``, findings point where the classifier looked, if there is one, and quote the
    manual.
    """

    engine: Engine
    prompts: PromptBook
    trusted: bool = True

    def explain(
        self,
        prompt: Prompt,
        rules: Sequence[Rule],
        clauses: Sequence[Clause],
        *,
        looked_at: Mapping[str, Sequence[float]],
        deadline: Deadline,
    ) -> tuple[Explanation, ...]:
        """Return one explanation a rule, in order.

        ``looked_at`` gives, by rule id, the classifier's share of attention on each clause, empty
        for a rule that is broken by what is missing; a rule that it does not name was not seen by a
        classifier.

        The gravest come first and get a reason of their own; the rest, and what the deadline leaves
        out, get the manual's words.

        Raises:
            EngineError: the engine failed.
        """
        if not rules:
            return ()
        if not self.trusted:
            return tuple(_by_attention(rule, clauses, looked_at.get(rule.id)) for rule in rules)
        violations = self._point(prompt, rules, clauses, deadline)
        reasons = self._reasons(prompt, violations, deadline)
        by_number = {clause.number: clause.span for clause in clauses}
        return tuple(
            Explanation(violation.rule.id, tuple(by_number[n] for n in violation.clauses), reason)
            for violation, reason in zip(violations, reasons, strict=True)
        )

    def _point(
        self, prompt: Prompt, rules: Sequence[Rule], clauses: Sequence[Clause], deadline: Deadline
    ) -> list[Violation]:
        if len(clauses) == 1:
            return [Violation(rule, (1,)) for rule in rules]
        tails = [self.prompts.pointing(rule) for rule in rules]
        rows = self.engine.score(prompt, tails, CLAUSE_MARKS[: len(clauses)], deadline=deadline)
        return [Violation(rule, _likely(row)) for rule, row in zip(rules, rows, strict=True)]

    def _reasons(self, prompt: Prompt, violations: Sequence[Violation], deadline: Deadline) -> list[str]:
        told = violations[:_MAX_REASONS]
        answers = self.engine.generate(
            prompt,
            [self.prompts.reason(violation) for violation in told],
            max_tokens=_REASON_TOKENS,
            stop=["\n", "。"],
            deadline=deadline,
        )
        given = [
            _sentence(answer) or stated(violation.rule)
            for violation, answer in zip(told, answers, strict=True)
        ]
        return given + [stated(violation.rule) for violation in violations[_MAX_REASONS:]]


def _by_attention(rule: Rule, clauses: Sequence[Clause], shares: Sequence[float] | None) -> Explanation:
    if shares is None:
        return Explanation(rule.id, (), resembling(rule))
    best = max(shares, default=0.0)
    spans = tuple(
        clause.span
        for clause, share in zip(clauses, shares, strict=False)
        if share > 0 and share >= _SECOND_CLAUSE * best
    )
    return Explanation(rule.id, spans, banned(rule) if spans else stated(rule))


def _sentence(answer: Generation) -> str:
    """Return the model's sentence, empty when it was cut off or says nothing."""
    text = _MARKS.sub("", answer.text).strip()
    return f"{text}。" if text and answer.ended in ("end", "stop") else ""


def stated(rule: Rule) -> str:
    """Return the reason in the manual's own words, when the model gave none."""
    return f"手册要求：{_stopped(rule.require)}"


def banned(rule: Rule) -> str:
    """Return the reason why words must not be said, in the words of a manual that is not the shipped one.

    What the shipped one says to avoid also names exceptions; its demand is made to be quoted.
    """
    return f"手册禁忌：{_stopped(rule.avoid)}" if rule.vouched and rule.avoid else stated(rule)


def resembling(rule: Rule) -> str:
    """Return the reason of a finding that comes from retrieval alone."""
    return f"检索认为与本条的情形相近，请人工核对。手册要求：{_stopped(rule.require)}"


def _stopped(text: str) -> str:
    return text if text.endswith(_ENDS) else f"{text}。"


def _likely(row: tuple[float, ...] | None) -> tuple[int, ...]:
    """Return the numbers of the clauses whose likelihood comes near the best one's."""
    if row is None:
        return ()
    best = max(row)
    return tuple(i for i, value in enumerate(row, start=1) if math.exp(value - best) >= _SECOND_CLAUSE)
