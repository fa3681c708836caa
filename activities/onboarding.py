"""What the machine does in onboarding to credit (docs/rules.md, A): transitions, each safe to run twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from temporalio import activity

from activities.transition import MACHINE, Desk, Transition, take
from domain import onboarding as rules
from domain.access import Grant, Role, ScopeKind
from domain.dates import add_months, format_jalali, tehran_day, to_jalali
from domain.ledger import Occasion, credit_accounts, credit_line_closed, credit_line_opened
from domain.money import Money, Unit, format_toman
from domain.onboarding import Obstacle, Programme
from messages.onboarding import FactKind, Outcome, Phase, Standing, Step, TaskKind
from storage import ledger, onboarding, tasks
from storage.cases import Fact, last_fact
from storage.onboarding import Application
from storage.organisation import contract_in_force, read_employment
from storage.people import money_pause
from storage.policies import by_id
from storage.tasks import Task

_OVER = Outcome(Standing.OVER)
_BACKED = Outcome(Standing.BACKED)
_ANSWERS = (
    FactKind.CERTIFICATE_ISSUED,
    FactKind.CERTIFICATE_REFUSED,
    FactKind.OBSTACLE_CLEARED,
    FactKind.OBSTACLE_UPHELD,
)
_Body = Callable[[Transition], Awaitable[Outcome]]
_Again = Callable[[Transition, Outcome], Awaitable[Outcome]]
# Who can mend what stands in the way.
_MENDERS = {
    Obstacle.CONTRACT_NOT_IN_FORCE: Role.CONTRACTS_OFFICER,
    Obstacle.NOT_EMPLOYED: Role.HR_OFFICER,
    Obstacle.SHARE_USED_UP: Role.HR_OFFICER,
}


class OnboardingActivities:
    """The transitions of onboarding."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def _take(self, step: Step, name: str, body: _Body, again: _Again | None = None) -> Outcome:
        return await take(
            self._desk,
            case_id=step.case_id,
            step=name,
            round_=step.round,
            result=Outcome,
            body=body,
            again=again or _as_of_now,
        )

    @activity.defn
    async def request_certificate(self, step: Step) -> Outcome:
        """Ask the employer's hr_officer for the deduction certificate (A12)."""
        return await self._take(step, "request_certificate", _request_certificate)

    @activity.defn
    async def remind(self, step: Step) -> Outcome:
        """Remind whoever holds the open task that the applicant waits (A6)."""
        return await self._take(step, "remind", _remind, again=_remind_again)

    @activity.defn
    async def weigh_answer(self, step: Step) -> Outcome:
        """Read what people did and draw the consequence; a message without its fact changes nothing."""
        return await self._take(step, "weigh_answer", _weigh)

    @activity.defn
    async def lapse(self, step: Step) -> Outcome:
        """End the application because nobody answered, unless somebody was first (A6)."""
        return await self._take(step, "lapse", _lapse)

    @activity.defn
    async def activate_credit(self, step: Step) -> Outcome:
        """Check everything again, then open the credit line in the ledger (A8), or ask for what must be mended."""
        return await self._take(step, "activate_credit", _activate)


async def _programme(at: Transition) -> Programme:
    policy = await by_id(at.connection, at.case.policy_id)
    return Programme.from_policy(policy.name, policy.value)


async def _application(at: Transition) -> Application:
    application = await onboarding.read_application(at.connection, at.case.id)
    if application is None:
        raise LookupError(f"case {at.case.id} has no application")
    return application


async def _request_certificate(at: Transition) -> Outcome:
    if not at.case.is_open or await last_fact(at.connection, at.case.id, *_ANSWERS, FactKind.APPLICATION_WITHDRAWN):
        return await _weigh(at)
    return await _ask_for_certificate(at, reason=None)


async def _ask_for_certificate(at: Transition, *, reason: Obstacle | None) -> Outcome:
    programme = await _programme(at)
    hours = timedelta(hours=programme.answer_expire_hours)
    assignee = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(at.case.organisation_id))
    await at.ask(
        TaskKind.ISSUE_CERTIFICATE,
        assignee,
        due_in=hours,
        details={"remind_hours": programme.answer_remind_hours, "reason": reason},
    )
    await at.move(Phase.AWAITING_CERTIFICATE, next_actor=Role.HR_OFFICER, due_in=hours)
    if reason is None:
        await at.tell("certificate_requested")
    else:
        await at.tell("certificate_requested_again", params={"reason": reason})
        await at.notify(_applicant(at), "certificate_requested_again")
    return await _waits(at)


async def _waits(at: Transition) -> Outcome:
    """How long the open task is still waited for, by Postgres's clock."""
    for kind in TaskKind:
        task = await tasks.find_open(at.connection, at.case.id, kind)
        if task is not None:
            expire_in = max(int((task.due_at - at.now).total_seconds()), 0)
            remind_at = task.opened_at + timedelta(hours=task.details["remind_hours"])
            remind_in = 0 if _is_reminded(task) else max(int((remind_at - at.now).total_seconds()), 1)
            return Outcome(Standing.WAITING, min(remind_in, expire_in), expire_in)
    return _BACKED


