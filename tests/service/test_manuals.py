"""Several manuals beside each other: by request, by key, and what knows them."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from reviewer.errors import CorpusError
from reviewer.folders import OWN_MANUAL
from reviewer.manual.catalogue import hash_of, load_catalogue
from reviewer.resources import resource_dir
from reviewer.schema import ReviewRequest
from reviewer.service import manuals as service_manuals
from reviewer.service.app import create_app
from reviewer.service.export import Exported, export_feedback
from reviewer.service.keys import add_key
from reviewer.service.manuals import load_manuals
from reviewer.service.queue import Work
from reviewer.service.record import Record
from reviewer.settings import UNNAMED_MANUAL, Settings
from reviewer.wiring import ManualContent, read_manual
from tests.service.calls import REVIEW, STREAM, ask, entry_of, events_of, refusal
from tests.service.fakes import CLEAN, FAMILIAR, FakeReviewer, make_settings, service_of, serving, wait_for
from tests.service.several import DROPPED, shorter_manual

SWEET = "亲爱哒宝宝，请稍等。"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manual without ``DROPPED``."""
    return shorter_manual(tmp_path / "乙")


def test_a_request_names_its_manual_and_the_rest_go_by_the_own(tmp_path: Path, folder: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, manuals={"乙": folder}) as client:
        answers = [ask(client, manual=name) for name in ("", UNNAMED_MANUAL, "乙")]
        recorded = [entry_of(client, answer["request_id"]).manual for answer in answers]
    assert reviewer.asked_by == [OWN_MANUAL, "乙"]
    assert [answer["review"]["versions"]["manual"] for answer in answers] == [
        hash_of(resource_dir("corpus")), hash_of(resource_dir("corpus")), hash_of(folder)
    ]  # fmt: skip
    assert recorded == [UNNAMED_MANUAL, UNNAMED_MANUAL, "乙"]


def test_the_same_draft_by_another_manual_is_other_work() -> None:
    request = ReviewRequest(draft=CLEAN)
    works = [Work(request, rewrite=True, all_rules=False, deadline_ms=9, manual=name) for name in ("", "乙")]
    assert len({work.content_key for work in works}) == 2


@pytest.mark.parametrize("path", [REVIEW, STREAM])
def test_a_name_that_there_is_not_is_refused_with_those_there_are(
    tmp_path: Path, folder: Path, path: str
) -> None:
    with serving(tmp_path, FakeReviewer(), manuals={"乙": folder}) as client:
        for name in ("丙", "丙\n", OWN_MANUAL + " "):
            message = refusal(client.post(path, json={"draft": CLEAN, "manual": name}), 422)
            assert message.endswith("可用的有：default、乙。")
        assert "丙" in refusal(client.get("/v1/rules", params={"manual": "丙"}), 422)
        batch = {"requests": [{"draft": CLEAN}, {"draft": CLEAN, "manual": "丙"}]}
        assert refusal(client.post("/v1/batch", json=batch), 422).startswith("第 2 条：没有手册“丙”")


def test_rules_and_readiness_know_the_manuals(tmp_path: Path, folder: Path) -> None:
    with serving(tmp_path, FakeReviewer(), manuals={"乙": folder}) as client:
        own, other = (client.get("/v1/rules", params={"manual": name}).json() for name in ("", "乙"))
        ready = client.get("/readyz").json()
    assert {rule["id"] for rule in own["rules"]} - {rule["id"] for rule in other["rules"]} == {DROPPED}
    assert [(each["name"], each["manual"]) for each in ready["manuals"]] == [
        (UNNAMED_MANUAL, own["manual"]), ("乙", other["manual"])
    ]  # fmt: skip
    assert (own["name"], other["name"]) == (UNNAMED_MANUAL, "乙")
    assert other["manual"] == load_catalogue(folder).content_hash != own["manual"]
    assert len({each["fingerprint"] for each in ready["manuals"]}) == 2


def test_a_key_has_its_manual_and_a_policy_says_nothing_of_the_rules_of_another(
    tmp_path: Path, folder: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"keys: {{前台: {{manual: 乙, disabled: [{DROPPED}, A01]}}}}", encoding="utf-8")
    headers = {"Authorization": f"Bearer {add_key(tmp_path / 'keys.json', '前台')}"}
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, manuals={"乙": folder}, serve_policy=policy) as client:
        client.headers.update(headers)
        notes = [ask(client, FAMILIAR, manual=name)["review"]["notes"] for name in ("", UNNAMED_MANUAL)]
        assert client.get("/v1/rules").json()["name"] == "乙"
    assert reviewer.asked_by == ["乙", OWN_MANUAL]
    assert notes == [["按团队设置停用的规则：A01。"], [f"按团队设置停用的规则：{DROPPED}、A01。"]]
    assert [each.disabled for each in reviewer.adjustments] == [{"A01"}, {"A01", DROPPED}]


