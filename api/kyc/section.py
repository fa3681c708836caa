"""Answers of an identity review, and what its case shows (F4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.answering import Decision, TaskDecisions
from api.case_view import Action, CaseView, Section
from api.kyc.member import IdentityForm
from api.kyc.review import FaultOut, SubmittedForm, form_out, last_return
from api.values import Out, Reason
from commands import kyc as commands
from commands.command import Command
from commands.kyc import ENDED
from commands.refusals import refuses
from domain.access import Part
from domain.kyc import FaultReason, LevelName
from messages.case import CaseKind
from messages.kyc import FactKind, TaskKind
from storage import kyc
from storage.rows.tasks import Task

_Note = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]


class AcceptIdentity(Decision):
    """Form and documents show who the person is."""

    kind: Literal["review_identity"]
    decision: Literal["accept"]
    number: int = Field(ge=1, description="Of the form that was looked at", examples=[1])

    @refuses(commands.accept_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Accept it."""
        await commands.accept_identity(command, task, self.number)


class ReturnIdentity(Decision):
    """Parts of the form are to be mended."""

    kind: Literal["review_identity"]
    decision: Literal["return"]
    number: int = Field(ge=1, examples=[1])
    faults: dict[str, FaultReason] = Field(
        min_length=1,
        max_length=20,
        description="By field of the form or kind of document, why",
        examples=[{"national_card_front": "unreadable"}],
    )
    note: _Note = Field(default="", examples=["نور چراغ روی کارت افتاده است"])

    @refuses(commands.return_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Return it."""
        await commands.return_identity(command, task, self.number, self.faults, self.note)


class RefuseIdentity(Decision):
    """The person is not who they say, or may not have an identity here."""

    kind: Literal["review_identity"]
    decision: Literal["refuse"]
    number: int = Field(ge=1, examples=[1])
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["عکس روی کارت از آنِ شخص دیگری است"]
    )

    @refuses(commands.refuse_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse it."""
        await commands.refuse_identity(command, task, self.number, self.reason)


class CorrectIdentity(Decision, IdentityForm):
    """The form once more: what was returned is mended, all else as it was."""

    kind: Literal["correct_identity"]
    decision: Literal["correct"]

    @refuses(commands.correct_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Send it."""
        await commands.correct_identity(command, task, self.typed())


DECISIONS = (
    TaskDecisions(TaskKind.REVIEW_IDENTITY, (AcceptIdentity, ReturnIdentity, RefuseIdentity)),
    TaskDecisions(TaskKind.CORRECT_IDENTITY, (CorrectIdentity,)),
)


class KycOut(Out):
    """An identity review, for its own person: what they sent, and what is to be mended."""

    level: Reason
    form: SubmittedForm
    returned: list[FaultOut]
    note: str | None = Field(description="What the officer said of it", examples=["نور چراغ روی کارت افتاده است"])


class KycSection(Out):
    """Of an identity review."""

    kyc: KycOut | None = Field(default=None, description="For the person whose identity it is")


async def _read(view: CaseView) -> KycSection:
    case_id = view.visibility.case.id
    if not view.visibility.is_applicant:
        return KycSection()
    row = await kyc.last_submission(view.connection, case_id)
    # What was mended is to be mended no more; what lapsed, its person may still read.
    returned, note = await last_return(view.reading, case_id, FactKind.KYC_CORRECTED, *ENDED)
    level, form = Reason.of(LevelName, row.level), await form_out(view.reading, row)
    return KycSection(kyc=KycOut(level=level, form=form, returned=returned, note=note))


async def _allowed(view: CaseView, _: KycSection) -> list[Action]:
    case = view.visibility.case
    if not view.visibility.is_applicant or not case.is_open:
        return []
    if not await commands.is_undecided(view.connection, case.id):
        return []
    return [Action(action="withdraw_identity", method="POST", href=f"/v1/identity/submissions/{case.id}/withdrawal")]


SECTION = Section(
    CaseKind.KYC,
    KycSection,
    _read,
    _allowed,
    members=frozenset({Part.SUBJECT}),
    endings=(FactKind.KYC_WITHDRAWN,),
)
