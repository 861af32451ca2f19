"""``reviewer batch`` around a scripted reviewer: exit codes, summary, lines on standard error."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from reviewer.bootstrap import Reviewer
from reviewer.schema import NotAssessedOut, Review, ReviewRequest
from tests.cli.test_main import call
from tests.formats.reviews import make_finding, make_review

CLEAN = {"id": "a", "draft": "您好。"}
MINOR = {"id": "b", "draft": "你好。"}
LATE = {"id": "c", "draft": "迟。"}
BAD = {"id": "d", "draft": ""}


class Scripted:
    """Stands for an open reviewer: 你 is a finding, 迟 is not assessed."""

    pipeline = SimpleNamespace(versions=make_review().versions)
    asked: ClassVar[list[str]] = []

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *_exc: object) -> None:
        return None

    def review(self, request: ReviewRequest, **_options: object) -> Review:
        draft = str(request.draft)
        self.asked.append(draft)
        late = [NotAssessedOut(rule="E01", severity="red", why="到时限")] if "迟" in draft else []
        return make_review(draft, [make_finding(draft, "你")] if "你" in draft else [], not_assessed=late)


@pytest.fixture(autouse=True)
def _scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Scripted, "asked", [])
    monkeypatch.setattr(Reviewer, "from_settings", lambda _settings, **_options: Scripted())


def rows(*given: object) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given)
    Path("in.jsonl").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "options", "code"),
    [
        ([CLEAN], [], 0),
        ([CLEAN, MINOR, LATE, BAD], [], 1),
        ([CLEAN, MINOR], ["--fail-on", "major"], 0),
        ([CLEAN, LATE, BAD], [], 2),
        ([CLEAN, LATE], [], 3),
        ([MINOR, LATE], ["--fail-on", "never"], 3),
    ],
)
def test_the_exit_code_is_that_of_the_worst_row(
    given: list[object], options: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(*given)
    assert call("batch", "in.jsonl", "-o", "out.jsonl", *options, capsys=capsys)[0] == code


def test_faults_go_to_standard_error_and_the_summary_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows(CLEAN, BAD, {**MINOR, "note\x1b": 1})
    code, out, err = call("batch", "in.jsonl", "-o", "out.jsonl", capsys=capsys)
    assert code == 1
    assert err.splitlines() == [
        "错误：in.jsonl:2 草稿是空的，请提供要审核的回复。",
        "提示：没有用到这些列：note<U+001B>。",
    ]
    assert out.splitlines()[0].startswith("2 条：通过 1；建议修改 1；")
    assert "  A01 敬语称谓（轻微）：1 条" in out.splitlines()
    lines = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["id"], line["review"]["verdict"]) for line in lines] == [("a", "pass"), ("b", "revise")]


@pytest.mark.parametrize(
    ("given", "code", "lines", "successful"),
    [
        ([CLEAN], 0, [], True),
        ([CLEAN, MINOR], 1, [2], True),
        ([CLEAN, BAD], 2, [2], False),
        ([BAD], 2, [1, None], False),
        ([LATE, CLEAN], 3, [1], False),
        ([BAD, LATE, CLEAN, MINOR], 1, [4, 1, 2], False),
    ],
)
def test_annotations_are_written_whatever_the_exit_code(
    given: list[object],
    code: int,
    lines: list[int | None],
    successful: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows(*given)
    options = ["--annotate", "found.rdjsonl", "--annotate", "found.sarif"]
    assert call("batch", "in.jsonl", "-o", "out.jsonl", *options, capsys=capsys)[0] == code
    items = stored("found.rdjsonl")
    assert [item["location"].get("range", {}).get("start", {}).get("line") for item in items] == lines
    (run,) = json.loads(Path("found.sarif").read_text(encoding="utf-8"))["runs"]
    assert run["invocations"][0]["executionSuccessful"] is successful


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("found.xml", "不认识 found.xml 的格式；标注文件的名字要以 .sarif 或 .rdjsonl 结尾。"),
        ("link.sarif", "--annotate link.sarif 不是普通文件"),
        ("out.rdjsonl", "--annotate out.rdjsonl 是别的输入或输出文件"),
    ],
)
def test_an_annotation_file_that_cannot_be_is_one_line(
    target: str, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(Reviewer, "from_settings")
    Path("link.sarif").symlink_to("elsewhere.sarif")
    rows(CLEAN)
    arguments = ["in.jsonl", "-o", "./out.rdjsonl", "--annotate", "good.sarif", "--annotate", target]
    code, out, err = call("batch", *arguments, capsys=capsys)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert why in err
    assert sorted(path.name for path in Path().iterdir()) == ["in.jsonl", "link.sarif"]


def test_what_decides_a_review_is_part_of_what_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def key() -> str:
        assert call("batch", "in.jsonl", "-o", "out.jsonl", *options, capsys=capsys)[0] == 0
        return str(json.loads(Path("out.jsonl").read_text(encoding="utf-8"))["key"])

    rows(CLEAN)
    seen, options = set(), list[str]()
    seen.add(key())
    for name in ("REVIEWER_REWRITER_ADAPTER", "REVIEWER_REWRITE", "REVIEWER_DEADLINE_MS"):
        monkeypatch.setenv(
            name, {"REVIEWER_DEADLINE_MS": "900", "REVIEWER_REWRITE": "false"}.get(name, "none")
        )
        seen.add(key())
    monkeypatch.setattr("reviewer.fingerprint._program_hash", lambda: "edited")
    seen.add(key())
    options.append("--all-rules")
    seen.add(key())
    assert len(seen) == 6


def test_an_output_that_cannot_be_written_is_refused_before_the_models_are_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_arguments: object, **_options: object) -> None:
        raise AssertionError("too soon")

    monkeypatch.setattr(Reviewer, "from_settings", load)
    rows(CLEAN)
    Path("out.jsonl").write_text("mine\n", encoding="utf-8")
    code, _, err = call("batch", "in.jsonl", "-o", "out.jsonl", capsys=capsys)
    assert (code, len(err.splitlines())) == (2, 1)
    assert not Path("out.jsonl.part").exists()


def test_progress_is_a_line_a_minute_where_nobody_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reviewer.cli.progress._LOGGED_EVERY_S", 0.0)
    rows(CLEAN, MINOR, MINOR)
    err = call("batch", "in.jsonl", "-o", "out.jsonl", capsys=capsys)[2]
    assert "批量审核：1/3" in err
    assert "提示：这些 id 不止一行：b。" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.jsonl", "-o", "out.jsonl"],
        ["in.jsonl"],
        ["in.jsonl", "-o", "in.jsonl"],
        ["in.jsonl", "-o", "."],
        ["in.jsonl", "-o", "link"],
        ["in.jsonl", "-o", "linked"],
        ["missing.jsonl", "-o", "in.jsonl"],
        ["empty.jsonl", "-o", "out.jsonl"],
        ["in.txt", "-o", "out.jsonl"],
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows(CLEAN)
    Path("empty.jsonl").touch()
    Path("link").symlink_to("elsewhere.jsonl")
    Path("linked.part").symlink_to("elsewhere.jsonl")
    code, out, err = call("batch", *arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "内部错误" not in err
    assert not Path("out.jsonl").exists()
    assert Path("link").is_symlink()


def stored(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]


def test_recheck_lists_what_changed_and_keeps_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(CLEAN, MINOR)
    assert call("batch", "in.jsonl", "-o", "old.jsonl", capsys=capsys)[0] == 1
    assert [line["was"] for line in stored("old.jsonl")] == [None, None]
    assert "与上次相比" not in call("batch", "in.jsonl", "-o", "old.jsonl", capsys=capsys)[1]
    edited = Scripted.pipeline.versions.model_copy(update={"manual": "edited"})
    monkeypatch.setattr(Scripted, "pipeline", SimpleNamespace(versions=edited))
    monkeypatch.setattr(Scripted, "review", lambda *_args, **_kw: make_review("您好。"))
    rows(CLEAN, MINOR, {**CLEAN, "id": "e", "draft": "您好！"})
    code, out, _ = call("batch", "in.jsonl", "-o", "new.jsonl", "--recheck", "old.jsonl", capsys=capsys)
    assert code == 0
    assert out.splitlines()[1:] == [
        "与上次相比：1 条的结论或引用的规则变了；1 条是新的。",
        "  b：建议修改 → 通过；少了 A01 敬语称谓",
    ]
    assert [line["was"] for line in stored("new.jsonl")] == [
        {"manual": "1111111111111111", "verdict": "pass", "rules": {}},
        {"manual": "1111111111111111", "verdict": "revise", "rules": {"A01": "敬语称谓"}},
        None,
    ]


def test_what_was_reviewed_under_the_same_conditions_is_not_reviewed_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows(CLEAN, MINOR)
    call("batch", "in.jsonl", "-o", "old.jsonl", capsys=capsys)
    Scripted.asked.clear()
    code, out, _ = call("batch", "in.jsonl", "-o", "new.jsonl", "--recheck", "old.jsonl", capsys=capsys)
    assert (code, Scripted.asked) == (1, [])
    assert "与上次相比：0 条的结论或引用的规则变了。" in out.splitlines()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--recheck", "missing.jsonl"], "没有 missing.jsonl"),
        (["--recheck", "in.jsonl"], "in.jsonl:1 不是这个版本的 reviewer batch 写的；请核对 --recheck；"),
        (["--recheck", "in.jsonl"], "旧版本写的，请用旧手册重新运行一次 reviewer batch。"),
        (["--recheck", "."], "--recheck . 不是普通文件"),
        (["--recheck", "/dev/null"], "--recheck /dev/null 不是普通文件"),
        (["--recheck", "out.jsonl"], "--recheck 就是 --out"),
        (["--recheck", "out.jsonl.part"], "--recheck 就是 --out 要写的 out.jsonl.part"),
        (
            ["--recheck", "old.jsonl", "--old-manual", "nowhere"],
            "nowhere 不是手册（没有 catalogue.yaml）；请给",
        ),
        (["--recheck", "old.jsonl", "--old-manual", "broken"], "broken："),
        (["--recheck", "old.jsonl", "--old-manual", "none"], "不是旧结果用的手册（1111111111111111）"),
        (["--old-manual", "none"], "--old-manual 要和 --recheck 一起给"),
    ],
)
def test_an_earlier_batch_that_cannot_be_used_is_one_line(
    options: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(CLEAN)
    call("batch", "in.jsonl", "-o", "old.jsonl", capsys=capsys)
    for copy in ("out.jsonl", "out.jsonl.part"):
        Path(copy).write_bytes(Path("old.jsonl").read_bytes())
    Path("broken").mkdir()
    Path("broken/catalogue.yaml").touch()
    Scripted.asked.clear()
    code, out, err = call("batch", "in.jsonl", "-o", "out.jsonl", *options, capsys=capsys)
    assert (code, out, len(err.splitlines()), Scripted.asked) == (2, "", 1, [])
    assert why in err
    assert "--old-manual" not in options or "--old-manual" in err
    assert Path("out.jsonl.part").read_bytes() == Path("old.jsonl").read_bytes()
