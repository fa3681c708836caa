"""Deduction certificates: what an employer certified, and whether it still stands (A2, A12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.cases import lock_case
from storage.onboarding import Application
from storage.tables import certificates, credit_lines


@dataclass(frozen=True, slots=True)
class Certificate:
    """An employer's deduction certificate (A12). ``monthly`` is rial."""

    id: UUID
    case_id: UUID
    person_id: UUID
    organisation_id: UUID
    monthly: int
    instalments: int
    valid_until: date
    issued_at: datetime
    revoked_at: datetime | None
    revoke_reason: str | None

    def is_valid(self, today: date) -> bool:
        """Whether a credit may still stand on it (A12); ``today`` in Tehran."""
        return self.revoked_at is None and self.valid_until >= today


_COLUMNS = tuple(certificates.c[name] for name in Certificate.__slots__)


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
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Certificate(*row)


async def lock_certificate(connection: AsyncConnection, seen: Certificate) -> Certificate:
    """Lock the certificate's case, then read it again as it is now."""
    await lock_case(connection, seen.case_id)
    row = await connection.execute(sa.select(*_COLUMNS).where(certificates.c.id == seen.id))
    return Certificate(*row.one())


async def newest_certificate(connection: AsyncConnection, case_id: UUID) -> Certificate | None:
    """The case's newest certificate, or None."""
    row = (
        await connection.execute(
            sa.select(*_COLUMNS).where(certificates.c.case_id == case_id).order_by(certificates.c.id.desc()).limit(1)
        )
    ).one_or_none()
    return None if row is None else Certificate(*row)


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
