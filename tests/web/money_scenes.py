"""Scenes in which people send the forms about money: cards, payments, and what the settlement office answers."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from gateways.local_bank import LocalBank
from messages.case import CaseKind
from tests.bank_account_steps import a_sheba
from tests.commands.normal_payment_steps import NormalPaymentScenario
from tests.payment_steps import PaymentScenario, open_purpose
from tests.payout_steps import give_sheba
from tests.personnel_steps import SHEBAS
from tests.web.form_window import Desk, Kind

# 410,000,000 rial: as people write it, and as it must arrive.
TOMAN: Final = "۴۱٬۰۰۰٬۰۰۰"
RIAL: Final = 410_000_000
_NOTE: Final = "از درگاه تلفنی پرسیده شد"


async def members_keep_their_cards_and_accounts(desk: Desk) -> None:
    """A member's own cards and shebas."""
    window = await desk.of("member_own").go("/profile/accounts")
    await window.send("/profile/accounts/{account_id}/default")
    await (await window.go("/profile/accounts/cards")).send("/profile/accounts/cards", number="۶۰۳۷۹۹۱۲۳۴۵۶۷۸۹۳")
    await (await window.go("/profile/accounts/shebas")).send("/profile/accounts/shebas", number=SHEBAS[0])
    await window.send("/profile/accounts/shebas/code")
    await window.send("/profile/accounts/{account_id}/removal")
    kept = "SELECT kind, state, is_default FROM bank_accounts WHERE removed_at IS NULL AND person_id = %s ORDER BY kind"
    assert await desk.superuser.rows(kept, desk.world.people["member_own"].id) == [
        ("card", "checking", False),
        ("sheba", "checking", False),
    ]


async def members_pay_outside_escrow(desk: Desk) -> None:
    """One asks for a normal payment, the payee accepts or refuses, and the payer pays or withdraws."""
    world, words = desk.world, {"accepted": "yes"}
    payer, payee = desk.of("member_own"), desk.of("guarantor_own")
    wish = {"mobile": "۰۹۳۵۱۱۱۰۰۴۴", "amount__amount": TOMAN, "what_for": "طراحی کارت ویزیت", **words}
    await (await payer.go("/normal-payments/new")).send("/normal-payments/new", **wish)
    assert await desk.superuser.rows("SELECT amount FROM normal_payments WHERE payee_id IS NULL") == [(RIAL,)]
    await payer.send("/cases/{case_id}/normal-payment-withdrawal")
    await (await payee.go(f"/normal-payments/{world.things['asked_payment']}/answer")).send(
        "/normal-payments/{case_id}/acceptance", **words
    )
    bank = desk.activity_context.gateways["local"]
    assert isinstance(bank, LocalBank)
    scenario = NormalPaymentScenario(
        desk.context, desk.transitions, bank, world.people["member_own"], world.people["guarantor_own"]
    )
    await (await payee.go(f"/normal-payments/{await scenario.asked()}/answer")).send(
        "/normal-payments/{case_id}/refusal"
    )
    await payer.go(f"/normal-payments/{world.things['payable']}/payment")
    await payer.send("/normal-payments/{case_id}/payment")
    assert await desk.superuser.value(
        "SELECT count(*) FROM payments WHERE person_id = %s", world.people["member_own"].id
    )


async def payers_pay(desk: Desk) -> None:
    """A payer has the bank asked, comes back from it by its form, and goes there again; officers decide the rest."""
    paying = await _paying(desk)
    case_id = await _at_bank(paying)
    address, window = f"/payments/{case_id}", desk.of(paying.payer)
    await (await window.go(address)).send("/payments/{case_id}/look")
    await paying.go_on(case_id)
    answer = await window.client.post(f"/pay/return/{await paying.token(case_id)}", data={"State": "OK"})
    assert answer.status_code == 200
    desk.sent.add(Kind("/pay/return/{token}", ""))
    await paying.go_on(case_id)
    await (await window.go(address)).send("/payments/{case_id}/attempts")
    await paying.go_on(case_id)
    await _settle(desk, paying)
    await _return(desk, paying)


async def _paying(desk: Desk) -> PaymentScenario:
    bank = desk.activity_context.gateways["local"]
    assert isinstance(bank, LocalBank)
    return await PaymentScenario.opened(desk.context, desk.arrange, desk.activity_context, bank)


async def _at_bank(paying: PaymentScenario) -> UUID:
    """Somebody is at the bank to pay for a case that lists show though no process stands behind it."""
    kind = CaseKind.PERSONNEL_IMPORT
    return await paying.at_bank((await open_purpose(paying.context, kind=kind), 500_000), purpose=kind)


async def _settle(desk: Desk, paying: PaymentScenario) -> None:
    """Nobody knows for a day what became of a payment; then again, until the office says that nothing was paid."""
    case_id = await _at_bank(paying)
    sql = "UPDATE payment_attempts SET state = 'unclear', unclear_since = now() - interval '2 days', look_at = NULL"
    window = desk.of(paying.officer)
    for says, typed in (("ask_again", {}), ("give_up", {"note": _NOTE})):
        await desk.superuser.run(f"{sql} WHERE payment_id = %s", case_id)
        await paying.go_on(case_id)
        await window.go(await desk.task(case_id, "settle_payment"))
        await window.decide(says, **typed)
    assert [one.state for one in await paying.attempts(case_id)] == ["given_up"]


async def _look_at_sheba(desk: Desk, paying: PaymentScenario, case_id: UUID) -> None:
    """The officer looks at the whole sheba; the payer removes it afterwards."""
    await give_sheba(desk.context, paying.payer.id, a_sheba("1234", 55))
    (owed,) = await paying.returns(case_id)
    window = await desk.of(paying.officer).go(f"/payments/{case_id}/returns/{owed.id}/sheba")
    await window.send("/payments/{case_id}/returns/{return_id}/sheba")
    removed = "UPDATE bank_accounts SET removed_at = now(), is_default = false WHERE person_id = %s"
    await desk.superuser.run(removed, paying.payer.id)


async def _return(desk: Desk, paying: PaymentScenario) -> None:
    """What was paid twice goes back by hand."""
    case_id = await _at_bank(paying)
    await paying.try_again(case_id)
    await paying.go_on(case_id)
    for number in range(2):
        await paying.pay(case_id, number)
    await paying.step("verify_payment", case_id)
    await desk.superuser.run("UPDATE payment_returns SET way = 'hand' WHERE payment_id = %s", case_id)
    await paying.go_on(case_id)
    await _look_at_sheba(desk, paying, case_id)
    window = await desk.of(paying.officer).go(await desk.task(case_id, "return_payment"))
    typed = {"source": "bank", "reference": "140509090012345678", "note": _NOTE}
    await window.decide("return_by_hand", **typed)
    await paying.go_on(case_id)
    other = desk.of(paying.checker)
    await (await other.go(await desk.task(case_id, "confirm_return"))).decide("reject", reason=_NOTE)
    await paying.go_on(case_id)
    await window.go(await desk.task(case_id, "return_payment"))
    await window.decide("return_by_hand", **typed)
    await paying.go_on(case_id)
    await (await other.go(await desk.task(case_id, "confirm_return"))).decide("confirm")
    await paying.go_on(case_id)
    (returned,) = await paying.returns(case_id)
    assert returned.reference == "140509090012345678"
