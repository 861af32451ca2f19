"""The combiner and its file."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from reviewer.errors import CorpusError
from reviewer.grading.calibration import Calibration, Conditions, Thresholds, load_calibration
from reviewer.types import Severity

ENTRY: dict[str, Any] = {
    "conditions": {"model": "m", "adapter": "", "prompts": "p", "manual": "h", "encoder": "e"},
    "fitted_on": "dev",
    "thresholds": {"red": 0.2, "other": 0.3},
    "check_probability": 0.9,
    "weights": {"logit": 2.0, "bm25": 0.5},
    "intercept": -1.0,
    "rule_intercepts": {"A01": 0.5},
}

HERE = Conditions(**ENTRY["conditions"])


def write(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"fitted": list(entries)}), encoding="utf-8")
    return path


def test_probability_adds_weighted_evidence_and_the_rules_intercept(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", ENTRY)
    calibration = load_calibration(path, HERE)
    # -1 + 0.5 + 2 * 1 + 0.5 * 4 = 3.5; the dense score has no weight
    expected = 1 / (1 + math.exp(-3.5))
    features = {"logit": 1.0, "bm25": 4.0, "dense": 9.0}
    assert math.isclose(calibration.probability("A01", features), expected)
    assert calibration.probability("Z99", features) < expected
    assert calibration.fitted_on == "dev"


def violated(draft: float | None, *, hit: bool = False, **probabilities: float) -> set[str]:
    calibration = Calibration(thresholds=Thresholds(red=0.2, other=0.5, draft=draft))
    severities: dict[str, Severity] = {
        rule_id: "red" if rule_id == "E01" else "minor" for rule_id in probabilities
    }
    return set(calibration.violated(probabilities, severities, hit=hit))


def test_a_rule_is_violated_from_the_threshold_of_its_severity_on() -> None:
    assert violated(None, A01=0.5, A02=0.49, E01=0.2) == {"A01", "E01"}
    assert violated(None, A01=0.49, E01=0.19) == set()
    assert violated(None) == set()


def test_doubt_shared_by_several_rules_is_cited_as_the_likeliest() -> None:
    # 1 - 0.6 * 0.7 = 0.58: more likely broken than not, though no rule is.
    assert violated(0.55, A01=0.4, A02=0.3) == {"A01"}
    assert violated(0.6, A01=0.4, A02=0.3) == set()
    assert violated(0.55, A01=0.4, A02=0.3, hit=True) == set()
    assert violated(0.55, A01=0.6, A02=0.3) == {"A01"}


def test_a_draft_that_is_not_suspect_breaks_nothing() -> None:
    assert violated(0.7, A01=0.6) == set()
    assert violated(0.7) == set()


def test_evidence_without_weight_is_no_condition(tmp_path: Path) -> None:
    free = {**ENTRY["conditions"], "model": "", "prompts": "", "classifier": "k"}
    path = write(tmp_path / "c.json", {**ENTRY, "conditions": free, "weights": {"classifier": 1.0}})
    here = HERE.model_copy(update={"model": "any", "prompts": "any", "classifier": "k"})
    assert load_calibration(path, here).fitted_on == "dev"
    # A user's own adapter or another classifier is another judge.
    assert load_calibration(path, here.model_copy(update={"adapter": "mine"})) == Calibration()
    assert not load_calibration(path, here.model_copy(update={"classifier": "other"})).fitted_on


@pytest.mark.parametrize("key", ["model", "adapter", "prompts", "manual", "encoder", "classifier"])
def test_anything_else_is_not_calibrated(tmp_path: Path, key: str) -> None:
    path = write(tmp_path / "c.json", ENTRY)
    calibration = load_calibration(path, HERE.model_copy(update={key: "other"}))
    assert calibration.fitted_on == ""


def test_without_a_file_the_raw_logit_decides(tmp_path: Path) -> None:
    calibration = load_calibration(tmp_path / "none.json", HERE)
    assert calibration.probability("A01", {"logit": 0.0, "bm25": 50.0}) == 0.5
    assert calibration.probability("A01", {"logit": 1e9}) > 0.999


def test_raw_is_the_classifier_where_there_is_one(tmp_path: Path) -> None:
    here = HERE.model_copy(update={"classifier": "k"})
    raw = load_calibration(tmp_path / "none.json", here)
    assert raw.probability("A01", {"classifier": 2.0, "logit": -9.0}) > 0.5
    assert not raw.uses_the_model
    assert not raw.fitted_on
    own = load_calibration(tmp_path / "none.json", here.model_copy(update={"adapter": "mine"}))
    assert own.uses_the_model


@pytest.mark.parametrize("text", ["{", '{"fitted": [{"model": "m"}]}', "[]"])
def test_a_broken_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match="校准文件") as caught:
        load_calibration(path, HERE)
    assert "\n" not in str(caught.value)


ANY_MANUAL: dict[str, Any] = {
    **ENTRY,
    "conditions": {
        **dict.fromkeys(("model", "prompts", "manual", "encoder", "adapter"), ""),
        "classifier": "k",
    },
    "fitted_on": "any",
}


def test_an_entry_without_a_manual_holds_for_any(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", ANY_MANUAL)
    here = HERE.model_copy(update={"classifier": "k"})
    for manual in ("h", "other"):
        assert load_calibration(path, here.model_copy(update={"manual": manual})).fitted_on == "any"
    # Without a classifier, or with another, nothing of it holds.
    assert not load_calibration(path, HERE).fitted_on
    assert not load_calibration(path, here.model_copy(update={"classifier": "other"})).fitted_on


@pytest.mark.parametrize("turned", [False, True])
def test_one_for_this_very_manual_is_preferred(tmp_path: Path, *, turned: bool) -> None:
    here = HERE.model_copy(update={"classifier": "k"})
    entries = [ANY_MANUAL, {**ENTRY, "conditions": here.model_dump()}]
    path = write(tmp_path / "c.json", *(entries[::-1] if turned else entries))
    assert load_calibration(path, here).fitted_on == "dev"
    assert load_calibration(path, here.model_copy(update={"manual": "other"})).fitted_on == "any"


def test_intercepts_go_by_the_names_of_the_other_manual() -> None:
    calibration = Calibration(
        fitted_on="dev", intercept=-1.0, weights={"classifier": 2.0}, rule_intercepts={"A05": 0.5, "E01": 3.0}
    )
    named = calibration.named({"R100": "A05", "R200": "A05", "E01": "Z99"})
    assert named.rule_intercepts == {"R100": 0.5, "R200": 0.5}
    features = {"classifier": 1.0}
    assert named.probability("R100", features) == calibration.probability("A05", features)
    # The other manual's own E01 is not ours.
    assert named.probability("E01", features) == calibration.probability("Z99", features)
    assert (named.fitted_on, named.thresholds) == (calibration.fitted_on, calibration.thresholds)
