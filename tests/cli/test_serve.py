"""``reviewer serve`` from the command line: refusals, keys, export."""

import json
import sys
from pathlib import Path

import pytest

from reviewer.manual.catalogue import hash_of
from reviewer.resources import resource_dir
from reviewer.service.record import Entry, Feedback, Record
from tests.cli.test_main import call


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_open_door_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call("serve", "--host", "0.0.0.0", capsys=capsys)
    assert (code, out) == (2, "")
    assert "还没有密钥" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "0"],
        ["--queue", "none"],
        ["--policy", "missing.yaml"],
        ["--corpus", "missing"],
        ["--unknown"],
    ],
)
def test_an_unusable_option_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call("serve", *arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_missing_packages_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "uvicorn" else sys)
    code, _, err = call("serve", capsys=capsys)
    assert code == 2
    assert "uvicorn" in err
    assert "reviewer[serve]" in err


def test_options_reach_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(
        "serve", "--port", "9000", "--cors", "https://a.example,https://b.example", "--print-config",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "serve_port = 9000  # 命令行" in out
    assert 'serve_cors = ["https://a.example", "https://b.example"]  # 命令行' in out


def test_a_key_is_shown_once_listed_by_name_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, secret, err = call("serve", "key", "add", "前台", "--keys", "keys.json", capsys=capsys)
    assert code == 0
    assert secret.startswith("rvk_")
    assert str(tmp_path / "keys.json") in err
    code, listed, _ = call("serve", "key", "list", "--keys", "keys.json", capsys=capsys)
    assert listed.startswith("前台\t")
    assert "有效" in listed
    assert secret.strip() not in listed
    assert call("serve", "key", "revoke", "前台", "--keys", "keys.json", capsys=capsys)[0] == 0
    assert "作废" in call("serve", "key", "list", "--keys", "keys.json", capsys=capsys)[1]
    assert call("serve", "key", "revoke", "前台", "--keys", "keys.json", capsys=capsys)[0] == 2


def test_export_writes_what_has_text_and_counts_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = json.dumps({"manual": hash_of(resource_dir("corpus"))})
    record = Record(tmp_path / "record.sqlite3")
    for number, request in enumerate([json.dumps({"draft": "您好，请稍等。"}), None]):
        name = f"r{number}"
        record.write(
            Entry(name, "", "", "", "", versions, "pass", "pass", 100, "[]", "[]", "{}", request), begun=0
        )
        record.add_feedback(name, Feedback("", "accepted", "", ""))
    record.close()
    code, out, err = call("serve", "export", "out.jsonl", "--record", "record.sqlite3", capsys=capsys)
    assert code == 0
    assert "写出 1 条样本" in out
    assert "另有 1 次" in err
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["id"] == "r0"


@pytest.mark.parametrize("command", ["export", "forget"])
def test_without_a_record_the_answer_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    code, _, err = call("serve", command, "x", "--record", "none.sqlite3", capsys=capsys)
    assert code == 2
    assert "没有审核记录" in err
    assert list(tmp_path.iterdir()) == []


def test_a_conversation_is_forgotten_whatever_key_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Record(tmp_path / "record.sqlite3")
    for name, key in (("r0", ""), ("r1", "作废的")):
        record.write(
            Entry(name, key, "c/1", "", "", "{}", "pass", "pass", 1, "[]", "[]", "{}", None), begun=0
        )
    record.close()
    code, out, err = call("serve", "forget", "c/1", "--record", "record.sqlite3", capsys=capsys)
    assert (code, err) == (0, "")
    assert "删除了 2 条" in out


def test_a_key_file_that_is_named_but_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call("serve", "--keys", "kyes.json", capsys=capsys)
    assert (code, out) == (2, "")
    assert "没有密钥文件" in err
    assert len(err.splitlines()) == 1


def test_any_origin_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call("serve", "--cors", "*", capsys=capsys)
    assert code == 2
    assert "逐个列出来源" in err
