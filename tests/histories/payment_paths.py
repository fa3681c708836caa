"""The ways a payment can go, each driven to its end on real servers; ``PATHS`` says where each ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from commands import payment as commands
from domain.payout import LineResult, LineSettlement
from gateways.local_bank import USUAL_CARD
from messages.payment import TaskKind
from tests.faulty_gateway import Trouble
from tests.journeys.paying import Paying
from tests.payment_steps import AMOUNT

# For the local bank to give it back.
_TOO_SMALL = 15_000
Begin = Callable[..., Awaitable[Paying]]


async def paid(begin: Begin) -> Paying:
    """Paid and taken."""
    paying = await begin()
    await paying.pay()
    await paying.take()
    return paying


async def tried_again(begin: Begin) -> Paying:
    """The payer cancels, tries again and cancels; then the time to pay is over."""
    paying = await begin()
    await paying.cancel()
    await paying.try_again()
    await paying.cancel()
    await paying.pass_hours(1)
    return paying


async def no_gateway(begin: Begin) -> Paying:
    """No gateway gives a link, however often the payer tries."""
    paying = await begin(trouble=Trouble.SILENT)
    await paying.try_again()
    await paying.pass_hours(1)
    return paying


async def never_back(begin: Begin) -> Paying:
    """The payer goes to the bank and is not heard of again: it is asked after 10 minutes, and after 20."""
    paying = await begin()
    for asked in (1, 2):
        await paying.pass_hours(10 / 60)
        await paying.called("settle", asked)
    await paying.phase("awaiting_payer")
    await paying.pass_hours(1)
    return paying


async def unclear_then_paid(begin: Begin) -> Paying:
    """For an hour nobody knows; then the gateway says paid."""
    paying = await begin()
    await paying.nobody_knows()
    await paying.superuser.run("UPDATE payment_attempts SET unclear_since = unclear_since - interval '1 hour'")
    paying.scenario.bank.pay(await paying.scenario.authority(paying.id), USUAL_CARD)
    paying.gateway.always(Trouble.NONE)
    await paying.take()
    return paying


async def given_up(begin: Begin) -> Paying:
    """The office is silent, has the gateway asked again, and finds after another day that nothing came."""
    paying = await begin()
    await paying.nobody_knows()
    await paying.end_unclear()
    await paying.pass_silence("settle_payment")
    await paying.decide(TaskKind.SETTLE_PAYMENT, commands.ask_again)
    await paying.phase("unclear")
    await paying.end_unclear()
    await paying.superuser.run("UPDATE payments SET pay_until = now()")
    await paying.decide(TaskKind.SETTLE_PAYMENT, commands.give_up, "nothing came")
    return paying


async def taken_late(begin: Begin) -> Paying:
    """What was paid for is told again, and takes the money then."""
    paying = await begin()
    await paying.pay()
    for told in (2, 3):
        await paying.phase("received")
        await paying.pass_hours(2)
        await paying.offered(told)
    await paying.take()
    return paying


async def never_taken(begin: Begin) -> Paying:
    """What was paid for never answers: after a day the money goes back."""
    paying = await begin()
    await paying.pay()
    await paying.phase("received")
    await paying.superuser.run("UPDATE payment_attempts SET paid_at = paid_at - interval '24 hours'")
    await paying.pass_hours(2)
    return paying


async def part_refused(begin: Begin) -> Paying:
    """Of two purposes one takes its part; the other one's goes back."""
    paying = await begin(AMOUNT, 2 * AMOUNT)
    await paying.pay()
    await paying.take(0)
    await paying.phase("received")
    await paying.refuse(1)
    return paying


async def refused_before(begin: Begin) -> Paying:
    """What was paid for is not wanted any more when the money comes."""
    paying = await begin()
    await paying.refuse()
    await paying.pay()
    return paying


async def refused_part_by_hand(begin: Begin) -> Paying:
    """What no gateway can give back, the office does after a silence."""
    paying = await begin()
    paying.gateway.always(Trouble.REFUSES, "reverse", "refund")
    await paying.pay()
    await paying.phase("received")
    await paying.refuse()
    await paying.phase("awaiting_return")
    await paying.pass_silence("return_payment")
    await paying.return_by_hand()
    return paying


