"""A case in full: what it is about, and what the caller may see of it and do."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.review import Coded, GuaranteeInCase, ReviewOut, read_review
from api.sight import Sight, look, reaching_further
from api.terms import CorrectionTerms, correction_terms
from api.values import AmountOut, DayOut, MomentOut, Words
from domain.access import Actor, Part
from domain.catalogue import words
from domain.guarantor import free_places
from domain.identity import Mobile, NationalId, Sheba, mask_mobile, mask_national_id, mask_sheba
from domain.money import Money, Unit
from domain.onboarding import ceiling, may_withdraw
from domain.programme import Programme
from domain.review import ReturnReason
from domain.wording import Sentence
from messages.case import CaseKind
from messages.onboarding import FactKind, TaskKind
from messages.personnel import Change
from messages.substitution import FactKind as SubstitutionFact
from storage import case_lists, guarantor, onboarding, people, personnel
from storage.cases import last_fact
from storage.certificate import newest_certificate
from storage.organisation import list_regions, read_organisation
from storage.personnel.values import read_values
from storage.programme import programme_of
from storage.rows.cases import Case
from storage.rows.tasks import Task
from storage.sealing import Seals
from storage.tasks import open_tasks

# Kinds of cases that go by a programme.
_BY_PROGRAMME = (CaseKind.ONBOARDING, CaseKind.SUBSTITUTION)
# What a process ends with as soon as it knows.
_ENDINGS = (FactKind.APPLICATION_WITHDRAWN, SubstitutionFact.SUBSTITUTION_WITHDRAWN)


class Action(BaseModel):
    """Something that the caller may do now."""

    action: str = Field(examples=["withdraw_application"])
    method: str = Field(examples=["POST"])
    href: str = Field(examples=["/v1/onboarding/applications/…/withdrawal"])


class CaseOut(BaseModel):
    """A case as its people see it."""

    id: UUID
    kind: str = Field(examples=["onboarding"])
    kind_words: Words
    variant: str = Field(description="For onboarding and substitution the programme", examples=["minipay"])
    phase: str = Field(examples=["awaiting_certificate"])
    phase_words: Words
    next_actor: str | None = Field(description="Who acts next; null when the case is over", examples=["hr_officer"])
    next_actor_words: Words | None
    due: MomentOut | None = Field(description="Until when")
    outcome: str | None = Field(examples=["active"])
    organisation_id: UUID | None
    region_code: str | None
    opened: MomentOut
    changed: MomentOut
    closed: MomentOut | None
    version: int

    @classmethod
    def of(cls, case: Case) -> CaseOut:
        """A case."""
        actor = case.next_actor
        return cls(
            id=case.id,
            kind=case.kind,
            kind_words=Words.of(words.kind(case.kind)),
            variant=case.variant,
            phase=case.phase,
            phase_words=Words.of(words.phase(case.kind, case.phase)),
            next_actor=actor,
            next_actor_words=None if actor is None else Words.of(words.who(actor)),
            due=None if case.due_at is None else MomentOut.of(case.due_at),
            outcome=case.outcome,
            organisation_id=case.organisation_id,
            region_code=case.region_code,
            opened=MomentOut.of(case.opened_at),
            changed=MomentOut.of(case.changed_at),
            closed=None if case.closed_at is None else MomentOut.of(case.closed_at),
            version=case.version,
        )


class ApplicationOut(BaseModel):
    """What was asked for, and which personnel values were used (A3)."""

    monthly: AmountOut
    instalments: int
    ceiling: AmountOut
    net_pay_used: AmountOut | None = Field(description="For the applicant and those who judge by it")
    region_used: str
    region_used_name: str | None = Field(examples=["منطقه ۱ تهران"])
    hire_date_used: DayOut | None
    mandate_version: int
    approved_monthly: AmountOut | None
    approved_instalments: int | None
    approved: MomentOut | None = Field(description="When finance approved; null again if that no longer counts (A7)")
    activates: MomentOut | None = Field(description="From when the credit is usable (A8)")
    returned: MomentOut | None = Field(description="Since when it waits for the applicant's correction")
    return_reasons: list[Coded] = Field(description="Why it was returned the last time (A7)")
    certificate_id: UUID | None
    guarantors: int = Field(description="How many its programme asks for (A4)", examples=[1])
    free_places: int = Field(
        description="How many guarantors may be named without taking anybody's place; none once the case is over",
        examples=[0],
    )

    @classmethod
    async def of(cls, connection: AsyncConnection, sight: Sight) -> ApplicationOut | None:
        """The application of a case, if it is one that the caller may read."""
        asked = await onboarding.read_application(connection, sight.case.id)
        if asked is None:
            return None
        certificate = await newest_certificate(connection, sight.case.id)
        returned = await last_fact(connection, sight.case.id, FactKind.APPLICATION_RETURNED)
        programme = await programme_of(connection, sight.case.policy_id)
        return cls(
            monthly=AmountOut.of(asked.monthly),
            instalments=asked.instalments,
            ceiling=AmountOut.of(ceiling(Money(asked.monthly, Unit.IRR), asked.instalments).amount),
            net_pay_used=AmountOut.of(asked.net_pay) if sight.sees_pay else None,
            region_used=asked.region_code,
            region_used_name=(await list_regions(connection)).get(asked.region_code),
            hire_date_used=DayOut.of(asked.hire_date) if sight.sees_pay else None,
            mandate_version=asked.mandate_version,
            approved_monthly=None if asked.approved_monthly is None else AmountOut.of(asked.approved_monthly),
            approved_instalments=asked.approved_instalments,
            approved=_moment(asked.approved_at),
            activates=_moment(asked.activates_at),
            returned=_moment(asked.returned_at),
            return_reasons=[]
            if returned is None
            else [Coded.of(ReturnReason, code) for code in returned.payload["reasons"]],
            certificate_id=None if certificate is None else certificate.id,
            guarantors=programme.guarantors,
            free_places=await _free_places(connection, sight.case, programme),
        )


async def _free_places(connection: AsyncConnection, case: Case, programme: Programme) -> int:
    if not case.is_open or not programme.guarantors:
        return 0
    return free_places(programme.guarantors, len(await guarantor.guarantees_in(connection, case.id)))


def _moment(moment: datetime | None) -> MomentOut | None:
    return None if moment is None else MomentOut.of(moment)


class ChangeOut(BaseModel):
    """What a personnel file proposes (A13), as far as it must be recognised to be judged."""

    what: Change
    present_masked: str | None = Field(description="What stands now; null for an exit", examples=["0912***4567"])
    proposed_masked: str | None = Field(description="Null for an exit", examples=["0935***0001"])

    @classmethod
    async def of(cls, connection: AsyncConnection, seals: Seals, case_id: UUID) -> ChangeOut | None:
        """The change of a case, if it is one."""
        change = await personnel.read_change(connection, case_id)
        if change is None:
            return None
        values = await read_values(connection, seals, change)
        return cls(
            what=change.what,
            present_masked=_masked(change.what, values.present),
            proposed_masked=_masked(change.what, values.proposed),
        )


def _masked(what: Change, value: str | None) -> str | None:
    if value is None:
        return None
    return mask_mobile(Mobile(value)) if what is Change.MOBILE else mask_sheba(Sheba(value))


class TitledCase(CaseOut):
    """A case with what its programme is called, whom it is about, and whether it is the caller's own."""

    programme_title: Words | None = Field(description="For onboarding and substitution, as the case began with it")
    person_name: str | None = Field(
        description="Whom it is about; in a guarantor's list of cases null", examples=["مریم رضایی"]
    )
    is_own: bool = Field(description="Whether it is about the caller, who visits as a member; false for guarantors")

    @classmethod
    async def titled(cls, connection: AsyncConnection, cases: Sequence[Case], actor: Actor) -> list[TitledCase]:
        """Cases with their titles, in somebody's eyes."""
        programmes = await _programmes(connection, cases)
        # Members read no names but their own here: the second wall sees to it.
        names = await people.names_of(connection, {case.person_id for case in cases if case.person_id is not None})
        return [
            cls(
                **CaseOut.of(case).model_dump(),
                programme_title=_title(programmes.get(case.policy_id)),
                person_name=None if case.person_id is None else names.get(case.person_id),
                is_own=actor.capacity == "member" and actor.person_id == case.person_id,
            )
            for case in cases
        ]


