"""Whatever is sent to any operation: never a fault of ours, and never an effect of what was refused."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.transition import ActivityContext
from commands.command import Context
from tests.api.calls import Call, calls, filled
from tests.api.matrix import MATRIX
from tests.api.world import EVERYBODY, World, make_world
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.length import length

# For each operation.
EXAMPLES = length(3, 15)
_NASTY = ["", "\x00", "\ud800", "۱۲۳", "' OR 1=1 --", "../../etc", "null", "NaN", 10**18, 10**40, -1, 0, 1.5, [], {}]
_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
_SCALARS = (
    st.sampled_from(_NASTY) | st.none() | st.booleans() | st.integers() | st.floats() | _TEXT | st.uuids().map(str)
)
VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=8
)
# What httpx itself would not send is no test of ours.
_HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
_HEADERS = [
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Idempotency-Key",
    "Content-Type",
    "Accept",
    "Prefer",
    "Cookie",
]
_QUERIES = ["cursor", "limit", "kind", "phase", "is_open", "region_code", "late", "mine", "format", "surprise"]
# Ends the session that other examples need.
OPERATIONS = sorted(set(MATRIX) - {"sign_out"})


def mutated(draw: Any, body: Any) -> Any:
    """A body with something else in one place, or another body altogether."""
    if not isinstance(body, dict) or not body or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    changed = dict(body)
    name = draw(st.sampled_from([*sorted(body), "surprise"]))
    match draw(st.sampled_from(["replace", "deeper", "remove"])):
        case "replace":
            changed[name] = draw(VALUES)
        case "deeper":
            changed[name] = mutated(draw, changed.get(name))
        case _:
            changed.pop(name, None)
    return changed


@st.composite
def requests(draw: Any, operation: str, table: dict[str, Call], world: World) -> tuple[str, str, dict[str, Any]]:
    """Operation, caller, and what httpx is to send; mostly by those who are let in, to get further."""
    who = draw(st.sampled_from(sorted(MATRIX[operation].let_in)) | st.sampled_from(EVERYBODY))
    call = table[operation]
    things = {
        name: draw(st.sampled_from([value, value, value, "0", "x", "%00", "%F0%9F", "01890000-0000-7000-8000-0000"]))
        for name, value in world.things.items()
        if f"{{{name}}}" in call.path
    }
    content = call.content
    if call.body is not None or draw(st.booleans()):
        body = filled(call.body, world.things)
        content = json.dumps(mutated(draw, body) if draw(st.integers(0, 3)) else body).encode()
    headers = {**world.headers(who), "Content-Type": call.content_type if call.content else "application/json"}
    headers |= draw(st.dictionaries(st.sampled_from(_HEADERS), _HEADER_TEXT, max_size=2))
    sent = {
        "method": call.method,
        "url": call.path.format_map(things),
        "content": content,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "params": draw(st.dictionaries(st.sampled_from(_QUERIES), st.text(max_size=20), max_size=2)),
    }
    return operation, who, sent


def collect(table: dict[str, Call], world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """Requests to every operation; drawn first, because they are sent from a running loop."""
    collected: list[tuple[str, str, dict[str, Any]]] = []
    for operation in OPERATIONS:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(requests(operation, table, world))
        def keep(request: tuple[str, str, dict[str, Any]]) -> None:
            collected.append(request)

        keep()
    return collected


@pytest.mark.timeout(200 + 10 * EXAMPLES)
async def test_whatever_is_sent_is_answered_without_a_fault_and_refused_without_an_effect(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    table = calls(world)
    before = await superuser.effects()
    for operation, who, sent in collect(table, world):
        if operation == "watch_case" and who in MATRIX[operation].let_in:
            continue  # a stream that does not end
        await superuser.run("DELETE FROM rate_windows")
        answer = await api.request(**sent)
        after = await superuser.effects()
        assert answer.status_code < 500, (operation, who, sent, answer.text)
        if answer.status_code >= 400:
            assert after == before, (operation, who, sent, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", (operation, who, sent)
        before = after
    await assert_books_clean(context.engine)
