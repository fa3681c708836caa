"""The people of a story and their steps through the API: an application is played with these."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from api.answering import CodeRequest, Decision
from api.case import EventOut, read_case, read_timeline
from api.case_detail import CaseDetail
from api.case_view import CaseRow
from api.certificate import IssueCertificate
from api.guarantor import (
    AcceptGuarantee,
    GuaranteeCodeRequest,
    GuaranteeOut,
    GuaranteeSubject,
    GuarantorIn,
    RefuseGuarantee,
    name_guarantor,
    read_guarantee,
)
from api.inbox import TaskOut
from api.mandate import MandateAcceptance
from api.onboarding import (
    ApplicationCorrectionIn,
    ApplicationIn,
    ApplicationOut,
    CreditLineOut,
    MandateCodeRequest,
    MandateSubject,
    NamedGuarantor,
    apply_for_credit,
    correct_application,
    list_credit_lines,
)
from api.operation import Confirmation
from api.personnel import ImportOut, import_personnel, read_personnel_import
from api.review import ApproveApplication, ReturnApplication
from api.task import decide_task, list_tasks
from api.values import MAX_PAGE, AmountIn
from demo.authenticator import Authenticator
from demo.remote import RemoteClient
from domain.review import ReturnReason
from stack.places import CliError

T = TypeVar("T")
# How somebody asks for a fresh code and reads it.
ReadCode = Callable[[RemoteClient, CodeRequest], Awaitable[tuple[UUID, str]]]

REFUSE_GUARANTEE = RefuseGuarantee(kind="answer_guarantee", decision="refuse")
APPROVE = ApproveApplication(kind="review_application", decision="approve")
RETURN = ReturnApplication(kind="review_application", decision="return", reasons=[ReturnReason.AMOUNT_TOO_HIGH])

_PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.1


async def wait_for(look: Callable[[], Awaitable[T | None]], what: str, *, seconds: float = _PATIENCE_SECONDS) -> T:
    """Look again and again until something is there.

    Raises:
        CliError: it did not come in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = await look()
        if found:
            return found
        await asyncio.sleep(_POLL_SECONDS)
    raise CliError(f"waited in vain for {what}; var/log/ has the logs")


def terms(programme: str, monthly: int, instalments: int, version: int = 1) -> MandateSubject:
    """What is applied for: so much a month, so often, under a version of the mandate."""
    return MandateSubject(
        programme=programme,
        monthly_amount=AmountIn(amount=monthly),
        instalments=instalments,
        mandate_version=version,
    )


def certificate(monthly: int, instalments: int, valid_until: date | None = None) -> IssueCertificate:
    """HR certifies the deduction, for a year unless said otherwise."""
    return IssueCertificate(
        kind="issue_certificate",
        decision="issue",
        monthly_amount=AmountIn(amount=monthly),
        instalments=instalments,
        valid_until=valid_until or datetime.now(UTC).date() + timedelta(days=365),
    )


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Somebody with a session."""

    client: RemoteClient

    async def task(self, case_id: UUID, kind: str) -> TaskOut:
        """Wait for a case's task in the inbox."""

        async def look() -> TaskOut | None:
            tasks = await self.client.call(list_tasks, after=None, kind=kind, limit=MAX_PAGE)
            return next((task for task in tasks.items if task.case_id == case_id), None)

        return await wait_for(look, f"the task {kind}")

    async def decide(self, case_id: UUID, decision: Decision) -> CaseRow:
        """Wait for the task that a decision is for, and answer it."""
        task = await self.task(case_id, decision.kind)
        return await self.answer(task.id, decision, version=task.version)

    async def answer(self, task_id: UUID, decision: Decision, *, version: int | None = None) -> CaseRow:
        """Answer a task as it was seen."""
        totp = await self.code() if Confirmation.CODE in decision.confirmed_by() else None
        return await self.client.call(decide_task, task_id, decision, version=version, totp=totp)

    async def code(self) -> str | None:
        """The next code of their authenticator app, if they have one."""
        return None

    async def case(self, case_id: UUID) -> CaseDetail:
        """A case as they see it."""
        return await self.client.call(read_case, case_id)

    async def case_in(self, case_id: UUID, phase: str) -> CaseDetail:
        """Wait until a case stands in a phase."""

        async def look() -> CaseDetail | None:
            case = await self.case(case_id)
            return case if case.phase == phase else None

        return await wait_for(look, f"the phase {phase}")

    async def asked_for(self, case_id: UUID) -> ApplicationOut:
        """The application of a case.

        Raises:
            LookupError: there is none, or they may not see it.
        """
        found = (await self.case(case_id)).application
        if found is None:
            raise LookupError(case_id)
        return found

    async def timeline(self, case_id: UUID) -> list[EventOut]:
        """What happened in a case."""
        return (await self.client.call(read_timeline, case_id, 0)).items


