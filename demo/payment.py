"""A normal payment in the demo: two members, the local bank's page, and the balance to which the money comes (E7)."""

from __future__ import annotations

from uuid import UUID

from api.account.codes import StepUp, StepUpCodeRequest, step_up
from api.balance import read_balance
from api.bank_account import CardIn, add_card, list_bank_accounts
from api.normal_payment import (
    AcceptNormalPayment,
    NormalPaymentIn,
    pay_normal_payment,
    read_normal_payment_terms,
    request_normal_payment,
)
from api.payment import AttemptIn, PaymentDetail, read_payment
from api.values import AmountIn
from demo.actors import Member, wait_for
from demo.personnel_generator import Employee
from demo.play import Play, Told
from domain.bank_account import BankAccountState

# Invented, with its check digit right.
_CARD = "6037990000000105"
_RIAL = 25_000_000
_WHAT_FOR = "طراحی کارت ویزیت"
# The bank compares where a form comes from, as a browser tells it.
_FROM_ITSELF = {"Sec-Fetch-Site": "same-origin"}


async def paid(play: Play, person: Employee, colleague: Employee) -> Told:
    """One member pays another outside escrow, through the gateway; it is in the other's balance at once."""
    play.screen.chapter("12. A normal payment: one member pays another through the gateway")
    payer, payee = await play.member(person), await play.member(colleague)
    await register_card(payer)
    play.screen.done("the payer registered a card after a fresh code, and the registry says that it is theirs")
    terms = await payer.client.call(read_normal_payment_terms)
    wish = NormalPaymentIn(
        mobile=colleague.mobile, amount=AmountIn(amount=_RIAL), what_for=_WHAT_FOR, terms_version=terms.version
    )
    case_id = (await payer.client.call(request_normal_payment, wish)).id
    accept = AcceptNormalPayment(kind="answer_normal_payment", decision="accept", terms_version=terms.version)
    await payee.decide(case_id, accept)
    play.screen.done("asked and accepted: both in words that the platform takes no responsibility")
    await payer.task(case_id, "pay_normal_payment")
    payment_id = (await payer.client.call(pay_normal_payment, case_id, AttemptIn())).id
    await pay_at_bank(payer, payment_id)
    await payer.case_in(case_id, "paid")
    balance = await payee.client.call(read_balance)
    play.screen.done(
        f"paid on the local bank's page, verified by asking it: the payee's balance is {balance.available.fa}"
    )
    return Told("Case 8: a normal payment", payer, case_id)


async def register_card(payer: Member) -> None:
    """Confirm the session with a fresh code, add a card, and wait until the registry says that it is theirs."""
    code_id, code = await payer.read_code(payer.client, StepUpCodeRequest(purpose="step_up"))
    await payer.client.call(step_up, StepUp(code_id=code_id, code=code))
    await payer.client.call(add_card, CardIn(number=_CARD))
    await confirmed_by_registry(payer)


async def confirmed_by_registry(member: Member) -> None:
    """Wait until each card and sheba that a member registered is known to be theirs."""

    async def confirmed() -> bool | None:
        accounts = (await member.client.call(list_bank_accounts)).items
        return all(account.state is BankAccountState.CONFIRMED for account in accounts) or None

    await wait_for(confirmed, "the registry of bank accounts")


async def pay_at_bank(payer: Member, payment_id: UUID) -> None:
    """Pay with one's own card on the page of the local bank."""
    link, http = await link_of(payer, payment_id), payer.client.http
    await http.post(link, data={"deed": "pay", "card": _CARD}, headers=_FROM_ITSELF, follow_redirects=True)


async def link_of(payer: Member, payment_id: UUID) -> str:
    """Wait for the gateway's link."""

    async def linked() -> PaymentDetail | None:
        payment = await payer.client.call(read_payment, payment_id)
        return payment if payment.attempts[-1].link else None

    return str((await wait_for(linked, "the gateway's link")).attempts[-1].link)
