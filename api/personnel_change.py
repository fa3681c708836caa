"""What a personnel file proposes about a person: seen by those who judge it, confirmed or rejected (A13)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.answering import Decision, TaskDecisions
from api.case_view import CaseView, Section
from api.dispute import ListedMobileOut, listed_mobiles
from api.values import Out, Reason
from commands import personnel as commands
from commands.command import Command
from commands.refusals import refuses
from domain.identity import Mobile, Sheba, mask_mobile, mask_sheba
from messages.case import CaseKind
from messages.personnel import Change, ExitReason, TaskKind
from storage import personnel
from storage.personnel.values import read_values
from storage.rows.tasks import Task


class ConfirmChange(Decision):
    """The change that a personnel file proposed is right."""

    # A newer file may have put another value in its place.
    of_version = True
    kind: Literal["confirm_change"]
    decision: Literal["confirm"]

    @refuses(commands.confirm_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm it."""
        await commands.confirm_change(command, task)


class RejectChange(Decision):
    """The change that a personnel file proposed is wrong."""

    kind: Literal["confirm_change"]
    decision: Literal["reject"]
    reason: str = Field(min_length=3, max_length=500, examples=["شماره از آنِ این شخص نیست"])

    @refuses(commands.reject_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Reject it."""
        await commands.reject_change(command, task, self.reason)


DECISIONS = (TaskDecisions(TaskKind.CONFIRM_CHANGE, (ConfirmChange, RejectChange)),)


class ChangeOut(Out):
    """What a personnel file proposes (A13), as far as it must be recognised to be judged."""

    what: Change
    present_masked: str | None = Field(description="What stands now; null for an exit", examples=["0912***4567"])
    proposed_masked: str | None = Field(description="Null for an exit", examples=["0935***0001"])
    exit_reason: Reason | None = Field(description="Of an exit: how they left, as the file says it")
    lists: list[ListedMobileOut] = Field(description="Of a mobile: what the list of each employer says")


class ChangeSection(Out):
    """Of a case about a change."""

    change: ChangeOut | None = Field(
        default=None,
        description="For staff who have a task in the case, operators and auditors, where a file proposes a change",
    )


async def _read(view: CaseView) -> ChangeSection:
    change = await personnel.read_change(view.connection, view.visibility.case.id) if view.visibility.judges else None
    if change is None:
        return ChangeSection()
    values = await read_values(view.connection, view.seals, change)
    lists: list[ListedMobileOut] = []
    if change.what is Change.MOBILE and change.value_index is not None:
        lists = await listed_mobiles(view.connection, change.person_id, change.value_index)
    return ChangeSection(
        change=ChangeOut(
            what=change.what,
            present_masked=_masked(change.what, values.present),
            proposed_masked=_masked(change.what, values.proposed),
            exit_reason=None if change.exit_reason is None else Reason.of(ExitReason, change.exit_reason),
            lists=lists,
        )
    )


def _masked(what: Change, value: str | None) -> str | None:
    if value is None:
        return None
    return mask_mobile(Mobile(value)) if what is Change.MOBILE else mask_sheba(Sheba(value))


SECTION = Section(CaseKind.PERSONNEL_CHANGE, ChangeSection, _read, members=frozenset(), tells_where=False)
