"""The end of onboarding: everything is checked again, then the credit line is opened in the ledger (A2, A8)."""

from __future__ import annotations

from datetime import timedelta

from activities.certificate import ask_for_certificate
from activities.guarantor import release_guarantors
from activities.onboarding.assessment import read_application
from activities.onboarding.backing import request_backing
from activities.onboarding.dispute import find_dispute
from activities.transition import MACHINE, Transition
from domain import onboarding as rules
from domain.access import Grant, Role, ScopeKind
from domain.dates import add_months, format_jalali, tehran_day, to_jalali
from domain.ledger import Occasion, credit_accounts, credit_line_closed, credit_line_opened
from domain.money import Money, Unit, format_toman
from domain.onboarding import Obstacle
from domain.programme import Backing, Programme
from messages.case import NextStep
from messages.guarantor import Sms
from messages.onboarding import Event, Phase, Step, TaskKind
from storage import guarantor, ledger, onboarding, substitution
from storage.certificate import newest_certificate
from storage.ledger import posting
from storage.organisation import contract_in_force, read_employment
from storage.people import money_pause
from storage.programme import programme_of
from storage.rows.certificate import Certificate
from storage.rows.onboarding import Application

# The role that can clear each obstacle.
_RESPONSIBLE = {
    Obstacle.CONTRACT_NOT_IN_FORCE: Role.CONTRACTS_OFFICER,
    Obstacle.NOT_EMPLOYED: Role.HR_OFFICER,
    Obstacle.MOBILE_DISPUTED: Role.HR_OFFICER,
    Obstacle.GUARANTOR_DISPUTED: Role.HR_OFFICER,
    Obstacle.SHARE_USED_UP: Role.HR_OFFICER,
}


async def activate_credit(step: Transition) -> NextStep:
    """Open the line, unless something stands in the way."""
    application = await read_application(step)
    programme = await programme_of(step.connection, step.case.policy_id)
    pause = await money_pause(step.connection, application.person_id)
    if pause:
        return await _wait_out(step, pause)
    await onboarding.lock_quota(step.connection, application.person_id)
    certificate = None
    if programme.backing is Backing.CERTIFICATE:
        certificate = await newest_certificate(step.connection, step.case.id)
        if certificate is None or not certificate.is_valid(tehran_day(step.now)):
            return await ask_for_certificate(step, reason=Obstacle.CERTIFICATE_NOT_VALID if certificate else None)
    elif await _release_gone(step):
        return await request_backing(step)
    limit = await _limit_now(step, application, programme)
    if isinstance(limit, Obstacle):
        return await _ask_to_mend(step, limit, programme)
    return await _open_line(step, application, programme, *_terms(application, certificate, limit))


