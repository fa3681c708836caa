"""Persons and their roles. National id, mobile and sheba are sealed and found by blind index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Grant
from domain.identity import NationalId
from storage.rows.account import role_grants, staff_credentials
from storage.rows.cases import case_people
from storage.rows.people import Person, persons
from storage.rows.table import columns, find_one, read_all
from storage.sealing import Seals


@dataclass(frozen=True, slots=True)
class Number:
    """A mobile as it is stored: its blind index, and sealed."""

    index: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


_COLUMNS = columns(persons, Person, has_mobile=persons.c.mobile_index.is_not(None))
_this_person, _this_case = sa.bindparam("this_person", type_=sa.Uuid), sa.bindparam("this_case", type_=sa.Uuid)
_these = persons.c.id.in_(sa.bindparam("these", type_=sa.Uuid, expanding=True))
_READ = sa.select(*_COLUMNS).where(persons.c.id == _this_person)
_CONTACTS = sa.select(persons.c.national_id_sealed, persons.c.mobile_sealed).where(persons.c.id == _this_person)
_NAMES = sa.select(persons.c.id, persons.c.first_name, persons.c.last_name).where(_these).limit(100)
_NATIONAL_IDS = sa.select(persons.c.id, persons.c.national_id_sealed).where(_these).limit(100)
_PAUSE = sa.select(persons.c.money_paused_until - sa.func.now()).where(
    persons.c.id == _this_person, persons.c.money_paused_until > sa.func.now()
)
_HOLDERS = (
    sa.select(role_grants.c.person_id)
    .where(
        role_grants.c.role == sa.bindparam("in_role"),
        role_grants.c.scope_kind == sa.bindparam("in_kind"),
        role_grants.c.scope == sa.bindparam("in_scope"),
        role_grants.c.revoked_at.is_(None),
        role_grants.c.person_id != sa.func.all(sa.bindparam("apart_from", type_=ARRAY(sa.Uuid))),
        sa.not_(
            sa.exists().where(
                staff_credentials.c.person_id == role_grants.c.person_id,
                staff_credentials.c.disabled_at.is_not(None),
            )
        ),
    )
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_TAKES_PART = sa.select(sa.exists().where(case_people.c.case_id == _this_case, case_people.c.person_id == _this_person))
_PARTS = sa.select(case_people.c.part).where(
    case_people.c.case_id == _this_case, case_people.c.person_id == _this_person
)
_PEOPLE = sa.select(case_people.c.person_id).where(case_people.c.case_id == _this_case).distinct().limit(50)


async def find_person(
    connection: AsyncConnection, seals: Seals, national_id: str, mobile: str | None = None
) -> Person | None:
    """The person with this normalised national id and, if given, exactly this mobile (A1)."""
    condition = persons.c.national_id_index == seals.index.of("national_id", national_id)
    if mobile is not None:
        condition &= persons.c.mobile_index == seals.index.of("mobile", mobile)
    return await find_one(connection, Person, sa.select(*_COLUMNS).where(condition))


async def read_person(connection: AsyncConnection, person_id: UUID) -> Person | None:
    """The person, or None."""
    return await find_one(connection, Person, _READ, {"this_person": person_id})


def seal_number(seals: Seals, mobile: str) -> Number:
    """A mobile as it is stored."""
    return Number(seals.index.of("mobile", mobile), seals.cipher.seal_text(mobile, "person.mobile"))


async def find_holder(connection: AsyncConnection, mobile_index: bytes, *, apart_from: UUID) -> UUID | None:
    """Who has shown, last of all, that a number is theirs; a number that only a list has is nobody's.

    Args:
        connection: in a transaction that sees everybody.
        mobile_index: of the number.
        apart_from: who asks for them, and has nothing to do with themselves.
    """
    query = (
        sa.select(persons.c.id)
        .where(
            persons.c.mobile_index == mobile_index,
            persons.c.mobile_confirmed_at.is_not(None),
            persons.c.id != apart_from,
        )
        .order_by(persons.c.mobile_confirmed_at.desc())
        .limit(1)
    )
    person_id: UUID | None = await connection.scalar(query)
    return person_id


async def read_contacts(connection: AsyncConnection, seals: Seals, person_id: UUID) -> tuple[str, str | None]:
    """National id and mobile in clear; for the person themselves and for senders only."""
    row = (await connection.execute(_CONTACTS, {"this_person": person_id})).one()
    mobile = None if row.mobile_sealed is None else seals.cipher.open_text(row.mobile_sealed, "person.mobile")
    return seals.cipher.open_text(row.national_id_sealed, "person.national_id"), mobile


async def names_of(connection: AsyncConnection, people: Collection[UUID]) -> dict[UUID, str]:
    """Names of a few people, in a transaction that may see them."""
    rows = await connection.execute(_NAMES, {"these": list(people)})
    return {row.id: f"{row.first_name} {row.last_name}".strip() for row in rows}


async def national_ids_of(
    connection: AsyncConnection, seals: Seals, people: Collection[UUID]
) -> dict[UUID, NationalId]:
    """National ids of a few people, in a transaction that may see them; for those who show them masked."""
    rows = await connection.execute(_NATIONAL_IDS, {"these": list(people)})
    return {row.id: NationalId(seals.cipher.open_text(row.national_id_sealed, "person.national_id")) for row in rows}


async def add_person(
    connection: AsyncConnection, seals: Seals, *, national_id: str, mobile: str | None, first_name: str, last_name: str
) -> UUID:
    """The person with this national id, added if missing; a known one is left as it is."""
    values = {
        "national_id_index": seals.index.of("national_id", national_id),
        "national_id_sealed": seals.cipher.seal_text(national_id, "person.national_id"),
        "first_name": first_name,
        "last_name": last_name,
    }
    if mobile is not None:
        values["mobile_index"] = seals.index.of("mobile", mobile)
        values["mobile_sealed"] = seals.cipher.seal_text(mobile, "person.mobile")
    await connection.execute(insert(persons).values(values).on_conflict_do_nothing())
    found = await find_person(connection, seals, national_id)
    if found is None:
        msg = "a person that was just added is not visible"
        raise LookupError(msg)
    return found.id


async def money_pause(connection: AsyncConnection, person_id: UUID) -> timedelta:
    """How long a person's money actions still pause because their mobile was changed (G2); zero if they do not."""
    left: timedelta | None = await connection.scalar(_PAUSE, {"this_person": person_id})
    return left or timedelta()


