"""The order of work: clauses, checks, candidate rules, grades, findings, rewrite, review."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from reviewer.asking import asked_of
from reviewer.checks import CheckSettings, run_checks
from reviewer.classifier import RuleScore
from reviewer.clauses import split_clauses
from reviewer.deadline import Deadline, StageClock
from reviewer.engine.protocol import Prompt
from reviewer.errors import EngineError, ReviewerError
from reviewer.grading import Evidence, Explainer, Explanation, Grader, Grading
from reviewer.grading.candidates import (
    DEFAULT_LIMIT,
    fit_of,
    heard_among,
    resident_rules,
    select_candidates,
)
from reviewer.grading.explainer import stated
from reviewer.manual.catalogue import Catalogue
from reviewer.outcome import (
    UNADJUSTED,
    Adjustments,
    finding_out,
    rewrite_out,
    score_of,
    settle,
    verdict_of,
)
from reviewer.prompting.book import MAX_CLAUSES, PromptBook
from reviewer.request import conversation_of
from reviewer.retrieval import Relevance
from reviewer.rewriting import (
    Judge,
    Mended,
    Offer,
    Proposal,
    Rewriter,
    Verdict,
    WordingBook,
    better,
    demands_on,
    mend,
    mend_and_verify,
    verify,
)
from reviewer.rewriting.verification import Regrading
from reviewer.schema import (
    NotAssessedOut,
    Review,
    ReviewRequest,
    RewriteOut,
    VersionsOut,
)
from reviewer.types import Clause, Conversation, Finding, Grade, Hit, RewriteBy, Rule

NO_REWRITE = RewriteOut(text="", status="none")
OUT_OF_TIME = "到时限仍未问到"
_NO_TIME_TO_WRITE = "时间到限，没有生成改写"
_NO_TIME_FOR_MODEL = "时间到限，语言模型没有再写"
_NOT_SELECTED = "检索未选中"
_NOT_LEARNED = "没有训练过的判断"
# Below the thresholds of a finding, and enough not to call a reply ready: on the development set more than
# half of the overlooked red lines lie above it, and about one in thirty of the clean drafts a rule.
_SUSPICION = 0.08
_NO_WORDINGS = "批准的说法（wordings.yaml）没有给出可用的改写"


class Classifier(Protocol):
    """Scores every rule it knows in one pass."""

    def scores(
        self, conversation: Conversation, clauses: Sequence[Clause], *, deadline: Deadline
    ) -> Mapping[str, RuleScore]:
        """Return logit and attention a clause, by rule id; nothing when time did not suffice for all."""
        ...


class Retriever(Protocol):
    """Orders rules by how much a draft and its situation have to do with them."""

    @property
    def identity(self) -> str:
        """Content hash of the index."""
        ...

    def relevance(self, conversation: Conversation) -> Mapping[str, Relevance]:
        """Return the relevance of every rule it knows, by rule id."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Told of results as they come, on the caller's thread; grades of the draft, and which rules fit it."""

    grades: Callable[[Sequence[Grade], Mapping[str, float]], None] = lambda _grades, _fit: None
    verdict: Callable[[Review], None] = lambda _review: None
    rewrite_text: Callable[[str], None] = lambda _text: None


@dataclass(frozen=True, slots=True)
class Options:
    """How one request is to be reviewed.

    ``all_rules`` asks even what retrieval would leave out. ``adjustments`` are the team's; what is
    found is graded by the manual's severities, whatever the team makes of it.
    """

    deadline_ms: float | None = None
    rewrite: bool = True
    all_rules: bool = False
    adjustments: Adjustments = UNADJUSTED


