"""Options and fixtures of the whole test run."""

import difflib
import os
from pathlib import Path

import platformdirs
import pytest

from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.prompting import PromptBook, load_prompts
from reviewer.resources import resource_dir

# Where the assembled models lie, seen before any test moves HOME.
REAL_HOME = os.environ.get("REVIEWER_HOME") or platformdirs.user_cache_dir("reviewer")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected output of golden tests"
    )


@pytest.fixture(autouse=True)
def _clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide the user's settings and cache: a result must not depend on who runs the tests.

    Tests marked ``model`` keep the cache folder, because the assembled models are there.
    """
    for name in [name for name in os.environ if name.upper().startswith("REVIEWER_")]:
        monkeypatch.delenv(name)
    # Nor on a service that they happen to have running.
    monkeypatch.setattr("reviewer.cli.local_service.SOCKETS", Path(os.devnull))
    home = tmp_path_factory.mktemp("home")
    for name, folder in [("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache")]:
        monkeypatch.setenv(name, str(home / folder))
    if request.node.get_closest_marker("model"):
        monkeypatch.setenv("REVIEWER_HOME", REAL_HOME)


class Golden:
    """Compares output with a file in the repository, or rewrites the file."""

    def __init__(self, *, update: bool) -> None:
        self._update = update

    def check(self, path: Path, actual: str) -> None:
        """Assert that ``path`` holds exactly ``actual``; with ``--update-golden`` make it so."""
        expected = path.read_text(encoding="utf-8") if path.exists() else ""
        if actual == expected and path.exists():
            return
        if self._update:
            path.write_text(actual, encoding="utf-8", newline="")
            return
        diff = "".join(
            difflib.unified_diff(
                expected.splitlines(keepends=True), actual.splitlines(keepends=True), str(path), "actual"
            )
        )
        pytest.fail(f"golden output differs; accept with: pytest --update-golden\n{diff}", pytrace=False)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(update=bool(request.config.getoption("--update-golden")))


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The shipped manual, read once."""
    return load_catalogue(resource_dir("corpus"))


@pytest.fixture(scope="session")
def prompts() -> PromptBook:
    """The shipped prompts."""
    return load_prompts(resource_dir("prompts"))