async def grants_of(connection: AsyncConnection, person_id: UUID) -> tuple[Grant, ...]:
    """The roles in force now."""
    query = sa.select(*columns(role_grants, Grant)).where(
        role_grants.c.person_id == person_id, role_grants.c.revoked_at.is_(None)
    )
    held = await read_all(connection, Grant, query)
    return tuple(sorted(held))


async def holders_of(
    connection: AsyncConnection, grant: Grant, *, limit: int = 50, apart_from: Collection[UUID] = ()
) -> list[UUID]:
    """People who hold a role in a scope and are not shut out, at most ``limit``."""
    held = {"in_role": grant.role, "in_kind": grant.scope_kind, "in_scope": grant.scope}
    rows = await connection.scalars(_HOLDERS, held | {"apart_from": list(apart_from), "most": limit})
    return list(rows)


async def takes_part(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> bool:
    """Whether a person is applicant, guarantor or counterparty in a case."""
    return bool(await connection.scalar(_TAKES_PART, {"this_case": case_id, "this_person": person_id}))


async def parts_in(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> frozenset[str]:
    """The parts that a person takes or took in a case, as applicant or guarantor."""
    return frozenset(await connection.scalars(_PARTS, {"this_case": case_id, "this_person": person_id}))


async def part_of(connection: AsyncConnection, case_id: UUID, people: Collection[UUID]) -> str:
    """The part that somebody takes in a case now, as applicant or guarantor; empty if none."""
    query = sa.select(case_people.c.part).where(
        case_people.c.case_id == case_id, case_people.c.person_id.in_(people), case_people.c.until.is_(None)
    )
    return await connection.scalar(query.order_by(case_people.c.part).limit(1)) or ""


async def people_in(connection: AsyncConnection, case_id: UUID) -> list[UUID]:
    """All who take or took part in a case; at most 50."""
    return list(await connection.scalars(_PEOPLE, {"this_case": case_id}))
