"""The published document, and a service that keeps to it whatever is sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema
from starlette.testclient import TestClient

from reviewer.service.schemas import BatchIn, FeedbackIn, ReviewIn
from tests.service.fakes import serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 8
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
Fuzzed: TypeAlias = Case[Operation]


@contextmanager
def published(folder: Path) -> Iterator[tuple[TestClient, OpenApiSchema]]:
    # Room enough that what is wrong is refused for what it is, not for its size.
    with serving(folder, serve_max_bytes=16_000_000) as client:
        document = client.get("/openapi.json").json()
        # Without keys an Authorization header changes nothing.
        config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
        yield client, schemathesis.openapi.from_dict(document, config=config)


def operations_of(schema: OpenApiSchema) -> Iterator[Operation]:
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        yield result.ok()


def sent(client: TestClient, case: Fuzzed) -> httpx2.Response:
    """Send ``case`` and return the answer."""
    asked = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
    assert asked.method
    assert asked.url
    assert asked.body is None or isinstance(asked.body, bytes | str)
    headers = {name: str(value) for name, value in asked.headers.items()}
    return client.request(asked.method, asked.url, content=asked.body, headers=headers)


def put(client: TestClient, case: Fuzzed) -> None:
    """Send ``case`` and check the answer against the document."""
    answer = sent(client, case)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        assert answer.json()["error"]["message"].endswith("。")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_the_answer_is_as_published_and_never_a_server_error(
    tmp_path: Path, mode: GenerationMode
) -> None:
    with published(tmp_path) as (client, schema):
        for operation in operations_of(schema):
            # What takes nothing cannot be given anything wrong.
            if mode.is_positive or operation.method != "get":
                fuzz(lambda case: put(client, case), operation.as_strategy(generation_mode=mode))


def fuzz(send: Callable[[Fuzzed], None], cases: SearchStrategy[Fuzzed]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def run(case: Fuzzed) -> None:
        send(case)

    run()


def test_the_document_is_valid_and_names_every_address(tmp_path: Path) -> None:
    with published(tmp_path) as (_, schema):
        schema.validate()
        paths = {operation.label for operation in operations_of(schema)}
    assert paths == {
        "POST /v1/review",
        "POST /v1/review/stream",
        "POST /v1/batch",
        "POST /v1/feedback",
        "DELETE /v1/conversations/{conversation_id}",
        "GET /v1/rules",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }


@pytest.mark.parametrize("model", [ReviewIn, BatchIn, FeedbackIn])
def test_the_published_examples_are_valid(model: type[ReviewIn] | type[BatchIn] | type[FeedbackIn]) -> None:
    examples = model.model_json_schema()["examples"]
    assert [model.model_validate(example).model_dump(exclude_unset=True) for example in examples] == examples
