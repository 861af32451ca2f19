"""The real model on the real path: command line, JSON contract, Python API."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reviewer import Reviewer, ReviewRequest
from reviewer.manual.catalogue import Catalogue
from reviewer.models.packages import installed
from reviewer.models.registry import load_registry
from tests.conftest import REAL_HOME

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(
        not all(installed(entry) for entry in load_registry() if not entry.extra),
        reason="the model packages are not installed",
    ),
]
ASK = ["check", "--customer", "你们售后部电话多少"]
DRAFT = "不清楚，你自己打他的手机！"


def reviewer_command(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-c", "from reviewer.cli.main import run; run()", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env=dict(os.environ),
    )


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVIEWER_HOME", REAL_HOME)
        done = reviewer_command(*ASK, DRAFT, "--format", "json")
    assert done.returncode in (0, 1), done.stderr.decode()
    review: dict[str, Any] = json.loads(done.stdout)
    return review


def test_json_keeps_the_published_schema(answer: dict[str, Any]) -> None:
    schema = json.loads(
        (Path(__file__).parents[1] / "docs" / "review.schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator(schema).validate(answer)


def test_citations_and_spans_are_verbatim(answer: dict[str, Any], catalogue: Catalogue) -> None:
    sections = {(s.title, s.heading): s.text for s in catalogue.sections}
    for finding in answer["findings"]:
        source = finding["rule"]["source"]
        assert finding["rule"]["text"] in sections[source["document"], source["section"]]
        for span in finding["spans"]:
            assert DRAFT[span["start"] : span["end"]] == span["text"]


def test_every_applicable_rule_was_assessed(answer: dict[str, Any], catalogue: Catalogue) -> None:
    assert answer["not_assessed"] == []
    assert len(answer["assessed"]) + len(answer["not_applicable"]) == len(catalogue.rules)
    assert set(answer["not_applicable"]) == {"C01", "C08"}


def test_a_red_line_blocks_and_exits_1() -> None:
    done = reviewer_command("check", "--no-rewrite", "--fail-on", "red", "您加我微信，钱转我个人账户就行。")
    assert done.returncode == 1
    assert "拦截" in done.stdout.decode()
    assert b"\x1b" not in done.stdout, "piped output is plain"


def test_an_impossible_deadline_exits_3_and_never_says_pass() -> None:
    done = reviewer_command("check", "--deadline", "1", "--format", "json", "好的，请您稍等，我帮您查一下。")
    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict"] == "not_assessed"


def test_invalid_utf8_on_standard_input() -> None:
    done = reviewer_command("check", "-", stdin=b"\xff\xfe\xfa")
    assert (done.returncode, done.stdout) == (2, b"")
    assert len(done.stderr.decode().strip().splitlines()) == 1


def test_the_python_api_gives_the_same_json(answer: dict[str, Any]) -> None:
    with Reviewer.from_settings() as reviewer:
        review = reviewer.review(ReviewRequest(draft=DRAFT, customer=ASK[2]), rewrite=False)
    dumped = review.model_dump(mode="json")
    for key in ("schema", "verdict", "score", "assessed", "not_assessed", "versions"):
        assert dumped[key] == answer[key]
    assert [f["rule"]["id"] for f in dumped["findings"]] == [f["rule"]["id"] for f in answer["findings"]]


def test_doctor_is_content(tmp_path: Path) -> None:
    assert reviewer_command("doctor").returncode == 0
    assert reviewer_command("doctor", "--model", str(tmp_path / "none.gguf")).returncode == 2
