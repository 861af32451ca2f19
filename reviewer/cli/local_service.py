"""Asking a service that is running already instead of loading the models.

Only a service that would say what this process would say: same fingerprint, no policy of its own
(unless its address was given), and an answer that its time limit did not cut short. Whatever goes wrong,
the caller reviews by itself.
"""

import http.client
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from reviewer.errors import ReviewerError
from reviewer.request import conversation_of
from reviewer.schema import Review, ReviewRequest
from reviewer.settings import FROM_COMMAND_LINE, LoadedSettings, Settings

# Who listens on which port. Source: proc_pid_net(5).
SOCKETS = Path("/proc/net/tcp")
_LOOPBACK = "127.0.0.1"
_LISTENS = "0A"
_GREETING_S = 1.0
# What a service needs beyond its deadline: the engine's last step, the record.
_GRACE_S = 5.0
# These say with what this process is to work.
_OWN_FLAGS = (
    "model",
    "adapter",
    "classifier",
    "rewriter",
    "retriever",
    "encoder",
    "threads",
    "home",
)

Say = Callable[[str], None]


class _UnfitError(Exception):
    """Why the service is not asked, or its answer not taken, in Chinese."""


def ask_service(
    request: ReviewRequest, loaded: LoadedSettings, *, rewrite: bool, all_rules: bool, say: Say
) -> Review | None:
    """Return the review of a running service, None when there is none that fits.

    Args:
        request: What to review.
        loaded: ``service`` says which one; ``deadline_ms`` is the time limit.
        rewrite: See ``Reviewer.review``.
        all_rules: See ``Reviewer.review``.
        say: Told in one line which way was taken, and why.
    """
    settings = loaded.settings
    try:
        address = _address(loaded)
        began = time.perf_counter()
        key = _key(loaded)
        ready = _call(address, key, "GET", "/readyz", timeout_s=_GREETING_S)
        name, manual = _same_manual(ready, settings, rewrite=rewrite)
        limit = int(ready["deadline_ms"])
        body = {
            **request.model_dump(mode="json"),
            "rewrite": rewrite,
            "all_rules": all_rules,
            "manual": name,
            "deadline_ms": min(settings.deadline_ms or limit, limit),
        }
        sent = time.perf_counter()
        answer = _call(address, key, "POST", "/v1/review", body, timeout_s=limit / 1000 + _GRACE_S)
        now = time.perf_counter()
        asked_for_less = settings.deadline_ms is not None and settings.deadline_ms <= limit
        if not asked_for_less and (now - sent) * 1000 >= limit:
            raise _UnfitError("没有在它的时限内审完")
        review = Review.model_validate(answer["review"])
        if review.draft != conversation_of(request).draft:
            raise _UnfitError("它审的不是这条草稿")
        if review.versions.manual != manual:
            raise _UnfitError("它审核用的手册与这里的不同")
    except _UnfitError as reason:
        say(f"没有用运行中的服务：{reason}；自己载入模型。")
        return None
    except (OSError, http.client.HTTPException, ValidationError, ValueError, KeyError, TypeError) as cause:
        say(f"没有用运行中的服务：{type(cause).__name__}；自己载入模型。")
        return None
    say(f"用了运行中的服务 {address}，{(now - began) * 1000:.0f} 毫秒。")
    return review


def _address(loaded: LoadedSettings) -> str:
    """Return the address of the service that may be asked."""
    settings = loaded.settings
    if settings.service == "off":
        raise _UnfitError("设置 service 是 off")
    for key in _OWN_FLAGS:
        if loaded.origins[key] == FROM_COMMAND_LINE:
            raise _UnfitError(f"命令行给了 {key}")
    if settings.service != "auto":
        return settings.service.rstrip("/")
    if not _is_mine(settings.serve_port):
        raise _UnfitError(f"本机的 {settings.serve_port} 端口上没有自己启动的服务")
    return f"http://{_LOOPBACK}:{settings.serve_port}"


def _key(loaded: LoadedSettings) -> str:
    """Return the key, empty unless whoever gave it named the service too: it is for that one alone."""
    if not loaded.share_origin("service", "service_key"):
        return ""
    return loaded.settings.service_key.get_secret_value()


def _is_mine(port: int) -> bool:
    """Return whether this user, and nobody else, listens on ``port`` of this machine.

    Drafts of customers must not go to whoever took the port. Where the system does not say who
    listens, nobody is known to.
    """
    try:
        lines = SOCKETS.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return False
    places = {f"0100007F:{port:04X}", f"00000000:{port:04X}"}
    rows = (line.split() for line in lines)
    return {int(row[7]) for row in rows if row[3] == _LISTENS and row[1] in places} == {os.getuid()}


def _same_manual(ready: dict[str, Any], settings: Settings, *, rewrite: bool) -> tuple[str, str]:
    """Return name and hash of the manual by which the service would say what this process would say."""
    from reviewer.fingerprint import fingerprint
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import hash_of

    try:
        own = fingerprint(settings)
        manual = hash_of(corpus_folder(settings))
    except ReviewerError as cause:
        raise _UnfitError("本机的手册或提示读不了") from cause
    names = [str(each["name"]) for each in ready["manuals"] if each["fingerprint"] == own]
    if not names:
        raise _UnfitError("它的版本、手册、分类器或设置与这里的不同")
    if rewrite and not ready["rewrite"]:
        raise _UnfitError("它不给改写")
    if ready["policy"] and settings.service == "auto":
        raise _UnfitError("它有团队策略；要用它，请把设置 service 写成它的地址")
    return names[0], manual


def _call(
    address: str, key: str, method: str, path: str, body: object = None, *, timeout_s: float
) -> dict[str, Any]:
    """Return the JSON object that the service answers with."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout_s)
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise _UnfitError(f"它答复 {answer.status}")
    value = json.loads(content)
    if not isinstance(value, dict):
        raise _UnfitError("它不像 reviewer serve")
    return value