async def _as_of_now(at: Transition, kept: Outcome) -> Outcome:
    """A kept result may be old: whoever was awaited then may have answered since."""
    return kept if kept.standing is Standing.OVER else await _weigh(at)


async def _remind(at: Transition) -> Outcome:
    for kind in TaskKind:
        task = await tasks.find_open(at.connection, at.case.id, kind)
        if task is not None and task.grant is not None and not _is_reminded(task):
            await tasks.mark_reminded(at.connection, task.id)
            await at.notify(await at.holders(task.grant), f"remind_{kind}")
            await at.tell("reminded", params={"role": task.grant.role})
    return await _weigh(at)


async def _remind_again(at: Transition, _: Outcome) -> Outcome:
    """A process that was started anew counts its rounds anew: the task, not the round, says who was reminded."""
    return await _remind(at)


def _is_reminded(task: Task) -> bool:
    return bool(task.details.get("reminded"))


async def _weigh(at: Transition) -> Outcome:
    if not at.case.is_open:
        return _OVER
    if await last_fact(at.connection, at.case.id, FactKind.APPLICATION_WITHDRAWN):
        await at.end(Phase.WITHDRAWN, outcome=Phase.WITHDRAWN)
        return _OVER
    waiting = await _waits(at)
    if waiting.standing is Standing.WAITING:
        return waiting
    answer = await last_fact(at.connection, at.case.id, *_ANSWERS)
    if answer is not None and answer.kind in {FactKind.CERTIFICATE_REFUSED, FactKind.OBSTACLE_UPHELD}:
        await _refuse(at, answer)
        return _OVER
    return _BACKED


async def _refuse(at: Transition, answer: Fact) -> None:
    await at.end(Phase.REFUSED, outcome=Phase.REFUSED)
    await at.tell("application_refused", params={"reason": answer.payload["reason"]})
    await at.notify(_applicant(at), "application_refused")


async def _lapse(at: Transition) -> Outcome:
    expired = [await tasks.expire_task(at.connection, at.case.id, kind) for kind in TaskKind]
    if not any(expired) or not at.case.is_open:
        return await _weigh(at)
    await at.end(Phase.LAPSED, outcome=Phase.LAPSED)
    await at.tell("application_lapsed")
    await at.notify(_applicant(at), "application_lapsed")
    return _OVER


async def _activate(at: Transition) -> Outcome:
    standing = await _weigh(at)
    if standing.standing is not Standing.BACKED:
        return standing
    application, programme = await _application(at), await _programme(at)
    pause = await money_pause(at.connection, application.person_id)
    if pause:
        await at.move(Phase.AWAITING_CLEARANCE, next_actor=MACHINE, due_in=pause)
        if at.case.next_actor != MACHINE:
            await at.tell("activation_paused", params={"hours": -(-int(pause.total_seconds()) // 3600)})
        return Outcome(Standing.PAUSED, expire_in=int(pause.total_seconds()) + 1)
    await onboarding.hold_quota(at.connection, application.person_id)
    certificate = await onboarding.newest_certificate(at.connection, at.case.id)
    today = tehran_day(at.now)
    if certificate is None or certificate.revoked_at is not None or certificate.valid_until < today:
        return await _ask_for_certificate(at, reason=Obstacle.CERTIFICATE_NOT_VALID if certificate else None)
    limit = await _limit_now(at, application, programme)
    if isinstance(limit, Obstacle):
        return await _ask_to_mend(at, limit, programme)
    asked, certified = Money(application.monthly, Unit.IRR), Money(certificate.monthly, Unit.IRR)
    monthly = rules.approved_terms(limit=limit, asked=asked, certified=certified)
    await _open_line(at, application, programme, monthly, min(application.instalments, certificate.instalments))
    return _OVER


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
    hours = timedelta(hours=programme.obstacle_expire_hours)
    details = {"remind_hours": programme.obstacle_remind_hours, "obstacle": obstacle}
    await at.ask(TaskKind.CLEAR_OBSTACLE, Grant(role, *scope), due_in=hours, details=details)
    await at.move(Phase.AWAITING_CLEARANCE, next_actor=role, due_in=hours)
    await at.tell("activation_blocked", params={"obstacle": obstacle})
    await at.notify(_applicant(at), "activation_blocked")
    return await _waits(at)


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
    ceiling = monthly.times(instalments)
    await ledger.post(at.connection, credit_line_opened(line_id, ceiling, _occasion(at, f"open:{line_id}")))
    await at.end(Phase.ACTIVE, outcome=Phase.ACTIVE)
    terms = {"monthly": monthly.amount, "instalments": instalments, "ends_on": ends_on.isoformat()}
    await at.tell("credit_activated", params=terms)
    await at.notify(
        _applicant(at),
        "credit_activated",
        {"ceiling": format_toman(ceiling), "ends_on": format_jalali(ends_on, persian=True)},
    )


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


def _occasion(at: Transition, name: str) -> Occasion:
    return Occasion(key=f"credit_line:{name}", case_id=at.case.id, actor="system", event_at=at.now)


def _applicant(at: Transition) -> list[UUID]:
    return [] if at.case.person_id is None else [at.case.person_id]
