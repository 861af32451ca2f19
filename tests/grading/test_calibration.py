"""The combiner and its file."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from reviewer.errors import CorpusError
from reviewer.grading.calibration import Calibration, Conditions, load_calibration

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
    assert calibration.violated("minor", 0.3)
    assert not calibration.violated("minor", 0.29)
    assert calibration.violated("red", 0.2)
    assert calibration.fitted_on == "dev"


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