async def to_sheba(begin: Begin) -> Paying:
    """What no gateway can give back goes to the payer's own sheba, by a pay-out that comes late."""
    paying = await begin(AMOUNT, _TOO_SMALL)
    await paying.owe_to_sheba()
    await paying.pass_hours(7 * 24)
    await paying.told("payment_to_sheba_waits")
    await paying.bank_answers(LineSettlement(LineResult.PAID, "REF-1", ""))
    return paying


async def sheba_rejected(begin: Begin) -> Paying:
    """The bank rejects the pay-out: one officer pays it back, and another confirms it."""
    paying = await begin(AMOUNT, _TOO_SMALL)
    await paying.owe_to_sheba()
    await paying.bank_answers(LineSettlement(LineResult.REJECTED, None, "حساب بسته است"))
    await paying.return_by_hand()
    return paying


async def foreign_card(begin: Begin) -> Paying:
    """By another's card it goes back; the payer tries again with it, and then the time to pay is over."""
    paying = await begin()
    await paying.superuser.run("UPDATE payments SET own_card = true")
    await paying.pay()
    await paying.phase("awaiting_payer")
    await paying.try_again()
    await paying.superuser.run("UPDATE payments SET pay_until = now()")
    await paying.pay()
    return paying


async def foreign_cards_by_hand(begin: Begin) -> Paying:
    """By another's card twice, and no gateway gives it back: the office does, one after the other."""
    paying = await begin()
    await paying.superuser.run("UPDATE payments SET own_card = true")
    await paying.try_again()
    paying.gateway.always(Trouble.REFUSES, "reverse", "refund")
    for number in (0, 1):
        paying.scenario.bank.pay(await paying.scenario.authority(paying.id, number), USUAL_CARD)
    await paying.scenario.look(paying.id)
    for number in (1, 2):
        await paying.tasks("return_payment", number)
        await paying.superuser.run("UPDATE payments SET pay_until = now()")
        await paying.return_by_hand()
    return paying


async def paid_twice(begin: Begin) -> Paying:
    """The payer pressed Back and paid by both links: the later goes back, and the first is taken after a while."""
    paying = await begin()
    await paying.try_again()
    await paying.pay(0)
    await paying.phase("received")
    await paying.pay(1)
    await paying.told("payment_returned")
    await paying.pass_hours(2)
    await paying.offered(2)
    await paying.take()
    return paying


async def paid_while_it_went_back(begin: Begin) -> Paying:
    """While a gateway is too silent to give one payment back, the payer pays by their other link."""
    paying = await begin()
    await paying.try_again()
    await paying.superuser.run("UPDATE payments SET own_card = true")
    paying.gateway.always(Trouble.SILENT, "reverse")
    await paying.pay(0)
    await paying.called("reverse", 1)
    await paying.superuser.run("UPDATE payments SET own_card = false")
    await paying.pay(1)
    await paying.take()
    paying.gateway.always(Trouble.NONE)
    return paying


async def refunded(begin: Begin) -> Paying:
    """What was paid is taken; later a part goes back, by a case of its own."""
    paying = await paid(begin)
    await paying.end()
    refund = await paying.give_back(200_000)
    await refund.phase("returned")
    return refund


PATHS: dict[str, tuple[Callable[[Begin], Awaitable[Paying]], str]] = {
    f"payment_{way.__name__}": (way, end)
    for way, end in (
        (paid, "paid"),
        (tried_again, "not_paid"),
        (no_gateway, "not_paid"),
        (never_back, "not_paid"),
        (unclear_then_paid, "paid"),
        (given_up, "not_paid"),
        (taken_late, "paid"),
        (never_taken, "returned"),
        (part_refused, "partly_returned"),
        (refused_before, "returned"),
        (refused_part_by_hand, "returned"),
        (to_sheba, "partly_returned"),
        (sheba_rejected, "partly_returned"),
        (foreign_card, "returned"),
        (foreign_cards_by_hand, "returned"),
        (paid_twice, "paid"),
        (paid_while_it_went_back, "paid"),
        (refunded, "returned"),
    )
}
