"""Normal payments from one member to another: asking, answering, paying, withdrawing, and what each sees of it (E7)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.answering import Decision, TaskDecisions
from api.case_view import Action, CaseRow, CaseView, Section, case_row
from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.payment import AttemptIn
from api.values import Amount, AmountIn, IdCursor, Input, Limit, Moment, Out, Page, Words
from commands import normal_payment as commands
from commands.command import Command
from commands.refusals import refuses
from domain.access import Part
from domain.catalogue import words
from domain.errors import NotFound
from domain.identity import mask_mobile
from domain.normal_payment import NORMAL_PAYMENT_TERMS, NormalPaymentPolicy
from messages.case import CaseKind
from messages.normal_payment import TaskKind
from storage import normal_payment as rows
from storage import people
from storage.cases import last_fact
from storage.database import with_service_rights
from storage.normal_payment import NormalPaymentRow
from storage.payment import running_for
from storage.policies import in_force
from storage.rows.normal_payment import NormalPayment
from storage.rows.tasks import Task
from storage.sealing import Seals

router = APIRouter(prefix="/v1/normal-payments", tags=["payments"], route_class=Operation)

_Member = Depends(require(member=True))


class AcceptNormalPayment(Decision):
    """The payee accepts to be paid outside escrow, in the words that the payer accepted (E7)."""

    kind: Literal["answer_normal_payment"]
    decision: Literal["accept"]
    terms_version: int = Field(strict=True, ge=1, examples=[1])

    @refuses(commands.accept_normal_payment)
    async def decide(self, command: Command, task: Task) -> None:
        """Accept."""
        await commands.accept_normal_payment(command, task, self.terms_version)


class RefuseNormalPayment(Decision):
    """The payee does not want to be paid so (E7)."""

    kind: Literal["answer_normal_payment"]
    decision: Literal["refuse"]

    @refuses(commands.refuse_normal_payment)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse."""
        await commands.refuse_normal_payment(command, task)


DECISIONS = (
    TaskDecisions(TaskKind.ANSWER_NORMAL_PAYMENT, (AcceptNormalPayment, RefuseNormalPayment), asks_another=True),
    TaskDecisions(TaskKind.PAY_NORMAL_PAYMENT, address="/v1/normal-payments/{case_id}/payment"),
)


class NormalPaymentIn(Input):
    """Whom to pay how much and for what."""

    mobile: str | None = Field(
        default=None, max_length=40, description="The payee's; not for a job", examples=["09121234567"]
    )
    job_id: UUID | None = Field(
        default=None, description="An accepted job of the payer's, whose contractor is paid outside its safe payments"
    )
    amount: AmountIn
    what_for: str = Field(
        max_length=1_000, description="What for, in 3 to 200 characters", examples=["طراحی کارت ویزیت"]
    )
    terms_version: int = Field(
        strict=True, ge=1, description="The words that the payer has read and accepts", examples=[1]
    )


class NormalPaymentTerms(Out):
    """What both sides accept before anything is paid: the platform takes no responsibility (E7)."""

    version: int = Field(examples=[1])
    text: Words

    @classmethod
    def of(cls, version: int) -> NormalPaymentTerms:
        """The words of a version."""
        return cls(version=version, text=Words.of(NORMAL_PAYMENT_TERMS[version]))


class NormalPaymentOut(Out):
    """A normal payment in the eyes of one of its sides, or of an auditor."""

    is_payer: bool = Field(description="Whether the caller pays; false for the payee and for auditors")
    payer_name: str | None = Field(examples=["مریم رضایی"])
    payee_name: str | None = Field(description="Told once the payee has accepted", examples=["علی کریمی"])
    payee_mobile: str | None = Field(
        description="For the payer until the payee has answered; masked", examples=["0912***4567"]
    )
    amount: Amount
    what_for: str = Field(examples=["طراحی کارت ویزیت"])
    terms: NormalPaymentTerms = Field(description="What both sides accept")
    accepted: Moment | None = Field(description="When the payee accepted")
    payment_id: UUID | None = Field(description="The payment that is under way, for the payer; null if none is")


class NormalPaymentSection(Out):
    """What a case shows of its normal payment."""

    normal_payment: NormalPaymentOut | None = Field(
        default=None, description="Of a normal payment, to its two sides and auditors"
    )


class NormalPaymentLine(Out):
    """A normal payment in the member's list."""

    case_id: UUID
    number: str = Field(description="Of the case", examples=["735208198"])
    is_payer: bool = Field(description="Whether the caller pays")
    other_name: str | None = Field(
        description="The other side; of the payee told once they have accepted", examples=["علی کریمی"]
    )
    payee_mobile: str | None = Field(
        description="For the payer until the payee has answered; masked", examples=["0912***4567"]
    )
    amount: Amount
    what_for: str = Field(examples=["طراحی کارت ویزیت"])
    phase: str = Field(examples=["awaiting_payee"])
    phase_words: Words
    opened: Moment


class JobNormalPayment(Out):
    """What is paid for the job outside escrow and arbitration (E7); in none of the sums."""

    case_id: UUID
    number: str = Field(description="Of the case", examples=["735208198"])
    amount: Amount
    what_for: str = Field(examples=["خرید دامنه"])
    phase: str = Field(examples=["paid"])
    phase_words: Words
    opened: Moment
    accepted: Moment | None = Field(description="When the contractor accepted")
    terms: NormalPaymentTerms = Field(description="The words that both accepted")

    @classmethod
    def of(cls, row: NormalPaymentRow) -> JobNormalPayment:
        """One of the job's."""
        one = row.payment
        return cls.of_row(
            one,
            number=row.number,
            phase=row.phase,
            phase_words=Words.of(words.phase(CaseKind.NORMAL_PAYMENT, row.phase)),
            opened=row.opened_at,
            accepted=one.accepted_at,
            terms=NormalPaymentTerms.of(one.terms_version),
        )


