"""Time to a verdict: our check against the naive way, in one run on one machine.

    python eval/bench/check.py [--drafts 10] [--cold 3] [--quality 50]

warm: a process that has answered before. cold: a new process, from its start to the verdict, our
prefix state on disk. Both sides answer for every applicable rule (asserted), with the same GGUF.
Beside the time stands the F1 of the cited rules on dev examples.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).parent))
from sides import Answer, Naive, Ours, Side, Task, micro_f1, tasks

from reviewer.settings import Settings, load_settings

SIDES: dict[str, Callable[[Settings], Side]] = {"naive": Naive, "ours": Ours}


def main(
    drafts: Annotated[int, typer.Option(help="Drafts of the warm comparison.")] = 10,
    cold: Annotated[int, typer.Option(help="New processes a side.")] = 3,
    quality: Annotated[int, typer.Option(help="Dev examples for the F1.")] = 50,
    model: Annotated[str | None, typer.Option(help="Another model, for both sides.")] = None,
    one: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Run the benchmark, or with ``--one`` a single cold answer."""
    settings = load_settings({"model": model}, cwd=Path.cwd()).settings
    work = tasks(max(drafts + 1, quality))
    if one:
        SIDES[one](settings).answer(work[0].request)
        return
    colds = {side: cold_seconds(side, settings, cold) for side in SIDES}
    show("cold", *colds.values())
    warm = {side: warm_answers(side, settings, work, drafts) for side in SIDES}
    for left, right in zip(*warm.values(), strict=True):
        assert left.answered == right.answered, "the two sides must cover the same rules"
    show("warm", *([answer.seconds for answer in warm[side][1 : drafts + 1]] for side in SIDES))
    golds = [task.gold for task in work[:quality]]
    for side in SIDES:
        print(f"rule F1 {side:6} {micro_f1(warm[side][:quality], golds):.3f} on {quality} dev examples")


def warm_answers(side: str, settings: Settings, work: Sequence[Task], drafts: int) -> list[Answer]:
    """Return the answers of one process; the first pays for the prefix and is not timed."""
    answerer = SIDES[side](settings)
    answers = []
    for number, task in enumerate(work):
        answers.append(answerer.answer(task.request))
        if number <= drafts:
            print(f"  {side} {number}: {answers[-1].seconds:.2f} s", file=sys.stderr, flush=True)
    return answers


def cold_seconds(side: str, settings: Settings, count: int) -> list[float]:
    """Return the wall seconds of ``count`` new processes, start to verdict."""
    command = [sys.executable, __file__, "--one", side, "--model", settings.model]
    spent = []
    for _ in range(count):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        spent.append(time.perf_counter() - begun)
    return spent


def show(label: str, naive: Sequence[float], ours: Sequence[float]) -> None:
    """Print one line of the table: median and 95th percentile a side, and the ratio of the medians."""
    if not naive:
        return
    (n50, n95), (o50, o95) = median_p95(naive), median_p95(ours)
    print(
        f"{label}  naive {n50:6.2f} s (p95 {n95:6.2f})  ours {o50:6.2f} s (p95 {o95:6.2f})"
        f"  ratio {n50 / o50:.1f}x  n={len(naive)}",
        flush=True,
    )


def median_p95(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile (nearest rank) of at least one value."""
    ranked = sorted(values)
    return statistics.median(ranked), ranked[max(0, -(-95 * len(ranked) // 100) - 1)]


if __name__ == "__main__":
    typer.run(main)
