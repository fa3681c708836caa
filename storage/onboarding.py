"""Applications and credit lines."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import asdict
from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from schwifty.checksum import luhn
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import Money, Unit
from domain.onboarding import monthly_limit
from domain.programme import Programme
from messages.case import CaseKind
from messages.onboarding import ENDINGS, Step
from storage.cases import last_fact
from storage.deadlines import clear_deadlines, set_deadline
from storage.locks import About, lock
from storage.organisation import read_organisation
from storage.rows.cases import cases
from storage.rows.onboarding import Application, CreditLine, applications, credit_lines
from storage.rows.organisation import Employment
from storage.rows.table import columns, find_one, read_all
from storage.sealing import Seals

# Cards are valid only inside Amanat; the prefix belongs to no bank.
_CARD_PREFIX = "990000"
_CARD_LENGTH = 16
_CARD_PURPOSE = "credit_line.card"


_APPLICATION = columns(applications, Application)
_LINE = columns(credit_lines, CreditLine)
_READ = sa.select(*_APPLICATION).where(applications.c.case_id == sa.bindparam("this_case"))
_this_person = sa.bindparam("this_person", type_=sa.Uuid)


def _taken(renewing: sa.ColumnElement[str]) -> sa.Select[int]:
    """What a person's lines and open applications take, but for the line of the programme that is renewed."""
    running = sa.union_all(
        sa.select(credit_lines.c.programme, credit_lines.c.monthly).where(
            credit_lines.c.person_id == _this_person,
            credit_lines.c.closed_at.is_(None),
            credit_lines.c.ends_on >= sa.bindparam("today"),
            credit_lines.c.programme != renewing,
        ),
        sa.select(applications.c.programme, applications.c.monthly)
        .join(cases, cases.c.id == applications.c.case_id)
        .where(
            applications.c.person_id == _this_person,
            cases.c.closed_at.is_(None),
            applications.c.case_id.is_distinct_from(sa.bindparam("apart_from", type_=sa.Uuid)),
        ),
    ).subquery()
    # An open application replaces its programme's line: the higher of both counts, never the two together.
    each = sa.select(sa.func.max(running.c.monthly).label("monthly")).group_by(running.c.programme).subquery()
    return sa.select(sa.func.coalesce(sa.func.sum(each.c.monthly), 0))


_TAKEN = _taken(sa.bindparam("renewing"))
_asked = sa.func.unnest(sa.bindparam("programmes", type_=ARRAY(sa.Text))).table_valued("programme", name="asked")
_asked_for = sa.literal_column("asked.programme", sa.Text)
_TAKEN_FOR_EACH = sa.select(_asked_for, _taken(_asked_for).scalar_subquery()).select_from(
    _asked.render_derived(name="asked")
)


async def add_application(connection: AsyncConnection, application: Application) -> None:
    """Store what was asked for, with its case."""
    await connection.execute(sa.insert(applications).values(asdict(application)))


async def read_application(connection: AsyncConnection, case_id: UUID) -> Application | None:
    """What was asked for in a case."""
    return await find_one(connection, Application, _READ, {"this_case": case_id})


async def set_approved(connection: AsyncConnection, case_id: UUID, *, monthly: int, instalments: int) -> None:
    """Store the terms that became usable."""
    await connection.execute(
        sa.update(applications)
        .where(applications.c.case_id == case_id)
        .values(approved_monthly=monthly, approved_instalments=instalments)
    )


async def approve(connection: AsyncConnection, case_id: UUID, *, by: UUID, waiting: timedelta) -> datetime:
    """Finance approved: store when the credit becomes usable (A8), and return that moment."""
    if waiting:
        await set_deadline(connection, case_id, Step.ACTIVATE_CREDIT, waiting)
    row = await connection.execute(
        sa.update(applications)
        .where(applications.c.case_id == case_id)
        .values(approved_at=sa.func.now(), approved_by=by, activates_at=sa.func.now() + waiting)
        .returning(applications.c.activates_at)
    )
    moment: datetime = row.scalar_one()
    return moment


