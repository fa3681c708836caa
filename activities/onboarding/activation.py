"""The end of onboarding: everything is checked again, then the credit line is opened in the ledger (A2, A8)."""

from __future__ import annotations

from activities.onboarding.backing import ask_for_certificate, request_backing, seconds
from activities.onboarding.judgement import (
    applicant,
    read_application,
    read_programme,
    release_guarantors,
    waits_now,
    weigh,
)
from activities.transition import MACHINE, Transition
from domain import onboarding as rules
from domain.access import Grant, Role, ScopeKind
from domain.dates import add_months, format_jalali, tehran_day, to_jalali
from domain.ledger import Occasion, credit_accounts, credit_line_closed, credit_line_opened
from domain.money import Money, Unit, format_toman
from domain.onboarding import Obstacle
from domain.programme import Backing, Programme
from messages.onboarding import Outcome, Phase, Standing, TaskKind
from storage import guarantor, ledger, onboarding, substitution
from storage.certificate import newest_certificate
from storage.organisation import contract_in_force, read_employment
from storage.people import money_pause
from storage.rows.certificate import Certificate
from storage.rows.onboarding import Application

_OVER = Outcome(Standing.OVER)
# Who can mend what stands in the way.
_MENDERS = {
    Obstacle.CONTRACT_NOT_IN_FORCE: Role.CONTRACTS_OFFICER,
    Obstacle.NOT_EMPLOYED: Role.HR_OFFICER,
    Obstacle.SHARE_USED_UP: Role.HR_OFFICER,
}


