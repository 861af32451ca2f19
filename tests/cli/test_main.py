"""The command line from outside: exit codes, one-line errors, nothing heavy for help."""

import subprocess
import sys
from pathlib import Path

import pytest

from reviewer.cli.exit_codes import exit_code
from reviewer.cli.main import run
from reviewer.cli.progress import shown_progress
from reviewer.schema import NotAssessedOut
from reviewer.settings import FailOn
from reviewer.types import Severity
from tests.formats.reviews import make_finding, make_review


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        run(list(arguments))
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom reviewer.cli.main import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'llama_cpp', 'faiss', 'sentence_transformers', 'numpy', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "check" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", ""],
        ["check", "   "],
        ["check", "😀😀"],
        ["check", "好" * 20_000],
        ["check", "您好\x07"],
        ["check", "您好", "--stage", "later"],
        ["check", "您好", "--channel", "fax"],
        ["check", "您好", "--history", "does-not-exist.json"],
        ["check", "您好", "--deadline", "soon"],
        ["check", "您好", "--model", "./does-not-exist.gguf"],
        ["check", "您好", "--adapter", "./does-not-exist.gguf"],
        ["check", "您好", "--corpus", "./does-not-exist"],
        ["check", "您好", "--unknown"],
        ["unknown"],
        ["models", "fetch", "no-such-model"],
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(*arguments, capsys=capsys)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert "Traceback" not in err


def test_print_config_says_what_holds_and_from_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "reviewer.toml").write_text('fail_on = "red"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REVIEWER_THREADS", "3")
    code, out, _ = call("check", "--stage", "closing", "--print-config", capsys=capsys)
    assert code == 0
    assert 'fail_on = "red"  # ' in out
    assert "reviewer.toml" in out
    assert "threads = 3  # 环境变量 REVIEWER_THREADS" in out
    assert 'stage = "closing"  # 命令行' in out


def test_models_list_names_all_three(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("models", "list", capsys=capsys)
    assert code == 0
    assert len(out.splitlines()) == 3


@pytest.mark.parametrize(
    ("severity", "fail_on", "expected"),
    [
        ("minor", "minor", 1),
        ("minor", "major", 0),
        ("major", "red", 0),
        ("red", "red", 1),
        ("red", "never", 0),
    ],
)
def test_exit_code_follows_fail_on(severity: Severity, fail_on: FailOn, expected: int) -> None:
    draft = "你等一下。"
    review = make_review(draft, [make_finding(draft, draft, severity=severity)])
    assert exit_code(review, fail_on) == expected


def test_an_unanswered_rule_is_exit_3_unless_something_was_found() -> None:
    unanswered = [NotAssessedOut(rule="A09", severity="minor", why="到时限仍未问到")]
    draft = "你等一下。"
    assert exit_code(make_review(draft, not_assessed=unanswered), "minor") == 3
    found = make_review(draft, [make_finding(draft, draft)], not_assessed=unanswered)
    assert exit_code(found, "minor") == 1
    assert exit_code(found, "red") == 3


def test_ctrl_c_is_one_line_and_exit_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reviewer.settings.load_settings", interrupted)
    code, out, err = call("check", "您好", capsys=capsys)
    assert (code, out) == (3, "")
    assert err.strip() == "已中断，审核未完成。"


def test_an_unforeseen_error_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr("reviewer.settings.load_settings", broken)
    code, _, err = call("check", "您好", capsys=capsys)
    assert code == 2
    assert err.startswith("内部错误：ZeroDivisionError")
    assert len(err.splitlines()) == 1


def test_a_long_job_in_the_background_logs_its_notes(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(logged=True) as loud, shown_progress() as quiet:
        loud.note("第 1/3 轮")
        quiet.note("不写")
    assert capsys.readouterr().err == "第 1/3 轮\n"


def test_a_long_job_in_the_background_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = (time for time in (0.0, 30.0, 60.0, 90.0, 180.0, 240.0) for _ in range(2))
    monkeypatch.setattr("reviewer.cli.progress.time.monotonic", lambda: next(times))
    with shown_progress(logged=True) as progress:
        for done in (10, 15, 20, 25, 40, 100):
            progress.bytes_done("训练", done, 100)
            progress.items_done("建立索引", done, 100)
    told = ["20/100，约剩 8 分钟", "40/100，约剩 6 分钟", "100/100"]
    lines = [f"{what}：{how_far}" for how_far in told for what in ("训练", "建立索引")]
    assert capsys.readouterr().err.splitlines() == lines
