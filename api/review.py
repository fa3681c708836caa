"""What a case shows of its guarantors and review: to each their own part, to finance what it decides by (A4, A7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.sight import Sight, reaching_further
from api.values import AmountOut, DayOut, MomentOut, Words
from domain.access import ScopeKind
from domain.catalogue import words
from domain.employment import Employment
from domain.guarantor import RULE_VALUES, GuaranteeState, Rule, service_limit
from domain.identity import NationalId, mask_national_id
from domain.money import Money, Unit
from domain.onboarding import ceiling
from domain.review import ReviewFinding, may_forward
from messages.case import CaseKind
from storage import guarantor, onboarding, people
from storage.database import tehran_today
from storage.organisation import list_regions
from storage.programme import programme_of
from storage.review import Examination, GuarantorCheck, examine
from storage.rows.guarantor import Guarantee
from storage.sealing import Seals


class Coded(BaseModel):
    """A code with its words."""

    code: str = Field(examples=["amount_too_high"])
    words: Words

    @classmethod
    def of(cls, enum: type[StrEnum], code: str) -> Coded:
        """A value of an enum."""
        return cls(code=code, words=Words.of(words.term(enum, code)))


class RuleOut(BaseModel):
    """A rule about guarantors, and whether it is kept at this moment (A4)."""

    code: Rule
    words: Words
    holds: bool
    value: Words | None = Field(description="What it was judged by; pay only for those who judge by it")


class GuarantorFacts(BaseModel):
    """A guarantor's personnel data of this moment, for finance and auditors."""

    region_code: str
    hire_date: DayOut
    net_pay: AmountOut | None = Field(description="For those who judge by it")
    stands_for: int = Field(description="For how many other persons they stand")
    rules: list[RuleOut]

    @classmethod
    def of(cls, check: GuarantorCheck, known: Known) -> GuarantorFacts:
        """What an examination found."""
        there, sees_pay = check.employment, known.sees_pay
        values = _values(check, known.regions)
        return cls(
            region_code=there.region_code,
            hire_date=DayOut.of(there.hire_date),
            net_pay=AmountOut.of(there.net_pay) if sees_pay else None,
            stands_for=check.stands_for,
            rules=[
                RuleOut(
                    code=rule,
                    words=Words.of(words.term(Rule, rule)),
                    holds=holds,
                    value=Words.of(words.say(RULE_VALUES[rule], values))
                    if sees_pay or rule is not Rule.PAY_HIGH_ENOUGH
                    else None,
                )
                for rule, holds in check.rules.items()
            ],
        )


def _values(check: GuarantorCheck, regions: Mapping[str, str]) -> dict[str, object]:
    """What the rules about a guarantor were judged by, as the words about it name it."""
    there, applicant = check.employment, check.applicant
    is_elsewhere = there.state == "employed" and there.organisation_id != applicant.organisation_id
    return {
        "employment": Employment.EMPLOYED_ELSEWHERE if is_elsewhere else there.state,
        "region": regions.get(there.region_code, there.region_code),
        "applicant_region": regions.get(applicant.region_code, applicant.region_code),
        "hired": there.hire_date.isoformat(),
        "service_limit": service_limit(check.terms, there.hire_date).isoformat(),
        "pay": there.net_pay,
        "applicant_pay": applicant.net_pay,
        "count": check.stands_for,
        "most": check.terms.stands_for_max,
    }


class GuaranteeInCase(BaseModel):
    """Somebody who was named for a credit, as far as the caller may know of them."""

    id: UUID
    status: str = Field(examples=["asked"])
    words: Words
    national_id_masked: str | None = Field(
        description="For the applicant, finance that decides and auditors", examples=["049****899"]
    )
    name: str | None = Field(
        description="For the applicant once they accepted; for finance that decides and auditors",
        examples=["علی کریمی"],
    )
    monthly: AmountOut = Field(description="With `instalments`: what they were asked to stand for")
    instalments: int
    ceiling: AmountOut
    mandate_version: int | None = Field(description="Which mandate they accepted")
    replaces: UUID | None = Field(description="The guarantee whose place it took")
    named: MomentOut
    accepted: MomentOut | None
    ended: MomentOut | None
    facts: GuarantorFacts | None = Field(description="While it lasts, for finance that decides and auditors")

    @classmethod
    def of(cls, guarantee: Guarantee, known: Known) -> GuaranteeInCase:
        """A guarantee, with what the caller may know."""
        national_id = known.national_ids.get(guarantee.person_id)
        check = known.checks.get(guarantee.id)
        return cls(
            id=guarantee.id,
            status=guarantee.status,
            words=Words.of(words.term(GuaranteeState, guarantee.status)),
            national_id_masked=None if national_id is None else mask_national_id(national_id),
            name=known.names.get(guarantee.id),
            monthly=AmountOut.of(guarantee.monthly),
            instalments=guarantee.instalments,
            ceiling=ceiling_of(guarantee),
            mandate_version=guarantee.mandate_version,
            replaces=guarantee.replaces_id,
            named=MomentOut.of(guarantee.named_at),
            accepted=None if guarantee.accepted_at is None else MomentOut.of(guarantee.accepted_at),
            ended=None if guarantee.ended_at is None else MomentOut.of(guarantee.ended_at),
            facts=None if check is None else GuarantorFacts.of(check, known),
        )


