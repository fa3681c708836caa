"""Every operation of the API is sent marks in each field that takes a secret: well-formed ones, then malformed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

import httpx2

from tests.api.calls import Call, calls, filled, guaranteed_calls
from tests.api.matrix import MATRIX
from tests.api.world import World
from tests.canary import Kind
from tests.canary_fields import Field, planted, takes
from tests.canary_world import Canary
from tests.length import IS_LONG

# Ends the session that others need; streams without an end.
_LEFT_OUT: Final = frozenset({"sign_out", "watch_case"})
_CODE: Final = {"code_id": str(uuid4()), "code": "000000"}
_DEVICE: Final = {"device_token": "a device"}
_MOBILE: Final = {"kind": "correct_mobile_change", "decision": "correct", "mobile": "09350000003"}
_CONSENT: Final = {"kind": "answer_guarantee", "decision": "accept", "mandate": {"version": 1, **_CODE}}
# What the table of calls leaves out of a body, by operation: one line for each field that may be left out.
MORE: Final[Mapping[str, dict[str, Any]]] = {
    "request_sign_in_code": _DEVICE,
    "sign_in": _DEVICE,
    "sign_in_staff": _DEVICE,
    "sign_in_with_password": _DEVICE,
    "join": _DEVICE,
    "request_joining": {"invitation": "a token"},
    "change_staff_credentials": {"totp_key": "a key", "new_totp": "000000"},
    "apply_for_credit": {"programme": "tavana", "guarantors": [{"national_id": "0499370899"}]},
    "answer_refund": {"amount": {"amount": 1_000_000}, **_CODE},
    "answer_split": {"accept": True, **_CODE},
}
# Another body in the place of the table's.
OTHERS: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "request_renewal": ({"national_id": "0499370899", "email": "maryam@example.com"},),
    "step_up": (_CODE,),
    "request_code": ({"purpose": "add_sheba", "subject": {"number": "IR490546091390996030824628"}},),
    "decide_task": (_MOBILE, _CONSENT),
    "decide_tasks": tuple(
        {"items": [{"task_id": str(uuid4()), "version": 1, "decision": decision}]} for decision in (_MOBILE, _CONSENT)
    ),
}


def who_calls(operation: str) -> list[str]:
    """Who sends it: somebody who is let in, in the long form everybody who is."""
    let_in = MATRIX[operation].let_in
    if MATRIX[operation].public:
        return ["anonymous"]
    first = "member_own" if "member_own" in let_in else min(let_in)
    return [first, *sorted(let_in - {first})] if IS_LONG else [first]


def ways(operation: str, call: Call) -> Iterator[Call]:
    """An operation's calls, with all fields that may be left out."""
    more = MORE.get(operation)
    yield call if more is None else replace(call, body={**call.body, **more})
    for other in OTHERS.get(operation, ()):
        yield replace(call, body=other)


def malformed(body: dict[str, Any], canary: Canary, operation: str) -> Iterator[dict[str, Any]]:
    """The same with each mark in a list, far too long, and one in a field that nobody knows."""
    yield _changed(body, canary, lambda text: [text])
    yield _changed(body, canary, lambda text: text + "x" * 4_000)
    yield body | {"surprise": canary.marks.new(Kind.PASSWORD, f"{operation}, a field that nobody knows")}


def _changed(body: Any, canary: Canary, change: Any) -> Any:
    if isinstance(body, dict):
        return {name: _changed(part, canary, change) for name, part in body.items()}
    if isinstance(body, list):
        return [_changed(part, canary, change) for part in body]
    return change(body) if isinstance(body, str) and body in canary.marks.made else body


async def sweep(canary: Canary, world: World) -> None:
    """Send marks to everything that takes one, then read everything."""
    by_operation = dict[str, set[Field]]()
    for each in takes(canary.heard.document):
        by_operation.setdefault(each.operation, set()).add(each)
    table = calls(world)
    # One that the table lacks stays unfed, and fails the test by its name.
    for operation in sorted(set(by_operation) & set(table) - _LEFT_OUT):
        for who in who_calls(operation):
            await _feed(canary, world, operation, table[operation], who, by_operation[operation])
    _, guaranteed = guaranteed_calls()["a guarantor's answer"]
    await _send(canary, world, "decide_task", guaranteed, "guarantor_own")
    for operation, call in table.items():
        if call.method == "GET" and operation not in _LEFT_OUT:
            for who in who_calls(operation):
                await _send(canary, world, operation, call, who)


async def _feed(canary: Canary, world: World, operation: str, call: Call, who: str, fields: set[Field]) -> None:
    for way in ways(operation, call):
        body = await _send(canary, world, operation, way, who)
        if isinstance(body, dict) and any(one.where == "body" for one in fields):
            for wrong in malformed(body, canary, operation):
                await _send(canary, world, operation, replace(way, body=wrong), who, is_planted=True)
    for one in fields:
        if one.where == "header":
            mark = canary.marks.new(one.kind, one.name)
            await _send(canary, world, operation, call, who, headers={one.path: mark})
        elif one.where == "path":
            await _send(canary, world, operation, _addressed(canary, one, call), who)


def _addressed(canary: Canary, one: Field, call: Call) -> Call:
    """The call with a mark in its address."""
    (path,) = [path for path, methods in canary.heard.document["paths"].items() if _has(methods, one.operation)]
    mark = canary.marks.new(one.kind, one.name)
    parts = zip(path.split("/"), call.path.split("/"), strict=True)
    return replace(call, path="/".join(mark if named == f"{{{one.path}}}" else part for named, part in parts))


def _has(methods: Mapping[str, Any], operation: str) -> bool:
    return any(each["operationId"] == operation for each in methods.values())


async def _send(
    canary: Canary,
    world: World,
    operation: str,
    call: Call,
    who: str,
    *,
    is_planted: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Send it with fresh marks, as if nothing was sent lately; returns the body."""
    await canary.superuser.run("DELETE FROM rate_windows")
    body = call.body if is_planted else planted(filled(call.body, world.things), canary.marks, operation)
    signed = world.headers(who) | dict(headers or {})
    request = _request(canary.api, call, world, body, signed)
    await canary.api.send(request)
    return body


def _request(api: httpx2.AsyncClient, call: Call, world: World, body: Any, headers: dict[str, str]) -> httpx2.Request:
    path = call.path.format_map(world.things)
    if call.content is not None:
        headers["Content-Type"] = call.content_type
        return api.build_request(call.method, path, content=call.content, headers=headers)
    return api.build_request(call.method, path, json=body, headers=headers)
