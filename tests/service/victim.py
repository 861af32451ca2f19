"""``python -m tests.service.victim FOLDER SOCKET``: a service with a fake reviewer, to be killed or stopped.

SOCKET is the number of an open, listening socket. While there is a file ``FOLDER/hold``, the reviewer
waits.
"""

import socket
import sys
import time
from pathlib import Path

from reviewer.outcome import Adjustments
from reviewer.pipeline import Listener
from reviewer.schema import Review, ReviewRequest
from reviewer.service.server import run_server
from tests.service.fakes import FakeReviewer, make_settings


class Held(FakeReviewer):
    """A fake that is held up by a file."""

    hold = Path()

    def review(
        self,
        request: ReviewRequest,
        *,
        deadline_ms: float | None,
        rewrite: bool,
        all_rules: bool,
        adjustments: Adjustments,
        manual: str,
        listener: Listener,
    ) -> Review:
        (self.hold.parent / "started").touch()
        while self.hold.exists():
            time.sleep(0.005)
        return super().review(
            request,
            deadline_ms=deadline_ms,
            rewrite=rewrite,
            all_rules=all_rules,
            adjustments=adjustments,
            manual=manual,
            listener=listener,
        )


def main(folder: Path, listener: int) -> None:
    """Serve until a signal."""
    reviewer = Held()
    reviewer.hold = folder / "hold"
    run_server(make_settings(folder), reviewer.opened, listener=socket.socket(fileno=listener))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
