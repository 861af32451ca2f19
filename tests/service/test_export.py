"""Feedback: what is accepted, and the labelled examples that come of it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from reviewer.evaluation.examples import Example, read_examples
from reviewer.evaluation.validation import validate
from reviewer.manual.catalogue import Catalogue
from reviewer.service.export import Exported, export_feedback
from reviewer.service.record import Record
from tests.service.calls import ask, refusal
from tests.service.fakes import CLEAN, FAMILIAR, RED, FakeReviewer, serving

BOTH = "你把钱转我个人账户。"
EDITED = "您好，请您通过官方渠道付款。"


def say(client: TestClient, request_id: str, action: str, **fields: str) -> None:
    answer = client.post("/v1/feedback", json={"request_id": request_id, "action": action, **fields})
    assert answer.status_code == 200, answer.text


def exported(folder: Path, catalogue: Catalogue) -> tuple[Exported, list[Example], Path]:
    out = folder / "out.jsonl"
    record = Record(folder / "record.sqlite3")
    done = export_feedback(record, out, catalogue)
    record.close()
    return done, read_examples(out), out


@pytest.fixture
def schema() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "eval" / "data" / "example.schema.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def test_feedback_becomes_valid_labelled_examples(
    tmp_path: Path, catalogue: Catalogue, schema: dict[str, Any]
) -> None:
    with serving(tmp_path, serve_record_text=True) as client:
        accepted = ask(client, RED, customer="便宜点行吗", channel="online", stage="middle")["request_id"]
        say(client, accepted, "edited", rule="E03", reply=EDITED)
        overruled = ask(client, FAMILIAR, facts=["引用"])["request_id"]
        say(client, overruled, "overruled", rule="A01", reason="引用客户原话")
        passed = ask(client, CLEAN)["request_id"]
        say(client, passed, "accepted")
        half = ask(client, BOTH)["request_id"]
        say(client, half, "accepted", rule="E03", reason="私下收款")
        ask(client, f"{CLEAN}没有反馈")
    done, examples, out = exported(tmp_path, catalogue)
    assert done == Exported(4, 0, 0)
    for line in out.read_text(encoding="utf-8").splitlines():
        jsonschema.validate(json.loads(line), schema)
    assert validate([out], catalogue).faults == ()
    by_id = {example.id: example for example in examples}
    first = by_id[accepted]
    assert (first.verdict, set(first.gold), first.rewrite) == ("block", {"E03"}, EDITED)
    assert (first.customer, first.channel, first.stage) == ("便宜点行吗", "online", "middle")
    assert [violation.quote for violation in first.violations] == ["个人账户"]
    second = by_id[overruled]
    assert (second.verdict, second.near_miss, second.facts) == ("pass", ["A01"], ["引用"])
    assert by_id[passed].verdict == "pass"
    third = by_id[half]
    assert (third.verdict, set(third.gold), third.disputed) == ("block", {"E03"}, ["A01"])
    assert third.violations[0].reason == "私下收款"


def test_the_last_word_on_a_rule_counts_and_a_word_on_all_is_one_on_each(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    with serving(tmp_path, serve_record_text=True) as client:
        request_id = ask(client, BOTH)["request_id"]
        say(client, request_id, "accepted")
        say(client, request_id, "overruled", rule="A01", reason="客户是老朋友")
    _, (example,), _ = exported(tmp_path, catalogue)
    assert (set(example.gold), example.near_miss, example.disputed) == ({"E03"}, ["A01"], [])


def test_what_was_not_assessed_is_in_dispute(tmp_path: Path, catalogue: Catalogue) -> None:
    with serving(tmp_path, FakeReviewer(out_of_time=True), serve_record_text=True) as client:
        say(client, ask(client, RED)["request_id"], "accepted")
    _, (example,), _ = exported(tmp_path, catalogue)
    assert (set(example.gold), example.disputed) == ({"E03"}, ["E01"])


def test_a_verdict_that_hangs_on_an_unjudged_rule_is_no_example(tmp_path: Path, catalogue: Catalogue) -> None:
    reviewer = FakeReviewer(out_of_time=True)
    with serving(tmp_path, reviewer, serve_record_text=True) as client:
        for draft in (CLEAN, FAMILIAR):  # E01, red, is open
            say(client, ask(client, draft)["request_id"], "accepted")
        reviewer.out_of_time = False
        silent = ask(client, BOTH)["request_id"]  # nobody has said anything of E03, red
        say(client, silent, "accepted", rule="A01")
    done, examples, _ = exported(tmp_path, catalogue)
    assert (done, examples) == (Exported(0, 0, 3), [])


def test_rules_that_the_team_switched_off_are_in_dispute(tmp_path: Path, catalogue: Catalogue) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("default: {disabled: [A01, A08]}", encoding="utf-8")
    with serving(tmp_path, serve_record_text=True, serve_policy=policy) as client:
        say(client, ask(client, BOTH)["request_id"], "accepted")
    _, (example,), _ = exported(tmp_path, catalogue)
    assert (set(example.gold), example.disputed) == ({"E03"}, ["A01", "A08"])


def test_bubbles_are_exported_joined(tmp_path: Path, catalogue: Catalogue) -> None:
    with serving(tmp_path, serve_record_text=True) as client:
        answer = client.post("/v1/review", json={"draft": ["你好", "请稍等"]}).json()
        say(client, answer["request_id"], "accepted")
    _, (example,), _ = exported(tmp_path, catalogue)
    assert example.draft == "你好\n请稍等"
    assert [violation.quote for violation in example.violations] == ["你"]


def test_without_recorded_text_there_is_nothing_to_export(tmp_path: Path, catalogue: Catalogue) -> None:
    with serving(tmp_path) as client:
        note = {"reason": "客户13800138000要的", "reply": "秘密回复"}
        say(client, ask(client, FAMILIAR)["request_id"], "edited", **note)
    done, examples, _ = exported(tmp_path, catalogue)
    assert (done, examples) == (Exported(0, 1, 0), [])
    record = Record(tmp_path / "record.sqlite3")
    ((_, (feedback,)),) = record.with_feedback()
    record.close()
    assert (feedback.reason, feedback.reply) == ("", "")


@pytest.mark.parametrize(
    ("draft", "fields", "part"),
    [
        (FAMILIAR, {"action": "accepted", "rule": "E03"}, "没有指出规则 E03；指出的是：A01"),
        (FAMILIAR, {"action": "overruled", "rule": "A01"}, "写明理由"),
        (CLEAN, {"action": "overruled", "reason": "漏了"}, "没有指出问题"),
        (CLEAN, {"action": "ignored"}, "action：不是允许的值"),
    ],
)
def test_feedback_that_does_not_fit_is_refused(
    tmp_path: Path, draft: str, fields: dict[str, str], part: str
) -> None:
    with serving(tmp_path) as client:
        request_id = ask(client, draft)["request_id"]
        assert part in refusal(client.post("/v1/feedback", json={"request_id": request_id, **fields}), 422)


def test_feedback_on_an_unknown_review_is_404(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        refusal(client.post("/v1/feedback", json={"request_id": "none", "action": "accepted"}), 404)
