"""What is taken over from an earlier batch is what today's reviewer would say; the rest is done again."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.batch import Conditions, Earlier, Keeper, Predecessor, open_output, run_batch
from reviewer.batch.recheck import is_kept
from reviewer.classifier import RuleScore
from reviewer.deadline import Deadline
from reviewer.engine.fake import FakeEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.errors import InputError
from reviewer.grading import Calibration, Explainer, Grader
from reviewer.grading.calibration import Thresholds
from reviewer.manual.catalogue import Catalogue
from reviewer.pipeline import Listener, Options, Pipeline
from reviewer.prompting import PromptBook
from reviewer.request import request_of
from reviewer.schema import Review, ReviewRequest
from reviewer.types import Clause, Conversation, Rule, Source
from tests.batch.runs import CONDITIONS, DRAFTS, Judge, lines_of, raises, run, tasks_of
from tests.pipeline_parts import make_pipeline

SITUATIONS = [("opening", "phone"), ("middle", "online"), ("closing", "online"), ("unknown", "unknown")]
TEXTS = ["您好，请您稍等，我马上核实。", "这个不归我管。您再等等吧！", "好的，感谢您的来电，再见。"]
REQUESTS = [
    request_of({"draft": text, "stage": stage, "channel": channel})
    for text in TEXTS
    for stage, channel in SITUATIONS
]
OPTIONS = {"fingerprint": "f"}
CLASSIFIED = Calibration(weights={"classifier": 1.0})
SUSPICIOUS = replace(CLASSIFIED, thresholds=Thresholds(red=0.5, other=0.6, draft=0.97))
GRADED = Calibration()


def number(*parts: str) -> float:
    """Return a number from 0 to 1 that hangs on every character."""
    return hashlib.sha256("|".join(parts).encode()).digest()[0] / 255


class ByWords:
    """A classifier that finds one rule in twenty broken, always the same ones in the same draft."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._ids = [rule.id for rule in catalogue.rules]

    def scores(
        self, conversation: Conversation, clauses: Sequence[Clause], *, deadline: Deadline
    ) -> Mapping[str, RuleScore]:
        assert not deadline.expired
        shares = tuple(1 / len(clauses) for _ in clauses)
        return {
            rule: RuleScore(2.0 if number(rule, conversation.draft) > 0.95 else -6.0, shares)
            for rule in self._ids
        }


def logits(prompt: Prompt, tail: Tail, choice: str) -> float:
    """A language model that is swayed by all it reads."""
    broken = number(prompt.system, prompt.user, tail.question, tail.answer) > 0.97
    return 3.0 if (choice == "是") == broken else -3.0


def text(prompt: Prompt, tail: Tail) -> str:
    return f"您好，请稍等{round(number(prompt.system, tail.question) * 9)}。"


def reviewer_of(
    catalogue: Catalogue, prompts: PromptBook, calibration: Calibration, *, classified: bool = True
) -> Pipeline:
    engine = FakeEngine(logits=logits, text=text)
    pipeline = make_pipeline(catalogue, prompts, engine)
    versions = pipeline.versions.model_copy(
        update={"manual": catalogue.content_hash, "index": f"index of {catalogue.content_hash}"}
    )
    return replace(
        pipeline,
        grader=Grader(engine, prompts, calibration),
        explainer=Explainer(engine, prompts, trusted=calibration.uses_the_model),
        classifier=ByWords(catalogue) if classified else None,
        versions=versions,
    )


def review(pipeline: Pipeline, request: ReviewRequest, *, rewrite: bool = True) -> Review:
    return pipeline.review(request, Options(rewrite=rewrite, all_rules=True), Listener())


def batch_of(out: Path, pipeline: Pipeline, *, rewrite: bool = True) -> Earlier:
    """Write the reviews of all requests under ``OPTIONS``, and return them as an earlier output."""
    tasks = [
        replace(task, request=request)
        for task, request in zip(tasks_of(*map(str, REQUESTS)), REQUESTS, strict=True)
    ]
    with open_output(out) as output:
        run_batch(
            tasks,
            output,
            lambda request: review(pipeline, request, rewrite=rewrite),
            Conditions(pipeline.versions, OPTIONS),
            on_fault=raises,
        )
    return Earlier(out)


def keeper(
    earlier: Earlier, today: Pipeline, before: Catalogue, *, rewrite: bool = True, then: str = "f"
) -> Keeper:
    """Return who takes over; ``then`` is the fingerprint of the options by the manual before."""
    conditions = Conditions(today.versions, {"fingerprint": "today"})
    return Keeper(earlier, today, conditions, Predecessor(before, {"fingerprint": then}), rewrite)


def said(review: Review) -> dict[str, object]:
    """Return what a review says, but for how long it took and what it notes."""
    return review.model_dump(exclude={"timing_ms", "notes"})