async def activate_credit(at: Transition) -> Outcome:
    """Open the line, unless somebody was first or something stands in the way."""
    standing = await weigh(at)
    if standing.standing not in {Standing.BACKED, Standing.APPROVED}:
        return standing
    application, programme = await read_application(at), await read_programme(at)
    pause = await money_pause(at.connection, application.person_id)
    if pause:
        await at.move(Phase.AWAITING_CLEARANCE, next_actor=MACHINE, due_in=pause)
        if (at.case.phase, at.case.next_actor) != (Phase.AWAITING_CLEARANCE, MACHINE):
            await at.tell("activation_paused", params={"hours": -(-int(pause.total_seconds()) // 3600)})
        return Outcome(Standing.PAUSED, expire_in=int(pause.total_seconds()) + 1)
    await onboarding.hold_quota(at.connection, application.person_id)
    certificate = None
    if programme.backing is Backing.CERTIFICATE:
        certificate = await newest_certificate(at.connection, at.case.id)
        if certificate is None or not certificate.is_valid(tehran_day(at.now)):
            return await ask_for_certificate(at, reason=Obstacle.CERTIFICATE_NOT_VALID if certificate else None)
    elif await _release_gone(at):
        return await request_backing(at)
    limit = await _limit_now(at, application, programme)
    if isinstance(limit, Obstacle):
        return await _ask_to_mend(at, limit, programme)
    await _open_line(at, application, programme, *_terms(application, certificate, limit))
    return _OVER


def _terms(application: Application, certificate: Certificate | None, limit: Money) -> tuple[Money, int]:
    """The monthly amount and the count that become usable: the lowest counts (A2)."""
    asked = Money(application.monthly, Unit.IRR)
    if certificate is None:
        return rules.approved_terms(limit=limit, asked=asked, certified=asked), application.instalments
    certified = Money(certificate.monthly, Unit.IRR)
    monthly = rules.approved_terms(limit=limit, asked=asked, certified=certified)
    return monthly, min(application.instalments, certificate.instalments)


async def _release_gone(at: Transition) -> bool:
    """Release guarantors who no longer work there; then finance's approval no longer counts either (A4)."""
    gone = [
        guarantee
        for guarantee in await guarantor.guarantees_in(at.connection, at.case.id)
        if (await read_employment(at.connection, guarantee.employment_id)).state != "employed"
    ]
    for guarantee in gone:
        await guarantor.end_guarantee(at.connection, guarantee.id, "released")
    if gone:
        await onboarding.reopen_review(at.connection, at.case.id)
        await at.tell("activation_blocked", params={"obstacle": Obstacle.GUARANTOR_GONE})
        await at.notify([guarantee.person_id for guarantee in gone], "guarantee_released")
    return bool(gone)


async def _limit_now(at: Transition, application: Application, programme: Programme) -> Money | Obstacle:
    """The most that is possible at this moment (docs/rules.md, Roles: checked again when a decision takes effect)."""
    employment = await read_employment(at.connection, application.employment_id)
    today = tehran_day(at.now)
    if not await contract_in_force(at.connection, employment.organisation_id, today):
        return Obstacle.CONTRACT_NOT_IN_FORCE
    if employment.state != "employed":
        return Obstacle.NOT_EMPLOYED
    limit = await onboarding.limit_now(at.connection, programme, employment, apart_from_case=at.case.id)
    return limit or Obstacle.SHARE_USED_UP


async def _ask_to_mend(at: Transition, obstacle: Obstacle, programme: Programme) -> Outcome:
    role = _MENDERS[obstacle]
    scope = (
        (ScopeKind.PLATFORM, "")
        if role is Role.CONTRACTS_OFFICER
        else (ScopeKind.ORGANISATION, str(at.case.organisation_id))
    )
    details = {"remind_seconds": seconds(programme.obstacle_remind), "obstacle": obstacle}
    due_in = programme.obstacle_expire
    await at.ask(TaskKind.CLEAR_OBSTACLE, Grant(role, *scope), due_in=due_in, details=details)
    await at.move(Phase.AWAITING_CLEARANCE, next_actor=role, due_in=due_in)
    await at.tell("activation_blocked", params={"obstacle": obstacle})
    await at.notify(applicant(at), "activation_blocked")
    return await waits_now(at)


async def _open_line(
    at: Transition, application: Application, programme: Programme, monthly: Money, instalments: int
) -> None:
    """Open the line, its ledger accounts, and replace the line that it renews (A2, A8)."""
    organisation_id = (await read_employment(at.connection, application.employment_id)).organisation_id
    await _close_renewed(at, application, programme)
    ends_on = add_months(to_jalali(tehran_day(at.now)), programme.line_term_months).to_gregorian()
    line_id = await onboarding.add_line(
        at.connection,
        at.seals,
        application,
        organisation_id=organisation_id,
        monthly=monthly.amount,
        instalments=instalments,
        ends_on=ends_on,
    )
    await onboarding.set_approved(at.connection, at.case.id, monthly=monthly.amount, instalments=instalments)
    await ledger.open_accounts(at.connection, credit_accounts(line_id, application.person_id))
    ceiling = rules.ceiling(monthly, instalments)
    await ledger.post(at.connection, credit_line_opened(line_id, ceiling, _occasion(at, f"open:{line_id}")))
    await at.end(Phase.ACTIVE, outcome=Phase.ACTIVE)
    terms = {"monthly": monthly.amount, "instalments": instalments, "ends_on": ends_on.isoformat()}
    await at.tell("credit_activated", params=terms)
    await at.notify(
        applicant(at),
        "credit_activated",
        {"ceiling": format_toman(ceiling), "ends_on": format_jalali(ends_on, persian=True)},
    )
    if programme.guarantor is not None:
        guarantors = await guarantor.guarantees_in(at.connection, at.case.id)
        await at.notify([guarantee.person_id for guarantee in guarantors], "guarantee_in_force")


async def _close_renewed(at: Transition, application: Application, programme: Programme) -> None:
    """A new line of a programme replaces the running one: what is unused there is no longer granted (A2)."""
    earlier = await onboarding.running_line(at.connection, application.person_id, programme.code)
    if earlier is None:
        return
    _, available = credit_accounts(earlier.id)
    unused = (await ledger.balance(at.connection, available.code)).available
    if unused > 0:
        occasion = _occasion(at, f"close:{earlier.id}")
        await ledger.post(at.connection, credit_line_closed(earlier.id, Money(unused, Unit.IRR), occasion))
    await onboarding.close_line(at.connection, earlier.id)
    await substitution.overtake(at.connection, earlier.case_id)
    # Whoever stood for what is still owed goes on standing for it.
    if unused == earlier.ceiling.amount:
        await release_guarantors(at, earlier.case_id)


def _occasion(at: Transition, name: str) -> Occasion:
    return Occasion(key=f"credit_line:{name}", case_id=at.case.id, actor="system", event_at=at.now)
