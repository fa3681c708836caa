"""A case in full: what it is about, and what the caller may see of it and do."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api import (
    clearing,
    dispute,
    escrow,
    kyc,
    mobile_change,
    normal_payment,
    onboarding,
    payment,
    payout,
    personnel,
    personnel_change,
    review,
    staff_change,
    substitution,
)
from api.case_view import Action, CaseRow, CaseView, Section
from api.decisions import action_of
from api.dependencies import Reading
from api.values import Moment, Words
from api.visibility import Visibility, visibility_of
from domain.access import Actor, Part
from domain.catalogue import words
from domain.identity import NationalId, mask_national_id
from domain.programme import Programme
from domain.wording import Sentence
from messages.case import CaseKind
from storage import case_lists, people
from storage.cases import last_fact
from storage.database import with_service_rights
from storage.organisation import list_regions, read_organisation
from storage.programme import programme_of
from storage.rows.cases import Case
from storage.sealing import Seals

# What capabilities add to the view of their cases; their fields are ``CaseDetail``'s too.
SECTIONS: Final[tuple[Section[Any], ...]] = (
    onboarding.SECTION,
    review.SECTION,
    dispute.SECTION,
    substitution.SECTION,
    personnel.SECTION,
    personnel_change.SECTION,
    mobile_change.SECTION,
    staff_change.SECTION,
    kyc.SECTION,
    normal_payment.SECTION,
    escrow.SECTION,
    payment.SECTION,
    clearing.SECTION,
    payout.SECTION,
)
_SECTIONS_OF: Final = defaultdict[CaseKind, list[Section[Any]]](list)
for _section in SECTIONS:
    _SECTIONS_OF[_section.kind].append(_section)


def _as_shown(case: Case, actor: Actor) -> Case:
    """The case, to members without its place where that is not for them."""
    if actor.capacity == "staff" or all(section.tells_where for section in _SECTIONS_OF[case.kind]):
        return case
    return replace(case, organisation_id=None, region_code=None)


class CaseOut(CaseRow):
    """A case as its people see it."""

    kind_words: Words
    variant: str = Field(
        description="For onboarding and substitution the programme; `refund` of a payment that gives back",
        examples=["minipay"],
    )
    phase_words: Words
    next_actor_words: Words | None
    outcome: str | None = Field(examples=["active"])
    organisation_id: UUID | None
    region_code: str | None
    opened: Moment = Field(validation_alias="opened_at")
    changed: Moment = Field(validation_alias="changed_at")
    closed: Moment | None = Field(validation_alias="closed_at")

    @classmethod
    def of(cls, case: Case) -> CaseOut:
        """A case."""
        actor = case.next_actor
        return CaseOut.of_row(
            case,
            kind_words=Words.of(words.kind(case.kind, case.variant)),
            phase_words=Words.of(words.phase(case.kind, case.phase)),
            next_actor_words=None if actor is None else Words.of(words.who(actor)),
        )


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
        # Row-level security lets a member read no name but their own here.
        names = await people.names_of(connection, {case.person_id for case in cases if case.person_id is not None})
        return [
            cls(
                **dict(CaseOut.of(_as_shown(case, actor))),
                programme_title=_title(programmes.get(case.policy_id)),
                person_name=None if case.person_id is None else names.get(case.person_id),
                is_own=actor.capacity == "member" and actor.person_id == case.person_id,
            )
            for case in cases
        ]


async def _programmes(connection: AsyncConnection, cases: Sequence[Case]) -> dict[UUID, Programme]:
    """The programmes of cases that go by one, by the policy that says what they ask for."""
    wanted = {case.policy_id for case in cases if any(section.by_programme for section in _SECTIONS_OF[case.kind])}
    return {policy_id: await programme_of(connection, policy_id) for policy_id in wanted}


def _title(programme: Programme | None) -> Words | None:
    return None if programme is None else Words.of(Sentence(programme.title_fa, programme.title_en))


class CaseDetail(
    TitledCase,
    onboarding.ApplicationSection,
    review.ReviewSection,
    dispute.DisputeSection,
    personnel_change.ChangeSection,
    mobile_change.MobileChangeSection,
    kyc.KycSection,
    staff_change.StaffChangeSection,
    normal_payment.NormalPaymentSection,
    escrow.EscrowSection,
    payment.PaymentSection,
    clearing.ClearingSection,
    payout.PayoutSection,
):
    """A case with what it is about and what the caller may do."""

    is_moving: bool = Field(
        description="Whether nobody is waited for: what was done is recorded, and the process has still to go on"
    )
    national_id_masked: str | None = Field(
        description="For staff who have a task in the case, operators and auditors", examples=["049****899"]
    )
    organisation_name: str | None = Field(examples=["آموزش و پرورش"])
    region_name: str | None = Field(examples=["منطقه ۱ تهران"])
    ahead: list[Words] = Field(description="The steps still to come after the present one (A9); none once it is over")
    allowed_actions: list[Action]


async def case_detail(read: Reading, case_id: UUID) -> CaseDetail | None:
    """A case in full, if the caller may see it."""
    connection, actor = read.connection, read.actor
    case = await read.once(case_lists.see_case, actor, case_id)
    if case is None:
        return None
    visibility = await visibility_of(connection, actor, case)
    view = CaseView(read, visibility)
    fields, actions = await _read_sections(view)
    programme = (await _programmes(connection, [case])).get(case.policy_id)
    shown = _as_shown(case, actor)
    return CaseDetail(
        **dict(CaseOut.of(shown)),
        **fields,
        programme_title=_title(programme),
        is_own=visibility.is_applicant,
        person_name=await _name(connection, visibility),
        is_moving=await _is_moving(connection, visibility),
        national_id_masked=await _national_id(connection, read.seals, case.person_id) if visibility.judges else None,
        organisation_name=await _organisation_name(connection, shown.organisation_id),
        region_name=(await read.once(list_regions)).get(shown.region_code or ""),
        ahead=[Words.of(step) for step in words.ahead(case.kind, case.phase, programme)],
        allowed_actions=actions,
    )


async def _read_sections(view: CaseView) -> tuple[dict[str, Any], list[Action]]:
    """What capabilities show of the case, and what the caller may do: a capability's own acts, and tasks."""
    fields, actions = dict[str, Any](), list[Action]()
    for section in _SECTIONS_OF[view.visibility.case.kind]:
        if section.is_for(view.visibility):
            read = section.model() if section.read is None else await section.read(view)
            fields |= dict(read)
            actions += await section.allowed(view, read)
    me = view.visibility.actor.person_id
    actions += [action_of(task) for task in view.visibility.tasks if task.claimed_by in {None, me}]
    return fields, list({action.action: action for action in actions}.values())


