"""The table of guarantees: what Postgres itself refuses, and who sees whose (A4, A5)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from storage import guarantor
from storage.database import SERVICE, Acting, transaction
from storage.onboarding import read_application
from tests.arrange import Arrange, Someone
from tests.commands.onboarding_steps import TavanaScenario, accept_guarantee, guarantee_of, name, refuse_guarantee


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def attempt(engine: AsyncEngine, deed: str, acting: Acting = SERVICE, **values: object) -> int:
    """Try a statement; how many rows it changed."""
    async with transaction(engine, acting) as connection:
        return (await connection.execute(sa.text(deed), values)).rowcount


async def seen_by(engine: AsyncEngine, someone: Someone | None) -> int:
    """How many guarantees a member sees."""
    acting = Acting("member", uuid4() if someone is None else someone.id)
    async with transaction(engine, acting) as connection:
        return int(await connection.scalar(sa.text("SELECT count(*) FROM guarantees")) or 0)


_REFUSED = "violates check constraint|never changes|permission denied"
HALF_STATES = [
    "monthly = 0",
    "instalments = -1",
    "unit = 'USD'",
    "status = 'promised'",
    "person_id = applicant_id",
    "status = 'accepted'",
    "status = 'accepted', accepted_at = now()",
    "mandate_version = 1",
    "accepted_at = now(), mandate_version = 1",
    "ended_at = now()",
    "status = 'refused'",
    "status = 'released'",
    "status = 'refused', ended_at = now(), accepted_at = now(), mandate_version = 1",
]


async def test_a_guarantee_in_half_a_state_is_refused(tavana: TavanaScenario, engine: AsyncEngine) -> None:
    await tavana.asked()

    for change in HALF_STATES:
        with pytest.raises(DBAPIError, match=_REFUSED):
            await attempt(engine, f"UPDATE guarantees SET {change}")  # noqa: S608 - a table of one test


IMPOSSIBLE = [("monthly", "0"), ("instalments", "0"), ("unit", "'USD'"), ("person_id", "applicant_id")]


async def test_a_guarantee_that_cannot_be_is_not_added(tavana: TavanaScenario, engine: AsyncEngine) -> None:
    await tavana.asked()
    names = (
        "case_id",
        "credit_case_id",
        "applicant_id",
        "person_id",
        "employment_id",
        "monthly",
        "instalments",
        "unit",
    )

    for column, value in IMPOSSIBLE:
        chosen = ", ".join(value if name == column else name for name in names)
        with pytest.raises(IntegrityError, match="violates check constraint"):
            await attempt(engine, f"INSERT INTO guarantees ({', '.join(names)}) SELECT {chosen} FROM guarantees")  # noqa: S608 - a table of one test


BINDING = [
    "monthly = monthly * 2",
    "monthly = monthly - 10",
    "instalments = 24",
    "person_id = (SELECT id FROM persons WHERE id NOT IN (person_id, applicant_id) LIMIT 1)",
    "applicant_id = (SELECT id FROM persons WHERE id NOT IN (person_id, applicant_id) LIMIT 1)",
    "credit_case_id = (SELECT case_id FROM applications WHERE case_id <> credit_case_id LIMIT 1)",
    "case_id = (SELECT case_id FROM applications WHERE case_id <> credit_case_id LIMIT 1)",
    "employment_id = (SELECT id FROM employments WHERE id <> employment_id LIMIT 1)",
    "named_at = now() - interval '1 day'",
    "id = uuidv7()",
]


async def test_whom_a_guarantee_binds_to_what_never_changes(tavana: TavanaScenario, engine: AsyncEngine) -> None:
    await tavana.asked()
    await tavana.apply(applicant=await tavana.colleague())

    for change in BINDING:
        with pytest.raises(ProgrammingError, match=_REFUSED):
            await attempt(engine, f"UPDATE guarantees SET {change} WHERE status = 'asked'")  # noqa: S608 - a table of one test


CONSENT = [
    "status = 'asked', accepted_at = NULL, mandate_version = NULL",
    "mandate_version = 2",
    "accepted_at = now() - interval '1 year'",
    "status = 'refused', accepted_at = NULL, mandate_version = NULL, ended_at = now()",
    "status = 'released', accepted_at = NULL, mandate_version = NULL, ended_at = now()",
    "status = 'released', mandate_version = 7, ended_at = now()",
]


async def test_a_consent_is_never_taken_back_nor_rewritten(tavana: TavanaScenario, engine: AsyncEngine) -> None:
    case_id = await tavana.asked()
    await accept_guarantee(tavana, case_id, tavana.guarantor)

    for change in CONSENT:
        with pytest.raises(ProgrammingError, match="never changes"):
            await attempt(engine, f"UPDATE guarantees SET {change}")  # noqa: S608 - a table of one test


async def test_what_has_ended_stays_ended_and_nothing_is_deleted(tavana: TavanaScenario, engine: AsyncEngine) -> None:
    case_id = await tavana.asked()
    await refuse_guarantee(tavana, case_id, tavana.guarantor)

    for change in ("status = 'asked', ended_at = NULL", "status = 'released'", "ended_at = now()"):
        with pytest.raises(ProgrammingError, match="never changes"):
            await attempt(engine, f"UPDATE guarantees SET {change}")  # noqa: S608 - a table of one test
    for deed in ("DELETE FROM guarantees", "TRUNCATE guarantees"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            await attempt(engine, deed)


async def test_nobody_is_guarantor_twice_in_a_case_at_the_same_time(
    tavana: TavanaScenario, engine: AsyncEngine
) -> None:
    case_id = await tavana.apply()
    guarantee = await guarantee_of(tavana.context, case_id, tavana.guarantor)

    async def add() -> UUID:
        async with transaction(engine, SERVICE) as connection:
            application = await read_application(connection, case_id)
            assert application is not None
            return await guarantor.add_guarantee(
                connection, application, person_id=guarantee.person_id, employment_id=guarantee.employment_id
            )

    with pytest.raises(IntegrityError, match="guarantees_once_a_case"):
        await add()
    async with transaction(engine, SERVICE) as connection:
        await guarantor.end_guarantee(connection, guarantee.id, "released")
    assert await add() != guarantee.id


async def test_applicant_and_guarantor_see_a_guarantee_and_nobody_else_does(
    tavana: TavanaScenario, engine: AsyncEngine
) -> None:
    stranger = await tavana.colleague()
    case_id = await tavana.backed()

    assert [await seen_by(engine, one) for one in (tavana.applicant, tavana.guarantor, stranger, None)] == [1, 1, 0, 0]
    assert await attempt(engine, "UPDATE guarantees SET ended_at = now()", Acting("member", stranger.id)) == 0
    async with engine.begin() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM guarantees")) == 0
    with pytest.raises(ProgrammingError, match="row-level security"):
        await attempt(
            engine,
            "INSERT INTO guarantees"
            " (case_id, credit_case_id, applicant_id, person_id, employment_id, monthly, instalments)"
            " SELECT :case, :case, :applicant, :guarantor, uuidv7(), 10, 1",
            Acting("member", stranger.id),
            case=case_id,
            applicant=tavana.applicant.id,
            guarantor=tavana.guarantor.id,
        )


async def test_a_guarantor_sees_the_case_from_being_asked_until_they_no_longer_stand(
    tavana: TavanaScenario, engine: AsyncEngine
) -> None:
    async def sees_case() -> bool:
        acting = Acting("member", tavana.guarantor.id)
        async with transaction(engine, acting) as connection:
            return bool(await connection.scalar(sa.text("SELECT count(*) FROM cases")))

    case_id = await tavana.apply()
    named = await sees_case()
    await tavana.take("request_backing", case_id)
    asked = await sees_case()
    await name(tavana, case_id, await tavana.colleague(), instead_of=tavana.guarantor)
    await tavana.go_on(case_id)

    assert (named, asked, await sees_case()) == (False, True, False)