async def _programmes(connection: AsyncConnection, cases: Sequence[Case]) -> dict[UUID, Programme]:
    """The programmes of cases that go by one, by the policy that says what they ask for."""
    wanted = {case.policy_id for case in cases if case.kind in _BY_PROGRAMME}
    return {policy_id: await programme_of(connection, policy_id) for policy_id in wanted}


def _title(programme: Programme | None) -> Words | None:
    return None if programme is None else Words.of(Sentence(programme.title_fa, programme.title_en))


class CaseDetail(TitledCase):
    """A case with what it is about and what the caller may do."""

    is_moving: bool = Field(
        description="Whether nobody is waited for: what was done is recorded, and the process has still to go on"
    )
    national_id_masked: str | None = Field(
        description="For staff who have a task in the case, operators and auditors", examples=["049****899"]
    )
    organisation_name: str | None = Field(examples=["آموزش و پرورش"])
    region_name: str | None = Field(examples=["منطقه ۱ تهران"])
    application: ApplicationOut | None = Field(description="For the applicant and staff")
    correction: CorrectionTerms | None = Field(
        description="For the applicant while a correction is asked for: what it may be corrected to"
    )
    change: ChangeOut | None = Field(description="For the same people, where a personnel file proposes a change")
    guarantees: list[GuaranteeInCase] = Field(
        description="Whoever was named, newest first: to the applicant, finance that decides and auditors all of them,"
        " to a guarantor their own (A5)"
    )
    review: ReviewOut | None = Field(description="For whoever has the open review (A7)")
    ahead: list[Words] = Field(description="The steps still to come after the present one (A9); none once it is over")
    allowed_actions: list[Action]


