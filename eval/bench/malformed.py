"""Send a service what it must refuse, made up from its own OpenAPI document.

    python eval/bench/malformed.py [--requests 200]

The reviewer behind it looks at nothing. Exit code 0: every request was answered 4xx; 1: one was not, and
is printed.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import schemathesis
import typer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import GenerationMode
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.service.fakes import serving
from tests.service.test_openapi import Fuzzed, Operation, operations_of, sent

SHOWN = 300


def main(requests: Annotated[int, typer.Option(min=1, max=10_000, help="How many, about.")] = 200) -> None:
    """Fuzz every address that takes anything."""
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as client:
        document = client.get("/openapi.json").json()
        config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
        schema = schemathesis.openapi.from_dict(document, config=config)
        operations = [each for each in operations_of(schema) if each.method != "get"]
        while sum(statuses.values()) < requests:
            share = -(-(requests - sum(statuses.values())) // len(operations))
            for seed, operation in enumerate(operations, start=sum(statuses.values())):
                fuzz(client, operation, share, seed, statuses, wrong)
    print(f"{sum(statuses.values())} malformed requests, statuses {dict(sorted(statuses.items()))}")
    for line in wrong:
        print("BROKEN:", line)
    raise SystemExit(1 if wrong else 0)


def fuzz(
    client: TestClient, operation: Operation, count: int, seed: int, statuses: Counter[int], wrong: list[str]
) -> None:
    """Send ``count`` malformed requests at most to one operation and note what became of them."""

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def run(case: Fuzzed) -> None:
        answer = sent(client, case)
        statuses[answer.status_code] += 1
        if not 400 <= answer.status_code < 500:
            wrong.append(f"{operation.label}: {answer.status_code} to {str(case.body)[:SHOWN]}")

    run()


if __name__ == "__main__":
    typer.run(main)
