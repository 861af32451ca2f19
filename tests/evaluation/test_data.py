"""The repository's own labelled data: free of contradictions, of leaks, and large enough."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from reviewer.evaluation.coverage import coverage_of
from reviewer.evaluation.examples import Example, read_examples
from reviewer.evaluation.leaks import find_leaks
from reviewer.evaluation.validation import Report, validate
from reviewer.manual.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
FILES = tuple(sorted((ROOT / "eval" / "data").glob("*/*.jsonl")))
# Floors of the data set; those of examples, industries and turns hold for train, dev and test alone.
MIN_EXAMPLES, MIN_VIOLATIONS, MIN_NEAR_MISSES = 2_500, 40, 40
MIN_INDUSTRIES, MIN_MULTI_TURN = 12, 1 / 3


@pytest.fixture(scope="module")
def splits() -> Mapping[str, list[Example]]:
    found: dict[str, list[Example]] = {"train": [], "dev": [], "test": [], "extra": []}
    for path in FILES:
        found[path.parent.name] += read_examples(path)
    return found


@pytest.fixture(scope="module")
def report() -> Report:
    return validate(FILES, load_catalogue(ROOT / "corpus"))


def test_every_split_is_there(splits: Mapping[str, list[Example]]) -> None:
    assert all(splits.values())


def test_no_example_contradicts_itself_or_the_manual(report: Report) -> None:
    assert [str(fault) for fault in report.faults] == []


def test_no_test_text_stands_in_train_or_dev(splits: Mapping[str, list[Example]]) -> None:
    leaks = find_leaks(splits["test"], [*splits["train"], *splits["dev"]])
    assert [leak.to_text() for leak in leaks] == []


def test_extra_sets_repeat_no_split(splits: Mapping[str, list[Example]]) -> None:
    leaks = find_leaks(splits["extra"], [*splits["train"], *splits["dev"], *splits["test"]])
    assert [leak.to_text() for leak in leaks] == []


def test_industries_of_test_are_new(splits: Mapping[str, list[Example]]) -> None:
    learned = {example.industry for name in ("train", "dev") for example in splits[name]}
    assert {example.industry for example in splits["test"]} & learned == set()


def test_contrast_pairs_stay_in_one_split(splits: Mapping[str, list[Example]]) -> None:
    pairs = [
        {(example.author, example.pair) for example in examples if example.pair}
        for examples in splits.values()
    ]
    assert sum(map(len, pairs)) == len(set().union(*pairs))


def test_twins_name_each_other(splits: Mapping[str, list[Example]]) -> None:
    by_id = {example.id: example for example in splits["extra"]}
    twins = [example for example in splits["extra"] if example.partner]
    assert twins
    assert all(by_id[example.partner].partner == example.id for example in twins)


def test_there_are_enough_examples_industries_and_turns(splits: Mapping[str, list[Example]]) -> None:
    core = [*splits["train"], *splits["dev"], *splits["test"]]
    coverage = coverage_of(core, load_catalogue(ROOT / "corpus"))
    assert coverage.examples >= MIN_EXAMPLES
    assert len(coverage.industries) >= MIN_INDUSTRIES
    assert (coverage.multi_turn_share or 0) >= MIN_MULTI_TURN


def test_every_rule_is_violated_often_enough(report: Report) -> None:
    """The mutation set counts: it breaks every rule five times."""
    assert {rule: n for rule, n in report.coverage.violations.items() if n < MIN_VIOLATIONS} == {}


def test_every_rule_has_enough_near_misses(report: Report) -> None:
    assert {rule: n for rule, n in report.coverage.near_miss_passes.items() if n < MIN_NEAR_MISSES} == {}
