"""Lists of cases stay quick when there are many: every way to see a case has its index."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.access import Actor, Grant, Role, ScopeKind
from storage import case_lists, tasks
from storage.case_lists import CaseFilter
from storage.database import SERVICE, transaction
from storage.tasks import InboxFilter
from tests.arrange import Arrange
from tests.books import Superuser

_FILL = """
    INSERT INTO cases (kind, variant, phase, policy_id, organisation_id, region_code)
    SELECT 'onboarding', 'minipay', 'awaiting_certificate', (SELECT id FROM policies WHERE name = 'programme:minipay'),
           (ARRAY(SELECT id FROM organisations ORDER BY id))[1 + mod(n, (SELECT count(*) FROM organisations)::int)],
           (ARRAY(SELECT code FROM regions ORDER BY code))[1 + mod(n, 6)]
    FROM generate_series(1, 30000) AS n
"""
_TASKS = """
    INSERT INTO tasks (case_id, kind, role, scope_kind, scope, remind_at, due_at)
    SELECT id, 'issue_certificate', 'hr_officer', 'organisation', organisation_id::text, now(), now() + interval '1 day'
    FROM cases
"""

_PEOPLE = """
    INSERT INTO case_people (case_id, person_id, part)
    SELECT id, (SELECT min(id::text)::uuid FROM persons), 'applicant' FROM cases
"""


@pytest.fixture
async def organisations(arrange: Arrange, superuser: Superuser) -> list[UUID]:
    """Forty organisations with many cases, each with its open task."""
    made = [await arrange.organisation() for _ in range(40)]
    await superuser.run(_FILL)
    await superuser.run(_TASKS)
    await arrange.person("member")
    await superuser.run(_PEOPLE)
    await superuser.run("ANALYZE")
    return made


_WHOLE_READS = sa.text(
    "SELECT relname FROM pg_stat_xact_user_tables WHERE relname IN ('cases', 'tasks', 'case_people') AND seq_scan > 0"
)


@pytest.mark.untouched
async def test_no_list_reads_a_whole_table(engine: AsyncEngine, organisations: list[UUID]) -> None:
    everybody = {
        "hr": (Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisations[0])),),
        "region": (Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"),),
        "member": (),
        "auditor": (Grant(Role.AUDITOR, ScopeKind.PLATFORM),),
    }
    read_whole = {}
    for who, grants in everybody.items():
        actor = Actor(uuid4(), "member" if who == "member" else "staff", uuid4(), grants)
        async with transaction(engine, SERVICE) as connection:
            await case_lists.list_cases(connection, actor, CaseFilter(is_open=True), before=None, limit=26)
            read_whole[who, "cases"] = list(await connection.scalars(_WHOLE_READS))
        async with transaction(engine, SERVICE) as connection:
            await tasks.inbox(connection, actor, InboxFilter(), after=None, limit=26)
            read_whole[who, "inbox"] = list(await connection.scalars(_WHOLE_READS))

    assert {asked: tables for asked, tables in read_whole.items() if tables} == {}
