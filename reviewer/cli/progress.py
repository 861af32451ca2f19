"""Progress on standard error: bars where a person watches, lines where a long job is logged."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from reviewer.progress import Progress

_LOGGED_EVERY_S = 60.0


@contextmanager
def shown_progress(*, logged: bool = False) -> Iterator[Progress]:
    """Yield callbacks that draw a bar and notes on a terminal, and say nothing elsewhere.

    Args:
        logged: Write lines elsewhere, the notes and once a minute how far it is, for a job of minutes or
            hours that runs in the background.
    """
    if not sys.stderr.isatty():
        log = _Log()
        yield Progress(bytes_done=log.write, items_done=log.write, note=_say) if logged else Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bars = Bars(*columns, console=console, transient=True)
    tasks: dict[str, TaskID] = {}

    def on_bytes(what: str, done: int, total: int) -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done)

    def on_items(what: str, done: int, total: int) -> None:
        on_bytes(what, done, total)
        bars.update(tasks[what], description=f"{what} {done}/{total}")

    try:
        yield Progress(
            bytes_done=on_bytes,
            items_done=on_items,
            note=lambda text: console.print(text, markup=False, style="dim"),
        )
    finally:
        bars.stop()


class _Log:
    """Writes a line a minute on each thing that is being done, with the time left."""

    def __init__(self) -> None:
        self._started: dict[str, tuple[float, int]] = {}
        self._written: dict[str, float] = {}

    def write(self, what: str, done: int, total: int) -> None:
        """Say how far ``what`` is, unless that was said a moment ago."""
        now = time.monotonic()
        started, done_before = self._started.setdefault(what, (now, done))
        if now - self._written.setdefault(what, now) < _LOGGED_EVERY_S:
            return
        self._written[what] = now
        # What an earlier run did says nothing on the pace of this one.
        pace = (done - done_before) / max(now - started, 1e-9)
        left = f"，约剩 {(total - done) / pace / 60:.0f} 分钟" if pace and done < total else ""
        _say(f"{what}：{done}/{total}{left}")


def _say(text: str) -> None:
    typer.echo(text, err=True)