class ReviewOut(BaseModel):
    """What whoever reviews decides by, as it is at this moment (A7)."""

    findings: list[Coded] = Field(description="What stands against an approval; empty if nothing does")
    may_forward: bool = Field(description="Whether the applicant works in another region now, to hand it to")
    monthly_limit: AmountOut = Field(description="The most that may be chosen per month")
    contract_in_force: bool
    net_pay_used: AmountOut
    net_pay_now: AmountOut
    region_used: str
    region_now: str
    region_now_name: str

    @classmethod
    def of(cls, examination: Examination, reviewing_region: str | None, regions: Mapping[str, str]) -> ReviewOut:
        """An examination."""
        used, now = examination.application, examination.employment
        return cls(
            findings=[Coded.of(ReviewFinding, finding) for finding in examination.findings(reviewing_region)],
            may_forward=may_forward(reviewing_region, now.region_code),
            monthly_limit=AmountOut.of(examination.limit.amount),
            contract_in_force=examination.contract_in_force,
            net_pay_used=AmountOut.of(used.net_pay),
            net_pay_now=AmountOut.of(now.net_pay),
            region_used=used.region_code,
            region_now=now.region_code,
            region_now_name=regions.get(now.region_code, now.region_code),
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller may know of guarantors: names by guarantee, national ids by person, findings by guarantee.

    ``regions``: names by code.
    """

    names: Mapping[UUID, str] = field(default_factory=dict)
    national_ids: Mapping[UUID, NationalId] = field(default_factory=dict)
    checks: Mapping[UUID, GuarantorCheck] = field(default_factory=dict)
    sees_pay: bool = False
    regions: Mapping[str, str] = field(default_factory=dict)


def ceiling_of(guarantee: Guarantee) -> AmountOut:
    """The most that a guarantor stands for: monthly times count."""
    return AmountOut.of(ceiling(Money(guarantee.monthly, Unit.IRR), guarantee.instalments).amount)


async def read_review(
    connection: AsyncConnection, seals: Seals, sight: Sight
) -> tuple[list[GuaranteeInCase], ReviewOut | None]:
    """A case's guarantees, newest first, and what its review goes by; both only as far as the caller may see them.

    A member sees the guarantees of their own application, or the one that is theirs; row-level security hides the rest.
    """
    if sight.case.kind is not CaseKind.ONBOARDING or (sight.actor.capacity == "staff" and not sight.sees_guarantors):
        return [], None
    found = await guarantor.guarantees_for(connection, sight.case.id)
    examination = None
    if sight.sees_guarantors and sight.case.is_open:
        examination = await _examine(connection, sight)
    regions = {} if examination is None else await list_regions(connection)
    known = replace(await _know(connection, seals, sight, found, examination), regions=regions)
    review = None
    if examination is not None and sight.review is not None:
        in_region = sight.review.scope_kind == ScopeKind.REGION
        review = ReviewOut.of(examination, sight.review.scope if in_region else None, known.regions)
    return [GuaranteeInCase.of(guarantee, known) for guarantee in found], review


async def _examine(connection: AsyncConnection, sight: Sight) -> Examination | None:
    application = await onboarding.read_application(connection, sight.case.id)
    if application is None:
        return None
    programme = await programme_of(connection, sight.case.policy_id)
    return await examine(connection, application, programme, await tehran_today(connection))


async def _know(
    connection: AsyncConnection,
    seals: Seals,
    sight: Sight,
    found: list[Guarantee],
    examination: Examination | None,
) -> Known:
    if not found or not (sight.is_applicant or sight.sees_guarantors):
        return Known()
    persons = {guarantee.person_id for guarantee in found}
    async with reaching_further(connection, sight.actor):
        names = await people.names_of(connection, persons)
        national_ids = await people.national_ids_of(connection, seals, persons)
    # The applicant typed the national id; whose it is, they learn from whoever accepted.
    told = [one for one in found if one.accepted_at is not None or sight.sees_guarantors]
    return Known(
        names={guarantee.id: names[guarantee.person_id] for guarantee in told},
        national_ids=national_ids,
        checks={} if examination is None else {check.guarantee.id: check for check in examination.guarantors},
        sees_pay=sight.sees_pay,
    )
