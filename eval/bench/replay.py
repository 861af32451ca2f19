"""Review every conversation of JSONL files and report errors, time and peak memory.

    python eval/bench/replay.py FILE.jsonl ... --out reviews.jsonl

A line needs ``draft``; ``customer``, ``history``, ``channel`` and ``stage`` are used when there.
"""

import json
import resource
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from reviewer.bootstrap import Reviewer
from reviewer.errors import ReviewerError
from reviewer.schema import ReviewRequest
from reviewer.settings import load_settings

FIELDS = ("draft", "customer", "history", "channel", "stage")


def main(
    files: Annotated[list[Path], typer.Argument(help="JSONL files.")],
    out: Annotated[Path, typer.Option(help="Where the reviews go, a line each.")],
    rewrite: Annotated[bool, typer.Option(help="Propose rewrites too.")] = True,
    limit: Annotated[int, typer.Option(help="Lines of each file; 0 means all.")] = 0,
) -> None:
    """Run and print a summary."""
    rows = [
        json.loads(line)
        for path in files
        for line in path.read_text(encoding="utf-8").split("\n")[: limit or None]
        if line.strip()
    ]
    verdicts: Counter[str] = Counter()
    seconds: list[float] = []
    begun = time.perf_counter()
    settings = load_settings({}, cwd=Path.cwd()).settings
    with Reviewer.from_settings(settings) as reviewer, out.open("w", encoding="utf-8") as sink:
        for number, row in enumerate(rows, start=1):
            request = ReviewRequest(**{name: row[name] for name in FIELDS if name in row})
            started = time.perf_counter()
            try:
                review = reviewer.review(request, rewrite=rewrite)
            except ReviewerError as error:
                verdicts["error"] += 1
                sink.write(json.dumps({"id": row.get("id"), "error": str(error)}, ensure_ascii=False) + "\n")
                continue
            seconds.append(time.perf_counter() - started)
            verdicts[review.verdict] += 1
            sink.write(
                json.dumps(
                    {"id": row.get("id"), "review": review.model_dump(mode="json")}, ensure_ascii=False
                )
                + "\n"
            )
            sink.flush()
            if number % 25 == 0:
                print(f"{number}/{len(rows)}", file=sys.stderr, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = time.perf_counter() - begun
    print(f"{len(rows)} drafts in {spent:.0f} s, median {statistics.median(seconds):.1f} s,", end=" ")
    print(f"longest {max(seconds):.1f} s, peak memory {peak:.0f} MiB; {dict(verdicts)}")


if __name__ == "__main__":
    typer.run(main)
