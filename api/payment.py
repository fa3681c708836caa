"""Payments through a gateway: what each sees, trying again, the way back, what the settlement office may (E2)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field, StringConstraints

from api.answering import Decision, TaskDecisions
from api.case_view import Action, CaseRow, CaseView, Section, case_row
from api.dependencies import CommandDep, ReadingDep, VisitorDep, require
from api.operation import Operation
from api.values import Amount, IdCursor, Input, Limit, Moment, Out, Page, Reason, Words
from api.visibility import visibility_of
from commands import payment as commands
from commands.command import Command
from commands.refusals import refuses
from domain.access import Part
from domain.catalogue import words
from domain.payment import AttemptEnd, GatewayName, PaymentPolicy, RefundReason, ShareState, TryState
from domain.payment_return import RecordedFrom, RefundWay
from domain.persian import clean_text
from messages.case import CaseKind
from messages.payment import TaskKind
from storage import case_lists
from storage import payment as rows
from storage.bank_account import masked, own_sheba
from storage.database import postgres_now
from storage.policies import in_force
from storage.rows.cases import Case
from storage.rows.payment import Payment, PaymentAttempt, PaymentItem, PaymentReturn
from storage.rows.tasks import Task
from storage.withdrawal import line_for

router = APIRouter(prefix="/v1", tags=["payments"], route_class=Operation)

_Member = Depends(require(member=True))


class HaveGatewayAsked(Decision):
    """The gateway is asked for another while what became of the payment."""

    kind: Literal["settle_payment"]
    decision: Literal["ask_again"]

    @refuses(commands.ask_again)
    async def decide(self, command: Command, task: Task) -> None:
        """Have it asked."""
        await commands.ask_again(command, task)


class GiveUp(Decision):
    """Nothing was paid, as the gateway's desk or the bank says."""

    kind: Literal["settle_payment"]
    decision: Literal["give_up"]
    note: Annotated[
        str, StringConstraints(max_length=500), AfterValidator(clean_text), StringConstraints(min_length=3)
    ] = Field(description="Who said so, and when", examples=["پشتیبانی درگاه: تراکنشی با این شناسه نیست"])

    @refuses(commands.give_up)
    async def decide(self, command: Command, task: Task) -> None:
        """Record it."""
        await commands.give_up(command, task, self.note)


DECISIONS = (TaskDecisions(TaskKind.SETTLE_PAYMENT, (HaveGatewayAsked, GiveUp)),)


class ShareOut(Out):
    """A part of a payment: a case that it is for."""

    purpose: str = Field(examples=[*CaseKind])
    purpose_words: Words
    case_id: UUID = Field(validation_alias="purpose_id")
    amount: Amount
    state: Reason

    @classmethod
    def of(cls, item: PaymentItem, *, is_refund: bool) -> ShareOut:
        """A part, of a refund the one that goes back."""
        state = Reason.of(ShareState, ShareState.REFUNDED if is_refund else item.state)
        return cls.of_row(item, purpose_words=Words.of(words.kind(item.purpose)), state=state)


class AttemptOut(Out):
    """A try to pay: one link of one gateway, and what became of it."""

    gateway: Reason
    state: Reason
    end: Reason | None = Field(description="Why nothing was paid by it")
    begun: Moment = Field(validation_alias="begun_at")
    ends: Moment | None = Field(validation_alias="ends_at", description="Until when its link can be paid")
    came_back: Moment | None = Field(
        validation_alias="called_back_at", description="When the payer's browser last came back from the bank"
    )
    asked: Moment | None = Field(validation_alias="looked_at", description="When the gateway was last asked")
    paid: Moment | None = Field(validation_alias="paid_at")
    amount: Amount | None = Field(validation_alias="paid_amount", description="What was paid, as the gateway says")
    card: str | None = Field(description="The masked number of the card that paid", examples=["603799******0105"])
    reference: str | None = Field(description="The gateway's number of the payment", examples=["201"])
    authority: str | None = Field(
        description="By what the gateway knows the try; for staff", examples=["A0000000000000000000000000000wwOGYpd"]
    )
    link: str | None = Field(
        description="Where it is paid; for its payer, while it can be", examples=["https://bank.example/pay/a1"]
    )

    @classmethod
    def of(cls, attempt: PaymentAttempt, now: datetime, *, is_payer: bool) -> AttemptOut:
        """A try in somebody's eyes."""
        is_payable = attempt.state == "open" and attempt.ends_at is not None and now < attempt.ends_at
        return cls.of_row(
            attempt,
            gateway=Reason.of(GatewayName, attempt.gateway),
            state=Reason.of(TryState, attempt.state),
            end=None if attempt.reason is None else Reason.of(AttemptEnd, attempt.reason),
            authority=None if is_payer else attempt.authority,
            link=attempt.link if is_payer and is_payable else None,
        )


