"""What a reviewer for another manual is made of, and what it says of itself."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from reviewer.classifier import RuleClassifier
from reviewer.engine.fake import FakeEngine
from reviewer.errors import CorpusError
from reviewer.grading import Calibration, Conditions
from reviewer.index.encoder import HashingEncoder
from reviewer.manual.catalogue import WORDINGS_FILE, Catalogue, load_catalogue
from reviewer.pipeline import Pipeline
from reviewer.prompting import PromptBook
from reviewer.resources import resource_dir
from reviewer.retrieval import IndexRetriever
from reviewer.rewriting import WordingBook, load_wordings
from reviewer.settings import Settings
from reviewer.wiring import FOREIGN_NOTE, SAME_NOTE, STRANGE_NOTE, read_manual, wire
from tests.other_manual import TrainedOn, write_manual

ABUSE = {"id": "R100", "severity": "red", "text": "不得骂客人。", "same_as": "A05"}
LEAK = {"id": "R200", "severity": "red", "text": "不得把客人的电话告诉别人。", "same_as": "E01"}
OWN = {"id": "R300", "severity": "major", "text": "下雨时应当递上雨伞。"}


@pytest.fixture
def shipped(catalogue: Catalogue) -> TrainedOn:
    return TrainedOn(catalogue.rules)


def wired(folder: Path, prompts: PromptBook, classifier: RuleClassifier | None) -> Pipeline:
    index = SimpleNamespace(index_identity="i")
    retriever = IndexRetriever(index, HashingEncoder())  # type: ignore[arg-type]
    return wire(Settings(), read_manual(folder), prompts, FakeEngine(), retriever, classifier)


def test_the_shipped_manual_is_read_as_it_stands(catalogue: Catalogue) -> None:
    manual = read_manual(resource_dir("corpus"))
    assert manual.catalogue == catalogue
    assert manual.wordings == load_wordings(resource_dir("corpus"), catalogue) != WordingBook()


def test_a_copy_of_the_shipped_manual_is_read_like_it(tmp_path: Path) -> None:
    shipped = resource_dir("corpus")
    copy = shutil.copytree(shipped, tmp_path / "copy")
    assert read_manual(copy) == read_manual(shipped)
    (copy / WORDINGS_FILE).unlink()
    assert read_manual(copy).wordings == WordingBook()


def test_namesakes_are_mended_with_the_shipped_wordings(tmp_path: Path, catalogue: Catalogue) -> None:
    manual = read_manual(write_manual(tmp_path / "rules", ABUSE, LEAK, OWN))
    ours = load_wordings(resource_dir("corpus"), catalogue)
    assert manual.wordings == ours.named({"R100": "A05", "R200": "E01"})
    assert manual.wordings.mendings.keys() == {"R100", "R200"}
    assert read_manual(write_manual(tmp_path / "own", OWN)).wordings == WordingBook()


def test_wordings_of_the_manual_itself_come_first(tmp_path: Path) -> None:
    folder = write_manual(tmp_path / "rules", ABUSE, OWN)
    mending = {"id": "R300", "action": "append", "wordings": [{"text": "我这就为您拿伞。"}]}
    data = {"schema": "reviewer.wordings/1", "language": "zh-CN", "rules": [mending]}
    (folder / "wordings.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    assert read_manual(folder).wordings.mendings.keys() == {"R300"}


def test_a_namesake_is_known_where_the_shipped_rule_is_and_one_of_nothing_is_refused(tmp_path: Path) -> None:
    goodbye = {**ABUSE, "same_as": "C08"}
    (rule,) = read_manual(write_manual(tmp_path / "rules", goodbye)).catalogue.rules
    assert (rule.known_stages, rule.known_as) == (("closing",), "C08")
    with pytest.raises(CorpusError, match=r"R100 的 same_as 是 Z99"):
        read_manual(write_manual(tmp_path / "wrong", {**ABUSE, "same_as": "Z99"}))


def test_a_classifier_judges_what_it_knows_and_says_what_not(
    tmp_path: Path, prompts: PromptBook, shipped: TrainedOn
) -> None:
    pipeline = wired(write_manual(tmp_path / "rules", ABUSE, LEAK, OWN), prompts, shipped)
    assert pipeline.classifier is not None
    assert pipeline.versions.classifier == shipped.identity
    assert pipeline.notes[:2] == (STRANGE_NOTE.format(1), SAME_NOTE.format(2))
    all_known = wired(write_manual(tmp_path / "known", ABUSE, LEAK), prompts, shipped)
    assert all_known.notes[0] == SAME_NOTE.format(2)
    assert not any("未审" in note for note in all_known.notes)


def test_a_classifier_that_knows_nothing_is_left_out(
    tmp_path: Path, prompts: PromptBook, shipped: TrainedOn
) -> None:
    # The id of a shipped rule makes it no shipped rule.
    pipeline = wired(write_manual(tmp_path / "rules", OWN, {**OWN, "id": "A05"}), prompts, shipped)
    assert (pipeline.classifier, pipeline.versions.classifier) == (None, "")
    assert pipeline.notes[0] == FOREIGN_NOTE.format(2)
    assert pipeline.grader.calibration.uses_the_model
    without = wired(tmp_path / "rules", prompts, None)
    assert without.notes == pipeline.notes[1:]


def test_one_that_was_trained_on_the_manual_itself_knows_it_all(tmp_path: Path, prompts: PromptBook) -> None:
    folder = write_manual(tmp_path / "rules", OWN)
    trained = TrainedOn(load_catalogue(folder).rules)
    pipeline = wired(folder, prompts, trained)
    assert pipeline.versions.classifier == trained.identity
    assert not any("没有" in note and "判断" in note for note in pipeline.notes)


def test_the_shipped_manual_is_known_whole_but_for_a_reworded_rule(
    prompts: PromptBook, catalogue: Catalogue, shipped: TrainedOn
) -> None:
    folder = resource_dir("corpus")
    known, partial = (
        wired(folder, prompts, classifier) for classifier in (shipped, TrainedOn(catalogue.rules[1:]))
    )
    assert not any("same_as" in note for note in known.notes)
    assert partial.notes[0] == STRANGE_NOTE.format(1)
    assert partial.classifier is not None


def test_intercepts_are_those_of_the_namesakes(
    tmp_path: Path, prompts: PromptBook, shipped: TrainedOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(_path: Path, conditions: Conditions) -> Calibration:
        return Calibration(fitted_on=conditions.classifier, rule_intercepts={"A05": 0.5, "R300": 9.0})

    monkeypatch.setattr("reviewer.wiring.load_calibration", fitted)
    folder = write_manual(tmp_path / "rules", ABUSE, LEAK, OWN)
    calibration = wired(folder, prompts, shipped).grader.calibration
    assert (calibration.fitted_on, calibration.rule_intercepts) == (shipped.identity, {"R100": 0.5})
    # What was fitted without a classifier goes by the manual's own ids.
    assert wired(folder, prompts, None).grader.calibration.rule_intercepts == {"R300": 9.0}
