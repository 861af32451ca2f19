"""A judge that decides by words, and batches of drafts around it."""

from collections.abc import Callable
from pathlib import Path

from reviewer.batch import Conditions, Line, Task, open_output, run_batch
from reviewer.errors import InputError
from reviewer.request import request_of
from reviewer.schema import Review, ReviewRequest
from tests.formats.reviews import make_finding, make_review

VERSIONS = make_review().versions
CONDITIONS = Conditions(VERSIONS, {"rewrite": True})
DRAFTS = ("您好，请稍等。", "你等一下。", "好的。")


class Judge:
    """Finds fault with 你; remembers what it was asked; fails at the drafts in ``faults``."""

    def __init__(self, **faults: Exception) -> None:
        self.asked: list[str] = []
        self._faults = faults

    def __call__(self, request: ReviewRequest, /) -> Review:
        draft = str(request.draft)
        self.asked.append(draft)
        if draft in self._faults:
            raise self._faults[draft]
        return make_review(draft, [make_finding(draft, "你")] if "你" in draft else [])


def tasks_of(*drafts: str) -> list[Task]:
    return [
        Task(f"t{number}", Path("in.jsonl"), number, draft, request_of({"draft": draft}))
        for number, draft in enumerate(drafts, start=1)
    ]


def raises(fault: InputError) -> None:
    raise fault


def run(
    out: Path,
    judge: Judge,
    *drafts: str,
    conditions: Conditions = CONDITIONS,
    on_fault: Callable[[InputError], None] = raises,
) -> list[Line]:
    with open_output(out) as output:
        run_batch(tasks_of(*drafts), output, judge, conditions, on_fault=on_fault)
    return lines_of(out)


def lines_of(out: Path) -> list[Line]:
    return [Line.model_validate_json(line) for line in out.read_text(encoding="utf-8").splitlines()]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
