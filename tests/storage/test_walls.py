"""The walls in Postgres itself: members see their own rows, what happened stays, and the app cannot do more."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from messages.case import StepInput
from storage.database import SERVICE, Acting, create_engine, transaction
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, issue
from tests.conftest import Database
from tests.transitions import Transitions

OWNED = [
    "persons",
    "employments",
    "cases",
    "case_people",
    "facts",
    "tasks",
    "timeline",
    "notices",
    "applications",
    "certificates",
    "credit_lines",
    "sessions",
    "accounts",
    "journals",
    "entries",
]
APPEND_ONLY = [
    *("facts", "timeline", "transitions", "audit", "personnel_versions", "journals", "entries", "correspondence"),
]
LEDGER = ["accounts", "journals", "entries", "holds"]
# Tables without row-level security that is forced upon their owner too, each with the reason.
OPEN = {
    "alembic_version": "the version of the schema, which a process compares with its own",
    "regions": "codes and names of offices",
    "organisations": "nothing of a person",
    "contracts": "nothing of a person",
    "rate_windows": "counts by keyed hashes, for people who are not signed in yet",
    "policies": "terms that hold for everybody",
    "holidays": "days that hold for everybody",
    "account_kinds": "rules of the ledger, no amounts",
    "audit": "hidden from members, but audit_append writes it as the owner in a member's transaction",
    "audit_heads": "hidden from members, but audit_append writes it as the owner in a member's transaction",
}
# Walled as the others, but not to see: that a service is closed is told to everybody.
SEEN_BY_ALL = {"services"}


# What the app may update of a table, and why; a table that is not listed is written once. A new one has to decide.
UPDATED = {
    "escrow_jobs": "accepted_at contractor_id employer_id mobile_index mobile_sealed",
    "escrows": "accepted_at declared_at dormant_times funded_at payment_id stirred_at",
    "escrow_disputes": "ended_as ended_at evidence_closed_at",
    "escrow_moves": "booked_at refund_id",
    "escrow_refund_asks": "agreed answered_at",
    "escrow_split_offers": "answer answered_at",
    "escrow_rulings": "final_at objected_at objected_by",
    "normal_payments": "accepted_at mobile_index mobile_sealed payee_id",
    "bank_rows": "return_id returned_line",
    "bank_lines": "row_id",
    "clearings": "compared_at here_back here_count here_sum there_back there_count there_fee there_sum unlisted",
    "clearing_differences": "against decided_by explanation note paid_back proposed_by resolves settles state",
    "payment_attempts": "authority called_back_at card ends_at fee gateway link look_at looked_at paid_amount paid_at"
    " reason reference state token_sealed unclear_since",
    "gateway_rows": "amount fee",
    "payment_items": "decided_at state",
    "payment_returns": "asked_at confirmed_by note recorded_by recorded_from recorded_reference reference returned_at"
    " way",
    "persons": "first_name last_name mobile_confirmed_at mobile_index mobile_sealed money_paused_until",
    "employments": "hire_date mobile_index mobile_listed_at net_pay region_code service service_start"
    " sheba_index sheba_sealed state updated_at",
    "contracts": "state",
    "role_grants": "revoked_at",
    "staff_credentials": "disabled_at password_hash totp_last_step totp_sealed",
    "sessions": "ended_at last_used_at strong_until",
    "one_time_codes": "code_sealed tries used_at",
    "rate_windows": "ends_at used",
    "known_devices": "expires_at",
    "failed_sign_ins": "failures origin",
    "profiles": "email_confirmed_at email_index email_sealed language password_hash",
    "joinings": "is_matched",
    "invitations": "token_sealed used_at used_by",
    "staff_changes": "confirmed_by",
    "policies": "approved_at approved_by rejected_at",
    "cases": "changed_at closed_at due_at next_actor outcome phase region_code version",
    "case_people": "until",
    "tasks": "claimed_at claimed_by closed_at decided_by details due_at fact_id not_by outcome remind_at reminded_at"
    " status version",
    "deadlines": "due_at",
    "outbox": "attempts claimed_until due_at last_error sent_at",
    "notices": "failure provider_ref sent_at state",
    "services": "changed_at changed_by is_open reason",
    "holidays": "changed_at changed_by closed name",
    # What is asked for may be corrected until it is approved; what it comes to stands in the line.
    "applications": "activates_at approved_at approved_by approved_instalments approved_monthly hire_date instalments"
    " mandate_version monthly net_pay region_code returned_at",
    "certificates": "revoke_reason revoked_at revoked_by",
    "guarantees": "accepted_at ended_at mandate_version status",
    "credit_lines": "closed_at purchases_stopped_at",
    "personnel_imports": "changes_opened changes_waiting error error_columns error_row exits_opened last_row rows_added"
    " rows_changed rows_leaving rows_read rows_refused rows_total rows_unchanged sheets_left_out",
    # A newer file replaces the value that waits to be confirmed.
    "personnel_changes": "exit_reason import_case_id value_index value_sealed",
    # What stood in a refused row is forgotten after a time.
    "personnel_refusals": "name_sealed value_sealed",
    "mobile_changes": "is_matched mobile_index mobile_sealed",
    "attachments": "removed_at",
    "payout_answers": "decided_by ended_at error is_confirmed paid read_at refused rejected repeated rows_read",
    "payout_settlements": "decided_at decided_by ended_at is_confirmed",
    "payouts": ("amount confirmed_at confirmed_by csv_key csv_sha256 cut_at handed_at lines xlsx_key xlsx_sha256"),
    "withdrawals": "line payout_id reason reference return_reference returned_at settled_at state",
    "bank_accounts": "answered_at asked_at is_default reason removed_at state tries",
    "reconciliation_findings": "restart_asked_at restart_asked_by seen_again_at settled_at times",
    "reconciliation_rounds": "after_id claimed_until kind started_at",
    "form_drafts": "changed_at content_sealed expires_at version",
    "entrusted_secrets": "erase_at erased_at why",
    "identity_documents": "removed_at",
    "identities": "renewal_asked_at",
}
# Of which rows may be deleted, and which.
DELETED = {
    "deadlines": "when nothing is waited for any more",
    "idempotency": "after thirty days",
    "outbox": "after it was sent",
    "one_time_codes": "after it is over",
    "rate_windows": "counts of the past, without row-level security",
    "known_devices": "as often as their owner likes",
    "failed_sign_ins": "when the audit trail was told",
    "joinings": "when the code came back",
    "invitations": "when they are over and nobody came",
    "form_drafts": "when their form is sent, or as often as their writer likes",
    "identity_waits": "when the review is over and its case was told",
}


@pytest.fixture
async def member(context: Context, arrange: Arrange, activity_context: ActivityContext) -> Someone:
    """A member with an active credit and everything that hangs on it."""
    employer = await arrange.organisation()
    office = MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))
    case_id = await apply(office)
    activities = Transitions(activity_context)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await activities.activate_credit(StepInput(case_id))
    return office.member


async def attempt(engine: AsyncEngine, deed: str) -> None:
    """Try a statement on behalf of the machine."""
    async with transaction(engine, SERVICE) as connection:
        await connection.execute(sa.text(deed))


async def count(engine: AsyncEngine, acting: Acting, table: str) -> int:
    """How many rows somebody sees."""
    async with transaction(engine, acting) as connection:
        return int(await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - our own names


async def test_a_member_sees_their_own_rows_and_a_stranger_none_of_them(engine: AsyncEngine, member: Someone) -> None:
    for table in OWNED:
        everything = await count(engine, SERVICE, table)
        own = await count(engine, Acting("member", member.id), table)

        assert 0 < own <= everything, table
        assert await count(engine, Acting("member", uuid4()), table) == 0, table
        assert await count(engine, Acting("member", None), table) == 0, table


async def test_every_table_has_row_level_security_forced_unless_it_is_open_for_a_reason(superuser: Superuser) -> None:
    rows = await superuser.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert {name for (name,) in rows} == set(OPEN)


async def test_the_app_updates_and_deletes_only_what_is_said_here(superuser: Superuser) -> None:
    columns = await superuser.rows(
        "SELECT relname, string_agg(attname, ' ' ORDER BY attname)"
        " FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped"
        " AND has_column_privilege('amanat_app', c.oid, attnum, 'UPDATE') GROUP BY relname"
    )
    deletable = await superuser.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND has_table_privilege('amanat_app', oid, 'DELETE')"
    )
    assert dict(columns) == UPDATED
    assert {name for (name,) in deletable} == set(DELETED)


async def test_what_is_kept_for_a_while_cannot_be_deleted_before(
    engine: AsyncEngine, member: Someone, superuser: Superuser
) -> None:
    await superuser.run("UPDATE outbox SET sent_at = NULL")
    for table, age in (
        ("idempotency", "UPDATE idempotency SET created_at = now() - interval '31 days'"),
        ("outbox", "UPDATE outbox SET sent_at = now()"),
        ("one_time_codes", "UPDATE one_time_codes SET expires_at = now() - interval '1 second'"),
    ):
        before = await count(engine, SERVICE, table)
        await attempt(engine, f"DELETE FROM {table}")  # noqa: S608 - our own names
        assert await count(engine, SERVICE, table) == before > 0, table
        await superuser.run(age)
        await attempt(engine, f"DELETE FROM {table}")  # noqa: S608 - our own names
        assert await count(engine, SERVICE, table) == 0, table


async def test_no_function_that_runs_as_its_owner_is_for_everybody(superuser: Superuser) -> None:
    rows = await superuser.rows(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        " AND has_function_privilege('public', oid, 'EXECUTE')"
    )
    assert rows == []


async def test_a_transaction_that_says_nothing_about_itself_sees_nothing(
    engine: AsyncEngine, member: Someone, superuser: Superuser
) -> None:
    walled = await superuser.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity"
    )
    assert {name for (name,) in walled} > {*OWNED, *SEEN_BY_ALL}
    async with engine.begin() as connection:
        for (table,) in walled:
            seen = await connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own names
            assert (seen == 0) != (table in SEEN_BY_ALL), table


async def test_who_acted_before_on_a_connection_is_forgotten(database: Database, member: Someone) -> None:
    one = create_engine(database.app_url, pool=1)
    assert await count(one, SERVICE, "cases") == 1

    async with one.begin() as connection:
        found = await connection.scalar(sa.text("SELECT count(*) FROM cases"))

    assert found == 0
    await one.dispose()


async def test_a_member_cannot_write_rows_of_others(engine: AsyncEngine, member: Someone, superuser: Superuser) -> None:
    stranger = Acting("member", UUID(int=7))

    async with transaction(engine, stranger) as connection:
        changed = await connection.execute(sa.text("UPDATE credit_lines SET closed_at = now()"))
    assert changed.rowcount == 0
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with transaction(engine, stranger) as connection:
            await connection.execute(
                sa.text("INSERT INTO facts (case_id, kind, capacity) SELECT :case, 'forged', 'member'"),
                {"case": await superuser.value("SELECT id FROM cases")},
            )


@pytest.mark.parametrize("way", ["app_url", "owner_url", "superuser_url"])
async def test_what_happened_stays_whoever_asks(
    database: Database, member: Someone, superuser: Superuser, way: str
) -> None:
    engine = create_engine(getattr(database, way), pool=1)
    for table in APPEND_ONLY:
        column = await superuser.value(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = %s AND is_identity = 'NO' ORDER BY ordinal_position LIMIT 1",
            table,
        )
        deeds = (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE")  # noqa: S608 - our own names
        for deed in deeds:
            with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
                await attempt(engine, deed)
    await engine.dispose()


async def test_the_app_writes_no_ledger_row_by_itself(engine: AsyncEngine, member: Someone) -> None:
    for table in LEDGER:
        for deed in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}"):  # noqa: S608 - our own names
            with pytest.raises(ProgrammingError, match="permission denied"):
                await attempt(engine, deed)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM cases",
        "DELETE FROM persons",
        "DELETE FROM credit_lines",
        "UPDATE credit_lines SET monthly = monthly * 2",
        "UPDATE credit_lines SET ends_on = ends_on + 365",
        "UPDATE credit_lines SET person_id = uuidv7()",
        "UPDATE idempotency SET answer_sealed = 'x'",
        "UPDATE organisations SET monthly_cap = NULL",
        "DELETE FROM policies",
        "CREATE TABLE own (id int)",
        "ALTER TABLE facts DISABLE TRIGGER ALL",
        "DROP TABLE timeline",
        "SET ROLE amanat_owner",
        "CREATE TABLE vault.own (id int)",
    ],
)
async def test_the_app_cannot_do_more_than_it_needs(engine: AsyncEngine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        async with transaction(engine, SERVICE) as connection:
            await connection.execute(sa.text(statement))


async def test_a_policy_version_in_force_never_changes(engine: AsyncEngine) -> None:
    for change in ("value = '{}'", "approved_by = 'another'", "version = 9", "approved_at = NULL, approved_by = NULL"):
        with pytest.raises(ProgrammingError, match=r"never changes|permission denied"):
            async with transaction(engine, SERVICE) as connection:
                await connection.execute(sa.text(f"UPDATE policies SET {change}"))  # noqa: S608 - a table of one test


async def test_a_policy_needs_two_people_in_postgres_too(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError, match="two_people"):
        async with transaction(engine, SERVICE) as connection:
            await connection.execute(
                sa.text(
                    "INSERT INTO policies (name, version, value, proposed_by, approved_by, approved_at)"
                    " VALUES ('programme:x', 1, '{}', 'a', 'a', now())"
                )
            )


async def test_half_states_are_refused(engine: AsyncEngine, member: Someone, superuser: Superuser) -> None:
    await superuser.run(
        "INSERT INTO cases (kind, phase, policy_id) SELECT 'onboarding', 'submitted', id FROM policies"
        " WHERE name = 'programme:minipay'"
    )
    for deed in (
        "UPDATE cases SET closed_at = now()",
        "UPDATE cases SET outcome = 'active' WHERE closed_at IS NULL",
        "INSERT INTO tasks (case_id, kind, remind_at, due_at) SELECT id, 'x', now(), now() FROM cases",
        "UPDATE tasks SET status = 'open'",
        "UPDATE applications SET instalments = -1",
        "UPDATE applications SET monthly = 0",
    ):
        with pytest.raises(DBAPIError, match="violates check constraint"):
            await attempt(engine, deed)


OF_OTHERS = {
    "role_grants": "person_id",
    "staff_credentials": "person_id",
    "one_time_codes": "person_id",
    "idempotency": "actor_id",
    "case_people": "person_id",
}
OF_THE_MACHINE = ["outbox", "audit", "audit_heads", "transitions", "personnel_imports", "personnel_refusals"]


@pytest.fixture
async def stranger(context: Context, arrange: Arrange, member: Someone, superuser: Superuser) -> Someone:
    """A colleague of the member who applied too, in an organisation whose HR has accounts and sent a file."""
    employer = await superuser.value("SELECT organisation_id FROM cases")
    colleague = await arrange.member(employer)
    await apply(MinipayOffice(context, colleague, colleague))
    await superuser.run(
        "INSERT INTO personnel_imports (case_id, organisation_id, file_key, file_size, file_sha256)"
        " SELECT id, organisation_id, 'personnel/x', 1, 'x' FROM cases WHERE person_id = %s",
        colleague.id,
    )
    await superuser.run(
        "INSERT INTO personnel_refusals (case_id, row_number, field, code)"
        " SELECT case_id, 2, 'mobile', 'invalid' FROM personnel_imports"
    )
    return colleague


async def test_a_member_sees_nothing_of_the_roles_accounts_codes_and_answers_of_others(
    engine: AsyncEngine, member: Someone, stranger: Someone, superuser: Superuser
) -> None:
    for table, column in OF_OTHERS.items():
        others = f"SELECT count(*) FROM {table} WHERE {column} IS DISTINCT FROM '{member.id}'"  # noqa: S608 - our own names
        assert await superuser.value(others) > 0, table

        async with transaction(engine, Acting("member", member.id)) as connection:
            assert await connection.scalar(sa.text(others)) == 0, table


async def test_a_member_sees_nothing_of_what_the_machine_keeps_for_itself(
    engine: AsyncEngine, member: Someone, stranger: Someone
) -> None:
    for table in OF_THE_MACHINE:
        assert await count(engine, SERVICE, table) > 0, table
        for person_id in (member.id, stranger.id, None):
            assert await count(engine, Acting("member", person_id), table) == 0, table


async def test_nobody_makes_themselves_or_others_part_of_a_case(
    engine: AsyncEngine, member: Someone, stranger: Someone, superuser: Superuser
) -> None:
    ((members_case,),) = await superuser.rows("SELECT id FROM cases WHERE person_id = %s", member.id)
    part = sa.text("INSERT INTO case_people (case_id, person_id, part) VALUES (:case, :person, 'guarantor')")
    before = await superuser.rows("SELECT person_id, part FROM case_people ORDER BY person_id")

    for acting, person in ((stranger, stranger), (member, stranger), (stranger, member)):
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with transaction(engine, Acting("member", acting.id)) as connection:
                await connection.execute(part, {"case": members_case, "person": person.id})
    async with transaction(engine, Acting("member", member.id)) as connection:
        changed = await connection.execute(sa.text("UPDATE case_people SET until = now()"))

    assert changed.rowcount == 0
    assert await superuser.rows("SELECT person_id, part FROM case_people ORDER BY person_id") == before


async def test_who_applies_takes_part_in_their_own_case_and_sees_it(
    engine: AsyncEngine, member: Someone, stranger: Someone
) -> None:
    async with transaction(engine, Acting("member", stranger.id)) as connection:
        rows = await connection.execute(
            sa.text("SELECT p.person_id, c.person_id FROM cases c JOIN case_people p ON true")
        )

    assert [tuple(row) for row in rows] == [(stranger.id, stranger.id)]
