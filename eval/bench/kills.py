"""Kill a service under load, again and again: is everything that it acknowledged in the record?

    python eval/bench/kills.py [--rounds 20] [--clients 3]

Reviews and feedback come from a reviewer that looks at nothing; process, queue and record are real. All
rounds share one record. Exit code 0: nothing was lost; 1: something was.
"""

import contextlib
import itertools
import random
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import httpx2
import typer

sys.path.insert(0, str(Path(__file__).parents[2]))

from reviewer.service.errors import UnknownReviewError
from reviewer.service.record import Record
from tests.service.fakes import wait_for
from tests.service.processes import served_by_a_process

SEED = 20
MOST_BEFORE_A_KILL = 60


@dataclass
class Acknowledged:
    """Ids of reviews and of feedback that clients were told."""

    reviews: list[str] = field(default_factory=list)
    feedback: list[int] = field(default_factory=list)


def main(
    rounds: Annotated[int, typer.Option(min=1, max=200, help="How many kills.")] = 20,
    clients: Annotated[int, typer.Option(min=1, max=16, help="Clients at once.")] = 3,
) -> None:
    """Kill, then look for what was acknowledged."""
    chance = random.Random(SEED)
    told = Acknowledged()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(rounds):
            kill_under_load(folder, told, number, clients, after=chance.randint(1, MOST_BEFORE_A_KILL))
        lost = missing(folder / "record.sqlite3", told)
    print(f"{rounds} kills, {len(told.reviews)} reviews and {len(told.feedback)} feedbacks acknowledged")
    print(f"lost: {lost}")
    raise SystemExit(1 if lost else 0)


def kill_under_load(folder: Path, told: Acknowledged, number: int, clients: int, *, after: int) -> None:
    """Let ``clients`` ask until ``after`` feedbacks were acknowledged, then kill the service."""
    enough = len(told.feedback) + after
    killed = threading.Event()

    def ask(client: httpx2.Client, who: int) -> None:
        with contextlib.suppress(httpx2.TransportError):
            for turn in itertools.takewhile(lambda _: not killed.is_set(), itertools.count()):
                draft = {"draft": f"钱转我个人账户。{number}-{who}-{turn}"}
                review = client.post("/v1/review", json=draft).json()["request_id"]
                told.reviews.append(review)
                note = {"request_id": review, "action": "accepted"}
                told.feedback.append(client.post("/v1/feedback", json=note).json()["feedback_id"])

    (folder / "socket").unlink(missing_ok=True)
    with served_by_a_process(folder) as (process, client), ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask, client, who) for who in range(clients)]
        wait_for(lambda: len(told.feedback) >= enough)
        process.kill()
        killed.set()
        for each in asking:
            each.result()


def missing(path: Path, told: Acknowledged) -> int:
    """Return how many acknowledged reviews and feedbacks are not in the record."""
    record = Record(path)
    lost = 0
    for review in told.reviews:
        try:
            record.find(review, key="")
        except UnknownReviewError:
            lost += 1
    kept = sum(len(notes) for _, notes in record.with_feedback())
    record.close()
    return lost + max(0, len(told.feedback) - kept)


if __name__ == "__main__":
    typer.run(main)
