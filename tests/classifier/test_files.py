"""The classifier that ships: whole, tied to its encoder, and able to judge."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from reviewer.classifier import RuleClassifier, classifier_files
from reviewer.classifier.files import CARD, HEAD, LAYERS, identity_of, read_card
from reviewer.clauses import split_clauses
from reviewer.deadline import Deadline
from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.folders import classifier_folder
from reviewer.manual.catalogue import Catalogue
from reviewer.resources import content_hash, resource_dir
from reviewer.settings import Settings
from reviewer.types import Conversation
from reviewer.wiring import CALIBRATION_FILE

SHIPPED = Path(str(classifier_folder(Settings())))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "classifier"))


def test_a_folder_without_a_card_is_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match=CARD):
        classifier_files(tmp_path, tmp_path / "home")


@pytest.mark.parametrize("name", [LAYERS, HEAD])
def test_a_changed_file_is_refused(copy: Path, tmp_path: Path, name: str) -> None:
    with (copy / name).open("ab") as handle:
        handle.write(b"x")
    with pytest.raises(ModelCorruptError, match=name):
        classifier_files(copy, tmp_path / "home")
    assert not list((tmp_path / "home").rglob("*.gguf"))


def test_another_encoder_is_refused(copy: Path, tmp_path: Path) -> None:
    card = json.loads((copy / CARD).read_text(encoding="utf-8"))
    (copy / CARD).write_text(json.dumps({**card, "base": "0" * 64}), encoding="utf-8")
    with pytest.raises(ModelCorruptError, match="另一个编码器"):
        classifier_files(copy, tmp_path / "home")


def test_the_shipped_calibration_is_for_the_shipped_classifier() -> None:
    fitted = json.loads((resource_dir("prompts") / CALIBRATION_FILE).read_text(encoding="utf-8"))["fitted"]
    known = {entry["conditions"].get("classifier") for entry in fitted}
    assert identity_of(read_card(SHIPPED)) in known


@pytest.fixture(scope="module")
def classifier() -> Iterator[RuleClassifier]:
    home = Path(os.environ.get("REVIEWER_HOME") or Settings().home)
    opened = RuleClassifier(classifier_files(SHIPPED, home), n_threads=1)
    yield opened
    opened.close()


@pytest.mark.model
def test_it_knows_every_rule_as_worded(classifier: RuleClassifier, catalogue: Catalogue) -> None:
    for rule in catalogue.rules:
        assert classifier.knows(rule.id, content_hash(rule.text.encode()))
    assert not classifier.knows("A01", "another wording")
    assert not classifier.knows("Z99", "")


@pytest.mark.model
def test_it_tells_a_broken_rule_from_a_kept_one_and_points_at_it(classifier: RuleClassifier) -> None:
    bad = Conversation(
        draft="您好，这边查到了。发票的事您自己去税务局问吧，我们不管。",
        customer="发票怎么还没开",
        channel="online",
        stage="middle",
    )
    good = Conversation(
        draft="您好，这边查到了。发票的事我马上帮您核实，15分钟内给您答复。",
        customer="发票怎么还没开",
        channel="online",
        stage="middle",
    )
    clauses = split_clauses(bad.draft)
    broken, kept = (
        classifier.scores(conversation, clauses, deadline=Deadline())["B05"] for conversation in (bad, good)
    )
    assert broken.logit > kept.logit + 2
    told = max(zip(broken.weights, clauses, strict=True), key=lambda pair: pair[0])[1].span.text
    assert told in ("发票的事您自己去税务局问吧，", "我们不管。")
    assert sum(broken.weights) == pytest.approx(1, abs=0.01)


@pytest.mark.model
def test_a_draft_of_any_allowed_length_is_scored(classifier: RuleClassifier) -> None:
    draft = "您好，已经为您登记好了。" * 330
    scores = classifier.scores(Conversation(draft=draft), split_clauses(draft), deadline=Deadline())
    assert scores.keys() == set(classifier.head.rules.tolist())
    assert all(math.isfinite(score.logit) for score in scores.values())


@pytest.mark.model
def test_out_of_time_nothing_is_said(classifier: RuleClassifier) -> None:
    draft = Conversation(draft="您好。")
    assert classifier.scores(draft, split_clauses(draft.draft), deadline=Deadline.after_ms(0)) == {}


@pytest.mark.model
def test_when_time_runs_out_between_views_the_whole_of_the_draft_counts(
    classifier: RuleClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count()
    monkeypatch.setattr("reviewer.deadline.time.monotonic", lambda: float(next(looks)))
    fault = "您自己看着办吧，我们不管。"
    draft = Conversation(draft="感谢您的耐心等待，祝您生活愉快。" * 8 + fault)
    clauses = split_clauses(draft.draft)
    whole = classifier.scores(draft, clauses, deadline=Deadline(at=1.0))
    every = classifier.scores(draft, clauses, deadline=Deadline())
    assert next(looks) == 2, "the whole was read, and one view was not"
    assert whole.keys() == every.keys()
    gained = {rule for rule, score in every.items() if score.logit > whole[rule].logit}
    assert gained, "no view was left out"
    assert all(every[rule] == whole[rule] for rule in every.keys() - gained)
