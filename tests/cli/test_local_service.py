"""``reviewer check`` and a service that runs already: when it is asked, and when not."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import platformdirs
import pytest

from reviewer.bootstrap import Reviewer
from reviewer.cli import local_service
from reviewer.errors import EngineError
from reviewer.folders import OWN_MANUAL
from reviewer.schema import Review
from reviewer.service.keys import add_key
from tests.cli.test_main import call
from tests.formats.reviews import make_review
from tests.service.fakes import CLEAN, FAMILIAR, RED, FakeReviewer
from tests.service.listening import Served, listening
from tests.service.several import shorter_manual

pytestmark = pytest.mark.enable_socket

HERE = "本机载入"
SOCKETS = local_service.SOCKETS


class Here:
    """Stands for a reviewer that this process loads."""

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *_exc: object) -> None:
        return None

    def review(self, _request: object, **_options: object) -> Review:
        return make_review(CLEAN, notes=[HERE])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local_service, "SOCKETS", SOCKETS)
    monkeypatch.setattr(Reviewer, "from_settings", lambda _settings, **_options: Here())


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    return partial(listening, tmp_path / "service")


@pytest.fixture
def served(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serve() as running:
        monkeypatch.setenv("REVIEWER_SERVE_PORT", str(running.port))
        yield running


def check(*options: str, capsys: pytest.CaptureFixture[str], draft: str = FAMILIAR) -> tuple[bool, int, str]:
    """Return whether the service answered, the exit code, and what was said of it."""
    code, out, err = call("check", draft, "--format", "json", "-v", *options, capsys=capsys)
    return HERE not in json.loads(out)["notes"], code, err


needs_proc = pytest.mark.skipif(not SOCKETS.exists(), reason="nothing says who listens")


@needs_proc
def test_a_service_of_mine_answers_with_the_same_exit_codes(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    for draft, options, code in ((CLEAN, [], 0), (FAMILIAR, [], 1), (FAMILIAR, ["--fail-on", "red"], 0)):
        by_service, got, err = check(*options, draft=draft, capsys=capsys)
        assert by_service
        assert got == code
        assert err.startswith(f"用了运行中的服务 {served.url}")
        assert len(err.splitlines()) == 1
    assert [request.draft for request in served.reviewer.requests] == [CLEAN, FAMILIAR]


@needs_proc
def test_the_request_and_its_limit_reach_the_service(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["-c", "在吗", "--channel", "phone", "--verified", "--fact", "包邮", "--deadline", "900"]
    assert check(*options, capsys=capsys)[0]
    [request] = served.reviewer.requests
    assert (request.customer, request.channel, request.identity_verified, request.facts) == (
        "在吗", "phone", True, ["包邮"]
    )  # fmt: skip
    assert 0 < (served.reviewer.deadlines[0] or 0) <= 900


@needs_proc
def test_every_output_works_with_a_service(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call("check", FAMILIAR, "--rewrite-only", capsys=capsys)
    assert (code, out, err) == (1, "您好，请您稍等。\n", "")
    assert "拦截" in call("check", RED, capsys=capsys)[1]
    assert json.loads(call("check", RED, "--format", "sarif", capsys=capsys)[1])["version"] == "2.1.0"
    assert len(served.reviewer.requests) == 2


@needs_proc
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--threads", "1"], "命令行给了 threads"),
        (["--home", "elsewhere"], "命令行给了 home"),
        (["--classifier", "none"], "命令行给了 classifier"),
        (["--rewriter", "wordings"], "命令行给了 rewriter"),
    ],
)
def test_what_the_service_cannot_honour_is_done_here(
    options: list[str], why: str, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    by_service, _, err = check(*options, capsys=capsys)
    assert not by_service
    assert why in err
    assert served.reviewer.requests == []


@needs_proc
@pytest.mark.parametrize(
    ("name", "value"), [("PUBLIC_NUMBERS", "400-1"), ("CLASSIFIER", "none"), ("MODEL", "other")]
)
def test_settings_that_differ_are_honoured_here(
    name: str, value: str, served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"REVIEWER_{name}", value)
    by_service, _, err = check(capsys=capsys)
    assert not by_service
    assert "与这里的不同" in err
    assert served.reviewer.requests == []


@needs_proc
def test_another_manual_is_another_service(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reviewer.fingerprint.tree_hash", lambda _folder: "edited")
    assert not check(capsys=capsys)[0]
    assert served.reviewer.requests == []


@needs_proc
def test_a_manual_that_the_service_has_is_asked_for_by_its_name_there(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shorter_manual(tmp_path / "手册")
    with serve(FakeReviewer(), manuals={"乙": folder}) as served:
        monkeypatch.setenv("REVIEWER_SERVE_PORT", str(served.port))
        assert check(capsys=capsys)[0]
        assert check("--manual", str(folder), capsys=capsys)[0]
        assert served.reviewer.asked_by == [OWN_MANUAL, "乙"]
        with (folder / "catalogue.yaml").open("a", encoding="utf-8") as file:
            file.write("\n")
        assert not check("--manual", str(folder), capsys=capsys)[0]


@needs_proc
def test_a_review_by_another_state_of_the_manual_is_not_taken(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    known = served.reviewer.pipelines[OWN_MANUAL]
    known.versions = known.versions.model_copy(update={"manual": "edited"})
    by_service, _, err = check(capsys=capsys)
    assert not by_service
    assert "它审核用的手册与这里的不同" in err
    assert served.reviewer.asked_by == [OWN_MANUAL]


@needs_proc
def test_a_policy_is_for_those_who_name_the_service(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("default: {disabled: [A01]}", encoding="utf-8")
    with serve(serve_policy=policy) as served:
        monkeypatch.setenv("REVIEWER_SERVE_PORT", str(served.port))
        by_service, _, err = check(capsys=capsys)
        assert not by_service
        assert "它有团队策略" in err
        monkeypatch.setenv("REVIEWER_SERVICE", f"{served.url}/")
        assert check(capsys=capsys)[:2] == (True, 0)


def test_a_named_service_with_keys_needs_one(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = add_key(tmp_path / "service" / "keys.json", "前台")
    with serve() as served:
        monkeypatch.setenv("REVIEWER_SERVICE", served.url)
        by_service, _, err = check(capsys=capsys)
        assert not by_service
        assert "它答复 401" in err
        monkeypatch.setenv("REVIEWER_SERVICE_KEY", secret)
        assert check(capsys=capsys)[0]
        assert secret not in call("check", "--print-config", capsys=capsys)[1]


@needs_proc
@pytest.mark.parametrize(
    "reviewer", [FakeReviewer(fault=EngineError("坏了")), FakeReviewer(fault=RuntimeError("坏了"))]
)
def test_a_service_that_fails_costs_no_review(
    reviewer: FakeReviewer, serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(reviewer) as served:
        monkeypatch.setenv("REVIEWER_SERVE_PORT", str(served.port))
        by_service, code, err = check(capsys=capsys)
    assert (by_service, code) == (False, 0)
    assert "它答复 50" in err


@needs_proc
@pytest.mark.parametrize(("options", "by_service"), [([], False), (["--deadline", "40"], True)])
def test_an_answer_that_the_limit_of_the_service_cut_short_is_not_taken(
    options: list[str],
    by_service: bool,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    late = FakeReviewer(out_of_time=True)
    late.before_verdict = partial(time.sleep, 0.06)
    with serve(late, serve_deadline_ms=50) as served:
        monkeypatch.setenv("REVIEWER_SERVE_PORT", str(served.port))
        assert check(*options, draft=CLEAN, capsys=capsys)[:2] == ((True, 3) if by_service else (False, 0))


def test_nobody_is_asked_where_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect(*_arguments: object, **_options: object) -> None:
        raise AssertionError("nobody is there")

    monkeypatch.setattr(socket, "create_connection", connect)
    by_service, _, err = check(capsys=capsys)
    assert not by_service
    assert "没有自己启动的服务" in err


@needs_proc
def test_a_port_that_another_user_took_is_not_asked(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert not check(capsys=capsys)[0]
    assert served.reviewer.requests == []


def test_a_key_goes_only_to_the_service_that_was_named_with_it(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = add_key(tmp_path / "service" / "keys.json", "前台")
    folder = Path(platformdirs.user_config_dir("reviewer"))
    folder.mkdir(parents=True)
    with serve() as served:
        (folder / "reviewer.toml").write_text(f'service_key = "{secret}"', encoding="utf-8")
        monkeypatch.setenv("REVIEWER_SERVICE", served.url)
        assert "它答复 401" in check(capsys=capsys)[2]
        monkeypatch.delenv("REVIEWER_SERVICE")
        text = f'service = "{served.url}"\nservice_key = "{secret}"'
        (folder / "reviewer.toml").write_text(text, encoding="utf-8")
        assert check(capsys=capsys)[0]


@needs_proc
def test_a_review_of_another_draft_is_not_taken(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.reviewer.review = lambda *_request, **_options: make_review(CLEAN)  # type: ignore[method-assign]
    by_service, _, err = check(capsys=capsys)
    assert not by_service
    assert "它审的不是这条草稿" in err


def test_something_else_at_the_address_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(local_service, "_GREETING_S", 0.05)
        monkeypatch.setenv("REVIEWER_SERVICE", f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert not check(capsys=capsys)[0]
    assert "没有用运行中的服务" in check(capsys=capsys)[2]


@needs_proc
def test_off_asks_nobody(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REVIEWER_SERVICE", "off")
    assert not check(capsys=capsys)[0]
    assert served.reviewer.requests == []


@pytest.mark.parametrize(
    "value",
    [
        "on",
        "ftp://127.0.0.1",
        "127.0.0.1:8765",
        "http://",
        "http://a/b?c",
        "http://a",
        "http://127.0.0.1@a",
        "http://10.0.0.1:8765",
    ],
)
def test_an_unusable_setting_is_one_line(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REVIEWER_SERVICE", value)
    code, out, err = call("check", CLEAN, capsys=capsys)
    assert (code, out) == (2, "")
    assert "service" in err
    assert len(err.splitlines()) == 1