@dataclass(frozen=True, slots=True)
class _Assessment:
    """Findings of one text, the ids of the rules that were assessed, and the others with the reason."""

    findings: tuple[Finding, ...]
    assessed: frozenset[str]
    open: tuple[tuple[Rule, str], ...]
    grades: tuple[Grade, ...]
    fit: Mapping[str, float]
    looked_at: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything a review needs, wired by ``bootstrap``. Not to be shared between threads."""

    catalogue: Catalogue
    prompts: PromptBook
    grader: Grader
    explainer: Explainer
    rewriter: Rewriter
    retriever: Retriever
    classifier: Classifier | None
    checks: CheckSettings
    versions: VersionsOut
    notes: tuple[str, ...] = ()
    wordings: WordingBook = field(default_factory=WordingBook)
    rewrites_by: RewriteBy = "auto"

    def review(self, request: ReviewRequest, options: Options, listener: Listener) -> Review:
        """Review one draft.

        Raises:
            InputError: the request cannot be reviewed as given.
            EngineError: the engine failed, or the text does not fit its context.
        """
        clock = StageClock()
        deadline = Deadline.after_ms(options.deadline_ms)
        conversation = conversation_of(request)
        clauses = split_clauses(conversation.draft, limit=MAX_CLAUSES)
        prompt = self._prompt(conversation, clauses)
        assessment = self._assess(conversation, prompt, clauses, options, deadline, clock)
        listener.grades(assessment.grades, assessment.fit)
        with clock.stage("explain"):
            assessment = self._explain(assessment, prompt, clauses, options, deadline)
        review = self._review(conversation, assessment, options, clock)
        listener.verdict(review)
        if options.rewrite and assessment.findings:
            with clock.stage("rewrite"):
                rewrite = self._rewrite(conversation, clauses, assessment, options, deadline, listener)
            fields = {**review.model_dump(), "rewrite": rewrite, "timing_ms": clock.total()}
            review = Review.model_validate(fields)
        return review

    def _prompt(self, conversation: Conversation, clauses: tuple[Clause, ...]) -> Prompt:
        return self.prompts.prompt(conversation, clauses, resident_rules(self.catalogue.rules))

    def _assess(
        self,
        conversation: Conversation,
        prompt: Prompt,
        clauses: Sequence[Clause],
        options: Options,
        deadline: Deadline,
        clock: StageClock,
    ) -> _Assessment:
        """Run the checks and grade every applicable rule that is to be graded."""
        with clock.stage("checks"):
            hits = run_checks(conversation, self.checks)
        with clock.stage("retrieve"):
            relevance = {} if deadline.expired else self.retriever.relevance(conversation)
        in_time = not deadline.expired
        scores: Mapping[str, RuleScore] = {}
        if self.classifier is not None and in_time:
            with clock.stage("classify"):
                scores = self.classifier.scores(conversation, clauses, deadline=deadline)
            in_time = bool(scores)
        applicable = options.adjustments.kept(self.catalogue.applicable(conversation))
        adjusted = options.adjustments.applied
        heard = heard_among(applicable, conversation, adjusted)
        evidence = {rule.id: _evidence(relevance.get(rule.id), scores.get(rule.id)) for rule in heard.rules}
        scored = [rule for rule in heard.rules if rule.id in scores]
        fit = fit_of(
            {rule.id: relevance[rule.id].fused for rule in heard.rules if rule.id in relevance},
            {rule.id: self.grader.prior(rule.id, evidence[rule.id]) for rule in scored},
        )
        decides = scores and not self.grader.calibration.uses_the_model
        candidates = select_candidates(
            heard.rules,
            fit,
            limit=None if options.all_rules else DEFAULT_LIMIT,
            learned=[rule.id for rule in heard.known if rule.id in scores] if decides else None,
        )
        found = self._hit_findings(hits, heard.known)
        grading = Grading((), candidates.asked)
        if in_time:
            with clock.stage("grade"):
                grading = self.grader.grade(
                    prompt,
                    candidates.asked,
                    resident=resident_rules(self.catalogue.rules),
                    evidence=evidence,
                    hit=bool(found),
                    deadline=deadline,
                )
        found |= {
            grade.rule_id: Finding(self.catalogue.rule(grade.rule_id), grade.probability, (), "", "grader")
            for grade in grading.grades
            if grade.violated and grade.rule_id not in found
        }
        late, skipped, strange = grading.unanswered, candidates.skipped, candidates.strange
        reasons = ((late, OUT_OF_TIME), (skipped, _NOT_SELECTED), (strange, _NOT_LEARNED))
        still_open = {rule.id: why for rules, why in reasons for rule in rules if rule.id not in found}
        return _Assessment(
            tuple(replace(finding, rule=adjusted(finding.rule)) for finding in found.values()),
            frozenset(rule.id for rule in applicable if heard.speakers[rule.id] not in still_open),
            tuple(
                (adjusted(rule), still_open[heard.speakers[rule.id]])
                for rule in applicable
                if heard.speakers[rule.id] in still_open
            ),
            grading.grades,
            fit,
            {rule_id: score.weights for rule_id, score in scores.items()},
        )

    def _hit_findings(self, hits: Sequence[Hit], applicable: Sequence[Rule]) -> dict[str, Finding]:
        """Return one finding a rule, with the spans of all its hits and the first one's reason."""
        probability = self.grader.calibration.check_probability
        found: dict[str, Finding] = {}
        for rule in applicable:
            own = [hit for hit in hits if hit.rule_id == rule.known_as]
            if own:
                spans = sorted({span for hit in own for span in hit.spans}, key=lambda span: span.start)
                found[rule.id] = Finding(rule, probability, tuple(spans), own[0].reason, "check")
        return found

    def _explain(
        self,
        assessment: _Assessment,
        prompt: Prompt,
        clauses: tuple[Clause, ...],
        options: Options,
        deadline: Deadline,
    ) -> _Assessment:
        """Add clauses and reasons to the grader's findings, then settle precedence."""
        graded = [finding for finding in assessment.findings if finding.origin == "grader"]
        rules = [finding.rule for finding in graded]
        try:
            explanations = self.explainer.explain(
                prompt, rules, clauses, looked_at=assessment.looked_at, deadline=deadline
            )
        except EngineError:
            # What is found stands, though nobody can say where and why.
            explanations = tuple(Explanation(rule.id, (), stated(rule)) for rule in rules)
        by_rule = {explanation.rule_id: explanation for explanation in explanations}
        explained = [
            replace(finding, spans=by_rule[finding.rule.id].spans, reason=by_rule[finding.rule.id].reason)
            if finding.origin == "grader"
            else finding
            for finding in assessment.findings
        ]
        return replace(assessment, findings=settle(explained, options.adjustments))

    def _rewrite(
        self,
        conversation: Conversation,
        clauses: Sequence[Clause],
        assessment: _Assessment,
        options: Options,
        deadline: Deadline,
        listener: Listener,
    ) -> RewriteOut:
        if deadline.expired:
            return RewriteOut(text="", status="none", note=_NO_TIME_TO_WRITE)
        judge = self._judge(conversation, assessment, options, deadline)

        def shown(offer: Offer | None, why: str = "") -> RewriteOut:
            return rewrite_out(offer, conversation.draft, approved=self.wordings.blanks, why=why)

        mended = None
        if self.rewrites_by != "model":
            found = assessment.findings
            mended = mend_and_verify(conversation, found, self.wordings, judge=judge, deadline=deadline)
        # Nothing that the model writes could be verified either; its seconds would be for nothing.
        hopeless = any(why == _NOT_LEARNED and rule.severity != "minor" for rule, why in assessment.open)
        if self.rewrites_by == "wordings" or (mended is not None and (mended.verdict.verified or hopeless)):
            return shown(mended, "" if mended else _NO_WORDINGS)
        out_of_time = _NO_TIME_TO_WRITE if mended is None else _NO_TIME_FOR_MODEL
        if deadline.expired:
            return shown(mended, out_of_time)
        try:
            violations = asked_of(
                [finding.rule for finding in assessment.findings], conversation, self.wordings
            )
            # A model that was trained to rewrite is asked in other words than a grader.
            resident = resident_rules(self.catalogue.rules)
            prompt = self.rewriter.prompts.prompt(conversation, clauses, resident)
            proposal = self.rewriter.propose(
                prompt, violations, deadline=deadline, on_text=listener.rewrite_text
            )
        except ReviewerError as error:
            # A failure, of loading too, costs the model's proposal, never the findings.
            return shown(mended, f"语言模型没有写成：{str(error).rstrip('。')}")
        if not proposal.text:
            return shown(mended, out_of_time if proposal.ended == "deadline" else "模型没有写出改写")
        demands = mend(conversation, assessment.findings, self.wordings)
        written = Offer(proposal.text, "model", judge(proposal, demands))
        why = _NO_WORDINGS if mended is None and self.rewrites_by == "auto" else ""
        return shown(better(mended, written), why)

    def _judge(
        self, conversation: Conversation, assessment: _Assessment, options: Options, deadline: Deadline
    ) -> Judge:
        """Return what verifies a rewrite of this draft, whoever wrote it."""
        found = assessment.findings

        def judge(proposal: Proposal, mended: Mended) -> Verdict:
            def recheck(draft: str) -> Regrading:
                return self._recheck(replace(conversation, draft=draft), options, deadline)

            demands = demands_on(proposal, mended, conversation, found, self.wordings)
            return verify(proposal, conversation.draft, demands, recheck=recheck)

        return judge

    def _recheck(self, conversation: Conversation, options: Options, deadline: Deadline) -> Regrading:
        """Review a proposed reply as a draft in the same situation."""
        pieces = split_clauses(conversation.draft, limit=MAX_CLAUSES)
        prompt = self._prompt(conversation, pieces)
        outcome = self._assess(conversation, prompt, pieces, options, deadline, StageClock())
        if self.explainer.trusted:
            # To ask the model where and why again would take seconds.
            told = [replace(found, reason=found.reason or stated(found.rule)) for found in outcome.findings]
            findings = settle(told, options.adjustments)
        else:
            findings = self._explain(outcome, prompt, pieces, options, deadline).findings
        suspects = self._explain(self._doubtful(outcome), prompt, pieces, options, deadline).findings
        # As for a pass: what nobody can judge is left open when it is minor.
        complete = all(why == _NOT_LEARNED and rule.severity == "minor" for rule, why in outcome.open)
        return Regrading(findings, complete, suspects)

    def _doubtful(self, outcome: _Assessment) -> _Assessment:
        """Return ``outcome`` with the red lines that the classifier does not exclude as its findings."""
        if self.classifier is None or self.explainer.trusted:
            return replace(outcome, findings=())
        doubted = (each for each in outcome.grades if each.probability >= _SUSPICION and not each.violated)
        rules = [(self.catalogue.rule(each.rule_id), each.probability) for each in doubted]
        red = (Finding(rule, known, (), "", "grader") for rule, known in rules if rule.severity == "red")
        return replace(outcome, findings=tuple(red))

    def _review(
        self, conversation: Conversation, assessment: _Assessment, options: Options, clock: StageClock
    ) -> Review:
        open_rules = [rule for rule, _ in assessment.open]
        verdict = verdict_of(assessment.findings, open_rules)
        known = assessment.assessed | {rule.id for rule in open_rules} | options.adjustments.disabled
        assessed_score = score_of(assessment.findings, base=self.catalogue.base_score)
        return Review(
            verdict=verdict,
            score=None if verdict == "not_assessed" else assessed_score,
            draft=conversation.draft,
            findings=[finding_out(finding) for finding in assessment.findings],
            rewrite=NO_REWRITE,
            assessed=[rule.id for rule in self.catalogue.rules if rule.id in assessment.assessed],
            not_assessed=[
                NotAssessedOut(rule=rule.id, severity=rule.severity, why=why) for rule, why in assessment.open
            ],
            not_applicable=[rule.id for rule in self.catalogue.rules if rule.id not in known],
            notes=list(self.notes),
            timing_ms=clock.total(),
            versions=self.versions,
        )


def _evidence(known: Relevance | None, score: RuleScore | None) -> Evidence:
    return Evidence(
        known.dense if known else 0.0, known.bm25 if known else 0.0, score.logit if score else 0.0
    )