async def reopen_review(connection: AsyncConnection, case_id: UUID, *, returned: bool = False) -> None:
    """What finance approved no longer counts; ``returned``: the applicant is to correct it first (A7)."""
    await clear_deadlines(connection, case_id)
    returned_at = sa.func.now() if returned else applications.c.returned_at
    await connection.execute(
        sa.update(applications)
        .where(applications.c.case_id == case_id)
        .values(approved_at=None, approved_by=None, activates_at=None, returned_at=returned_at)
    )


async def correct(connection: AsyncConnection, application: Application) -> None:
    """Store corrected terms and the personnel values that they stand on (A3, A7)."""
    names = ("monthly", "instalments", "net_pay", "region_code", "hire_date", "mandate_version")
    values = {name: getattr(application, name) for name in names}
    await connection.execute(
        sa.update(applications).where(applications.c.case_id == application.case_id).values(**values, returned_at=None)
    )


async def lock_quota(connection: AsyncConnection, person_id: UUID) -> None:
    """Serialise whatever takes from one person's share of pay until the transaction ends."""
    await lock(connection, About.SHARE_OF_PAY, person_id)


async def taken_monthly(
    connection: AsyncConnection, person_id: UUID, today: date, *, apart_from_case: UUID | None, renewing: str
) -> Money:
    """Monthly rial of a person's other lines and open applications, all programmes together (A2).

    Args:
        connection: a transaction that called ``lock_quota``.
        person_id: whose.
        today: lines that ended before do not count.
        apart_from_case: the application that is being judged.
        renewing: the programme applied for; its running line is replaced, so it does not count.
    """
    whose = {"this_person": person_id, "today": today, "renewing": renewing, "apart_from": apart_from_case}
    total = await connection.scalar(_TAKEN, whose)
    return Money(int(total or 0), Unit.IRR)


async def taken_for_each(
    connection: AsyncConnection, person_id: UUID, today: date, programmes: Collection[str]
) -> dict[str, Money]:
    """``taken_monthly`` as it counts for an application in each of some programmes."""
    whose = {"this_person": person_id, "today": today, "programmes": list(programmes), "apart_from": None}
    return {row[0]: Money(int(row[1]), Unit.IRR) for row in await connection.execute(_TAKEN_FOR_EACH, whose)}


async def limit_now(
    connection: AsyncConnection,
    programme: Programme,
    employment: Employment,
    today: date,
    *,
    apart_from_case: UUID | None = None,
) -> Money:
    """The most that somebody may choose per month on an employment (A2); never under zero.

    Args:
        connection: a transaction that called ``lock_quota`` where the answer is acted on.
        programme: what is applied for.
        employment: on whose pay it stands.
        today: in Tehran.
        apart_from_case: the application that is being judged.
    """
    taken = await taken_monthly(
        connection, employment.person_id, today, apart_from_case=apart_from_case, renewing=programme.code
    )
    organisation = await read_organisation(connection, employment.organisation_id)
    cap = None if organisation is None else organisation.cap
    return monthly_limit(programme, net_pay=employment.pay, taken=taken, cap=cap)


async def is_open_to(connection: AsyncConnection, programme: Programme, organisation_id: UUID) -> bool:
    """Whether a programme is for the employees of an organisation."""
    if not programme.organisation:
        return True
    organisation = await read_organisation(connection, organisation_id)
    return organisation is not None and organisation.code == programme.organisation


async def has_open_application(connection: AsyncConnection, person_id: UUID, programme: str) -> bool:
    """Whether the person has an open application in the programme (A10)."""
    is_open = sa.exists().where(
        cases.c.person_id == person_id,
        cases.c.kind == CaseKind.ONBOARDING,
        cases.c.variant == programme,
        cases.c.closed_at.is_(None),
    )
    return bool(await connection.scalar(sa.select(is_open)))


