"""Another mobile: the welfare office forwards it or support opens it, support confirms, returns or rejects it (G2)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.answering import Decision, TaskDecisions
from api.case_view import CaseRow, CaseView, Section, case_row
from api.dependencies import CommandDep, require
from api.dispute import ListedMobileOut, listed_mobiles
from api.operation import Operation
from api.values import Input, Out
from commands import mobile_change as commands
from commands.command import Command
from commands.refusals import refuses
from domain.access import Role
from domain.identity import mask_mobile
from messages.case import CaseKind
from messages.mobile_change import FactKind, TaskKind
from storage import mobile_change
from storage.cases import last_fact
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1", tags=["personnel"], route_class=Operation)

ReasonText = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]
_Number = Annotated[str, Field(max_length=40, examples=["09123456789"])]


class MobileChangeIn(Input):
    """Whose mobile is to change, to which number, and why the office that asks for it is sure."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    mobile: _Number
    reason: ReasonText = Field(examples=["حضوری به رفاه سازمان آمد و کارت ملی نشان داد"])


@router.post("/mobile-changes", status_code=201, dependencies=[Depends(require(Role.WELFARE_MANAGER))])
@refuses(commands.forward_mobile_change)
async def forward_mobile_change(command: CommandDep, wish: MobileChangeIn) -> CaseRow:
    """Forward an employee's wish for another mobile to support (G2). Needs a fresh code (step-up).

    Also the present number, where the employer's list has another one: once support has confirmed it, the list has it.
    """
    case_id = await commands.forward_mobile_change(command, wish.national_id, wish.mobile, wish.reason)
    return await case_row(command, case_id)


@router.post("/lost-mobiles", status_code=201, dependencies=[Depends(require(Role.SUPPORT_AGENT))])
@refuses(commands.open_mobile_change)
async def open_mobile_change(command: CommandDep, wish: MobileChangeIn) -> CaseRow:
    """Open a change for a member without an employer who has lost their number (G2). Needs a fresh code (step-up).

    The reason says how the person showed who they are. Another support agent confirms it, once the registry has said
    that the new number is this person's. 20 an hour and agent, whatever comes of them; each is noted.
    """
    case_id = await commands.open_mobile_change(command, wish.national_id, wish.mobile, wish.reason)
    return await case_row(command, case_id)


class ConfirmMobile(Decision):
    """Support has made sure that the new number is the person's."""

    kind: Literal["confirm_mobile_change"]
    decision: Literal["confirm"]

    @refuses(commands.confirm_mobile_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm it."""
        await commands.confirm_mobile_change(command, task)


class ReturnMobile(Decision):
    """The welfare office is to correct the number, as the note says."""

    kind: Literal["confirm_mobile_change"]
    decision: Literal["return"]
    note: ReasonText = Field(examples=["یک رقم شماره جا افتاده است"])

    @refuses(commands.return_mobile_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Return it."""
        await commands.return_mobile_change(command, task, self.note)


class RejectMobile(Decision):
    """The new number is not the person's, or they do not want it."""

    kind: Literal["confirm_mobile_change"]
    decision: Literal["reject"]
    reason: ReasonText = Field(examples=["صاحب شماره کس دیگری است"])

    @refuses(commands.reject_mobile_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Reject it."""
        await commands.reject_mobile_change(command, task, self.reason)


class CorrectMobile(Decision):
    """The welfare office sends the right number."""

    kind: Literal["correct_mobile_change"]
    decision: Literal["correct"]
    mobile: _Number

    @refuses(commands.correct_mobile_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Send it."""
        await commands.correct_mobile_change(command, task, self.mobile)


DECISIONS = (
    TaskDecisions(TaskKind.CONFIRM_MOBILE_CHANGE, (ConfirmMobile, ReturnMobile, RejectMobile)),
    TaskDecisions(TaskKind.CORRECT_MOBILE_CHANGE, (CorrectMobile,)),
)


class MobileChangeOut(Out):
    """A change of mobile, as far as it must be recognised to be judged."""

    present_masked: str | None = Field(description="What stands now", examples=["0912***4567"])
    proposed_masked: str = Field(examples=["0935***0001"])
    lists: list[ListedMobileOut] = Field(description="What the list of each employer says")
    reason: str
    is_of_lost: bool = Field(description="Whether support opened it for a member without an employer")
    is_matched: bool | None = Field(
        description="Then, what the registry says of whether the new number is theirs; null before it has answered"
    )
    note: str | None = Field(description="What support returned it for, the last time")


class MobileChangeSection(Out):
    """Of a case about a change of mobile."""

    mobile_change: MobileChangeOut | None = Field(
        default=None, description="For staff who have a task in the case, operators and auditors"
    )


async def _read(view: CaseView) -> MobileChangeSection:
    case_id = view.visibility.case.id
    change = await mobile_change.read_mobile_change(view.connection, case_id) if view.visibility.judges else None
    if change is None:
        return MobileChangeSection()
    present, proposed = await mobile_change.read_numbers(view.connection, view.seals, change)
    returned = await last_fact(view.connection, case_id, FactKind.RETURNED)
    return MobileChangeSection(
        mobile_change=MobileChangeOut(
            present_masked=None if present is None else mask_mobile(present),
            proposed_masked=mask_mobile(proposed),
            lists=await listed_mobiles(view.connection, change.person_id, change.mobile_index),
            reason=change.reason,
            is_of_lost=change.is_of_lost,
            is_matched=change.is_matched,
            note=None if returned is None else returned.payload["note"],
        )
    )


SECTION = Section(CaseKind.MOBILE_CHANGE, MobileChangeSection, _read, members=frozenset(), tells_where=False)
