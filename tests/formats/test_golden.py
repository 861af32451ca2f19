"""Every format of every case in ``tests/golden/formats``; accept changes with ``--update-golden``."""

import json
from pathlib import Path

import jsonschema
import pytest

from reviewer.formats import get_formatter
from reviewer.schema import Review, review_schema
from tests.conftest import Golden

CASES = sorted(
    path.parent for path in (Path(__file__).parents[1] / "golden" / "formats").glob("*/review.json")
)
FILES = {
    "text": "expected.txt",
    "jsonl": "expected.jsonl",
    "rdjsonl": "expected.rdjsonl",
    "sarif": "expected.sarif",
    "json": "review.json",
}


def read(case: Path) -> Review:
    return Review.model_validate_json((case / "review.json").read_text(encoding="utf-8"))


def test_there_are_cases() -> None:
    assert {read(case).verdict for case in CASES} == {"pass", "revise", "block", "not_assessed"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("name", FILES)
def test_output_is_as_recorded(case: Path, name: str, golden: Golden) -> None:
    golden.check(case / FILES[name], get_formatter(name)(read(case), "drafts/草稿.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_review_follows_the_schema(case: Path) -> None:
    jsonschema.Draft202012Validator(review_schema()).validate(
        json.loads((case / "review.json").read_text("utf-8"))
    )
