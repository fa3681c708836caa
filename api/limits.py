"""What somebody may choose per month, and which personnel values that stands on (A2, A3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from pydantic import Field

from api.dependencies import Reading
from api.values import Amount, Day, Out, Words
from domain.mandate import MANDATES
from domain.money import Money
from domain.onboarding import monthly_limit
from domain.programme import Programme
from storage import onboarding
from storage.database import tehran_today
from storage.organisation import (
    contract_in_force,
    covered,
    employments_of,
    list_regions,
    organisations_of,
    read_employment,
)
from storage.programme import programme_of
from storage.rows.cases import Case
from storage.rows.organisation import Employment


class EmployerLimit(Out):
    """The most per month on one employment, and the values it is judged by, which that employer's HR corrects (A3)."""

    organisation_id: UUID
    organisation_name: str
    net_pay: Amount
    region_code: str = Field(examples=["2201"])
    region_name: str = Field(examples=["ناحیهٔ ۱ اصفهان"])
    hire_date: Day
    contract_in_force: bool
    monthly_limit: Amount

    @classmethod
    def of(cls, employment: Employment, limit: Money, *, organisation: str, region: str, in_force: bool) -> Self:
        """The limit on an employment, with the names that belong to it."""
        return cls.of_row(
            employment,
            organisation_name=organisation,
            region_name=region,
            contract_in_force=in_force,
            monthly_limit=limit.amount,
        )


class CorrectionTerms(Out):
    """What a returned application may be corrected to, by the values of today (A7)."""

    limit: EmployerLimit
    instalments_max: int
    mandate_version: int
    mandate: Words


async def disputed_employers(read: Reading) -> set[UUID]:
    """The employers that list another mobile for the member than they sign in with (A1)."""
    jobs = await read.once(employments_of, read.actor.person_id)
    return {job.organisation_id for job in jobs if job.is_disputed and job.state != "left"}


async def employer_limits(read: Reading, programmes: Sequence[Programme]) -> dict[str, list[EmployerLimit]]:
    """By programme, what the member may have at each employer; six statements, however many there are of both."""
    connection, person_id = read.connection, read.actor.person_id
    today = await tehran_today(connection)
    employed = [found for found in await read.once(employments_of, person_id) if found.counts]
    employers = {employment.organisation_id for employment in employed}
    organisations = await organisations_of(connection, employers)
    in_force = await covered(connection, employers, today)
    regions = await list_regions(connection)
    taken = await onboarding.taken_for_each(connection, person_id, today, [one.code for one in programmes])
    return {
        programme.code: [
            EmployerLimit.of(
                employment,
                monthly_limit(programme, net_pay=employment.pay, taken=taken[programme.code], cap=organisation.cap),
                organisation=organisation.name,
                region=regions[employment.region_code],
                in_force=organisation.id in in_force,
            )
            for employment in employed
            for organisation in [organisations[employment.organisation_id]]
            if programme.organisation in {"", organisation.code}
        ]
        for programme in programmes
    }


async def correction_terms(read: Reading, case: Case) -> CorrectionTerms | None:
    """What the applicant may correct a returned application to; the programme is the one that the case froze.

    None while their mobile is disputed: pay is for whom the employer means.
    """
    connection, asked = read.connection, await read.once(onboarding.read_application, case.id)
    if asked is None:
        return None
    programme = await programme_of(connection, case.policy_id)
    employment = await read_employment(connection, asked.employment_id)
    if employment.is_disputed:
        return None
    organisation = (await organisations_of(connection, [employment.organisation_id]))[employment.organisation_id]
    today = await tehran_today(connection)
    limit = await onboarding.limit_now(connection, programme, employment, today, apart_from_case=case.id)
    return CorrectionTerms(
        limit=EmployerLimit.of(
            employment,
            limit,
            organisation=organisation.name,
            region=(await read.once(list_regions))[employment.region_code],
            in_force=await contract_in_force(connection, organisation.id, today),
        ),
        instalments_max=programme.instalments_max,
        mandate_version=programme.mandate_version,
        mandate=Words.of(MANDATES[programme.mandate_version]),
    )
