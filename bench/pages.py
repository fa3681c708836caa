"""How long the server takes for a page when the tables are full, beside one small operation of the API.

In process, one page after the other: what is measured is the server's own time, without network and browser.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from uuid import UUID

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from api.app import create_app
from api.session_load import UNBOUNDED
from bench.people import add_finance_officer, add_members, add_organisation, add_staff
from bench.scratch import Scratch, scratch
from bench.table import Row, at_most
from domain.access import Actor, Grant, Role, ScopeKind
from storage.account import begin_session
from storage.database import SERVICE, transaction
from web.app import create_site

# DESIGN's bar for a page, in milliseconds.
GOAL_MS = 50
_CASES_EACH = 50
_TIMES = 40
_WARM = 5
_SESSION_COOKIE = "__Host-session"

# One open case a person, waiting for the region's finance, and 49 that have ended; each with what hangs on it.
_FILL = (
    """
    INSERT INTO cases (kind, variant, phase, outcome, person_id, organisation_id, region_code, next_actor, due_at,
                       policy_id, closed_at)
    SELECT 'onboarding', 'tavana', CASE n WHEN 1 THEN 'awaiting_review' ELSE 'lapsed' END,
           CASE n WHEN 1 THEN NULL ELSE 'lapsed' END, e.person_id, e.organisation_id, e.region_code,
           CASE n WHEN 1 THEN 'finance_officer' END,
           CASE n WHEN 1 THEN now() + (row_number() OVER ()) * interval '1 second' - interval '20 minutes' END,
           :policy, CASE n WHEN 1 THEN NULL ELSE now() END
    FROM employments e, generate_series(1, :each) AS n
    """,
    "INSERT INTO case_people (case_id, person_id, part) SELECT id, person_id, 'applicant' FROM cases",
    """
    INSERT INTO applications (case_id, person_id, employment_id, programme, monthly, instalments, net_pay, region_code,
                              hire_date, mandate_version)
    SELECT c.id, c.person_id, e.id, 'tavana', 50000000, 12, e.net_pay, e.region_code, e.hire_date, 1
    FROM cases c JOIN employments e ON e.person_id = c.person_id
    """,
    """
    INSERT INTO timeline (case_id, code, params, actor)
    SELECT c.id, said.code, '{"monthly": 50000000, "instalments": 12, "region": "1101"}', said.actor
    FROM cases c, (VALUES ('application_submitted', 'applicant'), ('guarantor_asked', 'machine'),
                          ('review_requested', 'machine')) AS said (code, actor)
    """,
    """
    INSERT INTO tasks (case_id, kind, role, scope_kind, scope, remind_at, due_at)
    SELECT id, 'review_application', 'finance_officer', 'region', region_code, due_at, due_at
    FROM cases WHERE closed_at IS NULL
    """,
    """
    INSERT INTO notices (person_id, case_id, channel, template, state, sent_at)
    SELECT person_id, id, 'sms', 'application_submitted', CASE WHEN closed_at IS NULL THEN 'failed' ELSE 'sent' END,
           now()
    FROM cases
    """,
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who looks at pages, by token, and at which case and task."""

    member: str
    officer: str
    operator: str
    case_id: UUID
    task_id: UUID


async def measure(cases: int) -> list[Row]:
    """The time of each page at the server; a ratio to reading who is signed in.

    Args:
        cases: how many fill the tables.
    """
    async with scratch() as place:
        cast = await _fill(place, max(cases // _CASES_EACH, 1))
        # As the api process does once it is set up.
        gc.collect()
        gc.freeze()
        site = create_site(create_app(place.context, session_load=UNBOUNDED))
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url="https://bench.test") as client:
            rows, bases = list[Row](), list[float]()
            for name, path, token in _pages(cast):
                # One after the other, so that a busy moment of the machine slows both.
                base, taken = await _times(client, ("/v1/me", cast.member), (path, token))
                rows += _rows(name, taken, statistics.median(base))
                bases += base
    return [Row("GET /v1/me, p50 (ms)", statistics.median(bases), ""), *rows]


def _pages(cast: Cast) -> list[tuple[str, str, str]]:
    return [
        ("sign-in", "/sign-in", ""),
        ("member's home", "/", cast.member),
        ("member's cases", "/cases", cast.member),
        ("a case, to its member", f"/cases/{cast.case_id}", cast.member),
        ("apply", "/apply", cast.member),
        ("inbox", "/inbox", cast.officer),
        ("a review", f"/tasks/{cast.task_id}", cast.officer),
        ("a region's cases", "/cases", cast.officer),
        ("all cases", "/cases", cast.operator),
        ("operations", "/operations", cast.operator),
        ("late cases", "/operations/late", cast.operator),
        ("failed notices", "/operations/notices?state=failed", cast.operator),
    ]


async def _times(client: httpx2.AsyncClient, *asked: tuple[str, str]) -> list[list[float]]:
    """Milliseconds, each time, of paths asked for by somebody's token, in turn.

    Raises:
        LookupError: one is not there.
    """
    taken: list[list[float]] = [[] for _ in asked]
    for number in range(_WARM + _TIMES):
        for (path, token), times in zip(asked, taken, strict=True):
            started = time.perf_counter()
            answer = await client.get(path, headers={"Cookie": f"{_SESSION_COOKIE}={token}"} if token else {})
            if answer.status_code != httpx2.codes.OK:
                raise LookupError(f"{path} answered {answer.status_code}")
            if number >= _WARM:
                times.append((time.perf_counter() - started) * 1_000)
    return taken


def _rows(name: str, taken: list[float], base: float) -> list[Row]:
    middle, late = statistics.median(taken), statistics.quantiles(taken, n=20)[18]
    return [
        Row(f"{name}, p50 (ms)", middle, f"{middle / base:.1f} × GET /v1/me", at_most(middle, GOAL_MS, "ms")),
        Row(f"{name}, p95 (ms)", late, ""),
    ]


async def _fill(place: Scratch, people: int) -> Cast:
    context = place.context
    members = await add_members(context, await add_organisation(context), people)
    officer = await add_finance_officer(context)
    operator = await add_staff(context, Grant(Role.OPERATOR, ScopeKind.PLATFORM))
    async with transaction(context.engine, SERVICE) as connection:
        await connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        policy = await connection.scalar(sa.text("SELECT id FROM policies WHERE name = 'programme:tavana' LIMIT 1"))
        for statement in _FILL:
            values = {"policy": policy, "each": _CASES_EACH}
            await connection.execute(
                sa.text(statement), {name: value for name, value in values.items() if f":{name}" in statement}
            )
        member, finance, desk = [await _sign_in(connection, actor) for actor in (members[0], officer, operator)]
        found = await connection.execute(
            sa.text(
                "SELECT case_id, tasks.id FROM tasks JOIN cases ON cases.id = case_id WHERE cases.person_id = :who"
            ),
            {"who": members[0].person_id},
        )
        case_id, task_id = found.one()
    async with context.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(sa.text("ANALYZE"))
    return Cast(member, finance, desk, case_id, task_id)


async def _sign_in(connection: AsyncConnection, actor: Actor) -> str:
    session = await begin_session(connection, actor.person_id, actor.capacity)
    return session.token