class RecordedReturnOut(Out):
    """What an officer recorded of money that went back by hand."""

    source: Reason
    reference: str = Field(description="Of the bank or the gateway", examples=["140509090012"])
    note: str = Field(examples=["از بانک‌داری اینترنتی به شبای عضو پرداخت شد"])

    @classmethod
    def of(cls, back: PaymentReturn) -> RecordedReturnOut:
        """As it was recorded."""
        source = Reason.of(RecordedFrom, str(back.recorded_from))
        return cls(source=source, reference=str(back.recorded_reference), note=str(back.note))


class RefundOut(Out):
    """Money that goes, or went, back to the payer."""

    id: UUID
    amount: Amount
    reason: Reason
    way: Reason
    asked: Moment | None = Field(
        validation_alias="asked_at",
        description="When the gateway was asked for it; what came of that may not be known",
    )
    owed: Moment = Field(validation_alias="owed_since")
    returned: Moment | None = Field(validation_alias="returned_at")
    reference: str | None = Field(description="The gateway's or the bank's number of it", examples=["140509090012"])
    authority: str | None = Field(
        description="By what the gateway knows the try by which it was paid; for staff, who ask its desk by it",
        examples=["A0000000000000000000000000000wwOGYpd"],
    )
    sheba: str | None = Field(
        description="Masked: the payer's own sheba to which a pay-out pays it; to staff, where it is to be paid by hand"
        " and not by another's card, the one to which it should go",
        examples=["IR**017***1234"],
    )
    recorded: RecordedReturnOut | None = Field(description="For staff: what waits for another officer's yes")

    @classmethod
    def of(cls, back: PaymentReturn, authority: str | None, sheba: str | None, *, is_payer: bool) -> RefundOut:
        """What goes back."""
        reason, way = Reason.of(RefundReason, back.reason), Reason.of(RefundWay, back.way)
        waits = back.recorded_by is not None and back.returned_at is None and not is_payer
        recorded = RecordedReturnOut.of(back) if waits else None
        return cls.of_row(back, reason=reason, way=way, authority=authority, sheba=sheba, recorded=recorded)


class PaymentOut(Out):
    """A payment: how much for what, each try, and what goes back."""

    amount: Amount = Field(description="What the payer pays, the fee included; of a refund what goes back")
    fee: Amount = Field(description="What of it is for the gateway; 0 where the payer bears none (C6)")
    own_card: bool = Field(description="Whether only the payer's own card may pay")
    pay_until: Moment = Field(description="Until when another try may begin")
    refund_of: UUID | None = Field(
        description="Of a refund, by which nothing is paid: the payment of which it gives a part back"
    )
    items: list[ShareOut]
    attempts: list[AttemptOut]
    returns: list[RefundOut]


class PaymentSection(Out):
    """What a case shows of its payment."""

    payment: PaymentOut | None = Field(
        default=None, description="Of a payment, to its payer, staff who have a task in it, operators and auditors"
    )


class PaymentDetail(CaseRow, PaymentOut):
    """A payment with where it stands and what may be done."""

    phase_words: Words
    allowed_actions: list[Action]


class PaymentLine(CaseRow):
    """A payment in its payer's list."""

    phase_words: Words
    purposes: list[Words] = Field(description="What it is for")
    amount: Amount
    refund_of: UUID | None = Field(description="Of a refund: the payment of which it gives a part back")
    opened: Moment
    closed: Moment | None = Field(validation_alias="closed_at")

    @classmethod
    def of(cls, payment: Payment, case: Case, purposes: list[str]) -> PaymentLine:
        """A line of the list."""
        return cls.of_row(
            case,
            phase_words=Words.of(words.phase(case.kind, case.phase)),
            purposes=[Words.of(words.kind(purpose)) for purpose in purposes],
            amount=payment.amount,
            refund_of=payment.refund_of,
            opened=payment.opened_at,
        )


class GatewayOut(Out):
    """A gateway that takes payments now."""

    name: str = Field(examples=["zarinpal"])
    words: Words


class AttemptIn(Input):
    """By which gateway to pay; without one, or where it cannot be reached, by the first that takes payments."""

    gateway: str | None = Field(default=None, max_length=40, examples=["zarinpal"])


class CallbackIn(Input):
    """The token of a try."""

    token: str = Field(
        max_length=64, description="What stands last in the address to which the bank led", examples=["b1Qm2Zt7cX0yK4"]
    )


class CallbackOut(Out):
    """Which payment it was; nothing of it is told to a holder of the token alone."""

    case_id: UUID
    host: str = Field(description="By which name of ours the payer came; may be empty", examples=["amanat.example"])


async def _read(view: CaseView) -> PaymentSection:
    visibility, case_id = view.visibility, view.visibility.case.id
    payment = await view.reading.once(rows.read_payment, case_id)
    if payment is None or not (visibility.is_applicant or visibility.judges):
        return PaymentSection()
    now, is_payer = await postgres_now(view.connection), visibility.is_applicant
    attempts = await view.reading.once(rows.attempts_of, case_id)
    sources = [] if is_payer else await rows.sources_of(view.connection, payment)
    authorities = {one.id: one.authority for one in sources}
    returns = await rows.returns_of(view.connection, case_id)
    items, is_refund = await rows.items_of(view.connection, case_id), payment.refund_of is not None
    shown = PaymentOut.of_row(
        payment,
        items=[ShareOut.of(one, is_refund=is_refund) for one in items],
        attempts=[AttemptOut.of(one, now, is_payer=is_payer) for one in attempts],
        returns=[
            RefundOut.of(
                one,
                authorities.get(one.attempt_id),
                await _sheba(view, payment, one, is_payer=is_payer),
                is_payer=is_payer,
            )
            for one in returns
        ],
    )
    return PaymentSection(payment=shown)