@dataclass(frozen=True, slots=True)
class Officer(SignedInUser):
    """Somebody of staff."""

    authenticator: Authenticator

    async def code(self) -> str | None:
        """The next code of their authenticator app."""
        return await self.authenticator.code()

    async def import_file(self, organisation_id: UUID, content: bytes, name: str) -> ImportOut:
        """Send a personnel file, and wait until it is imported or refused."""
        content_parts, totp = at_once(content), await self.code()
        sent = await self.client.call(
            import_personnel, organisation_id, str(uuid4()), content_parts, totp, file_name=name
        )

        async def finished() -> ImportOut | None:
            now = await self.client.call(read_personnel_import, sent.id)
            return now if now.phase in {"imported", "refused"} else None

        return await wait_for(finished, "the import")


async def at_once(content: bytes) -> AsyncIterator[bytes]:
    """A file in one part."""
    yield content


@dataclass(frozen=True, slots=True)
class Member(SignedInUser):
    """An applicant, or a colleague who may stand for one."""

    read_code: ReadCode

    async def mandate(self, wanted: MandateSubject) -> MandateAcceptance:
        """Accept the deduction mandate for some terms with a fresh code."""
        return await self._accept(MandateCodeRequest(purpose="accept_mandate", subject=wanted), wanted.mandate_version)

    async def _accept(self, wish: CodeRequest, version: int) -> MandateAcceptance:
        code_id, code = await self.read_code(self.client, wish)
        return MandateAcceptance(version=version, code_id=code_id, code=code)

    async def application(self, wanted: MandateSubject, *guarantors: str) -> ApplicationIn:
        """An application ready to be sent, naming guarantors by their national ids."""
        return ApplicationIn(
            programme=wanted.programme,
            monthly_amount=wanted.monthly_amount,
            instalments=wanted.instalments,
            mandate=await self.mandate(wanted),
            guarantors=[NamedGuarantor(national_id=national_id) for national_id in guarantors],
        )

    async def apply(self, wanted: MandateSubject, *guarantors: str) -> UUID:
        """Apply; returns the case's id."""
        return (await self.client.call(apply_for_credit, await self.application(wanted, *guarantors))).id

    async def asked(self, case_id: UUID) -> GuaranteeOut:
        """Wait to be asked to stand in a case, and read for what.

        Raises:
            LookupError: the task is about nothing.
        """
        task = await self.task(case_id, "answer_guarantee")
        if task.subject_id is None:
            raise LookupError(task.id)
        return await self.client.call(read_guarantee, task.subject_id)

    async def consent(self, guarantee_id: UUID, version: int = 1) -> AcceptGuarantee:
        """The answer of a guarantor who stands, with a fresh code."""
        subject = GuaranteeSubject(guarantee_id=guarantee_id, mandate_version=version)
        mandate = await self._accept(GuaranteeCodeRequest(purpose="accept_guarantee", subject=subject), version)
        return AcceptGuarantee(kind="answer_guarantee", decision="accept", mandate=mandate)

    async def stand(self, case_id: UUID) -> GuaranteeOut:
        """Wait to be asked in a case, and accept; returns what was asked."""
        asked = await self.asked(case_id)
        await self.decide(case_id, await self.consent(asked.id, asked.mandate_version))
        return asked

    async def name(self, case_id: UUID, national_id: str, *, replaces: UUID | None = None) -> CaseRow:
        """Name another guarantor, in the place of somebody if said so."""
        named = GuarantorIn(national_id=national_id, replaces=replaces)
        return await self.client.call(name_guarantor, case_id, named)

    async def correction(self, wanted: MandateSubject) -> ApplicationCorrectionIn:
        """Corrected terms ready to be sent."""
        mandate = await self.mandate(wanted)
        return ApplicationCorrectionIn(
            monthly_amount=wanted.monthly_amount, instalments=wanted.instalments, mandate=mandate
        )

    async def correct(self, case_id: UUID, wanted: MandateSubject) -> CaseRow:
        """Correct and resubmit what finance returned."""
        return await self.client.call(correct_application, case_id, await self.correction(wanted))

    async def lines(self) -> list[CreditLineOut]:
        """Their credit lines, newest first."""
        return (await self.client.call(list_credit_lines)).items