def edited(catalogue: Catalogue, rule_id: str, **fields: object) -> Catalogue:
    """Return ``catalogue`` with one rule changed, or without it where no field is given."""
    rules = tuple(
        replace(rule, **fields) if rule.id == rule_id else rule  # type: ignore[arg-type]
        for rule in catalogue.rules
        if fields or rule.id != rule_id
    )
    return replace(catalogue, rules=rules, content_hash=f"{catalogue.content_hash}, {rule_id} {fields}")


def twice(catalogue: Catalogue) -> Catalogue:
    """Return a manual too large to stand in front of every question."""
    again = tuple(replace(rule, id=f"{rule.id}b", text=f"{rule.text}（二）") for rule in catalogue.rules)
    return replace(catalogue, rules=(*catalogue.rules, *again), content_hash="large")


EDITS: list[dict[str, object]] = [
    {},
    {"severity": "red"},
    {"severity": "minor"},
    {"title": "另一个标题"},
    {"text": "另一句原文。"},
    {"require": "另一个要求"},
    {"yields_to": ("A01", "B01")},
    {"source": Source("《另一篇》", "另一节")},
    {"stages": ("opening",)},
    {"channels": ("phone",)},
    {"points": 7},
]


@pytest.mark.parametrize(
    ("calibration", "manual", "classified"),
    [
        (CLASSIFIED, lambda catalogue: catalogue, True),
        (SUSPICIOUS, lambda catalogue: catalogue, True),
        (CLASSIFIED, twice, True),
        (GRADED, twice, False),
        (GRADED, lambda catalogue: catalogue, False),
    ],
    ids=["classified", "suspicious", "classified-large", "graded-large", "graded"],
)
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=st.data())
def test_what_is_taken_over_is_what_would_be_said_today(
    calibration: Calibration,
    manual: Callable[[Catalogue], Catalogue],
    classified: bool,
    catalogue: Catalogue,
    prompts: PromptBook,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    rewrite = data.draw(st.booleans())
    old = manual(catalogue)
    new = old
    for rule in data.draw(st.lists(st.sampled_from(old.rules), max_size=2, unique=True)):
        new = edited(new, rule.id, **data.draw(st.sampled_from(EDITS)))
    then = reviewer_of(old, prompts, calibration, classified=classified)
    today = reviewer_of(new, prompts, calibration, classified=classified)
    earlier = batch_of(tmp_path_factory.mktemp("batch") / "old.jsonl", then, rewrite=rewrite)
    keep = keeper(earlier, today, old, rewrite=rewrite)
    for request in REQUESTS:
        if (kept := keep.kept(request)) is not None:
            assert said(kept) == said(review(today, request, rewrite=rewrite))


@pytest.fixture
def old(catalogue: Catalogue, prompts: PromptBook) -> Pipeline:
    return reviewer_of(catalogue, prompts, CLASSIFIED)


@pytest.fixture
def earlier(tmp_path: Path, old: Pipeline) -> Earlier:
    return batch_of(tmp_path / "old.jsonl", old)


def kept_of(earlier: Earlier, today: Pipeline, before: Catalogue, *, then: str = "f") -> list[ReviewRequest]:
    keep = keeper(earlier, today, before, then=then)
    return [request for request in REQUESTS if keep.kept(request)]


def opening_rule(catalogue: Catalogue) -> Rule:
    return next(rule for rule in catalogue.rules if rule.stages == ("opening",))


def test_rules_of_another_stage_alter_nothing_where_nothing_was_found(
    earlier: Earlier, catalogue: Catalogue, prompts: PromptBook
) -> None:
    today = reviewer_of(edited(catalogue, opening_rule(catalogue).id, severity="red"), prompts, CLASSIFIED)
    keep = keeper(earlier, today, catalogue)
    kept = {request.stage: 0 for request in REQUESTS}
    for request in REQUESTS:
        review_then = earlier.line_of(request)
        assert review_then is not None
        if (found := keep.kept(request)) is not None:
            kept[request.stage] += 1
            assert is_kept(found)
            assert found.versions == today.versions
            assert catalogue.content_hash in found.notes[-1]
    assert kept["opening"] == 0
    assert kept["middle"] > 0


def test_a_rule_that_has_gone_alters_no_pass_and_one_that_has_come_may(
    earlier: Earlier, catalogue: Catalogue, prompts: PromptBook, tmp_path: Path
) -> None:
    shorter = edited(catalogue, "E01")
    today = reviewer_of(shorter, prompts, CLASSIFIED)
    passes = [r for r in REQUESTS if (line := earlier.line_of(r)) and line.review.verdict == "pass"]
    assert kept_of(earlier, today, catalogue) == passes != []
    back = batch_of(tmp_path / "shorter.jsonl", today)
    assert kept_of(back, reviewer_of(catalogue, prompts, CLASSIFIED), shorter) == []


@pytest.mark.parametrize(("rewrite", "is_kept_too"), [(True, False), (False, True)])
def test_what_the_language_model_wrote_hangs_on_every_rule_of_a_small_manual(
    rewrite: bool, is_kept_too: bool, tmp_path: Path, old: Pipeline, catalogue: Catalogue, prompts: PromptBook
) -> None:
    earlier = batch_of(tmp_path / "own.jsonl", old, rewrite=rewrite)
    today = reviewer_of(edited(catalogue, opening_rule(catalogue).id, text="另一句。"), prompts, CLASSIFIED)
    keep = keeper(earlier, today, catalogue, rewrite=rewrite)
    found = [r for r in REQUESTS if (line := earlier.line_of(r)) and line.review.findings]
    middle = [request for request in found if request.stage == "middle"]
    assert [bool(keep.kept(request)) for request in middle] == [is_kept_too] * len(middle) != []


def test_a_taken_over_review_can_be_taken_over_again(
    earlier: Earlier, catalogue: Catalogue, prompts: PromptBook, tmp_path: Path
) -> None:
    rule = opening_rule(catalogue)
    second, third = edited(catalogue, rule.id, points=9), edited(catalogue, rule.id, points=8)
    today = reviewer_of(second, prompts, CLASSIFIED)
    keep = keeper(earlier, today, catalogue)
    request = next(r for r in REQUESTS if keep.kept(r))
    with open_output(tmp_path / "second.jsonl") as output:
        run_batch(
            [replace(tasks_of("您好")[0], request=request)],
            output,
            lambda asked: keep.kept(asked) or review(today, asked),
            Conditions(today.versions, OPTIONS),
            on_fault=raises,
        )
    again = keeper(Earlier(tmp_path / "second.jsonl"), reviewer_of(third, prompts, CLASSIFIED), second)
    found = again.kept(request)
    assert found is not None
    assert [is_kept(found), len(found.notes)] == [True, 2]
    assert second.content_hash in found.notes[-1]


@pytest.mark.parametrize(
    "change",
    [
        lambda today: replace(today, versions=today.versions.model_copy(update={"classifier": "other"})),
        lambda today: replace(today, versions=today.versions.model_copy(update={"calibration": "other"})),
        lambda today: replace(today, catalogue=replace(today.catalogue, base_score=90)),
        lambda today: replace(
            today, grader=replace(today.grader, calibration=replace(CLASSIFIED, weights={"bm25": 0.1}))
        ),
    ],
    ids=["classifier", "calibration", "base-score", "retrieval"],
)
def test_whatever_else_is_different_everything_is_reviewed_again(
    change: Callable[[Pipeline], Pipeline], earlier: Earlier, catalogue: Catalogue, prompts: PromptBook
) -> None:
    today = reviewer_of(edited(catalogue, opening_rule(catalogue).id, points=9), prompts, CLASSIFIED)
    assert kept_of(earlier, today, catalogue)
    assert kept_of(earlier, change(today), catalogue) == []


def test_other_options_or_another_old_manual_than_the_key_says_keep_nothing(
    earlier: Earlier, old: Pipeline, catalogue: Catalogue, prompts: PromptBook
) -> None:
    today = reviewer_of(edited(catalogue, opening_rule(catalogue).id, points=9), prompts, CLASSIFIED)
    assert kept_of(earlier, today, catalogue, then="edited") == []
    assert kept_of(earlier, today, replace(catalogue, content_hash="other")) == []
    without = Keeper(earlier, today, Conditions(today.versions, OPTIONS), None, rewrites=True)
    assert [request for request in REQUESTS if without.kept(request)] == []
    same = Keeper(earlier, old, Conditions(old.versions, OPTIONS), None, rewrites=True)
    line = earlier.line_of(REQUESTS[0])
    assert line is not None
    assert same.kept(REQUESTS[0]) == line.review


def test_each_line_says_what_it_was(tmp_path: Path) -> None:
    run(tmp_path / "old.jsonl", Judge(), *DRAFTS[:2])
    earlier = Earlier(tmp_path / "old.jsonl")
    other = Conditions(CONDITIONS.versions.model_copy(update={"manual": "new"}), CONDITIONS.options)
    with open_output(tmp_path / "new.jsonl") as output:
        run_batch(tasks_of(*DRAFTS[1:]), output, Judge(), other, was=earlier.was, on_fault=raises)
    lines = lines_of(tmp_path / "new.jsonl")
    assert [line.was and line.was.model_dump() for line in lines] == [
        {"manual": CONDITIONS.versions.manual, "verdict": "revise", "rules": {"A01": "敬语称谓"}},
        None,
    ]
    assert [line.was for line in run(tmp_path / "new.jsonl", Judge(), *DRAFTS, conditions=other)] == [
        None
    ] * 3


@pytest.mark.parametrize("content", [None, '{"id": "t1"}\n', "{"])
def test_something_else_is_no_earlier_batch(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "old.jsonl"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="请核对 --recheck"):
        Earlier(path)
