"""What finance looks at before it decides: every condition of an application as it is at this moment (A7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from domain import guarantor as rules
from domain.guarantor import Rule
from domain.money import Money, Unit
from domain.programme import Backing, GuarantorTerms, Programme
from domain.review import ReviewFinding, may_forward
from storage import guarantor, onboarding
from storage.certificate import newest_certificate
from storage.guarantor import as_worker
from storage.organisation import contract_in_force, read_employment
from storage.rows.guarantor import Guarantee
from storage.rows.onboarding import Application
from storage.rows.organisation import Employment


@dataclass(frozen=True, slots=True)
class GuarantorCheck:
    """A guarantor with where they work now, for how many others they stand, and which rules they keep.

    ``applicant`` and ``terms`` are what the rules measure them against.
    """

    guarantee: Guarantee
    applicant: Employment
    terms: GuarantorTerms
    employment: Employment
    stands_for: int
    rules: Mapping[Rule, bool]


@dataclass(frozen=True, slots=True)
class ApplicationExamination:
    """An application's conditions at this moment; ``limit`` is the most that may be chosen per month.

    ``waiting`` is how long after an approval the credit becomes usable.
    """

    application: Application
    employment: Employment
    contract_in_force: bool
    limit: Money
    guarantors: tuple[GuarantorCheck, ...]
    guarantors_asked_for: int
    certificate_valid: bool | None
    waiting: timedelta

    def findings(self, reviewing_region: str | None) -> list[ReviewFinding]:
        """What speaks against an approval; ``reviewing_region``: None for the whole platform."""
        application, standing = self.application, [one for one in self.guarantors if self._stands(one.guarantee)]
        found = {
            ReviewFinding.CONTRACT_NOT_IN_FORCE: not self.contract_in_force,
            ReviewFinding.NOT_EMPLOYED: self.employment.state != "employed",
            ReviewFinding.MOBILE_DISPUTED: self.employment.is_disputed,
            ReviewFinding.APPLICANT_MOVED: may_forward(reviewing_region, self.employment.region_code),
            ReviewFinding.AMOUNT_ABOVE_SHARE: Money(application.monthly, Unit.IRR) > self.limit,
            ReviewFinding.GUARANTOR_MISSING: len(standing) < self.guarantors_asked_for,
            ReviewFinding.GUARANTOR_NOT_ELIGIBLE: any(rules.as_faults(one.rules) for one in standing),
            ReviewFinding.CERTIFICATE_NOT_VALID: self.certificate_valid is False,
        }
        return [finding for finding, holds in found.items() if holds]

    def _stands(self, guarantee: Guarantee) -> bool:
        grown = rules.has_grown(
            monthly=self.application.monthly,
            instalments=self.application.instalments,
            accepted_monthly=guarantee.monthly,
            accepted_instalments=guarantee.instalments,
        )
        return guarantee.status == "accepted" and not grown


async def examine(
    connection: AsyncConnection, application: Application, programme: Programme, today: date
) -> ApplicationExamination:
    """Look at everything that an approval stands on.

    Args:
        connection: a transaction that called ``lock_quota`` where the answer is acted on.
        application: what is asked for.
        programme: as the case froze it.
        today: in Tehran.
    """
    employment = await read_employment(connection, application.employment_id)
    certificate_valid = None
    if programme.backing is Backing.CERTIFICATE:
        certificate = await newest_certificate(connection, application.case_id)
        certificate_valid = certificate is not None and certificate.is_valid(today)
    return ApplicationExamination(
        application=application,
        employment=employment,
        contract_in_force=await contract_in_force(connection, employment.organisation_id, today),
        limit=await onboarding.limit_now(connection, programme, employment, today, apart_from_case=application.case_id),
        guarantors=await _check_guarantors(connection, application, programme, employment, today),
        guarantors_asked_for=programme.guarantors,
        certificate_valid=certificate_valid,
        waiting=programme.waiting,
    )


async def _check_guarantors(
    connection: AsyncConnection, application: Application, programme: Programme, applicant: Employment, today: date
) -> tuple[GuarantorCheck, ...]:
    if programme.guarantor is None:
        return ()
    return tuple(
        [
            await check_guarantor(connection, guarantee, programme.guarantor, applicant, today)
            for guarantee in await guarantor.guarantees_in(connection, application.case_id)
        ]
    )


async def check_guarantor(
    connection: AsyncConnection, guarantee: Guarantee, terms: GuarantorTerms, applicant: Employment, today: date
) -> GuarantorCheck:
    """Which rules a guarantor keeps at this moment (A4); ``today`` in Tehran."""
    there = await read_employment(connection, guarantee.employment_id)
    others = await guarantor.count_guaranteed(connection, guarantee.person_id, apart_from=guarantee.applicant_id)
    kept = rules.judge(
        terms, applicant=as_worker(applicant), guarantor=as_worker(there), stands_for=others, today=today
    )
    return GuarantorCheck(guarantee, applicant, terms, there, others, kept)
