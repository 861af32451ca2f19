"""A Chromium, and a service with a fake reviewer that it can reach; all is skipped where there is none."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.service.listening import Served, listening

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS = 30_000

Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for the package: its event loop must be gone when other tests want their own."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on PATH")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser without a past; a script error or a breach of the policy fails the test."""
    context = chromium.new_context(
        permissions=["clipboard-read", "clipboard-write"], viewport={"width": 1200, "height": 900}
    )
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    strange: list[str] = []
    page.on("pageerror", lambda error: strange.append(str(error)))
    page.on("console", lambda line: strange.append(line.text) if "Content Security" in line.text else None)
    yield page
    context.close()
    assert strange == []


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Return what starts a service on a free port of this machine."""
    return partial(listening, tmp_path)


@pytest.fixture
def served(serve: Serve) -> Iterator[Served]:
    """A service without keys."""
    with serve() as running:
        yield running