async def open_applications(connection: AsyncConnection, person_id: UUID) -> dict[str, UUID]:
    """The cases of a person's open applications, by programme: one each (A10)."""
    rows = await connection.execute(
        sa.select(cases.c.variant, cases.c.id)
        .where(cases.c.person_id == person_id, cases.c.kind == CaseKind.ONBOARDING, cases.c.closed_at.is_(None))
        .limit(100)
    )
    return {row.variant: row.id for row in rows}


async def is_ending(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether somebody withdrew or refused the application, though the process may not know yet."""
    return await last_fact(connection, case_id, *ENDINGS) is not None


async def running_line(connection: AsyncConnection, person_id: UUID, programme: str) -> CreditLine | None:
    """The person's line of a programme that a new one would replace."""
    query = (
        sa.select(*_LINE)
        .where(
            credit_lines.c.person_id == person_id,
            credit_lines.c.programme == programme,
            credit_lines.c.closed_at.is_(None),
        )
        .with_for_update()
    )
    return await find_one(connection, CreditLine, query)


async def read_line(connection: AsyncConnection, line_id: UUID, *, for_update: bool = False) -> CreditLine | None:
    """The line, or None if it is missing or hidden; ``for_update`` locks its row."""
    query = sa.select(*_LINE).where(credit_lines.c.id == line_id)
    return await find_one(connection, CreditLine, query.with_for_update() if for_update else query)


async def line_of_case(connection: AsyncConnection, case_id: UUID) -> CreditLine | None:
    """The line that came of an application, if one did."""
    return await find_one(connection, CreditLine, sa.select(*_LINE).where(credit_lines.c.case_id == case_id))


async def add_line(
    connection: AsyncConnection,
    seals: Seals,
    application: Application,
    *,
    organisation_id: UUID,
    monthly: int,
    instalments: int,
    ends_on: date,
) -> UUID:
    """Open a credit line with a new card number; returns its id."""
    card = new_card_number()
    row = await connection.execute(
        sa.insert(credit_lines)
        .values(
            case_id=application.case_id,
            person_id=application.person_id,
            organisation_id=organisation_id,
            programme=application.programme,
            monthly=monthly,
            instalments=instalments,
            ends_on=ends_on,
            card_index=seals.index.of("card", card),
            card_sealed=seals.cipher.seal_text(card, _CARD_PURPOSE),
        )
        .returning(credit_lines.c.id)
    )
    line_id: UUID = row.scalar_one()
    return line_id


async def close_line(connection: AsyncConnection, line_id: UUID) -> None:
    """End a line; what was bought on it is still paid off."""
    await connection.execute(
        sa.update(credit_lines).where(credit_lines.c.id == line_id).values(closed_at=sa.func.now())
    )


async def lines_of(connection: AsyncConnection, person_id: UUID) -> list[CreditLine]:
    """The person's lines, newest first; at most 50."""
    query = sa.select(*_LINE).where(credit_lines.c.person_id == person_id).order_by(credit_lines.c.id.desc()).limit(50)
    return await read_all(connection, CreditLine, query)


def whole_card_number(seals: Seals, line: CreditLine) -> str:
    """The card number, for its owner who gave a code for it."""
    return seals.cipher.open_text(line.card_sealed, _CARD_PURPOSE)


def card_number(seals: Seals, line: CreditLine) -> str:
    """The card number for its owner: its last four digits only."""
    return whole_card_number(seals, line)[-4:].rjust(_CARD_LENGTH, "*")


def new_card_number() -> str:
    """A random number with a Luhn check digit."""
    body = _CARD_PREFIX + "".join(str(secrets.randbelow(10)) for _ in range(_CARD_LENGTH - len(_CARD_PREFIX) - 1))
    return body + luhn(body)
