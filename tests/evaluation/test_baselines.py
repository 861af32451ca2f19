"""The baselines: each says what its name promises, and learns from train alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reviewer.bootstrap import Reviewer
from reviewer.engine.fake import FakeEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.evaluation.baselines import Bm25Match, ChecksAlone, Majority, Nearest, ZeroShot
from reviewer.evaluation.examples import Example, LabelledVerdict, LabelledViolation, hash_of
from reviewer.evaluation.records import Outcome, RuleOutcome
from reviewer.grading import Calibration, Grader
from reviewer.index.chunks import chunk_manual
from reviewer.index.encoder import HashingEncoder
from reviewer.index.store import build_index, open_index
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook
from reviewer.request import conversation_of
from reviewer.retrieval import IndexRetriever
from tests.pipeline_parts import make_pipeline

NUMBER_ASKED = {"draft": "要工号干嘛，没有工号。", "customer": "你的工号是多少"}
THANKS = {"draft": "好的，谢谢您。", "customer": "嗯"}
RAINY = {"draft": "明天有暴雨，航班可能延误。", "customer": "天气怎么样"}


def example(
    example_id: str, *gold: str, draft: str = "好的。", customer: str = "", disputed: str = ""
) -> Example:
    verdict: LabelledVerdict = "revise" if gold else "pass"
    return Example(
        id=example_id,
        draft=draft,
        customer=customer,
        stage="middle",
        channel="online",
        verdict=verdict,
        violations=[LabelledViolation(rule=rule) for rule in gold],
        disputed=disputed.split(),
    )


def cited(outcome: Outcome) -> set[str]:
    return {rule.rule for rule in outcome.rules if rule.status == "found"}


def by_rule(outcome: Outcome) -> Mapping[str, RuleOutcome]:
    return {rule.rule: rule for rule in outcome.rules}


@pytest.fixture(scope="module")
def retriever(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> IndexRetriever:
    folder: Path = tmp_path_factory.mktemp("index")
    encoder = HashingEncoder()
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    build_index(folder, passages, encoder, manual_hash=catalogue.content_hash)
    index = open_index(folder, manual_hash=catalogue.content_hash, encoder_identity=encoder.identity)
    return IndexRetriever(index, encoder)


def test_majority_cites_nothing_and_gives_the_base_rates(catalogue: Catalogue) -> None:
    train = [
        example("t1", "A02"),
        example("t2", "A02", "E01"),
        example("t3", "A02", disputed="A02"),
        example("t4"),
    ]
    outcome = Majority(catalogue, train).judge(example("x", draft="滚，你有病吧。"))
    assert outcome.verdict == "pass"
    assert cited(outcome) == set()
    rules = by_rule(outcome)
    assert list(rules) == [rule.id for rule in catalogue.rules]
    # A02 in two of four, the disputed one left out; E01 in one; A05 in none.
    assert [rules[rule].probability for rule in ("A02", "E01", "A05")] == [0.5, 0.25, 0.0]
    # C01 is of the opening.
    assert (rules["C01"].status, rules["C01"].probability) == ("not_applicable", None)


def test_checks_cite_with_spans(catalogue: Catalogue) -> None:
    draft = "您好，这事不归我管。"
    outcome = ChecksAlone(catalogue).judge(example("x", draft=draft))
    assert (outcome.verdict, cited(outcome)) == ("revise", {"A02"})
    assert [draft[span.start : span.end] for span in by_rule(outcome)["A02"].spans] == ["不归我管"]
    assert by_rule(outcome)["A05"].status == "clear"
    assert ChecksAlone(catalogue).judge(example("x", draft="你有病吧。")).verdict == "block"
    assert ChecksAlone(catalogue).judge(example("x", **THANKS)).verdict == "pass"


def test_checks_know_the_numbers_of_the_example(catalogue: Catalogue) -> None:
    told = example("x", draft="客服经理值班电话13812340098")
    assert "E02" in cited(ChecksAlone(catalogue).judge(told))
    public = told.model_copy(update={"public_numbers": ["138-1234-0098"]})
    assert cited(ChecksAlone(catalogue).judge(public)) == set()


def test_nearest_votes_by_majority_of_five(catalogue: Catalogue, retriever: IndexRetriever) -> None:
    train = [
        example("far1", "E03", **RAINY),
        example("n1", "S06", **NUMBER_ASKED),
        example("n2", "S06", "A01", **NUMBER_ASKED),
        example("far2", "E03", **RAINY),
        example("n3", "S06", **NUMBER_ASKED),
        example("n4", "A01", **NUMBER_ASKED),
        example("n5", **NUMBER_ASKED),
    ]
    outcome = Nearest(catalogue, train, retriever).judge(example("x", **NUMBER_ASKED))
    rules = by_rule(outcome)
    # S06 has 3 of the 5 votes, A01 2 of 5; the far ones do not vote.
    assert cited(outcome) == {"S06"}
    assert [rules[rule].probability for rule in ("S06", "A01", "E03")] == [0.6, 0.4, 0.0]


def bm25_of(retriever: IndexRetriever, catalogue: Catalogue, each: Example) -> dict[str, float]:
    conversation = conversation_of(each.request())
    applicable = {rule.id for rule in catalogue.applicable(conversation)}
    scores = retriever.relevance(conversation)
    return {rule: known.bm25 for rule, known in scores.items() if rule in applicable}


def test_bm25_takes_the_threshold_with_the_best_f1_on_train(
    catalogue: Catalogue, retriever: IndexRetriever
) -> None:
    strong, weak = example("strong", **NUMBER_ASKED), example("weak", **THANKS)
    high, low = (bm25_of(retriever, catalogue, each) for each in (strong, weak))
    top_strong, top_weak = max(high, key=high.__getitem__), max(low, key=low.__getitem__)
    assert high[top_strong] > low[top_weak]

    right = [example("t1", top_strong, **NUMBER_ASKED), example("t2", **THANKS)]
    careful = Bm25Match(catalogue, right, retriever)
    # At the high score 2*1/(1+1) = 1; at the low one 2*1/(2+1) = 0.67.
    assert careful.threshold == high[top_strong]
    assert cited(careful.judge(strong)) == {top_strong}
    assert cited(careful.judge(weak)) == set()
    assert careful.judge(weak).verdict == "pass"

    wrong = [example("t1", **NUMBER_ASKED), example("t2", top_weak, **THANKS)]
    # At the high score 0; at the low one 2*1/(2+1) = 0.67.
    assert Bm25Match(catalogue, wrong, retriever).threshold == low[top_weak]
    # A score is no probability.
    assert {rule.probability for rule in careful.judge(strong).rules} == {None}


def test_bm25_samples_the_whole_of_train(catalogue: Catalogue, retriever: IndexRetriever) -> None:
    class Small(Bm25Match):
        sample = 2

    train = [example(f"t{number}", **(NUMBER_ASKED if number % 2 else THANKS)) for number in range(4)]
    # Every 4 // 2 = 2nd: t0 and t2.
    assert Small(catalogue, train, retriever).versions["train"] == hash_of([train[0], train[2]])


def test_zero_shot_asks_the_engine_though_calibration_gives_it_no_weight(
    catalogue: Catalogue, prompts: PromptBook
) -> None:
    def logits(_prompt: Prompt, tail: Tail, choice: str) -> float:
        return 1.0 if (choice == "是") == (tail.answer[:3] == "A06") else -1.0

    engine = FakeEngine(logits=logits)
    silent = Calibration(fitted_on="dev", weights={"classifier": 1.0}, intercept=-5.0)
    pipeline = replace(make_pipeline(catalogue, prompts, engine), grader=Grader(engine, prompts, silent))
    assert not pipeline.grader.calibration.uses_the_model
    system = ZeroShot(Reviewer(pipeline, engine, engine.close, None), "0.5b")
    # A check fires on this one; zero-shot has none.
    outcome = system.judge(example("x", draft="您好，这事不归我管。"))
    assert len(engine.scored) >= len(catalogue.rules) - 4
    assert (outcome.verdict, cited(outcome)) == ("revise", {"A06"})
    # sigmoid(1 - -1) = 0.8808.
    assert by_rule(outcome)["A06"].probability == pytest.approx(0.8808, abs=1e-4)
    assert by_rule(outcome)["A02"].probability == pytest.approx(0.1192, abs=1e-4)
    assert system.name == "zero-shot-0.5b"
    assert (system.versions["calibration"], system.versions["classifier"]) == ("", "")
    assert not engine.generated or outcome.rewrite is None
    system.close()
    assert engine.closed


def test_what_is_learnt_from_is_in_the_versions(catalogue: Catalogue, retriever: IndexRetriever) -> None:
    train, other = [example("t1", "A02"), example("t2")], [example("t1"), example("t2")]
    for kind in (Nearest, Bm25Match):
        assert kind(catalogue, train, retriever).versions != kind(catalogue, other, retriever).versions
    assert Majority(catalogue, train).versions != Majority(catalogue, other).versions
    assert ChecksAlone(catalogue).versions["manual"] == catalogue.content_hash


def test_the_hash_covers_labels_and_order() -> None:
    one, two = example("a", "A02"), example("b")
    hashes = {hash_of([one, two]), hash_of([two, one]), hash_of([example("a"), two]), hash_of([one])}
    assert len(hashes) == 4
    assert hash_of([one, two]) == hash_of([example("a", "A02"), example("b")])
