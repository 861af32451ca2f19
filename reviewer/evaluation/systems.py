"""What can be measured: the reviewer itself, behind the same small interface as the baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Protocol

from reviewer.bootstrap import Reviewer
from reviewer.checks import CheckSettings
from reviewer.clauses import split_clauses
from reviewer.engine.protocol import Engine
from reviewer.evaluation.examples import Example
from reviewer.evaluation.records import Outcome, RewriteOutcome, RuleOutcome, SpanRecord, Status
from reviewer.grading.candidates import resident_rules
from reviewer.manual.catalogue import Catalogue
from reviewer.pipeline import Listener, Options, Pipeline
from reviewer.prompting.book import MAX_CLAUSES
from reviewer.request import conversation_of
from reviewer.resources import content_hash
from reviewer.schema import Review
from reviewer.types import Grade, Rule

# Folders whose code changes no answer, and the files in them that do.
_NOT_JUDGING = frozenset({"cli", "evaluation", "formats", "training"})
_JUDGING = frozenset({"baselines.py", "systems.py"})


class System(Protocol):
    """Judges examples without seeing their labels."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        ...

    @property
    def versions(self) -> Mapping[str, str]:
        """Content hashes of everything that decides its answers."""
        ...

    def judge(self, example: Example) -> Outcome:
        """Return what it says of one draft.

        Raises:
            InputError: the draft cannot be reviewed; the runner records it as not assessed.
        """
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


def identity_of(system: System, options: Mapping[str, str]) -> str:
    """Return the hash under which results of ``system`` may be used again."""
    parts = [
        system.name,
        code_hash(),
        *(f"{key}={value}" for key, value in sorted({**system.versions, **options}.items())),
    ]
    return content_hash("\n".join(parts).encode())


@cache
def code_hash() -> str:
    """Return the content hash of the code that judges: what older code said is not used again."""
    root = Path(__file__).parents[1]
    parts = [
        part
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] not in _NOT_JUDGING or path.name in _JUDGING
        for part in (path.relative_to(root).as_posix().encode(), path.read_bytes())
    ]
    return content_hash(*parts)


class ReviewerSystem:
    """The whole reviewer, as ``reviewer check`` runs it."""

    def __init__(
        self, reviewer: Reviewer, *, rewrite: bool, deadline_ms: float | None = None, name: str = "reviewer"
    ) -> None:
        """Wrap an open reviewer, which ``close`` closes.

        Args:
            reviewer: Wired from the settings under test.
            rewrite: Whether rewrites are asked for and measured (seconds an example).
            deadline_ms: As in ``Reviewer.review``.
            name: What the table calls it.
        """
        self._reviewer = reviewer
        self._rewrite = rewrite
        self._deadline_ms = deadline_ms
        self.name = name
        self.versions = reviewer.pipeline.versions.model_dump(mode="json")

    def judge(self, example: Example) -> Outcome:
        """See ``System.judge``."""
        heard: dict[str, tuple[Sequence[Grade], Mapping[str, float]]] = {}
        listener = Listener(grades=lambda grades, fit: heard.update(all=(grades, fit)))
        pipeline = self._reviewer.pipeline
        if example.public_numbers:
            checks = CheckSettings(public_numbers=tuple(example.public_numbers))
            pipeline = replace(pipeline, checks=checks)
        review = pipeline.review(example.request(), Options(self._deadline_ms, self._rewrite), listener)
        grades, fit = heard["all"]
        return Outcome(
            verdict=review.verdict,
            rules=_rules(review, pipeline.catalogue, {grade.rule_id: grade.probability for grade in grades}),
            ranking=_ranking(pipeline.catalogue, fit),
            rewrite=_rewrite_outcome(review) if self._rewrite else None,
            timing_ms=review.timing_ms,
            n_tokens=self._tokens(example),
        )

    def _tokens(self, example: Example) -> int:
        """Return the tokens of the request for the language model, 0 when it is not asked anything."""
        pipeline = self._reviewer.pipeline
        if not (self._rewrite or pipeline.grader.calibration.uses_the_model):
            return 0
        return request_tokens(pipeline, self._reviewer.engine, example)

    def close(self) -> None:
        """Close the reviewer."""
        self._reviewer.close()


def request_tokens(pipeline: Pipeline, engine: Engine, example: Example) -> int:
    """Return how many tokens of the prompt are this request's own, the manual's prefix not counted."""
    conversation = conversation_of(example.request())
    clauses = split_clauses(conversation.draft, limit=MAX_CLAUSES)
    resident = resident_rules(pipeline.catalogue.rules)
    return engine.count_tokens(pipeline.prompts.prompt(conversation, clauses, resident).user)


def _rules(review: Review, catalogue: Catalogue, probabilities: Mapping[str, float]) -> list[RuleOutcome]:
    found = {finding.rule.id: finding for finding in review.findings}
    assessed, aside = set(review.assessed), set(review.not_applicable)

    def outcome(rule: Rule) -> RuleOutcome:
        finding = found.get(rule.id)
        if finding is not None:
            spans = [SpanRecord(start=span.start, end=span.end) for span in finding.spans]
            return RuleOutcome(
                rule=rule.id,
                status="found",
                probability=finding.probability,
                origin=finding.origin,
                spans=spans,
            )
        status: Status = (
            "not_applicable" if rule.id in aside else "clear" if rule.id in assessed else "not_assessed"
        )
        return RuleOutcome(rule=rule.id, status=status, probability=probabilities.get(rule.id))

    return [outcome(rule) for rule in catalogue.rules]


def _ranking(catalogue: Catalogue, fit: Mapping[str, float]) -> list[str]:
    situational = [rule.id for rule in catalogue.rules if not rule.standing and rule.id in fit]
    return sorted(situational, key=lambda rule: -fit[rule])


def _rewrite_outcome(review: Review) -> RewriteOutcome:
    rewrite = review.rewrite
    return RewriteOutcome(
        text=rewrite.text,
        status=rewrite.status,
        origin=rewrite.origin,
        placeholders=rewrite.placeholders,
        changed_facts=rewrite.changed_facts,
        broken_rules=[finding.rule.id for finding in rewrite.findings],
    )
