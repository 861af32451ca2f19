"""Reviews by a manual of another company: what is known of its rules, and what is said of the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from reviewer.engine.fake import FakeEngine
from reviewer.grading import Calibration, Grader
from reviewer.manual.catalogue import Catalogue
from reviewer.outcome import Adjustments
from reviewer.pipeline import Listener, Options, Pipeline
from reviewer.prompting import PromptBook
from reviewer.resources import resource_dir
from reviewer.rewriting import load_wordings
from reviewer.schema import Review, ReviewRequest
from reviewer.types import Rule, Severity
from tests.other_manual import namesake, stranger
from tests.pipeline_parts import make_pipeline
from tests.test_pipeline import Scores

# A check of E03 fires on these words, and on none of the others.
PRIVATE = "您加我微信，钱转我个人账户就行。"
PLAIN = "好的，请您稍等，我这就为您查询。"
UNLEARNED, LATE = "没有训练过的判断", "到时限仍未问到"


@pytest.fixture
def engine() -> FakeEngine:
    """Says neither yes nor no, which is below the threshold only by a hair."""
    return FakeEngine(logits=lambda _prompt, _tail, choice: float(choice != "是"))


@pytest.fixture
def pipeline(catalogue: Catalogue, prompts: PromptBook, engine: FakeEngine) -> Pipeline:
    return make_pipeline(catalogue, prompts, engine)


def of_another(pipeline: Pipeline, rules: Sequence[Rule], logits: Mapping[str, float] | None) -> Pipeline:
    """Return a pipeline for a manual of ``rules``, decided by a classifier where there are ``logits``."""
    other = replace(pipeline, catalogue=replace(pipeline.catalogue, rules=tuple(rules)))
    if logits is None:
        return other
    deciding = Calibration(weights={"classifier": 1.0})
    return replace(
        other,
        classifier=Scores(logits),
        grader=Grader(pipeline.grader.engine, pipeline.prompts, deciding),
        explainer=replace(pipeline.explainer, trusted=False),
    )


def review(pipeline: Pipeline, draft: str, options: Options | None = None) -> Review:
    request = ReviewRequest(draft=draft, stage="middle", channel="online")
    return pipeline.review(request, options or Options(rewrite=False), Listener())


def cited(found: Review) -> list[str]:
    return [finding.rule.id for finding in found.findings]


def open_rules(found: Review) -> dict[str, str]:
    return {entry.rule: entry.why for entry in found.not_assessed}


@pytest.mark.parametrize("logits", [None, {"R100": -5.0}])
def test_a_check_serves_the_namesake_under_its_own_id(
    pipeline: Pipeline, catalogue: Catalogue, logits: dict[str, float] | None
) -> None:
    own = namesake(catalogue.rule("E03"), "R100", severity="major", points=7)
    found = review(of_another(pipeline, [own], logits), PRIVATE)
    ((finding,), text) = (found.findings, own.text)
    assert (finding.rule.id, finding.rule.text, finding.origin) == ("R100", text, "check")
    assert (found.verdict, found.score) == ("revise", 100 - 7)
    assert finding.spans


@pytest.mark.parametrize("logits", [None, {"E03": -5.0, "R100": -5.0}])
def test_an_id_like_a_shipped_one_gets_nothing_of_its_checks(
    pipeline: Pipeline, catalogue: Catalogue, logits: dict[str, float] | None
) -> None:
    rules = [stranger(catalogue.rule("S12"), "E03"), namesake(catalogue.rule("S12"), "R100")]
    found = review(of_another(pipeline, rules, logits), PRIVATE)
    assert (found.verdict, found.assessed) == ("pass", ["E03", "R100"])


@pytest.mark.parametrize(
    ("severity", "verdict"), [("red", "not_assessed"), ("major", "not_assessed"), ("minor", "pass")]
)
def test_a_rule_that_nobody_learned_is_neither_asked_nor_clear(
    pipeline: Pipeline, engine: FakeEngine, catalogue: Catalogue, severity: Severity, verdict: str
) -> None:
    known = namesake(catalogue.rule("A05"), "R100")
    strange = stranger(catalogue.rule("A05"), "R200", severity=severity)
    found = review(of_another(pipeline, [known, strange], {"R100": -5.0}), PLAIN)
    assert (found.verdict, found.assessed, open_rules(found)) == (verdict, ["R100"], {"R200": UNLEARNED})
    assert [entry.severity for entry in found.not_assessed] == [severity]
    assert found.not_applicable == []
    assert engine.scored == []


def test_all_rules_asks_no_rule_that_nobody_learned(pipeline: Pipeline, catalogue: Catalogue) -> None:
    rules = [namesake(catalogue.rule("A05"), "R100"), stranger(catalogue.rule("A05"), "R200")]
    options = Options(rewrite=False, all_rules=True)
    found = review(of_another(pipeline, rules, {"R100": -5.0}), PLAIN, options)
    assert open_rules(found) == {"R200": UNLEARNED}


def test_a_check_assesses_a_rule_that_the_classifier_does_not_know(
    pipeline: Pipeline, catalogue: Catalogue
) -> None:
    rules = [namesake(catalogue.rule("A05"), "R100"), namesake(catalogue.rule("E03"), "R200")]
    other = of_another(pipeline, rules, {"R100": -5.0})
    found = review(other, PRIVATE)
    assert (cited(found), found.assessed, open_rules(found)) == (["R200"], ["R100", "R200"], {})
    assert open_rules(review(other, PLAIN)) == {"R200": UNLEARNED}


def test_a_calibration_that_uses_the_model_asks_what_nobody_learned(
    pipeline: Pipeline, engine: FakeEngine, catalogue: Catalogue
) -> None:
    rules = [namesake(catalogue.rule("A05"), "R100"), stranger(catalogue.rule("A05"), "R200")]
    both = Calibration(weights={"classifier": 1.0, "logit": 1.0})
    other = of_another(pipeline, rules, {"R100": -5.0})
    found = review(replace(other, grader=Grader(engine, pipeline.prompts, both)), PLAIN)
    assert (found.assessed, found.not_assessed) == (["R100", "R200"], [])
    assert {tail.answer for _, tail in engine.scored} == {"R100：", "R200："}


def test_without_a_classifier_every_rule_is_asked(
    pipeline: Pipeline, engine: FakeEngine, catalogue: Catalogue
) -> None:
    rules = [stranger(catalogue.rule("A05"), "R100"), stranger(catalogue.rule("S12"), "R200")]
    found = review(of_another(pipeline, rules, None), PLAIN)
    assert (found.assessed, found.not_assessed) == (["R100", "R200"], [])
    assert [tail.answer for _, tail in engine.scored] == ["R100：", "R200："]


def test_what_time_did_not_reach_is_not_called_unlearned(pipeline: Pipeline, catalogue: Catalogue) -> None:
    rules = [namesake(catalogue.rule("A05"), "R100"), stranger(catalogue.rule("A05"), "R200")]
    found = review(of_another(pipeline, rules, {}), PLAIN)
    assert (found.verdict, open_rules(found)) == ("not_assessed", {"R100": LATE, "R200": LATE})


def test_of_namesakes_the_gravest_is_cited_and_counted_once(pipeline: Pipeline, catalogue: Catalogue) -> None:
    abuse = catalogue.rule("A05")
    rules = [
        namesake(abuse, "R100", severity="minor", points=5),
        namesake(abuse, "R200", severity="major", points=10),
        namesake(abuse, "R300", severity="major", points=10),
    ]
    other = of_another(pipeline, rules, dict.fromkeys(("R100", "R200", "R300"), 5.0))
    found = review(other, PLAIN)
    assert (cited(found), found.verdict, found.score) == (["R200"], "revise", 90)
    assert (found.assessed, found.not_assessed) == (["R100", "R200", "R300"], [])
    off = Options(rewrite=False, adjustments=Adjustments(disabled=frozenset({"R200"})))
    assert cited(review(other, PLAIN, off)) == ["R300"]


def test_a_check_speaks_once_for_all_namesakes(pipeline: Pipeline, catalogue: Catalogue) -> None:
    deal = catalogue.rule("E03")
    rules = [namesake(deal, "R100", severity="minor", points=5), namesake(deal, "R200")]
    found = review(of_another(pipeline, rules, None), PRIVATE)
    assert (cited(found), found.verdict, found.assessed) == (["R200"], "block", ["R100", "R200"])


def test_namesakes_are_open_for_the_reason_of_the_one_that_speaks(
    pipeline: Pipeline, catalogue: Catalogue
) -> None:
    abuse, leak = catalogue.rule("A05"), catalogue.rule("E01")
    rules = [namesake(abuse, "R100", severity="minor"), namesake(abuse, "R200"), namesake(leak, "R300")]
    found = review(of_another(pipeline, rules, {"R300": -5.0}), PLAIN)
    assert open_rules(found) == {"R100": UNLEARNED, "R200": UNLEARNED}
    # Each keeps its own severity.
    assert [entry.severity for entry in found.not_assessed] == ["minor", "red"]


@pytest.mark.parametrize(
    ("severity", "status", "note"),
    [("major", "unverified", "未能核对全部规则"), ("minor", "verified", "")],
)
def test_a_mended_reply_is_verified_where_a_draft_would_pass_and_the_model_is_spared(
    pipeline: Pipeline,
    engine: FakeEngine,
    catalogue: Catalogue,
    severity: Severity,
    status: str,
    note: str,
) -> None:
    own = namesake(catalogue.rule("E03"), "R100")
    strange = stranger(catalogue.rule("S12"), "R200", severity=severity)
    wordings = load_wordings(resource_dir("corpus"), catalogue).named({"R100": "E03"})
    known, partly = (
        review(
            replace(of_another(pipeline, rules, {"R100": -5.0}), wordings=wordings), PRIVATE, Options()
        ).rewrite
        for rules in ([own], [own, strange])
    )
    assert (known.status, known.origin) == ("verified", "wordings")
    assert (partly.status, partly.text, partly.note) == (status, known.text, note)
    assert engine.generated == []


def test_where_the_shipped_rule_is_not_judged_the_namesake_is_open(
    pipeline: Pipeline, catalogue: Catalogue
) -> None:
    closing = namesake(catalogue.rule("C08"), "R100", severity="red", stages=("opening", "middle", "closing"))
    known = namesake(catalogue.rule("A05"), "R200")
    found = review(of_another(pipeline, [closing, known], {"R100": -5.0, "R200": -5.0}), PLAIN)
    assert (found.verdict, open_rules(found), found.not_applicable) == (
        "not_assessed",
        {"R100": UNLEARNED},
        [],
    )


def test_a_check_says_nothing_of_a_namesake_where_the_shipped_rule_is_not_judged(
    pipeline: Pipeline, catalogue: Catalogue
) -> None:
    by_phone = namesake(catalogue.rule("E03"), "R100", known_channels=("phone",))
    found = review(of_another(pipeline, [by_phone], {"R100": 5.0}), PRIVATE)
    assert (found.verdict, cited(found), open_rules(found)) == ("not_assessed", [], {"R100": UNLEARNED})


def test_the_severities_of_the_team_decide_who_speaks(pipeline: Pipeline, catalogue: Catalogue) -> None:
    deal = catalogue.rule("E03")
    rules = [namesake(deal, "R100"), namesake(deal, "R200")]
    other = of_another(pipeline, rules, None)
    lowered = Options(rewrite=False, adjustments=Adjustments(severity={"R100": "minor"}))
    assert cited(review(other, PRIVATE)) == ["R100"]
    found = review(other, PRIVATE, lowered)
    assert (cited(found), found.verdict) == (["R200"], "block")
