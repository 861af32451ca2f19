"""A reviewer that decides by words, at once or when told to, and the service around it."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.testclient import TestClient

from reviewer.errors import ReviewerError
from reviewer.folders import OWN_MANUAL
from reviewer.outcome import Adjustments
from reviewer.pipeline import Listener
from reviewer.schema import NotAssessedOut, Review, ReviewRequest, RewriteOut, VersionsOut
from reviewer.service.app import create_app
from reviewer.service.errors import BusyError
from reviewer.service.queue import Reviewing, ReviewQueue
from reviewer.service.reviewing import ReviewService
from reviewer.settings import Settings
from reviewer.types import Severity
from reviewer.wiring import ManualContent
from tests.formats.reviews import make_finding, make_review

CLEAN = "您好，请稍等。"
FAMILIAR = "你好，请稍等。"
RED = "钱转我个人账户。"
REWRITE = "您好，请您稍等。"
PATIENCE_S = 10.0


@dataclass
class Versioned:
    versions: VersionsOut


@dataclass
class FakeReviewer:
    """你 breaks A01, 个人账户 breaks E03 (red). Without time nothing is assessed.

    ``gate`` holds it up until it is set; ``fault`` is raised instead of an answer; ``out_of_time``
    makes every deadline too short.
    """

    version: str = "0.1.0"
    gate: threading.Event = field(default_factory=threading.Event)
    fault: BaseException | None = None
    started: threading.Event = field(default_factory=threading.Event)
    requests: list[ReviewRequest] = field(default_factory=list)
    deadlines: list[float | None] = field(default_factory=list)
    adjustments: list[Adjustments] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)
    closed: bool = False
    before_verdict: Callable[[], None] = lambda: None
    between_pieces: Callable[[], None] = lambda: None
    out_of_time: bool = False

    def __post_init__(self) -> None:
        self.gate.set()
        versions = make_review().versions.model_copy(update={"app": self.version})
        self.pipelines = {OWN_MANUAL: Versioned(versions)}

    def opened(self, manuals: Mapping[str, ManualContent]) -> "FakeReviewer":
        """Return the fake, which from now on says that it goes by ``manuals``."""
        versions = self.pipelines[OWN_MANUAL].versions
        self.pipelines = {
            key: Versioned(versions.model_copy(update={"manual": manual.catalogue.content_hash}))
            for key, manual in manuals.items()
        }
        return self

    def review(
        self,
        request: ReviewRequest,
        *,
        deadline_ms: float | None,
        rewrite: bool,
        all_rules: bool,  # noqa: ARG002
        adjustments: Adjustments,
        manual: str,
        listener: Listener,
    ) -> Review:
        self.requests.append(request)
        self.asked_by.append(manual)
        self.deadlines.append(deadline_ms)
        self.adjustments.append(adjustments)
        self.started.set()
        assert self.gate.wait(PATIENCE_S)
        if self.fault is not None:
            raise self.fault
        draft = request.draft if isinstance(request.draft, str) else "\n".join(request.draft)
        review = self._review(draft, adjustments, in_time=bool(deadline_ms) and not self.out_of_time)
        review = review.model_copy(update={"versions": self.pipelines[manual].versions})
        self.before_verdict()
        listener.verdict(review)
        if not rewrite or not review.findings:
            return review
        listener.rewrite_text(REWRITE[:3])
        self.between_pieces()
        listener.rewrite_text(REWRITE[3:])
        return review.model_copy(update={"rewrite": RewriteOut(text=REWRITE, status="verified")})

    def close(self) -> None:
        self.closed = True

    def _review(self, draft: str, adjustments: Adjustments, *, in_time: bool) -> Review:
        manual: list[tuple[str, str, Severity]] = [("E03", "个人账户", "red"), ("A01", "你", "minor")]
        findings = [
            make_finding(draft, word, rule=rule, severity=adjustments.severity.get(rule, severity))
            for rule, word, severity in manual
            if word in draft and rule not in adjustments.disabled
        ]
        late = [] if in_time else [NotAssessedOut(rule="E01", severity="red", why="到时限仍未问到")]
        return make_review(draft, findings, not_assessed=late)


@contextmanager
def serving(
    folder: Path, reviewer: FakeReviewer | None = None, *, host: str = "127.0.0.1", **fields: object
) -> Iterator[TestClient]:
    """Yield a client of a running service whose files lie in ``folder``."""
    fake = reviewer or FakeReviewer()
    app = create_app(make_settings(folder, **fields), fake.opened)
    with TestClient(app, base_url=f"http://{host}", raise_server_exceptions=False) as client:
        wait_for(lambda: is_ready(service_of(client).queue))
        yield client


def make_settings(folder: Path, **fields: object) -> Settings:
    return Settings.model_validate(
        {
            "serve_keys": folder / "keys.json",
            "serve_record": folder / "record.sqlite3",
            "serve_per_minute": 0,
            **fields,
        }
    )


def service_of(client: TestClient) -> ReviewService:
    service: ReviewService = client.app.state.service  # type: ignore[attr-defined]
    return service


def is_ready(queue: ReviewQueue) -> bool:
    with suppress(BusyError):
        queue.require_ready()
        return True
    return False


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds; fail when it does not within ``PATIENCE_S``."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


def failing_factory(_manuals: object = None) -> Reviewing:
    raise ReviewerError("模型文件不见了")
