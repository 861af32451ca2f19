"""Questions to grades, and grades to explanations."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from reviewer.clauses import split_clauses
from reviewer.deadline import Deadline
from reviewer.engine.fake import FakeEngine
from reviewer.engine.protocol import Prompt
from reviewer.grading import Calibration, Evidence, Explainer, Grader
from reviewer.grading.calibration import Thresholds
from reviewer.grading.explainer import stated
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook

PROMPT = Prompt("规则", "草稿：①您好，②请稍等。")
CLAUSES = split_clauses("您好，请稍等。")


def test_probability_is_made_from_logit_and_evidence(catalogue: Catalogue, prompts: PromptBook) -> None:
    engine = FakeEngine(
        logits=lambda _p, tail, choice: 3.0 if (tail.answer, choice) == ("A02：", "是") else 1.0
    )
    calibration = Calibration(weights={"logit": 1.0, "dense": 2.0}, thresholds=Thresholds(red=0.9, other=0.9))
    grading = Grader(engine, prompts, calibration).grade(
        PROMPT,
        [catalogue.rule("A02"), catalogue.rule("A01")],
        resident=catalogue.rules,
        evidence={"A02": Evidence(dense=0.5)},
        hit=False,
        deadline=Deadline(),
    )
    first, second = grading.grades
    assert (first.logit, second.logit) == (2.0, 0.0)
    assert first.probability == pytest.approx(0.9526, abs=1e-4)  # sigmoid(2 + 2 * 0.5)
    assert (first.violated, second.violated) == (True, False)


def test_what_time_did_not_reach_is_unanswered(catalogue: Catalogue, prompts: PromptBook) -> None:
    grading = Grader(FakeEngine(answer_only=1), prompts, Calibration()).grade(
        PROMPT, catalogue.rules[:3], resident=catalogue.rules, evidence={}, hit=False, deadline=Deadline()
    )
    assert [grade.rule_id for grade in grading.grades] == [catalogue.rules[0].id]
    assert grading.unanswered == catalogue.rules[1:3]


def test_a_rule_outside_the_system_text_brings_its_own(catalogue: Catalogue, prompts: PromptBook) -> None:
    engine = FakeEngine()
    rules = catalogue.rules[:2]
    Grader(engine, prompts, Calibration()).grade(
        PROMPT, rules, resident=rules[:1], evidence={}, hit=False, deadline=Deadline()
    )
    (_, resident), (_, brought) = engine.scored
    assert resident.question == ""
    assert rules[1].text in brought.question


def explain(engine: FakeEngine, prompts: PromptBook, rules: Sequence[object]) -> list[tuple[list[str], str]]:
    found = Explainer(engine, prompts).explain(PROMPT, rules, CLAUSES, looked_at={}, deadline=Deadline())  # type: ignore[arg-type]
    return [([span.text for span in explanation.spans], explanation.reason) for explanation in found]


def test_clauses_near_the_best_one_are_cited(catalogue: Catalogue, prompts: PromptBook) -> None:
    even = FakeEngine(logits=lambda *_: 1.0, text=lambda *_: "两句都不妥。多余")
    assert explain(even, prompts, [catalogue.rule("A02")]) == [(["您好，", "请稍等。"], "两句都不妥。")]
    sharp = FakeEngine(logits=lambda _p, _t, choice: 9.0 if choice == "②" else 0.0, text=lambda *_: "因。")
    assert explain(sharp, prompts, [catalogue.rule("A02")]) == [(["请稍等。"], "因。")]


def test_without_a_sentence_the_manual_speaks(catalogue: Catalogue, prompts: PromptBook) -> None:
    silent = FakeEngine(logits=lambda *_: 0.0, text=lambda *_: "")
    rule = catalogue.rule("A02")
    assert explain(silent, prompts, [rule])[0][1] == stated(rule)


def test_beyond_the_first_eight_the_manual_speaks(catalogue: Catalogue, prompts: PromptBook) -> None:
    engine = FakeEngine(logits=lambda *_: 0.0, text=lambda *_: "理由。")
    reasons = [reason for _, reason in explain(engine, prompts, catalogue.rules[:10])]
    assert reasons[:8] == ["理由。"] * 8
    assert reasons[8:] == [stated(rule) for rule in catalogue.rules[8:10]]


def test_nothing_to_explain_asks_nothing(prompts: PromptBook) -> None:
    engine = FakeEngine()
    assert explain(engine, prompts, []) == []
    assert engine.scored == engine.generated == []


def test_a_model_that_is_not_trusted_explains_nothing(catalogue: Catalogue, prompts: PromptBook) -> None:
    engine = FakeEngine(text=lambda *_: "编造的理由。")
    rule = catalogue.rule("A02")
    untrusted = Explainer(engine, prompts, trusted=False)
    (found,) = untrusted.explain(PROMPT, [rule], CLAUSES, looked_at={}, deadline=Deadline())
    assert found.spans == ()
    assert rule.require in found.reason
    assert engine.scored == engine.generated == []


def test_clause_numbers_are_not_part_of_a_reason(catalogue: Catalogue, prompts: PromptBook) -> None:
    engine = FakeEngine(logits=lambda *_: 0.0, text=lambda *_: "①您好没有答复②。")
    assert explain(engine, prompts, [catalogue.rule("A02")])[0][1] == "您好没有答复。"


def test_findings_point_where_the_classifier_looked(catalogue: Catalogue, prompts: PromptBook) -> None:
    engine = FakeEngine()
    rules = [catalogue.rule("A02"), catalogue.rule("B01"), catalogue.rule("C06")]
    looked_at = {"A02": (0.2, 0.8), "B01": (), "C06": (0.4, 0.6)}
    found = Explainer(engine, prompts, trusted=False).explain(
        PROMPT, rules, CLAUSES, looked_at=looked_at, deadline=Deadline()
    )
    # 0.2 is less than half of 0.8, 0.4 is more than half of 0.6; B01 is broken by what is missing.
    assert [[span.text for span in each.spans] for each in found] == [
        ["请稍等。"],
        [],
        ["您好，", "请稍等。"],
    ]
    assert [each.reason for each in found] == [stated(rule) for rule in rules]
    assert engine.scored == engine.generated == []


def test_a_manual_of_ones_own_says_what_to_avoid_where_words_are_pointed_at(
    catalogue: Catalogue, prompts: PromptBook
) -> None:
    own = replace(catalogue.rule("A02"), require="应先致歉", avoid="催促客人", vouched=True)
    rules = [own, replace(own, id="R2"), replace(own, id="R3", avoid="")]
    found = Explainer(FakeEngine(), prompts, trusted=False).explain(
        PROMPT, rules, CLAUSES, looked_at={"A02": (0.2, 0.8), "R2": (), "R3": (0.2, 0.8)}, deadline=Deadline()
    )
    assert [each.reason for each in found] == [
        "手册禁忌：催促客人。",
        "手册要求：应先致歉。",
        "手册要求：应先致歉。",
    ]


def test_a_model_whose_answers_count_nothing_is_not_asked(catalogue: Catalogue, prompts: PromptBook) -> None:
    engine = FakeEngine()
    calibration = Calibration(weights={"classifier": 1.0})
    rules = [catalogue.rule("A02"), catalogue.rule("E01")]
    grading = Grader(engine, prompts, calibration).grade(
        PROMPT,
        rules,
        resident=rules,
        evidence={"A02": Evidence(classifier=2.0)},
        hit=False,
        deadline=Deadline(),
    )
    assert engine.scored == []
    assert [grade.violated for grade in grading.grades] == [True, True]
    assert [grade.logit for grade in grading.grades] == [None, None]
    assert grading.grades[0].probability > grading.grades[1].probability == 0.5
    assert grading.unanswered == ()


@pytest.mark.parametrize(
    ("demand", "reason"), [("先致歉", "先致歉。"), ("先致歉。", "先致歉。"), ("说“请稍等。”", "说“请稍等。”")]
)
def test_a_demand_ends_in_one_full_stop(catalogue: Catalogue, demand: str, reason: str) -> None:
    assert stated(replace(catalogue.rules[0], require=demand)) == f"手册要求：{reason}"
