"""What came of the rows, written for tools that annotate the lines of the input file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reviewer.batch.output import Line
from reviewer.batch.rows import Task
from reviewer.errors import ReviewerError, RowError
from reviewer.files import atomic_path, ensure_dir
from reviewer.formats import FileReview, Row, get_file_formatter


class Annotations:
    """What came of the rows of a file so far, and the files that are to say it."""

    def __init__(self, source: Path, targets: Sequence[Path]) -> None:
        """Take up nothing yet.

        Raises:
            InputError: a target has a suffix of no format.
        """
        self._formatters = {target: get_file_formatter(target) for target in targets}
        self._file = FileReview(source.as_posix())

    def line(self, task: Task, line: Line) -> None:
        """Take up the review of a row."""
        # Without a target nothing is kept: a batch may have many rows.
        if self._formatters:
            self._file.add(Row(task.id, task.line, task.text, _context_of(task)), line.review)

    def fault(self, fault: RowError) -> None:
        """Take up a row that could not be reviewed."""
        self._file.refuse(fault.line, str(fault))

    def stop(self, cause: BaseException) -> None:
        """Take up why the batch was not finished."""
        self._file.stop(str(cause) if isinstance(cause, ReviewerError) else "已中断，或程序出错。")

    def write(self) -> None:
        """Write every target whole.

        Raises:
            StorageError: that is not possible; the target is as it was.
        """
        for target, to_text in self._formatters.items():
            with atomic_path(target) as temporary:
                temporary.write_text(to_text(self._file), encoding="utf-8", newline="\n")


def _context_of(task: Task) -> str:
    """Return what the row says besides the draft."""
    request = task.request
    turns = (turn.text for turn in request.history)
    return "\n".join((task.id, request.customer, request.agent_id, *turns, *request.facts))


@contextmanager
def open_annotations(source: Path, targets: Sequence[Path]) -> Iterator[Annotations]:
    """Yield what takes up the rows of ``source``; at the end the targets are written, after an error too.

    Until then they say that the batch was not finished: whoever kills it must not find the outcome of an
    earlier one.

    Args:
        source: As it is to be named in the targets.
        targets: Their folders are made if need be.

    Raises:
        InputError: a target has a suffix of no format.
        StorageError: a target cannot be written.
    """
    annotations = Annotations(source, targets)
    for target in targets:
        ensure_dir(target.parent)
    unfinished = Annotations(source, targets)
    unfinished.stop(KeyboardInterrupt())
    unfinished.write()
    try:
        yield annotations
    except BaseException as cause:
        annotations.stop(cause)
        annotations.write()
        raise
    annotations.write()
