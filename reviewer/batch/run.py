"""Reviews what is not known yet, and writes the whole."""

from collections.abc import Callable, Sequence
from typing import Protocol

from reviewer.batch.keys import Conditions, request_hash
from reviewer.batch.output import Line, Output, Was
from reviewer.batch.rows import Task
from reviewer.errors import InputError, RowError, TextTooLongError
from reviewer.evaluation.rows import OnFault
from reviewer.schema import Review, ReviewRequest


class Judge(Protocol):
    """Reviews one draft, or refuses it with an ``InputError`` or ``TextTooLongError``."""

    def __call__(self, request: ReviewRequest, /) -> Review:
        """Return the review."""
        ...


def run_batch(
    tasks: Sequence[Task],
    output: Output,
    judge: Judge,
    conditions: Conditions,
    *,
    was: Callable[[ReviewRequest], Was | None] = lambda _request: None,
    on_fault: OnFault,
    on_line: Callable[[Task, Line], None] = lambda _task, _line: None,
    on_done: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Review what ``output`` has no review of, then write it whole.

    Args:
        tasks: In the order of the output.
        output: What is known already.
        judge: Reviews one draft.
        conditions: What else decides the reviews.
        was: What an earlier batch said of a request.
        on_fault: Told of each row whose draft the judge refuses.
        on_line: Told of every line of the output and its row, known ones too, in order.
        on_done: Told of rows done and in all.

    Raises:
        StorageError: the output cannot be written.
        ReviewerError: the reviewer failed; what is done stays and the run can be resumed.
    """
    keyed = [(task, conditions.key(task.request)) for task in tasks]
    missing = dict.fromkeys(key for _, key in keyed if key not in output)
    refused: dict[str, str] = {}
    on_done(len(tasks) - len(missing), len(tasks))
    for task, key in keyed:
        if key in missing:
            del missing[key]
            try:
                review = judge(task.request)
            except (InputError, TextTooLongError) as fault:
                refused[key] = str(fault)
            else:
                output.add(Line(id=task.id, key=key, request=request_hash(task.request), review=review))
            on_done(len(tasks) - len(missing), len(tasks))
        if key in refused:
            on_fault(RowError(task.path, task.line, refused[key]))
    for task, line in output.finish(keyed, lambda task: was(task.request)):
        on_line(task, line)
