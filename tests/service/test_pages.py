"""What a browser gets: from this host alone, and never a string as HTML or code."""

from pathlib import Path

import pytest

from reviewer.service import pages
from reviewer.service.keys import add_key
from tests.service.calls import refusal
from tests.service.fakes import serving

FOLDER = Path(pages.__file__).parent / "page"
SOURCES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".html", ".js", ".css"))


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/", "text/html"), ("/demo", "text/html"), ("/presend.js", "text/javascript")]
    + [
        (f"/static/{name}", kind) for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript"))
    ],
)
def test_pages_need_no_key_and_run_only_their_own_scripts(tmp_path: Path, path: str, media_type: str) -> None:
    add_key(tmp_path / "keys.json", "前台")
    with serving(tmp_path) as client:
        answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"


def test_every_file_of_the_page_is_served_and_no_other(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        for path in FOLDER.iterdir():
            addresses = (f"/static/{path.name}", f"/{path.name}", f"/{path.stem}", "/")
            answers = [client.get(address) for address in addresses]
            assert path.read_bytes() in [answer.content for answer in answers], path
        for strange in ("/static/../pages.py", "/static/", "/static/pages.py", "/index.html"):
            refusal(client.get(strange), 404)


def test_without_keys_a_page_of_another_name_is_refused_like_the_rest(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        refusal(client.get("/", headers={"Host": "evil.example.com"}), 421)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_comes_from_another_host_or_becomes_html(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for address in ("https://", 'src="//', "@import", "url("):
        assert address not in text
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "DOMParser",
        "Function(",
    ):
        assert way not in text
    assert " style=" not in text
    assert " on" not in "".join(part.split(">")[0] for part in text.split("<button")[1:])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_files_stay_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