async def _wait_out(step: Transition, pause: timedelta) -> NextStep:
    """Money actions pause after a change of mobile (G2)."""
    await step.set_deadline(Step.ACTIVATE_CREDIT, pause)
    await step.move(Phase.AWAITING_CLEARANCE, next_actor=MACHINE, due_in=pause)
    if (step.case.phase, step.case.next_actor) != (Phase.AWAITING_CLEARANCE, MACHINE):
        await step.add_event(Event.ACTIVATION_PAUSED, params={"hours": -(-int(pause.total_seconds()) // 3600)})
    return await step.wait_now()


def _terms(application: Application, certificate: Certificate | None, limit: Money) -> tuple[Money, int]:
    """The monthly amount and the count that become usable: the lowest counts (A2)."""
    asked = Money(application.monthly, Unit.IRR)
    if certificate is None:
        return rules.approved_terms(limit=limit, asked=asked, certified=asked), application.instalments
    certified = Money(certificate.monthly, Unit.IRR)
    monthly = rules.approved_terms(limit=limit, asked=asked, certified=certified)
    return monthly, min(application.instalments, certificate.instalments)


async def _release_gone(step: Transition) -> bool:
    """Release guarantors who no longer work there; then finance's approval no longer counts either (A4)."""
    gone = [
        guarantee
        for guarantee in await guarantor.guarantees_in(step.connection, step.case.id)
        if (await read_employment(step.connection, guarantee.employment_id)).state != "employed"
    ]
    for guarantee in gone:
        await guarantor.end_guarantee(step.connection, guarantee.id, "released")
    if gone:
        await onboarding.reopen_review(step.connection, step.case.id)
        await step.add_event(Event.ACTIVATION_BLOCKED, params={"obstacle": Obstacle.GUARANTOR_GONE})
        await step.notify([guarantee.person_id for guarantee in gone], Sms.GUARANTEE_RELEASED)
    return bool(gone)


async def _limit_now(step: Transition, application: Application, programme: Programme) -> Money | Obstacle:
    """The most that is possible at this moment (docs/rules.md, Roles: checked again when a decision takes effect)."""
    employment = await read_employment(step.connection, application.employment_id)
    today = tehran_day(step.now)
    if not await contract_in_force(step.connection, employment.organisation_id, today):
        return Obstacle.CONTRACT_NOT_IN_FORCE
    if employment.state != "employed":
        return Obstacle.NOT_EMPLOYED
    disputed = await find_dispute(step, application)
    if disputed is not None:
        return disputed
    limit = await onboarding.limit_now(step.connection, programme, employment, today, apart_from_case=step.case.id)
    return limit or Obstacle.SHARE_USED_UP


async def _ask_to_mend(step: Transition, obstacle: Obstacle, programme: Programme) -> NextStep:
    role = _RESPONSIBLE[obstacle]
    scope = (
        (ScopeKind.PLATFORM, "")
        if role is Role.CONTRACTS_OFFICER
        else (ScopeKind.ORGANISATION, str(step.case.organisation_id))
    )
    due_in = programme.obstacle_expire
    await step.ask(
        TaskKind.CLEAR_OBSTACLE,
        Grant(role, *scope),
        remind_in=programme.obstacle_remind,
        due_in=due_in,
        details={"obstacle": obstacle},
    )
    await step.move(Phase.AWAITING_CLEARANCE, next_actor=role, due_in=due_in)
    await step.add_event(Event.ACTIVATION_BLOCKED, params={"obstacle": obstacle})
    await step.notify(step.owner, Event.ACTIVATION_BLOCKED)
    return await step.wait_now()


async def _open_line(
    step: Transition, application: Application, programme: Programme, monthly: Money, instalments: int
) -> NextStep:
    """Open the line, its ledger accounts, and replace the line that it renews (A2, A8)."""
    organisation_id = (await read_employment(step.connection, application.employment_id)).organisation_id
    await _close_renewed(step, application, programme)
    ends_on = add_months(to_jalali(tehran_day(step.now)), programme.line_term_months).to_gregorian()
    line_id = await onboarding.add_line(
        step.connection,
        step.seals,
        application,
        organisation_id=organisation_id,
        monthly=monthly.amount,
        instalments=instalments,
        ends_on=ends_on,
    )
    await onboarding.set_approved(step.connection, step.case.id, monthly=monthly.amount, instalments=instalments)
    await posting.open_accounts(step.connection, credit_accounts(line_id, application.person_id))
    ceiling = rules.ceiling(monthly, instalments)
    await posting.post(step.connection, credit_line_opened(line_id, ceiling, _occasion(step, f"open:{line_id}")))
    terms = {"monthly": monthly.amount, "instalments": instalments, "ends_on": ends_on.isoformat()}
    await step.add_event(Event.CREDIT_ACTIVATED, params=terms)
    await step.notify(
        step.owner,
        Event.CREDIT_ACTIVATED,
        {
            "ceiling": format_toman(ceiling),
            "ceiling_rial": ceiling.amount,
            "ends_on": format_jalali(ends_on, persian=True),
            "last_day": ends_on.isoformat(),
        },
    )
    if programme.guarantor is not None:
        guarantors = await guarantor.guarantees_in(step.connection, step.case.id)
        await step.notify([guarantee.person_id for guarantee in guarantors], Sms.GUARANTEE_IN_FORCE)
    return await step.end(Phase.ACTIVE)


async def _close_renewed(step: Transition, application: Application, programme: Programme) -> None:
    """A new line of a programme replaces the running one: what is unused there is no longer granted (A2)."""
    earlier = await onboarding.running_line(step.connection, application.person_id, programme.code)
    if earlier is None:
        return
    _, available = credit_accounts(earlier.id)
    unused = (await ledger.balance(step.connection, available.code)).available
    if unused > 0:
        occasion = _occasion(step, f"close:{earlier.id}")
        await posting.post(step.connection, credit_line_closed(earlier.id, Money(unused, Unit.IRR), occasion))
    await onboarding.close_line(step.connection, earlier.id)
    await substitution.supersede(step.connection, earlier.case_id)
    # Guarantors of a line on which something is still owed stay bound.
    if unused == earlier.ceiling.amount:
        await release_guarantors(step, earlier.case_id)


def _occasion(step: Transition, name: str) -> Occasion:
    return Occasion(key=f"credit_line:{name}", case_id=step.case.id, actor="system", event_at=step.now)
