"""The OpenAPI document: complete, and its short form, which is committed, the same as what the API serves."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from api.app import describe
from api.problems import Problem
from cli.openapi import LIST, listing
from tests.api.calls import operations

# Answers to browsers and probes, not to commands.
_WITHOUT_PROBLEMS = {"read_liveness", "read_readiness"}


@pytest.fixture
async def document(api: httpx2.AsyncClient) -> dict[str, Any]:
    """The document as it is served."""
    served: dict[str, Any] = (await api.get("/openapi.json")).json()
    return served


def test_the_committed_list_of_operations_is_the_one_that_is_served(document: dict[str, Any]) -> None:
    committed = LIST.read_text("utf-8") if LIST.exists() else None

    assert committed == listing(document), "docs/operations.md is out of date: run ./amanat openapi and commit it"


def test_the_list_names_every_operation_with_all_that_it_may_refuse(document: dict[str, Any]) -> None:
    lines = {line.split("**")[1]: line for line in listing(document).splitlines() if line.startswith("- ")}

    assert set(lines) == set(operations(document))
    for name, operation in operations(document).items():
        codes = {
            code
            for answer in operation["responses"].values()
            for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
        }
        told = {code for code in codes if code in lines[name].replace(",", "").split()}
        untold = {"invalid_input", "too_many_requests", "temporarily_unavailable"}
        if "(key)" in lines[name]:
            untold |= set(_OF_EVERY_COMMAND)
        if "(code)" in lines[name]:
            untold |= {"code_required", "bad_code", "code_not_accepted"}
        if "(step-up)" in lines[name]:
            untold |= {"step_up_required"}
        assert codes - told <= untold, name


def test_what_is_written_is_the_document_that_is_served(document: dict[str, Any]) -> None:
    assert describe() == document


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
        first, _, _ = " ".join(operation["description"].split()).partition(". ")
        assert operation["summary"] == first.removesuffix("."), name
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
            for code, reference in examples.items():
                assert reference == {"$ref": f"#/components/examples/{code}"}, (name, code)
                example = document["components"]["examples"][code]
                assert example["summary"], (name, code)
                shown = Problem.model_validate(example["value"])
                assert (shown.code, str(shown.status)) == (code, status), name
                assert "{" not in shown.detail + shown.detail_en, (name, code)


_OF_EVERY_COMMAND = {
    "idempotency_key_missing": "422",
    "idempotency_key_reused": "422",
    "idempotency_key_in_flight": "409",
    "foreign_origin": "403",
}


def test_every_command_declares_what_may_be_wrong_with_its_key_and_its_origin(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        takes_key = "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", [])}
        for code, status in _OF_EVERY_COMMAND.items() if takes_key else ():
            content = operation["responses"][status]["content"]["application/problem+json"]
            assert code in content["examples"], (name, code)


def test_every_command_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    without = {
        name
        for name, operation in operations(document).items()
        if "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", [])}
    }
    reading = {
        operation["operationId"] for path in document["paths"].values() for operation in [path.get("get")] if operation
    }

    # Signing in and out has no person whose keys could be kept, or is done twice without harm; so has a link.
    signing = {"request_sign_in_code", "sign_in", "sign_in_staff", "sign_out", "open_staff_link", "set_up_staff"}
    signing |= {"request_joining", "join", "sign_in_with_password", "request_renewal", "renew_password"}
    # The bank's redirect brings none; again it changes nothing.
    signing |= {"call_back"}
    # Reads what no address may name.
    searching = {"search_employments", "open_invitation"}
    assert without - reading == signing | searching


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
    assert answer.headers["Content-Type"].endswith("; charset=utf-8")
    assert {"base-uri 'none'", "frame-ancestors 'none'"} < set(answer.headers["Content-Security-Policy"].split("; "))
    if address == "/docs":
        assert "https://" not in answer.text
