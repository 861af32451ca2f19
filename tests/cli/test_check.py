"""``reviewer check`` around a reviewer that answers from a script: what goes where, and the exit code."""

import sys
from types import SimpleNamespace

import pytest

from reviewer.bootstrap import Reviewer
from reviewer.cli.clipboard import copy_rewrite
from reviewer.schema import Review, RewriteOut
from tests.cli.test_main import call
from tests.formats.reviews import make_finding, make_review

DRAFT = "你等一下。"
READY = RewriteOut(text="请您稍等。", status="verified", origin="wordings")
WAITING = RewriteOut(text="[具体时间]前答复您。", status="verified", placeholders=["[具体时间]"])
FAILED = RewriteOut(text="你稍等。", status="unverified", changed_facts=["丢失：3天"])
NONE = RewriteOut(text="", status="none", note="时间到限，没有生成改写")


def found(rewrite: RewriteOut) -> Review:
    return make_review(DRAFT, [make_finding(DRAFT, DRAFT)], rewrite=rewrite)


class Scripted:
    """Stands for an open reviewer that gives one review."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self.rewrite: bool | None = None

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *_exc: object) -> None:
        return None

    def review(self, _request: object, *, rewrite: bool, **_options: object) -> Review:
        self.rewrite = rewrite
        return self._review


def script(monkeypatch: pytest.MonkeyPatch, review: Review) -> Scripted:
    scripted = Scripted(review)
    monkeypatch.setattr(Reviewer, "from_settings", lambda _settings, **_options: scripted)
    return scripted


@pytest.mark.parametrize(
    ("review", "out", "err", "code"),
    [
        (found(READY), "请您稍等。\n", "", 1),
        (found(WAITING), "[具体时间]前答复您。\n", "已核对，待填写：[具体时间]。\n", 1),
        (found(FAILED), "", "改写未通过核对，请勿直接发送：事实有变：丢失：3天。\n", 1),
        (found(NONE), "", "没有改写：时间到限，没有生成改写。\n", 1),
        (make_review(), "", "没有改写：没有发现问题。\n", 0),
    ],
)
def test_rewrite_only_prints_the_reply_and_says_the_rest_apart(
    review: Review,
    out: str,
    err: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script(monkeypatch, review)
    assert call("check", DRAFT, "--rewrite-only", capsys=capsys) == (code, out, err)


def test_a_rewrite_that_is_asked_for_is_made_whatever_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted = script(monkeypatch, found(READY))
    monkeypatch.setenv("REVIEWER_REWRITE", "false")
    call("check", DRAFT, "--rewrite-only", capsys=capsys)
    assert scripted.rewrite is True
    call("check", DRAFT, capsys=capsys)
    assert scripted.rewrite is False


@pytest.mark.parametrize(
    "options",
    [["--rewrite-only", "--no-rewrite"], ["--copy", "--no-rewrite"], ["--rewrite-only", "--format", "json"]],
)
def test_options_that_contradict_each_other(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call("check", DRAFT, *options, capsys=capsys)
    assert (code, out) == (2, "")
    assert "同用" in err
    assert len(err.splitlines()) == 1


def test_copy_says_what_it_did_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script(monkeypatch, found(FAILED))
    code, out, err = call("check", DRAFT, "--copy", capsys=capsys)
    assert code == 1
    assert "建议回复" in out
    assert err == "没有复制：没有通过核对的改写。\n"


class NoClipboardError(RuntimeError):
    """What pyperclip raises where there is no clipboard."""


def clipboard(monkeypatch: pytest.MonkeyPatch, *, works: bool) -> list[str]:
    copied: list[str] = []

    def copy(text: str) -> None:
        if not works:
            raise NoClipboardError
        copied.append(text)

    module = SimpleNamespace(copy=copy, PyperclipException=NoClipboardError)
    monkeypatch.setitem(sys.modules, "pyperclip", module)
    return copied


def test_a_verified_rewrite_is_copied_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = clipboard(monkeypatch, works=True)
    assert copy_rewrite(found(READY)) == "已复制。"
    assert copy_rewrite(found(WAITING)) == "已复制；发送前请填写 [具体时间]。"
    assert copied == [READY.text, WAITING.text]


def test_what_is_not_verified_is_never_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = clipboard(monkeypatch, works=True)
    assert {copy_rewrite(found(FAILED)), copy_rewrite(found(NONE))} == {"没有复制：没有通过核对的改写。"}
    assert copied == []


def test_without_a_clipboard_or_the_package_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    clipboard(monkeypatch, works=False)
    assert "没有可用的剪贴板" in copy_rewrite(found(READY))
    monkeypatch.setitem(sys.modules, "pyperclip", None)
    assert "pip install 'reviewer[copy]'" in copy_rewrite(found(READY))
