"""Who wants to become a member, how they become one person with whom a file knows, and the terms they accept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.identity import Mobile, NationalId
from domain.joining import MembershipTerms
from storage.people import Number
from storage.personnel import move_number
from storage.policies import in_force
from storage.rows.account import one_time_codes, sessions, staff_credentials
from storage.rows.joining import Joining, joinings, terms_acceptances
from storage.rows.people import persons
from storage.rows.policies import policies
from storage.rows.table import columns, find_one
from storage.sealing import Seals

_NATIONAL_ID, _MOBILE = "person.national_id", "person.mobile"
_COLUMNS = columns(joinings, Joining)
_this_person = sa.bindparam("this_person", type_=sa.Uuid)
# Whoever has signed in, or is staff, has shown that their number is theirs; another one takes the way of G2.
_HAS_ENTERED = sa.or_(
    persons.c.mobile_confirmed_at.is_not(None),
    sa.exists().where(sessions.c.person_id == persons.c.id),
    sa.exists().where(staff_credentials.c.person_id == persons.c.id),
)
_TERMS_DUE = (
    sa.select(sa.func.max(policies.c.version))
    .where(policies.c.name == MembershipTerms.POLICY, policies.c.approved_at.is_not(None))
    .having(
        sa.func.max(policies.c.version)
        > sa.select(sa.func.coalesce(sa.func.max(terms_acceptances.c.version), 0))
        .where(terms_acceptances.c.person_id == _this_person)
        .scalar_subquery()
    )
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody who wants to join has typed, as it was read."""

    national_id: NationalId = field(repr=False)
    mobile: Mobile = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    terms_version: int
    invitation_hash: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """Who has joined; ``replaced`` is the number of theirs that lists have and that is not theirs any more."""

    person_id: UUID
    is_new: bool
    replaced: Number | None = None


async def add_joining(connection: AsyncConnection, seals: Seals, code_id: UUID, wish: Wish, number: Number) -> None:
    """Keep what was typed until the code comes back or is over."""
    await connection.execute(
        sa.insert(joinings).values(
            code_id=code_id,
            national_id_index=seals.index.of("national_id", wish.national_id),
            national_id_sealed=seals.cipher.seal_text(wish.national_id, _NATIONAL_ID),
            mobile_index=number.index,
            mobile_sealed=number.sealed,
            first_name=wish.first_name,
            last_name=wish.last_name,
            terms_version=wish.terms_version,
            invitation_hash=wish.invitation_hash,
        )
    )


async def read_unanswered(connection: AsyncConnection, seals: Seals, code_id: UUID) -> tuple[str, str] | None:
    """National id and number that the registry has not answered for; None if it has, or the code is over."""
    query = (
        sa.select(joinings.c.national_id_sealed, joinings.c.mobile_sealed)
        .join(one_time_codes, one_time_codes.c.id == joinings.c.code_id)
        .where(joinings.c.code_id == code_id, joinings.c.is_matched.is_(None))
        .where(one_time_codes.c.used_at.is_(None), one_time_codes.c.expires_at > sa.func.now())
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    cipher = seals.cipher
    return cipher.open_text(row.national_id_sealed, _NATIONAL_ID), cipher.open_text(row.mobile_sealed, _MOBILE)


async def record_match(connection: AsyncConnection, code_id: UUID, *, is_matched: bool) -> bool:
    """Keep what the registry said; whether the code may be sent: not to whom another number is proved to be theirs."""
    await connection.execute(sa.update(joinings).where(joinings.c.code_id == code_id).values(is_matched=is_matched))
    other = sa.exists().where(
        persons.c.national_id_index == joinings.c.national_id_index,
        persons.c.mobile_index.is_distinct_from(joinings.c.mobile_index),
        _HAS_ENTERED,
    )
    query = sa.select(sa.not_(other)).where(joinings.c.code_id == code_id, joinings.c.is_matched)
    return bool(await connection.scalar(query))


async def take_joining(connection: AsyncConnection, code_id: UUID) -> Joining | None:
    """What was typed, which is kept no longer; None if the registry has not said yes."""
    query = sa.delete(joinings).where(joinings.c.code_id == code_id, joinings.c.is_matched).returning(*_COLUMNS)
    return await find_one(connection, Joining, query)


async def become_member(connection: AsyncConnection, joining: Joining) -> Joined | None:
    """The person of this national id, made if there is none; None if another number is proved to be theirs.

    A known person keeps their name. Their number is replaced only if they never came in with it.
    """
    values = {
        "national_id_index": joining.national_id_index,
        "national_id_sealed": joining.national_id_sealed,
        "mobile_index": joining.mobile_index,
        "mobile_sealed": joining.mobile_sealed,
        "first_name": joining.first_name,
        "last_name": joining.last_name,
    }
    adding = insert(persons).values(values).on_conflict_do_nothing(index_elements=[persons.c.national_id_index])
    added: UUID | None = await connection.scalar(adding.returning(persons.c.id))
    if added is not None:
        return Joined(added, is_new=True)
    # Locked first and read then: what was committed meanwhile is seen.
    this_one = persons.c.national_id_index == joining.national_id_index
    await connection.execute(sa.select(persons.c.id).where(this_one).with_for_update())
    query = sa.select(persons.c.id, persons.c.mobile_index, persons.c.mobile_sealed, _HAS_ENTERED.label("has_entered"))
    known = (await connection.execute(query.where(this_one))).one()
    if known.mobile_index == joining.mobile_index:
        return Joined(known.id, is_new=False)
    if known.has_entered:
        return None
    # It is proved by the code that has come back, so nothing has to pause.
    number = Number(joining.mobile_index, joining.mobile_sealed)
    await move_number(connection, known.id, number, pause=timedelta())
    replaced = None if known.mobile_index is None else Number(known.mobile_index, known.mobile_sealed)
    return Joined(known.id, is_new=False, replaced=replaced)


async def terms_in_force(connection: AsyncConnection) -> MembershipTerms:
    """The terms that a person who joins accepts.

    Raises:
        LookupError: there are none, though version 1 ships.
    """
    policy = await in_force(connection, MembershipTerms.POLICY)
    if policy is None:
        raise LookupError("there are no terms")
    return MembershipTerms.from_policy(policy.version, policy.value)


async def terms_due(connection: AsyncConnection, person_id: UUID) -> int | None:
    """The version in force, if the person has not accepted it yet."""
    version: int | None = await connection.scalar(_TERMS_DUE, {"this_person": person_id})
    return version


async def accept_terms(connection: AsyncConnection, person_id: UUID, version: int) -> None:
    """Keep that the person accepted a version; the first time counts."""
    values = {"person_id": person_id, "version": version}
    await connection.execute(insert(terms_acceptances).values(values).on_conflict_do_nothing())
