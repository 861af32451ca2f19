"""Progress on standard error, only where a person sees it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from reviewer.bootstrap import Progress


@contextmanager
def shown_progress(*, logged: bool = False) -> Iterator[Progress]:
    """Yield callbacks that draw a bar and notes on a terminal, and say nothing elsewhere.

    Args:
        logged: Write the notes as lines elsewhere too, for a job of hours that runs in the background.
    """
    if not sys.stderr.isatty():
        yield Progress(note=lambda text: typer.echo(text, err=True)) if logged else Progress()
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

    try:
        yield Progress(bytes_done=on_bytes, note=lambda text: console.print(text, markup=False, style="dim"))
    finally:
        bars.stop()
