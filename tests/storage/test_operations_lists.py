"""What the operations desk and the inboxes read stays quick when there is much of it: each list has its index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from messages.case import CaseKind
from storage import case_lists, certificate, notices, outbox, personnel, services
from storage.database import SERVICE, Acting, transaction
from storage.sealing import Seals
from tests.arrange import Arrange
from tests.books import Superuser

_MANY = 20_000
# Sent or over but for a few.
_FILL = """
    INSERT INTO cases (kind, phase, policy_id, organisation_id, due_at)
    SELECT 'personnel_import', 'importing', (SELECT min(id::text)::uuid FROM policies),
           (ARRAY(SELECT id FROM organisations ORDER BY id))[1 + mod(n, 20)],
           now() + make_interval(hours => CASE mod(n, 100) WHEN 0 THEN -1 ELSE n END)
    FROM generate_series(1, {many}) n;

    INSERT INTO tasks (case_id, kind, role, scope_kind, scope, remind_at, due_at)
    SELECT id, 'confirm_change', 'support_agent', 'platform', '', due_at, due_at FROM cases;

    INSERT INTO personnel_imports (case_id, organisation_id, file_key, file_size, file_sha256)
    SELECT id, organisation_id, 'x', 1, 'x' FROM cases;

    INSERT INTO reconciliation_findings (case_id, kind, settled_at)
    SELECT id, 'process_missing', CASE WHEN due_at < now() THEN NULL ELSE now() END FROM cases;

    INSERT INTO certificates (case_id, person_id, organisation_id, monthly, instalments, valid_until, issued_by)
    SELECT c.id, p.id, c.organisation_id, 1, 1, '2027-01-01', p.id FROM cases c, (SELECT id FROM persons LIMIT 1) p;

    INSERT INTO notices (person_id, channel, template, state)
    SELECT (ARRAY(SELECT id FROM persons ORDER BY id))[1 + mod(n, 20)], 'sms', 'application_withdrawn',
           CASE mod(n, 2000) WHEN 0 THEN 'failed' WHEN 1 THEN 'pending' ELSE 'sent' END
    FROM generate_series(1, {many}) n;

    INSERT INTO outbox (message, payload, sent_at)
    SELECT 'SendNotice', jsonb_build_object('notice_id', id), CASE state WHEN 'pending' THEN NULL ELSE now() END
    FROM notices;

    ANALYZE
"""
_WHOLE_READS = sa.text(
    "SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0 AND relname = ANY (ARRAY['cases', 'tasks',"
    " 'notices', 'outbox', 'certificates', 'personnel_imports', 'reconciliation_findings'])"
)


@pytest.fixture
async def organisations(arrange: Arrange, superuser: Superuser) -> list[UUID]:
    """Twenty organisations and people, and thousands of whatever is listed."""
    made = [await arrange.organisation() for _ in range(20)]
    for _ in range(20):
        await arrange.person("member")
    for statement in _FILL.format(many=_MANY).split(";"):
        await superuser.run(statement)
    return made


@pytest.mark.untouched
async def test_no_list_of_the_operations_desk_reads_a_whole_table(
    engine: AsyncEngine, seals: Seals, organisations: list[UUID], superuser: Superuser
) -> None:
    person_id = await superuser.value("SELECT person_id FROM notices LIMIT 1")
    lists: dict[str, Callable[[AsyncConnection], Awaitable[Any]]] = {
        "late cases": lambda connection: case_lists.list_late_cases(connection, after=None, limit=26),
        "outbox": outbox.waiting_by_class,
        "messages": lambda connection: notices.list_messages(connection, person_id, before=None, limit=26),
        "imports": lambda connection: personnel.list_imports(connection, None, before=None, limit=26),
        "certificates": lambda connection: certificate.list_issued(connection, organisations[0], before=None, limit=26),
        "notices": lambda connection: notices.list_notices(connection, seals, state=None, before=None, limit=26),
        "waiting notices": lambda connection: notices.list_notices(
            connection, seals, state="pending", before=None, limit=26
        ),
        "failed notices": lambda connection: notices.list_notices(
            connection, seals, state="failed", before=None, limit=26
        ),
    }
    found = {}
    for name, ask in lists.items():
        async with transaction(engine, SERVICE) as connection:
            assert await ask(connection), name
            found[name] = list(await connection.scalars(_WHOLE_READS))

    assert found == {name: [] for name in lists}


async def test_a_member_reads_whether_a_service_is_open_and_cannot_switch_it(
    engine: AsyncEngine, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.person("member")
    acting = Acting("member", member.id)
    async with transaction(engine, acting) as connection:
        assert await services.takes_new_cases(connection, CaseKind.ONBOARDING)

        switched = await services.switch(
            connection, CaseKind.ONBOARDING, is_open=False, reason="خودم", changed_by=member.id
        )

    assert switched is None
    assert await superuser.value("SELECT bool_and(is_open) FROM services")


async def test_no_service_is_added_or_lost_and_none_is_closed_by_nobody(engine: AsyncEngine) -> None:
    for deed in (
        "INSERT INTO services (name) VALUES ('another')",
        "DELETE FROM services",
        "UPDATE services SET name = 'another' WHERE name = 'onboarding'",
        "UPDATE services SET is_open = false WHERE name = 'onboarding'",
    ):
        with pytest.raises(DBAPIError):
            async with transaction(engine, SERVICE) as connection:
                await connection.execute(sa.text(deed))
