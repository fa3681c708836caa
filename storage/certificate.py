"""Deduction certificates: what an employer certified, and whether it still stands (A2, A12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import tehran_today
from storage.rows.certificate import Certificate, certificates
from storage.rows.onboarding import Application, credit_lines
from storage.rows.people import persons
from storage.rows.table import as_row, columns, find_one


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate as its issuer looks at it: for whom it was given, and whether it holds today."""

    certificate: Certificate
    person_name: str
    is_valid: bool


_COLUMNS = columns(certificates, Certificate)
_NEWEST = (
    sa.select(*_COLUMNS)
    .where(certificates.c.case_id == sa.bindparam("this_case"))
    .order_by(certificates.c.id.desc())
    .limit(1)
)
_NAME = sa.func.btrim(sa.func.concat_ws(" ", persons.c.first_name, persons.c.last_name))


async def add_certificate(
    connection: AsyncConnection,
    application: Application,
    *,
    organisation_id: UUID,
    monthly: int,
    instalments: int,
    valid_until: date,
    issued_by: UUID,
) -> UUID:
    """Store an issued certificate; returns its id."""
    row = await connection.execute(
        sa.insert(certificates)
        .values(
            case_id=application.case_id,
            person_id=application.person_id,
            organisation_id=organisation_id,
            monthly=monthly,
            instalments=instalments,
            valid_until=valid_until,
            issued_by=issued_by,
        )
        .returning(certificates.c.id)
    )
    certificate_id: UUID = row.scalar_one()
    return certificate_id


async def read_certificate(connection: AsyncConnection, certificate_id: UUID) -> Certificate | None:
    """The certificate, or None."""
    query = sa.select(*_COLUMNS).where(certificates.c.id == certificate_id)
    return await find_one(connection, Certificate, query)


async def newest_certificate(connection: AsyncConnection, case_id: UUID) -> Certificate | None:
    """The case's newest certificate, or None."""
    return await find_one(connection, Certificate, _NEWEST, {"this_case": case_id})


async def read_issued(connection: AsyncConnection, certificate_id: UUID) -> IssuedCertificate | None:
    """The certificate with whom it is about, or None."""
    found = await _issued(connection, sa.select(*_COLUMNS).where(certificates.c.id == certificate_id))
    return found[0] if found else None


async def list_issued(
    connection: AsyncConnection, organisation_id: UUID, *, before: UUID | None, limit: int
) -> list[IssuedCertificate]:
    """What an organisation has certified, newest first, revoked ones too."""
    query = sa.select(*_COLUMNS).where(certificates.c.organisation_id == organisation_id)
    if before is not None:
        query = query.where(certificates.c.id < before)
    return await _issued(connection, query.order_by(certificates.c.id.desc()).limit(limit))


async def _issued(connection: AsyncConnection, query: sa.Select[Any]) -> list[IssuedCertificate]:
    """The certificates that a query finds, each with its person: first the page, then the names for it."""
    page = query.subquery()
    named = sa.select(*page.c, _NAME).join(persons, persons.c.id == page.c.person_id).order_by(page.c.id.desc())
    today = await tehran_today(connection)
    issued = []
    for *row, name in await connection.execute(named):
        found = as_row(Certificate, row)
        issued.append(IssuedCertificate(found, name, found.is_valid(today)))
    return issued


async def revoke_certificate(connection: AsyncConnection, certificate: Certificate, *, by: UUID, reason: str) -> None:
    """Revoke a certificate and stop new purchases on the line that stands on it, if there is one (A12)."""
    await connection.execute(
        sa.update(certificates)
        .where(certificates.c.id == certificate.id)
        .values(revoked_by=by, revoked_at=sa.func.now(), revoke_reason=reason)
    )
    newest = await newest_certificate(connection, certificate.case_id)
    if newest is None or newest.id != certificate.id:
        return
    await connection.execute(
        sa.update(credit_lines)
        .where(credit_lines.c.case_id == certificate.case_id, credit_lines.c.purchases_stopped_at.is_(None))
        .values(purchases_stopped_at=sa.func.now())
    )