async def _is_moving(connection: AsyncConnection, visibility: Visibility) -> bool:
    """Whether a case has nobody any more who is asked and nothing that it lets pass, or a fact that ends it."""
    case, sections = visibility.case, _SECTIONS_OF[visibility.case.kind]
    if not case.is_open or not all(section.is_asked for section in sections):
        return False
    endings = [ending for section in sections for ending in section.endings]
    if endings and await last_fact(connection, case.id, *endings) is not None:
        return True
    is_time_to_pass = case.next_actor == Part.MACHINE and case.due_at is not None
    return not is_time_to_pass and not visibility.is_asked


async def _name(connection: AsyncConnection, visibility: Visibility) -> str | None:
    """Whose case it is; a guarantor is told for whom they stand (A5)."""
    person_id = visibility.case.person_id
    if person_id is None:
        return None
    own = contextlib.nullcontext()
    async with own if visibility.is_applicant else with_service_rights(connection, visibility.actor):
        return (await people.names_of(connection, [person_id])).get(person_id)


async def _organisation_name(connection: AsyncConnection, organisation_id: UUID | None) -> str | None:
    found = None if organisation_id is None else await read_organisation(connection, organisation_id)
    return None if found is None else found.name


async def _national_id(connection: AsyncConnection, seals: Seals, person_id: UUID | None) -> str | None:
    if person_id is None:
        return None
    national_id, _ = await people.read_contacts(connection, seals, person_id)
    return mask_national_id(NationalId(national_id))
