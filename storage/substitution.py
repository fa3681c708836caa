"""Substitutions: who is to take which guarantor's place behind a usable credit, and whether they may (A4).

A substitution is its case and one guarantee in it: the new guarantor's, which names the one that it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.guarantor import as_faults
from domain.programme import GuarantorTerms
from domain.review import ReviewFinding
from messages.case import CaseKind, CaseSignal
from messages.substitution import Event
from storage.guarantor import read_guarantee
from storage.onboarding import read_application, read_line
from storage.organisation import contract_in_force, read_employment
from storage.outbox import enqueue
from storage.review import GuarantorCheck, check_guarantor
from storage.rows.cases import cases
from storage.rows.guarantor import Guarantee, guarantees
from storage.rows.onboarding import Application, CreditLine, credit_lines
from storage.rows.organisation import Employment


@dataclass(frozen=True, slots=True)
class Substitution:
    """``current`` stands for the credit until ``proposed`` has accepted and finance has approved."""

    case_id: UUID
    line: CreditLine
    application: Application
    current: Guarantee
    proposed: Guarantee


@dataclass(frozen=True, slots=True)
class SubstitutionExamination:
    """What an approval stands on, at this moment."""

    owner: Employment
    contract_in_force: bool
    both_stand: bool
    proposed: GuarantorCheck

    def findings(self, reviewing_region: str | None = None) -> list[ReviewFinding]:
        """What speaks against the substitution; ``reviewing_region``: whose finance decided, if that is looked at."""
        found = {
            ReviewFinding.CONTRACT_NOT_IN_FORCE: not self.contract_in_force,
            ReviewFinding.NOT_EMPLOYED: self.owner.state != "employed",
            ReviewFinding.MOBILE_DISPUTED: self.owner.is_disputed,
            ReviewFinding.APPLICANT_MOVED: reviewing_region not in {None, self.owner.region_code},
            ReviewFinding.GUARANTOR_MISSING: not self.both_stand,
            ReviewFinding.GUARANTOR_NOT_ELIGIBLE: bool(as_faults(self.proposed.rules)),
        }
        return [finding for finding, holds in found.items() if holds]


async def read_substitution(
    connection: AsyncConnection, case_id: UUID, *, for_update: bool = False
) -> Substitution | None:
    """The substitution of a case, or None if it is missing or hidden.

    Args:
        connection: a transaction; one that locked the case where the answer is acted on.
        case_id: whose.
        for_update: nobody closes the line until the transaction ends.
    """
    query = (
        sa.select(guarantees.c.id, guarantees.c.replaces_id, credit_lines.c.id)
        .join(credit_lines, credit_lines.c.case_id == guarantees.c.credit_case_id)
        .where(guarantees.c.case_id == case_id, guarantees.c.case_id != guarantees.c.credit_case_id)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    line = await read_line(connection, row[2], for_update=for_update)
    proposed, current = await read_guarantee(connection, row[0]), await read_guarantee(connection, row[1])
    if line is None or proposed is None or current is None:
        return None
    application = await read_application(connection, line.case_id)
    return None if application is None else Substitution(case_id, line, application, current, proposed)


async def open_substitution(connection: AsyncConnection, credit_case_id: UUID) -> UUID | None:
    """The case in which a guarantor of a credit is being replaced; at most one, if the line was held."""
    case_id: UUID | None = await connection.scalar(
        sa.select(cases.c.id)
        .join(guarantees, guarantees.c.case_id == cases.c.id)
        .where(
            guarantees.c.credit_case_id == credit_case_id,
            guarantees.c.case_id != credit_case_id,
            cases.c.closed_at.is_(None),
        )
        .limit(1)
    )
    return case_id


async def guarantors_of(connection: AsyncConnection, credit_case_id: UUID) -> Sequence[UUID]:
    """Who is asked, or stands, for a credit; at most 20."""
    query = sa.select(guarantees.c.person_id).where(
        guarantees.c.credit_case_id == credit_case_id, guarantees.c.ended_at.is_(None)
    )
    return (await connection.scalars(query.limit(20))).all()


async def examine(
    connection: AsyncConnection, asked: Substitution, terms: GuarantorTerms, today: date
) -> SubstitutionExamination:
    """Look at everything that an approval stands on.

    Args:
        connection: a transaction that called ``lock_slots`` for the new guarantor where the answer is acted on.
        asked: the substitution.
        terms: of the programme as the case froze it.
        today: in Tehran.
    """
    owner = await read_employment(connection, asked.application.employment_id)
    return SubstitutionExamination(
        owner=owner,
        contract_in_force=await contract_in_force(connection, owner.organisation_id, today),
        both_stand=asked.current.status == asked.proposed.status == "accepted",
        proposed=await check_guarantor(connection, asked.proposed, terms, owner, today),
    )


async def supersede(connection: AsyncConnection, credit_case_id: UUID) -> None:
    """The credit's line was closed: tell the substitution that is under way, if there is one."""
    case_id = await open_substitution(connection, credit_case_id)
    if case_id is not None:
        await enqueue(connection, CaseSignal(CaseKind.SUBSTITUTION, case_id, Event.SUBSTITUTION_OVERTAKEN))