async def case_detail(connection: AsyncConnection, seals: Seals, actor: Actor, case_id: UUID) -> CaseDetail | None:
    """A case in full, if the caller may see it."""
    case = await case_lists.see_case(connection, actor, case_id)
    if case is None:
        return None
    sight = await look(connection, actor, case)
    is_application = case.kind is CaseKind.ONBOARDING
    asks_change = sight.judges and case.kind is CaseKind.PERSONNEL_CHANGE
    guarantees, review = await read_review(connection, seals, sight)
    programme = (await _programmes(connection, [case])).get(case.policy_id)
    is_returned = sight.is_applicant and any(task.kind == TaskKind.CORRECT_APPLICATION for task in sight.tasks)
    return CaseDetail(
        **CaseOut.of(case).model_dump(),
        programme_title=_title(programme),
        is_own=sight.is_applicant,
        person_name=await _name(connection, sight),
        is_moving=await _is_moving(connection, sight),
        national_id_masked=await _national_id(connection, seals, case.person_id) if sight.judges else None,
        organisation_name=await _organisation_name(connection, case.organisation_id),
        region_name=(await list_regions(connection)).get(case.region_code or ""),
        application=await ApplicationOut.of(connection, sight) if is_application else None,
        correction=await correction_terms(connection, case) if is_returned else None,
        change=await ChangeOut.of(connection, seals, case.id) if asks_change else None,
        guarantees=guarantees,
        review=review,
        ahead=[Words.of(step) for step in words.ahead(case.kind, case.phase, programme)],
        allowed_actions=await _allowed_actions(connection, sight, guarantees),
    )


async def _is_moving(connection: AsyncConnection, sight: Sight) -> bool:
    """Whether a case has nobody any more who is asked and nothing that it lets pass, or a fact that ends it."""
    case = sight.case
    if not case.is_open or case.kind is CaseKind.PERSONNEL_IMPORT:
        return False
    if await last_fact(connection, case.id, *_ENDINGS) is not None:
        return True
    is_time_to_pass = case.next_actor == Part.MACHINE and case.due_at is not None
    return not is_time_to_pass and not await open_tasks(connection, case.id)


async def _name(connection: AsyncConnection, sight: Sight) -> str | None:
    """Whose case it is; a guarantor is told for whom they stand (A5)."""
    person_id = sight.case.person_id
    if person_id is None:
        return None
    own = contextlib.nullcontext()
    async with own if sight.is_applicant else reaching_further(connection, sight.actor):
        return (await people.names_of(connection, [person_id])).get(person_id)


async def _organisation_name(connection: AsyncConnection, organisation_id: UUID | None) -> str | None:
    found = None if organisation_id is None else await read_organisation(connection, organisation_id)
    return None if found is None else found.name


async def _national_id(connection: AsyncConnection, seals: Seals, person_id: UUID | None) -> str | None:
    if person_id is None:
        return None
    national_id, _ = await people.read_contacts(connection, seals, person_id)
    return mask_national_id(NationalId(national_id))


async def _allowed_actions(
    connection: AsyncConnection, sight: Sight, guarantees: Sequence[GuaranteeInCase]
) -> list[Action]:
    case, actions = sight.case, list[Action]()
    if sight.is_applicant and case.kind is CaseKind.ONBOARDING:
        withdrawn = await onboarding.is_ending(connection, case.id)
        if may_withdraw(is_open=case.is_open, withdrawn=withdrawn):
            actions.append(_on_application("withdraw_application", case, "withdrawal"))
            # Until then another guarantor may be named too: a missing one, or in the place of somebody.
            if guarantees:
                actions.append(_on_application("name_guarantor", case, "guarantors"))
    if sight.is_applicant and case.kind is CaseKind.SUBSTITUTION and case.is_open:
        withdrawn = await last_fact(connection, case.id, SubstitutionFact.SUBSTITUTION_WITHDRAWN) is not None
        if may_withdraw(is_open=case.is_open, withdrawn=withdrawn):
            href = f"/v1/guarantor-substitutions/{case.id}/withdrawal"
            actions.append(Action(action="withdraw_substitution", method="POST", href=href))
    actions += [_on_task(task, case) for task in sight.tasks if task.claimed_by in {None, sight.actor.person_id}]
    return list({action.action: action for action in actions}.values())


def _on_application(action: str, case: Case, deed: str) -> Action:
    return Action(action=action, method="POST", href=f"/v1/onboarding/applications/{case.id}/{deed}")


def _on_task(task: Task, case: Case) -> Action:
    """How a task is answered; an applicant's own by what it asks for."""
    match task.kind:
        case TaskKind.NAME_GUARANTOR:
            return _on_application(task.kind, case, "guarantors")
        case TaskKind.CORRECT_APPLICATION:
            return _on_application(task.kind, case, "correction")
    return Action(action=f"decide_{task.kind}", method="POST", href=f"/v1/tasks/{task.id}/decision")
