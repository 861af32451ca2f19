"""What a browser gets besides the interface: the page, the demo, and the script for chat tools.

All of it comes with the package and holds nobody's data, so no key is needed to load it.
"""

from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter, Response

_HTML, _CSS = "text/html; charset=utf-8", "text/css; charset=utf-8"
_SCRIPT, _ICON = "text/javascript; charset=utf-8", "image/svg+xml"
# Scripts, styles and requests of this very service; nothing inline, nothing from another host, and
# no string ever becomes HTML or code.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)


@dataclass(frozen=True, slots=True)
class _Page:
    """An address and the packaged file that stands there."""

    path: str
    file: str
    media_type: str


_PAGES = (
    _Page("/", "index.html", _HTML),
    _Page("/demo", "demo.html", _HTML),
    _Page("/presend.js", "presend.js", _SCRIPT),
    _Page("/static/page.css", "page.css", _CSS),
    _Page("/static/page.js", "page.js", _SCRIPT),
    _Page("/static/diff.js", "diff.js", _SCRIPT),
    _Page("/static/greeting.js", "greeting.js", _SCRIPT),
    _Page("/static/marking.js", "marking.js", _SCRIPT),
    _Page("/static/past.js", "past.js", _SCRIPT),
    _Page("/static/demo.css", "demo.css", _CSS),
    _Page("/static/demo.js", "demo.js", _SCRIPT),
    _Page("/static/icon.svg", "icon.svg", _ICON),
)


def make_pages() -> APIRouter:
    """Return the routes of all pages, their files read once."""
    router = APIRouter(include_in_schema=False)
    folder = files(__package__) / "page"
    for page in _PAGES:
        _add(router, page, (folder / page.file).read_bytes())
    return router


def _add(router: APIRouter, page: _Page, content: bytes) -> None:
    async def answer() -> Response:
        # Revalidated by every load, so that a page never runs with the script of another version.
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(content, media_type=page.media_type, headers=headers)

    router.add_api_route(page.path, answer, methods=["GET"])