def test_early_checks_cite_only_rules_of_the_manual(tmp_path: Path, folder: Path) -> None:
    with serving(tmp_path, FakeReviewer(), manuals={"乙": folder}) as client:
        hits = [
            {
                hit["rule"]
                for hit in events_of(client.post(STREAM, json={"draft": SWEET, "manual": name}))[0][1]
            }
            for name in ("", "乙")
        ]
    assert hits[0] - hits[1] == {DROPPED}


def test_only_what_was_said_by_the_manual_is_exported(tmp_path: Path, folder: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, manuals={"乙": folder}, serve_record_text=True) as client:
        for name in ("", "乙"):
            asked = ask(client, FAMILIAR, manual=name)["request_id"]
            note = {"request_id": asked, "action": "accepted"}
            assert client.post("/v1/feedback", json=note).status_code == 200
        catalogues = [each.catalogue for each in service_of(client).manuals]
    record = Record(tmp_path / "record.sqlite3")
    for catalogue in catalogues:
        done = export_feedback(record, tmp_path / "out.jsonl", catalogue)
        assert done == Exported(1, 0, 0, elsewhere=1)
    record.close()


@pytest.mark.parametrize("name", ["", "default"])
def test_what_was_said_by_another_own_manual_is_not_exported(tmp_path: Path, folder: Path, name: str) -> None:
    for corpus in (None, folder):
        with serving(tmp_path, corpus=corpus, serve_record_text=True) as client:
            asked = ask(client, FAMILIAR)["request_id"]
            note = {"request_id": asked, "action": "accepted"}
            assert client.post("/v1/feedback", json=note).status_code == 200
    path, out = tmp_path / "record.sqlite3", tmp_path / "out.jsonl"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE reviews SET manual = ?", (name,))
        database.commit()
    record = Record(path)
    assert export_feedback(record, out, load_catalogue(folder)) == Exported(1, 0, 0, elsewhere=1)
    record.close()
    assert json.loads(out.read_text(encoding="utf-8"))["id"] == asked


def test_the_own_manual_goes_by_its_names_in_the_settings(folder: Path) -> None:
    assert load_manuals(Settings(manuals={"乙": folder})).own.name == UNNAMED_MANUAL
    beside = folder / ".." / folder.name
    settings = Settings(corpus=beside, manuals={"甲": resource_dir("corpus"), "乙": folder, "丙": beside})
    manuals = load_manuals(settings)
    assert [(each.key, each.names) for each in manuals] == [(OWN_MANUAL, ("乙", "丙")), ("甲", ("甲",))]
    assert manuals.named("乙") is manuals.named("丙") is manuals.named("") is manuals.own


def test_every_name_of_a_manual_works_for_requests_and_keys(tmp_path: Path, folder: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("default: {manual: 新}", encoding="utf-8")
    names = {"新": folder, "旧": folder, "甲": resource_dir("corpus"), "甲二": resource_dir("corpus")}
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, manuals=names, serve_policy=policy, serve_cache=0) as client:
        for name in ("", "旧", "甲", "甲二"):
            ask(client, manual=name)
        message = refusal(client.post(REVIEW, json={"draft": CLEAN, "manual": "丙"}), 422)
        ready = client.get("/readyz").json()["manuals"]
    assert reviewer.asked_by == ["新", "新", OWN_MANUAL, OWN_MANUAL]
    assert message.endswith("可用的有：甲、甲二、新、旧。")
    assert [each["name"] for each in ready] == ["甲", "新"]


def test_a_manual_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"手册“甲”：.*nowhere"):
        load_manuals(Settings(manuals={"甲": tmp_path / "nowhere"}))


def test_a_manual_that_is_edited_while_it_is_read_stops_the_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> ManualContent:
        content = read_manual(path)
        with (path / "catalogue.yaml").open("a", encoding="utf-8") as file:
            file.write("\n")
        return content

    monkeypatch.setattr(service_manuals, "read_manual", read)
    with pytest.raises(CorpusError, match=r"手册“default”：.*正在被修改"):
        load_manuals(Settings(corpus=folder))


def test_the_reviewer_gets_what_the_service_read(tmp_path: Path, folder: Path) -> None:
    given = list[ManualContent]()

    def opened(contents: Mapping[str, ManualContent]) -> FakeReviewer:
        given.extend(contents.values())
        return FakeReviewer().opened(contents)

    app = create_app(make_settings(tmp_path, corpus=folder), opened)
    shutil.rmtree(folder)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        wait_for(lambda: client.get("/readyz").status_code == 200)
        manuals = service_of(client).manuals
        assert client.get("/readyz").json()["versions"]["manual"] == manuals.own.catalogue.content_hash
    assert given == [manuals.own.content]