async def _sheba(view: CaseView, payment: Payment, back: PaymentReturn, *, is_payer: bool) -> str | None:
    """To which sheba it goes, or to staff: should go."""
    if back.way == "sheba":
        line = await line_for(view.connection, back.id)
        return None if line is None else line.sheba_masked
    if is_payer or back.way != "hand" or back.returned_at or back.reason == RefundReason.FOREIGN_CARD:
        return None
    own = await own_sheba(view.connection, payment.person_id)
    return None if own is None else masked(own)


async def _allowed(view: CaseView, _: PaymentSection) -> list[Action]:
    case = view.visibility.case
    payment = await view.reading.once(rows.read_payment, case.id)
    if payment is None or not view.visibility.is_applicant or not case.is_open:
        return []
    attempts = await view.reading.once(rows.attempts_of, case.id)
    now = await postgres_now(view.connection)
    may = {
        "try_payment": await commands.against_another_try(view.connection, payment, attempts, now) is None
        and all(one.state != "requested" for one in attempts),
        "look_at_payment": any(one.is_watched for one in attempts),
    }
    at = {"try_payment": "attempts", "look_at_payment": "look"}
    return [Action(action=name, method="POST", href=f"/v1/payments/{case.id}/{at[name]}") for name in may if may[name]]


SECTION = Section(
    CaseKind.PAYMENT,
    PaymentSection,
    _read,
    _allowed,
    members=frozenset({Part.PAYER}),
    # The payer acts at the bank, and the bank is asked: neither is a task.
    is_asked=False,
)


@router.get("/payments", dependencies=[_Member])
async def list_payments(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Page[PaymentLine]:
    """The member's payments, newest first."""
    found = await rows.list_payments(read.connection, read.actor.person_id, before=before, limit=limit + 1)
    purposes = await rows.purposes_of(read.connection, [payment.case_id for payment, _ in found])
    return Page.of(
        found, limit, lambda row: (row[0].case_id,), lambda row: PaymentLine.of(*row, purposes.get(row[0].case_id, []))
    )


@router.get("/payments/{case_id}")
async def read_payment(read: ReadingDep, case_id: UUID) -> PaymentDetail | None:
    """A payment, to its payer, to staff who have a task in it, operators and auditors."""
    case = await read.once(case_lists.see_case, read.actor, case_id)
    if case is None or case.kind is not CaseKind.PAYMENT:
        return None
    view = CaseView(read, await visibility_of(read.connection, read.actor, case))
    section = await _read(view) if SECTION.is_for(view.visibility) else PaymentSection()
    if section.payment is None:
        return None
    return PaymentDetail(
        **dict(CaseRow.model_validate(case)),
        **dict(section.payment),
        phase_words=Words.of(words.phase(case.kind, case.phase)),
        allowed_actions=await _allowed(view, section),
    )


@router.get("/payment-gateways", dependencies=[_Member])
async def list_payment_gateways(read: ReadingDep) -> Page[GatewayOut]:
    """The gateways that take payments now, in the order in which they are asked; few."""
    policy = await in_force(read.connection, PaymentPolicy.POLICY)
    usable = [] if policy is None else PaymentPolicy.from_policy(policy.value).usable(read.context.gateways)
    return Page(items=[GatewayOut(name=name, words=Words.of(words.term(GatewayName, name))) for name in usable])


@router.post("/payments/{case_id}/attempts", status_code=201, dependencies=[_Member])
@refuses(commands.try_again)
async def try_payment(command: CommandDep, case_id: UUID, wish: AttemptIn) -> CaseRow:
    """Go to a bank once more; if an earlier link is paid as well, the later money goes back."""
    return await case_row(command, await commands.try_again(command, case_id, wish.gateway))


@router.post("/payments/{case_id}/look", dependencies=[_Member])
@refuses(commands.look_at_payment)
async def look_at_payment(command: CommandDep, case_id: UUID) -> CaseRow:
    """Have the gateway asked now what became of it: the payer has paid and was not brought back."""
    return await case_row(command, await commands.look_at_payment(command, case_id))


@router.post("/payment-callbacks")
@refuses(commands.call_back)
async def call_back(visitor: VisitorDep, body: CallbackIn) -> CallbackOut:
    """Note that a payer's browser came back from the bank: the gateway is asked what happened, once, and no more."""
    case_id = await commands.call_back(visitor.context, token=body.token, origin=visitor.origin)
    return CallbackOut(case_id=case_id, host=await commands.host_of_payer(visitor.context, body.token))
