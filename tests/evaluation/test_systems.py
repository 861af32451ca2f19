"""The reviewer as a system: what its review becomes, rule by rule."""

import pytest

from reviewer.bootstrap import Reviewer
from reviewer.engine.fake import FakeEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.evaluation.records import Outcome, RuleOutcome
from reviewer.evaluation.systems import ReviewerSystem
from reviewer.manual.catalogue import Catalogue
from reviewer.pipeline import Pipeline
from reviewer.prompting import PromptBook
from tests.pipeline_parts import VERSIONS, FixedRetriever, make_pipeline

# No check fires on it: what is found here, the scripted engine found.
DRAFT = "不清楚，您可以自己打他的手机！"
EXAMPLE = Example(id="x", draft=DRAFT, verdict="revise", stage="middle", channel="online")
GOOD = "您好，这一点我马上帮您核实，请您稍等。"


def logits(prompt: Prompt, tail: Tail, choice: str) -> float:
    """A02 is violated as long as the draft is there; the second clause is pointed at."""
    if tail.answer.endswith("是"):
        return 5.0 if choice == "②" else -5.0
    violated = tail.answer[:3] == "A02" and "不清楚" in prompt.user
    return 2.0 if (choice == "是") == violated else -2.0


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(
        logits=logits, text=lambda _prompt, tail: "没有出路。" if "因为" in tail.answer else GOOD
    )


@pytest.fixture
def pipeline(catalogue: Catalogue, prompts: PromptBook, engine: FakeEngine) -> Pipeline:
    return make_pipeline(catalogue, prompts, engine)


@pytest.fixture
def reviewer(pipeline: Pipeline, engine: FakeEngine) -> Reviewer:
    return Reviewer(pipeline, engine, engine.close, None)


def by_rule(outcome: Outcome) -> dict[str, RuleOutcome]:
    return {rule.rule: rule for rule in outcome.rules}


def test_every_rule_of_the_manual_has_an_outcome(reviewer: Reviewer, catalogue: Catalogue) -> None:
    outcome = ReviewerSystem(reviewer, rewrite=False).judge(EXAMPLE)
    assert outcome.verdict == "revise"
    assert [rule.rule for rule in outcome.rules] == [rule.id for rule in catalogue.rules]
    rules = by_rule(outcome)
    # sigmoid(2 - -2) = 0.9820; of the clear ones 1 - 0.9820.
    found = rules.pop("A02")
    assert (found.status, found.origin, found.probability) == ("found", "grader", 0.982)
    assert [DRAFT[span.start : span.end] for span in found.spans] == ["您可以自己打他的手机！"]
    aside = {rule: rules.pop(rule) for rule in ("C01", "C08", "S10", "S11")}
    assert {each.status for each in aside.values()} == {"not_applicable"}
    assert {each.probability for each in aside.values()} == {None}
    assert {each.status for each in rules.values()} == {"clear"}
    assert all(each.probability == pytest.approx(0.018, abs=1e-4) for each in rules.values())
    assert outcome.timing_ms["total"] >= 0


def test_a_check_is_recorded_as_such(reviewer: Reviewer) -> None:
    outcome = ReviewerSystem(reviewer, rewrite=False).judge(
        EXAMPLE.model_copy(update={"draft": "您好，这事不归我管。"})
    )
    found = by_rule(outcome)["A02"]
    assert (found.status, found.origin) == ("found", "check")
    assert [(span.start, span.end) for span in found.spans] == [(5, 9)]


def test_rules_that_time_does_not_reach_are_not_assessed(reviewer: Reviewer, engine: FakeEngine) -> None:
    engine.answer_only = 3
    outcome = ReviewerSystem(reviewer, rewrite=False).judge(EXAMPLE)
    statuses = [rule.status for rule in outcome.rules]
    assert outcome.verdict == "not_assessed"
    assert (statuses.count("clear"), statuses.count("not_applicable")) == (3, 4)
    assert statuses.count("not_assessed") == len(statuses) - 7
    assert all(rule.probability is None for rule in outcome.rules if rule.status == "not_assessed")


def test_a_rewrite_is_asked_for_and_recorded_only_on_demand(reviewer: Reviewer, engine: FakeEngine) -> None:
    assert ReviewerSystem(reviewer, rewrite=False).judge(EXAMPLE).rewrite is None
    rewrite = ReviewerSystem(reviewer, rewrite=True).judge(EXAMPLE).rewrite
    assert rewrite is not None
    assert (rewrite.text, rewrite.status, rewrite.broken_rules) == (GOOD, "verified", [])
    clean = ReviewerSystem(reviewer, rewrite=True).judge(EXAMPLE.model_copy(update={"draft": GOOD}))
    assert clean.rewrite is not None
    assert (clean.rewrite.text, clean.rewrite.status) == ("", "none")


def test_the_ranking_is_the_situational_rules_best_first(pipeline: Pipeline, reviewer: Reviewer) -> None:
    assert isinstance(pipeline.retriever, FixedRetriever)
    # A02 is standing: retrieval has nothing to decide there. S10 does not apply on this channel.
    pipeline.retriever.scores = {"S10": 1.0, "S02": 0.1, "A02": 0.9, "S06": 0.7, "E01": 0.3}
    standing = {rule.id for rule in pipeline.catalogue.rules if rule.standing}
    expected = [rule for rule in ("S06", "E01", "S02") if rule not in standing]
    assert ReviewerSystem(reviewer, rewrite=False).judge(EXAMPLE).ranking == expected
    assert "S06" in expected


def test_the_numbers_of_an_example_are_public_for_it_alone(reviewer: Reviewer) -> None:
    draft = "客服经理值班电话13812340098，您可以打给他。"
    told = EXAMPLE.model_copy(update={"draft": draft})
    public = told.model_copy(update={"public_numbers": ["138-1234-0098"]})
    system = ReviewerSystem(reviewer, rewrite=False)
    assert "E02" in {rule.rule for rule in system.judge(told).rules if rule.status == "found"}
    assert "E02" not in {rule.rule for rule in system.judge(public).rules if rule.status == "found"}
    assert system.judge(told).verdict != system.judge(public).verdict


def test_a_refused_draft_is_an_input_error(reviewer: Reviewer) -> None:
    with pytest.raises(InputError):
        ReviewerSystem(reviewer, rewrite=False).judge(EXAMPLE.model_copy(update={"draft": "！"}))


def test_it_is_named_versioned_and_closes_its_reviewer(reviewer: Reviewer, engine: FakeEngine) -> None:
    system = ReviewerSystem(reviewer, rewrite=False, name="trained")
    assert system.name == "trained"
    assert system.versions == VERSIONS.model_dump(mode="json")
    system.close()
    assert engine.closed


def test_labels_do_not_reach_the_engine(reviewer: Reviewer, engine: FakeEngine) -> None:
    labelled = EXAMPLE.model_copy(update={"rewrite": "标注的改写", "near_miss": ["标注"], "manner": "标注"})
    ReviewerSystem(reviewer, rewrite=True).judge(labelled)
    assert engine.scored
    asked = [*engine.scored, *engine.generated]
    assert not any("标注" in prompt.system + prompt.user for prompt, _ in asked)
