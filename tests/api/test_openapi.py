"""The OpenAPI document: committed, complete, and the same as what the API serves."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.api.world import openapi_file, operations

# Answers to browsers and probes, not to commands.
_WITHOUT_PROBLEMS = {"read_liveness", "read_readiness"}


@pytest.fixture
async def document(api: httpx2.AsyncClient) -> dict[str, Any]:
    """The document as it is served."""
    served: dict[str, Any] = (await api.get("/openapi.json")).json()
    return served


def test_the_committed_document_is_the_one_that_is_served(document: dict[str, Any]) -> None:
    committed = json.loads(openapi_file().read_text("utf-8")) if openapi_file().exists() else None

    assert committed == document, "docs/openapi.json is out of date: run ./amanat openapi and commit it"


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"]


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    methods = [operation for path in document["paths"].values() for operation in path.values()]
    found = operations(document)

    assert len(found) == len(methods)
    for name, operation in found.items():
        assert name == name.lower()
        assert "_operation_" not in name
        assert operation.get("summary") or operation.get("description"), name
        assert operation["tags"], name


def test_every_operation_declares_its_errors_as_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        if name in _WITHOUT_PROBLEMS:
            continue
        problems = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"422", "429", "503"} <= set(problems), name
        for status, answer in problems.items():
            assert list(answer["content"]) == ["application/problem+json"], (name, status)
            examples = answer["content"]["application/problem+json"]["examples"]
            assert examples, (name, status)
            assert all(example["summary"] for example in examples.values()), (name, status)


def test_every_command_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    without = {
        name
        for name, operation in operations(document).items()
        if "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", [])}
    }
    reading = {
        operation["operationId"] for path in document["paths"].values() for operation in [path.get("get")] if operation
    }

    # Signing in and out has no person whose keys could be kept, or is done twice without harm.
    assert without - reading == {"request_sign_in_code", "sign_in", "sign_in_staff", "sign_out"}


def _follow(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _leaves_without_example(document: dict[str, Any], schema: dict[str, Any], name: str) -> list[str]:
    schema = _follow(document, schema)
    variants = schema.get("oneOf") or schema.get("anyOf") or []
    if variants:
        told = "examples" in schema or "default" in schema
        return [] if told else [leaf for part in variants for leaf in _leaves_without_example(document, part, name)]
    if "properties" in schema:
        return [
            leaf
            for field, part in schema["properties"].items()
            for leaf in _leaves_without_example(document, part, f"{name}.{field}")
        ]
    if "items" in schema:
        return _leaves_without_example(document, schema["items"], name)
    plain = {"examples", "enum", "const", "default", "format"} & set(schema) or schema.get("type") in {
        "null",
        "boolean",
    }
    return [] if plain else [name]


def test_every_body_has_an_example_of_each_value(document: dict[str, Any]) -> None:
    missing = [
        leaf
        for name, operation in operations(document).items()
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json"
        for leaf in _leaves_without_example(document, content["schema"], name)
    ]

    assert not missing, ", ".join(missing)


def test_the_document_hides_what_is_not_for_callers(document: dict[str, Any]) -> None:
    assert not [path for path in document["paths"] if path.startswith(("/docs", "/developer"))]
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.parametrize("address", ["/docs", "/docs/start.js", "/docs/assets/swagger-ui-bundle.js"])
async def test_the_documentation_is_served_by_ourselves(api: httpx2.AsyncClient, address: str) -> None:
    answer = await api.get(address)

    assert answer.status_code == 200
    if address == "/docs":
        assert "https://" not in answer.text
