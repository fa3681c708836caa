"""Asks a gateway for a link, and the next one where it cannot be reached (E2)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from activities.outside import AskAgain
from activities.payment.assessment import assess, read_state
from activities.payment.question import put
from activities.transition import ActivityContext, Transition
from activities.turns import NoTurn
from domain.payment import PaymentPolicy
from gateways.payment import GatewayRefused, GatewayUnclear, LinkRequest, PaymentLink
from messages.case import NextStep
from messages.payment import Event
from storage import payment as rows
from storage.bank_account import own_cards
from storage.cases import read_case
from storage.database import SERVICE, postgres_now, transaction
from storage.policies import in_force
from storage.reconciliation import troubled_gateways

_log = logging.getLogger("amanat.payments")
# So long a payer waits at most where every gateway is busy, asked for again and again; then they may try again.
_BUSY_FOR = timedelta(minutes=1)
_BUSY_PAUSE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class LinkGiven:
    """What came of asking for the link of a try: no link where no gateway gave one."""

    attempt_id: UUID
    gateway: str = ""
    link: PaymentLink | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Wish:
    attempt_id: UUID
    order: Sequence[str]
    may_wait: bool
    request: LinkRequest = field(repr=False)


async def ask_for_link(context: ActivityContext, case_id: UUID) -> LinkGiven | None:
    """Ask the gateways one after the other, the wished one first; a link that stays unknown is given to nobody.

    Raises:
        AskAgain: none gave one, and one of them has too much to do at this moment.
    """
    wish = await _read(context, case_id)
    if wish is None:
        return None
    is_busy = False
    for name in wish.order:
        try:
            link = await put(context, name, lambda gateway: gateway.request_link(wish.request))
        except NoTurn:
            is_busy = True
        except (GatewayUnclear, GatewayRefused) as trouble:
            facts = {"gateway": name, "reason": trouble.reason, "case_id": str(case_id)}
            _log.warning("gateway_gave_no_link", extra=facts)
        else:
            return LinkGiven(wish.attempt_id, name, link)
    if is_busy and wish.may_wait:
        raise AskAgain(_BUSY_PAUSE)
    return LinkGiven(wish.attempt_id)


async def _read(context: ActivityContext, case_id: UUID) -> _Wish | None:
    async with transaction(context.engine, SERVICE) as connection:
        payment, case = await rows.read_payment(connection, case_id), await read_case(connection, case_id)
        attempts = [one for one in await rows.attempts_of(connection, case_id) if one.state == "requested"]
        if payment is None or case is None or not attempts:
            return None
        attempt = attempts[0]
        token = await rows.token_of(connection, context.seals, attempt.id)
        # Which gateways take payments counts as of now, not as the case froze it.
        now = await in_force(connection, PaymentPolicy.POLICY)
        policy = PaymentPolicy.from_policy(now.value) if now else await rows.policy_of(connection, case.policy_id)
        cards = await own_cards(connection, context.seals, payment.person_id) if payment.own_card else []
        troubled = await troubled_gateways(connection)
        may_wait = await postgres_now(connection) - attempt.begun_at < _BUSY_FOR
    request = LinkRequest(
        amount=payment.amount,
        callback=f"{context.site}/pay/return/{token}",
        order=str(attempt.id),
        description=f"امانت، پرداخت شمارهٔ {case.number}",
        cards=cards,
    )
    # Where nobody can say what was paid no new payment is led, while another gateway gives a link.
    order = sorted(policy.usable(context.gateways, attempt.gateway), key=troubled.__contains__)
    return _Wish(attempt.id, order, may_wait, request)


async def record_link(step: Transition, given: LinkGiven | None) -> NextStep:
    """The payer goes to the bank by it, or may try again where no gateway gave one."""
    state = await read_state(step)
    asked = [one for one in state.attempts if given and one.id == given.attempt_id and one.state == "requested"]
    if given is None or not asked:
        return await assess(step)
    if given.link is None:
        await rows.end_attempt(step.connection, given.attempt_id, "failed")
        await step.add_event(Event.PAYMENT_LINK_REFUSED)
        return await assess(step)
    await rows.give_link(
        step.connection,
        given.attempt_id,
        state.policy,
        gateway=given.gateway,
        authority=given.link.authority,
        link=given.link.url,
    )
    await step.add_event(Event.PAYMENT_LINK_GIVEN)
    return await assess(step)
