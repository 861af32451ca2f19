"""The real model on the real path: command line, JSON contract, Python API."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reviewer import Reviewer, ReviewRequest
from reviewer.folders import OWN_MANUAL
from reviewer.manual.catalogue import Catalogue
from reviewer.models.packages import installed
from reviewer.models.registry import load_registry
from reviewer.schema import Review
from reviewer.settings import Settings
from reviewer.wiring import read_manual
from tests.conftest import REAL_HOME
from tests.other_manual import write_manual

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


ABUSE = {
    "id": "R100",
    "severity": "red",
    "text": "无论客人说什么，都不得骂客人、笑话客人。",
    "same_as": "A05",
}
LEAK = {"id": "R200", "severity": "red", "text": "不得把一位客人的事告诉另一位客人。", "same_as": "E01"}
AGAIN = {"id": "R300", "severity": "minor", "text": "再说一遍，对客人不得恶语相向。", "same_as": "A05"}
UMBRELLA = {"id": "R400", "severity": "major", "text": "下雨天应当提醒客人带好雨伞。"}
FRIENDLY = "好的，请您稍等，我这就为您查询。"

Ask = Callable[[str, str], Review]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Review a draft by the manual whose rule that nobody learned is major, or ``minor``."""
    folder = tmp_path_factory.mktemp("manuals")
    # The models are the user's, the index is not to stay there.
    (folder / "home").mkdir()
    (folder / "home" / "models").symlink_to(Path(REAL_HOME) / "models", target_is_directory=True)
    manuals = {
        OWN_MANUAL: read_manual(write_manual(folder / "own", ABUSE, LEAK, AGAIN, UMBRELLA)),
        "minor": read_manual(
            write_manual(folder / "minor", ABUSE, LEAK, AGAIN, {**UMBRELLA, "severity": "minor"})
        ),
    }
    with Reviewer.from_settings(Settings(home=folder / "home"), manuals=manuals) as reviewer:

        def review(draft: str, manual: str) -> Review:
            request = ReviewRequest(draft=draft, customer="我的快递到哪了", channel="online", stage="middle")
            return reviewer.review(request, rewrite=False, manual=manual)

        yield review


@pytest.mark.parametrize(
    ("draft", "rule"),
    [
        ("您是不是脑子有病？蠢成这样还有脸来问，滚远点。", ABUSE),
        ("前面那位客人的身份证号是11010519491231002X，您记一下。", LEAK),
    ],
    ids=["by the classifier", "by a check"],
)
def test_a_rule_of_another_manual_is_cited_once_in_its_own_words(
    ask: Ask, draft: str, rule: dict[str, str]
) -> None:
    found = ask(draft, OWN_MANUAL)
    (finding,) = found.findings
    assert (finding.rule.id, finding.rule.text) == (rule["id"], rule["text"])
    assert (finding.rule.source.document, finding.rule.source.section) == ("《前台守则》", "用语")
    assert (found.verdict, found.score) == ("block", 0)
    assert found.assessed == ["R100", "R200", "R300"]
    assert [(each.rule, each.why) for each in found.not_assessed] == [("R400", "没有训练过的判断")]


def test_a_friendly_draft_passes_only_when_no_grave_rule_is_open(ask: Ask) -> None:
    grave, light = ask(FRIENDLY, OWN_MANUAL), ask(FRIENDLY, "minor")
    assert grave.findings == light.findings == []
    assert (grave.verdict, light.verdict) == ("not_assessed", "pass")
    assert grave.assessed == light.assessed == ["R100", "R200", "R300"]
    assert any("same_as" in note for note in light.notes)
    assert light.versions.calibration
