"""What the service does at its limit, and at twice that. Loopback only, bounded in count and time.

    python eval/bench/load.py [--requests 1000] [--seconds 900] [--no-rewrite] [--fake-ms 50]

Exit code 0: the service kept every bound; 1: it broke one, which is printed; 2: it did not start, or
time was up before all requests were sent.

Starts `reviewer serve` with a record, key and port of its own, without rate limit and cache.
Four clients that wait for their answers find the sustainable rate; then requests arrive at twice
that rate, whether answered or not. All are different, so that none is shared. ``--fake-ms`` tries the
bench and the service out with a reviewer that only sleeps.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))
from check import median_p95
from sides import tasks

from reviewer.service.keys import add_key

CLIENTS = 4
OVERLOAD = 2.0
ACCEPTED, SHED, UNANSWERED = 200, (429, 503), 0
READY_S = 600
STOP_S = 60
LOG_CHARS = 2000
BROKEN, INCOMPLETE = 1, 2
# The bounds: p95 of accepted requests, memory from a tenth of the storm to its end, p95 of first events.
LATE = 1.1
GROWTH = 1.1
FIRST_EVENT_MS = 50
FIRST_EVENTS = 20
# An answer may take the deadline and the engine's last step; later than this it counts as none.
PATIENCE = 4.0
SAMPLES = 50


@dataclass
class Outcome:
    """What became of the requests of one phase; seconds are those of accepted ones.

    ``cut``: time was up before all were sent.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    memory_mib: list[float] = field(default_factory=list)
    lasted: float = 0.0
    cut: bool = False