def _masked(seals: Seals, payment: NormalPayment) -> str | None:
    mobile = rows.open_mobile(seals, payment)
    return None if mobile is None else mask_mobile(mobile)


async def _read(view: CaseView) -> NormalPaymentSection:
    visibility = view.visibility
    payment = await rows.read_normal_payment(view.connection, visibility.case.id)
    is_side = visibility.actor.capacity == "member"
    if payment is None or not (is_side or visibility.judges_as(TaskKind.ANSWER_NORMAL_PAYMENT)):
        return NormalPaymentSection()
    is_payer, is_known = visibility.is_applicant, payment.accepted_at is not None or payment.job_id is not None
    # The other side's name is somebody else's row.
    async with with_service_rights(view.connection, visibility.actor):
        sides = [side for side in (payment.payer_id, payment.payee_id) if side is not None]
        names = await people.names_of(view.connection, sides)
    payee_name = None if payment.payee_id is None else names.get(payment.payee_id)
    shown = NormalPaymentOut(
        is_payer=is_payer,
        payer_name=names.get(payment.payer_id),
        payee_name=payee_name if is_known or not is_payer else None,
        payee_mobile=_masked(view.seals, payment) if is_payer else None,
        amount=payment.amount,
        what_for=payment.what_for,
        terms=NormalPaymentTerms.of(payment.terms_version),
        accepted=payment.accepted_at,
        payment_id=await running_for(view.connection, payment.case_id) if is_payer else None,
    )
    return NormalPaymentSection(normal_payment=shown)


async def _allowed(view: CaseView, _: NormalPaymentSection) -> list[Action]:
    case = view.visibility.case
    if not view.visibility.is_applicant or not case.is_open:
        return []
    if await last_fact(view.connection, case.id, *commands.ENDINGS) is not None:
        return []
    href = f"/v1/normal-payments/{case.id}/withdrawal"
    return [Action(action="withdraw_normal_payment", method="POST", href=href)]


SECTION = Section(
    CaseKind.NORMAL_PAYMENT,
    NormalPaymentSection,
    _read,
    _allowed,
    members=frozenset({Part.PAYER, Part.PAYEE}),
    # Whether somebody is asked would tell the payer whether the number is a member's.
    is_asked=False,
)


@router.get("/terms", dependencies=[_Member])
async def read_normal_payment_terms(read: ReadingDep) -> NormalPaymentTerms:
    """The words in force that both sides accept: the platform takes no responsibility (E7)."""
    row = await in_force(read.connection, NormalPaymentPolicy.POLICY)
    if row is None:
        raise NotFound
    return NormalPaymentTerms.of(NormalPaymentPolicy.from_policy(row.value).terms_version)


@router.post("", status_code=201, dependencies=[_Member])
@refuses(commands.request_normal_payment)
async def request_normal_payment(command: CommandDep, wish: NormalPaymentIn) -> CaseRow:
    """Ask the holder of a mobile to be paid outside escrow (E7); the answer never tells who is a member."""
    amount = wish.amount.money()
    asked = commands.NormalPaymentWish(wish.mobile, amount, wish.what_for, wish.terms_version, wish.job_id)
    return await case_row(command, await commands.request_normal_payment(command, asked))


@router.get("", dependencies=[_Member])
async def list_normal_payments(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Page[NormalPaymentLine]:
    """What the member pays or is paid outside escrow, newest first."""
    me = read.actor.person_id
    found = await rows.list_normal_payments(read.connection, me, before=before, limit=limit + 1)
    others = {_other(row.payment, me) for row in found} - {None}
    # The other sides' names are other people's rows.
    async with with_service_rights(read.connection, read.actor):
        names = await people.names_of(read.connection, [one for one in others if one is not None])

    def show(row: NormalPaymentRow) -> NormalPaymentLine:
        payment, is_payer, other = row.payment, row.payment.payer_id == me, _other(row.payment, me)
        return NormalPaymentLine(
            case_id=payment.case_id,
            number=row.number,
            is_payer=is_payer,
            other_name=None if other is None else names.get(other),
            payee_mobile=_masked(read.seals, payment) if is_payer else None,
            amount=payment.amount,
            what_for=payment.what_for,
            phase=row.phase,
            phase_words=Words.of(words.phase(CaseKind.NORMAL_PAYMENT, row.phase)),
            opened=row.opened_at,
        )

    return Page.of(found, limit, lambda row: (row.payment.case_id,), show)


def _other(payment: NormalPayment, me: UUID) -> UUID | None:
    """The other side, as far as the caller may know who it is."""
    if payment.payer_id != me:
        return payment.payer_id
    return None if payment.accepted_at is None and payment.job_id is None else payment.payee_id


@router.post("/{case_id}/payment", status_code=201, dependencies=[_Member])
@refuses(commands.pay_normal_payment)
async def pay_normal_payment(command: CommandDep, case_id: UUID, choice: AttemptIn) -> CaseRow:
    """Begin to pay what the payee has accepted; answers with the payment's own case."""
    return await case_row(command, await commands.pay_normal_payment(command, case_id, choice.gateway))


@router.post("/{case_id}/withdrawal", dependencies=[_Member])
@refuses(commands.withdraw_normal_payment)
async def withdraw_normal_payment(command: CommandDep, case_id: UUID) -> CaseRow:
    """Withdraw a normal payment until it is paid; what is paid afterwards goes back."""
    return await case_row(command, await commands.withdraw_normal_payment(command, case_id))
