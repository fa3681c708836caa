"""The scene in which the forms of normal payments are sent."""

from __future__ import annotations

from typing import Final

from gateways.local_bank import LocalBank
from tests.commands.normal_payment_steps import NormalPaymentScenario
from tests.web.form_window import Desk

# The same amount as people write it, and as it must arrive.
_TOMAN: Final = "۴۱٬۰۰۰٬۰۰۰"
_RIAL: Final = 410_000_000


async def members_pay_outside_escrow(desk: Desk) -> None:
    """One asks for a normal payment, the payee accepts or refuses, and the payer pays or withdraws."""
    world, words = desk.world, {"accepted": "yes"}
    payer, payee = desk.of("member_own"), desk.of("guarantor_own")
    wish = {"mobile": "۰۹۳۵۱۱۱۰۰۴۴", "amount__amount": _TOMAN, "what_for": "طراحی کارت ویزیت", **words}
    await (await payer.go("/normal-payments/new")).send("/normal-payments/new", **wish)
    assert await desk.superuser.rows("SELECT amount FROM normal_payments WHERE payee_id IS NULL") == [(_RIAL,)]
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