@dataclass(frozen=True)
class Bench:
    """A running service and what is sent to it."""

    client: httpx2.AsyncClient
    bodies: Iterator[dict[str, Any]]
    pid: int

    async def ask(self, outcome: Outcome) -> None:
        """Send one request and note what became of it."""
        begun = time.perf_counter()
        status = UNANSWERED
        with contextlib.suppress(httpx2.HTTPError):
            answer = await self.client.post("/v1/review", json=next(self.bodies))
            status = answer.status_code
            if status == ACCEPTED:
                outcome.seconds.append(time.perf_counter() - begun)
                outcome.verdicts[answer.json()["gate"]] += 1
            elif status in SHED:
                assert int(answer.headers["Retry-After"]) >= 1, "shed without Retry-After"
        outcome.statuses[status] += 1

    async def closed_loop(self, count: int, limit_s: float) -> Outcome:
        """Let ``CLIENTS`` clients ask one after the other, ``count`` times in all."""
        outcome, begun = Outcome(), time.perf_counter()
        left = iter(range(count))

        async def one() -> None:
            for _ in left:
                if time.perf_counter() - begun > limit_s:
                    outcome.cut = True
                    return
                await self.ask(outcome)

        await asyncio.gather(*(one() for _ in range(CLIENTS)))
        outcome.lasted = time.perf_counter() - begun
        return outcome

    async def open_loop(self, rate: float, count: int, limit_s: float) -> Outcome:
        """Send ``count`` requests, ``rate`` a second, without waiting for answers."""
        outcome, begun = Outcome(), time.perf_counter()
        asked = []
        for number in range(count):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if time.perf_counter() - begun > limit_s:
                outcome.cut = True
                break
            asked.append(asyncio.create_task(self.ask(outcome)))
            if number % max(1, count // SAMPLES) == 0:
                outcome.memory_mib.append(resident_mib(self.pid))
        await asyncio.gather(*asked)
        outcome.memory_mib.append(resident_mib(self.pid))
        outcome.lasted = time.perf_counter() - begun
        return outcome


def main(
    requests: Annotated[int, typer.Option(min=10, max=5000, help="Requests of the overload.")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="At most this long a phase.")] = 900,
    deadline_ms: Annotated[int, typer.Option(min=1, help="Deadline of the service.")] = 5000,
    rewrite: Annotated[bool, typer.Option(help="Ask for rewrites.")] = True,
    fake_ms: Annotated[float, typer.Option(help="Time of a pretended review; 0 means real ones.")] = 0,
    serve_fake: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Run both phases and print what was measured."""
    if serve_fake:
        pretend(json.loads(serve_fake))
        return
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), deadline_ms, fake_ms) as service:
        broken = asyncio.run(measure(service, requests, seconds, deadline_ms, rewrite))
    for bound in broken:
        print("BROKEN:", bound)
    raise SystemExit(BROKEN if broken else 0)


async def measure(
    service: "Service", requests: int, seconds: float, deadline_ms: int, rewrite: bool
) -> list[str]:
    """Find the sustainable rate, double it, print both, and return the bounds that were broken."""
    timeout = httpx2.Timeout(deadline_ms / 1000 * PATIENCE + 10)
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=service.address, headers=service.headers, timeout=timeout, limits=limits
    ) as client:
        await ready(client, service.process)
        bench = Bench(client, bodies(rewrite), service.process.pid)
        first_ms = await first_event_ms(bench)
        print(f"p95 of {FIRST_EVENTS} first events on the idle service: {first_ms:.0f} ms")
        calm = await bench.closed_loop(max(20, requests // 10), seconds)
        show(f"{CLIENTS} clients in turn", calm, deadline_ms)
        if not calm.seconds:
            return ["no request was accepted: there is no rate to double"]
        rate = len(calm.seconds) / calm.lasted
        print(f"sustainable: {rate:.2f} a second, {rate * 60:.0f} a minute")
        storm = await bench.open_loop(OVERLOAD * rate, requests, seconds)
        show(f"{OVERLOAD * rate:.2f} a second", storm, deadline_ms)
        first, last = storm.memory_mib[len(storm.memory_mib) // 10], storm.memory_mib[-1]
        print(f"memory: {first:.0f} MiB after a tenth, {last:.0f} MiB at the end")
    if calm.cut or storm.cut:
        print(f"incomplete: not all requests were sent within {seconds:.0f} s; give more --seconds")
        raise SystemExit(INCOMPLETE)
    broken = [*broken_bounds(calm, deadline_ms), *broken_bounds(storm, deadline_ms)]
    if last > first * GROWTH:
        broken.append(f"memory grew from {first:.0f} to {last:.0f} MiB")
    if first_ms > FIRST_EVENT_MS:
        broken.append(f"p95 of first events {first_ms:.0f} ms, over {FIRST_EVENT_MS} ms")
    return broken


def broken_bounds(outcome: Outcome, deadline_ms: int) -> list[str]:
    """Return what one phase may not show: no answer, a server error, a late p95, nothing accepted."""
    broken = [f"{count} requests ended with {status}" for status, count in sorted(outcome.statuses.items())
              if status not in (ACCEPTED, *SHED)]  # fmt: skip
    if not outcome.seconds:
        return [*broken, "nothing was accepted"]
    _, p95 = median_p95(outcome.seconds)
    if p95 * 1000 > deadline_ms * LATE:
        broken.append(f"p95 of accepted requests {p95:.2f} s, deadline {deadline_ms / 1000:.2f} s")
    return broken


def show(phase: str, outcome: Outcome, deadline_ms: int) -> None:
    """Print one phase."""
    total = sum(outcome.statuses.values())
    shed = sum(outcome.statuses[status] for status in SHED)
    print(f"{phase}: {total} requests in {outcome.lasted:.0f} s, {len(outcome.seconds)} accepted,", end=" ")
    print(f"{shed} shed ({shed / total:.0%}), {outcome.statuses[UNANSWERED]} without an answer,", end=" ")
    print(f"statuses {dict(outcome.statuses)}, gates {dict(outcome.verdicts)}")
    if outcome.seconds:
        median, p95 = median_p95(outcome.seconds)
        print(f"  accepted: median {median:.2f} s, p95 {p95:.2f} s, deadline {deadline_ms / 1000:.2f} s")


async def first_event_ms(bench: Bench) -> float:
    """Return the milliseconds to the checks of a stream, p95 of some on an idle service."""
    seconds = []
    for _ in range(FIRST_EVENTS):
        begun = time.perf_counter()
        seen = float("inf")
        async with bench.client.stream("POST", "/v1/review/stream", json=next(bench.bodies)) as answer:
            async for line in answer.aiter_lines():
                if line == "event: checks":
                    seen = time.perf_counter() - begun
        seconds.append(seen)
    return median_p95(seconds)[1] * 1000


def bodies(rewrite: bool) -> Iterator[dict[str, Any]]:
    """Yield requests without end, no two alike."""
    examples = [task.request.model_dump(mode="json") for task in tasks(100)]
    for number in range(10**9):
        body = examples[number % len(examples)]
        yield {**body, "customer": f"{body['customer']}（{number}）", "rewrite": rewrite}


async def ready(client: httpx2.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    """Wait until the models are loaded."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            if (await client.get("/readyz")).status_code == ACCEPTED:
                return
        await asyncio.sleep(0.2)
    print(f"the service did not get ready; exit code {process.poll()}")
    raise SystemExit(INCOMPLETE)


@dataclass(frozen=True)
class Service:
    """A service in a process of its own, and how to get in."""

    process: subprocess.Popen[bytes]
    address: str
    headers: dict[str, str]


@contextlib.contextmanager
def started(folder: Path, deadline_ms: int, fake_ms: float) -> Iterator[Service]:
    """Yield a service whose files lie in ``folder``; afterwards it is stopped, and killed if need be."""
    secret = add_key(folder / "keys.json", "bench")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fields = {
        "serve_port": port,
        "serve_deadline_ms": deadline_ms,
        "serve_per_minute": 0,
        "serve_cache": 0,
        "serve_keys": str(folder / "keys.json"),
        "serve_record": str(folder / "record.sqlite3"),
    }
    if fake_ms:
        command = [sys.executable, __file__, "--serve-fake", json.dumps({"ms": fake_ms, "fields": fields})]
    else:
        command = [str(Path(sys.executable).parent / "reviewer"), "serve"]
    variables = {f"REVIEWER_{name.upper()}": str(value) for name, value in fields.items()}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stderr=log)
    try:
        yield Service(process, f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {secret}"})
    except SystemExit:
        print((folder / "log").read_text(encoding="utf-8", errors="replace")[-LOG_CHARS:])
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def pretend(given: dict[str, Any]) -> None:
    """Serve reviews that take ``ms`` and look at nothing."""
    from reviewer.service.server import run_server
    from reviewer.settings import Settings
    from tests.service.fakes import FakeReviewer

    class Nap(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
            time.sleep(given["ms"] / 1000)
            return True

    run_server(Settings.model_validate(given["fields"]), FakeReviewer(gate=Nap()).opened)


def resident_mib(pid: int) -> float:
    """Return the memory that the process holds, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


if __name__ == "__main__":
    typer.run(main)
