"""The commands of onboarding, run straight on the context."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec
from uuid import UUID, uuid4

from activities.transition import ActivityContext
from commands import certificate as certificate_commands
from commands import guarantor as guarantor_commands
from commands import onboarding as commands
from commands import review as review_commands
from commands.account import authenticate
from commands.account.codes import request_code
from commands.command import Command, Context, Envelope, perform
from commands.guarantor import Consent
from commands.policy import decide_policy, propose_policy
from commands.task import lock_task
from domain.access import Actor, Grant, Role, ScopeKind
from domain.account import CodePurpose, guarantee_binding, mandate_binding
from domain.money import Money, Unit
from domain.onboarding import RefusalReason
from domain.review import ReturnReason
from messages.case import NextStep, StepInput
from messages.onboarding import Step
from storage.database import SERVICE, transaction
from storage.guarantor import guarantees_in
from storage.policies import in_force
from storage.rows.account import rate_windows
from storage.rows.guarantor import Guarantee
from storage.rows.policies import Policy
from storage.rows.tasks import Task
from storage.tasks import find_open, open_tasks
from tests.account_people import sent_code
from tests.arrange import Arrange, Someone, fresh_totp
from tests.transitions import Transitions

P = ParamSpec("P")
CASE = "issue_certificate"
REGION = "1101"
# Transitions count their rounds; in tests any number will do that was not used before.
_ROUNDS = itertools.count(1_000)
_END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)
_STEPS_MAX = 6


@dataclass(frozen=True, slots=True)
class MinipayOffice:
    """A member and their HR."""

    context: Context
    member: Someone
    officer: Someone


async def _once(perform_it: Callable[[], Awaitable[Any]]) -> Any:
    return await perform_it()


async def run(
    context: Context,
    who: Someone,
    work: Callable[[Command], Awaitable[Any]],
    *,
    send: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]] = _once,
) -> Any:
    """Run one command of a person and return what it returned; ``send`` may send it again under its key."""
    actor = await authenticate(context, who.token)
    return await run_as(context, actor, work, send=send)


async def run_as(
    context: Context,
    actor: Actor,
    work: Callable[[Command], Awaitable[Any]],
    *,
    send: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]] = _once,
) -> Any:
    """Run one command of an actor."""
    results = []

    async def as_bytes(command: Command) -> bytes:
        results.append(await work(command.with_code(fresh_totp())))
        return b"{}"

    envelope = Envelope(actor, "test", f"key-{uuid4()}", b"content", "origin")
    await send(lambda: perform(context, envelope, as_bytes))
    return results[-1]


async def credit_request(
    context: Context, member: Someone, *, monthly: int = 50_000_000, instalments: int = 12, **changes: Any
) -> commands.CreditRequest:
    """A request with a mandate accepted for exactly its terms."""
    wish: dict[str, Any] = {"programme": "minipay", "mandate_version": 1} | changes
    binding = mandate_binding(wish["programme"], monthly, instalments, wish["mandate_version"])
    code_id, code = await fresh_code(context, member, CodePurpose.ACCEPT_MANDATE, binding)
    request = commands.CreditRequest(
        programme="minipay",
        monthly=Money(monthly, Unit.IRR),
        instalments=instalments,
        mandate_version=1,
        code_id=code_id,
        code=code,
    )
    return replace(request, **changes)


async def fresh_code(context: Context, member: Someone, purpose: CodePurpose, binding: bytes) -> tuple[UUID, str]:
    """A code for exactly this, however often one was asked for lately."""
    async with transaction(context.engine, SERVICE) as connection:
        await connection.execute(rate_windows.delete())
    code_id: UUID = await run(context, member, lambda command: request_code(command, purpose, binding))
    return code_id, await sent_code(context, code_id)


async def apply(office: MinipayOffice, **changes: Any) -> UUID:
    """The member applies; returns the case's id."""
    request = await credit_request(office.context, office.member, **changes)
    case_id: UUID = await run(
        office.context, office.member, lambda command: commands.apply_for_credit(command, request)
    )
    return case_id


async def withdraw(office: MinipayOffice, case_id: UUID) -> None:
    """The member withdraws."""
    await run(office.context, office.member, lambda command: commands.withdraw_application(command, case_id))


async def open_task(context: Context, case_id: UUID, kind: str = CASE) -> UUID:
    """The id of the case's open task."""
    async with transaction(context.engine, SERVICE) as connection:
        task = await find_open(connection, case_id, kind)
    assert task is not None
    return task.id


async def answer(
    context: Context,
    who: Someone,
    task_id: UUID,
    decide: Callable[Concatenate[Command, Task, P], Awaitable[UUID]],
    /,
    *values: P.args,
    **named: P.kwargs,
) -> None:
    """Somebody decides on a task."""

    async def work(command: Command) -> UUID:
        return await decide(command, await lock_task(command, task_id), *values, **named)

    await run(context, who, work)


async def issue(office: MinipayOffice, case_id: UUID, **changes: Any) -> None:
    """HR issues the certificate."""
    task_id = await open_task(office.context, case_id)
    valid_until = datetime.now(UTC).date() + timedelta(days=300)
    terms = replace(certificate_commands.CertificateTerms(Money(50_000_000, Unit.IRR), 12, valid_until), **changes)
    await answer(office.context, office.officer, task_id, certificate_commands.issue_certificate, terms)


async def refuse(office: MinipayOffice, case_id: UUID) -> None:
    """HR refuses the certificate."""
    task_id, reason = await open_task(office.context, case_id), RefusalReason.COURT_ORDER
    await answer(office.context, office.officer, task_id, certificate_commands.refuse_certificate, reason)


@dataclass(frozen=True, slots=True)
class TavanaScenario:
    """A region of an employer, with everybody whom an application for Tavana needs."""

    context: Context
    arrange: Arrange
    activities: Transitions
    employer: UUID
    applicant: Someone
    guarantor: Someone
    finance: Someone
    platform: Someone

    @classmethod
    async def opened(cls, context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
        """One applicant, one colleague, one finance officer of the region and one of the platform."""
        employer = await arrange.organisation()
        return cls(
            context,
            arrange,
            Transitions(activity_context),
            employer,
            await arrange.member(employer),
            await arrange.member(employer),
            await finance_officer(arrange),
            await arrange.platform(Role.FINANCE_OFFICER),
        )

    async def colleague(self, **changes: Any) -> Someone:
        """One more member of the same region."""
        return await self.arrange.member(self.employer, **changes)

    async def apply(self, *guarantors: Someone, applicant: Someone | None = None, **changes: Any) -> UUID:
        """Apply, naming the colleague unless others are given; returns the case's id."""
        named = guarantors or (self.guarantor,)
        office = MinipayOffice(self.context, applicant or self.applicant, self.finance)
        wish: dict[str, Any] = {"programme": "tavana", "guarantors": tuple(one.national_id for one in named)}
        return await apply(office, **wish | changes)

    async def take(self, name: str, case_id: UUID, until: datetime | None = None) -> NextStep:
        """Take a transition in a round of its own; an activation at the end of every wait, unless another is said."""
        if name == Step.ACTIVATE_CREDIT and until is None:
            until = _END_OF_TIME
        outcome: NextStep = await getattr(self.activities, name)(StepInput(case_id, next(_ROUNDS), until))
        return outcome

    async def go_on(self, case_id: UUID) -> NextStep:
        """What the process does when it hears of somebody: assess, then ask the next person."""
        outcome = await self.take("assess_onboarding", case_id)
        asking = {Step.REQUEST_BACKING, Step.REQUEST_REVIEW, Step.REQUEST_CORRECTION}
        for _ in range(_STEPS_MAX):
            if outcome.step not in asking:
                return outcome
            outcome = await self.take(outcome.step, case_id)
        raise AssertionError(outcome)

    async def asked(self, *guarantors: Someone, **changes: Any) -> UUID:
        """An application whose guarantors are asked."""
        case_id = await self.apply(*guarantors, **changes)
        await self.take("request_backing", case_id)
        return case_id

    async def backed(self, *guarantors: Someone, **changes: Any) -> UUID:
        """An application that finance looks at."""
        case_id = await self.asked(*guarantors, **changes)
        for one in guarantors or (self.guarantor,):
            await accept_guarantee(self, case_id, one)
        await self.go_on(case_id)
        return case_id

    async def approved(self, *guarantors: Someone, **changes: Any) -> UUID:
        """An application that waits for its hour."""
        case_id = await self.backed(*guarantors, **changes)
        await approve(self, case_id)
        await self.go_on(case_id)
        return case_id

    async def returned(self, *reasons: ReturnReason, unsuitable: Sequence[UUID] = ()) -> UUID:
        """An application that the applicant is asked to correct."""
        case_id = await self.backed()
        await give_back(self, case_id, *(reasons or (ReturnReason.AMOUNT_TOO_HIGH,)), unsuitable=unsuitable)
        await self.go_on(case_id)
        return case_id


async def finance_officer(arrange: Arrange, region: str = REGION) -> Someone:
    """Finance of a region."""
    return await arrange.staff(Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, region))


async def add_programme(tavana: TavanaScenario, code: str, like: str = "tavana", **changes: Any) -> Policy:
    """A programme like another one but for some values, by two policy_admins; nothing but a row of policy."""
    name = f"programme:{code}"
    async with transaction(tavana.context.engine, SERVICE) as connection:
        shipped = await in_force(connection, f"programme:{like}")
    assert shipped is not None
    first, second = [await tavana.arrange.platform(Role.POLICY_ADMIN) for _ in range(2)]
    value = {**shipped.value, "title_fa": "طرح ویژه", "title_en": "Own programme", **changes}
    proposal = await run(tavana.context, first, lambda command: propose_policy(command, name, value))
    approved: Policy = await run(
        tavana.context, second, lambda command: decide_policy(command, proposal.id, approve=True, reason=None)
    )
    return approved


async def guarantee_of(context: Context, case_id: UUID, person: Someone) -> Guarantee:
    """A person's guarantee that still counts in a case."""
    async with transaction(context.engine, SERVICE) as connection:
        live = await guarantees_in(connection, case_id)
    (found,) = [guarantee for guarantee in live if guarantee.person_id == person.id]
    return found


async def task_of(context: Context, case_id: UUID, person: Someone) -> Task:
    """The open task of one person in a case."""
    async with transaction(context.engine, SERVICE) as connection:
        (found,) = [task for task in await open_tasks(connection, case_id) if task.person_id == person.id]
    return found


async def consent(context: Context, case_id: UUID, person: Someone) -> Consent:
    """The mandate of a guarantee, accepted with a fresh code for exactly its terms."""
    guarantee = await guarantee_of(context, case_id, person)
    binding = guarantee_binding(guarantee.id, guarantee.monthly, guarantee.instalments, 1)
    code_id, code = await fresh_code(context, person, CodePurpose.ACCEPT_GUARANTEE, binding)
    return Consent(1, code_id, code)


async def answer_guarantee(context: Context, task_id: UUID, person: Someone, given: Consent | None) -> None:
    """Answer a guarantee task: accept with a consent, refuse without."""
    await answer(context, person, task_id, guarantor_commands.answer_guarantee, given)


async def accept_guarantee(tavana: TavanaScenario, case_id: UUID, person: Someone) -> None:
    """A guarantor accepts."""
    task = await task_of(tavana.context, case_id, person)
    await answer_guarantee(tavana.context, task.id, person, await consent(tavana.context, case_id, person))


async def refuse_guarantee(tavana: TavanaScenario, case_id: UUID, person: Someone) -> None:
    """A guarantor refuses."""
    task = await task_of(tavana.context, case_id, person)
    await answer_guarantee(tavana.context, task.id, person, None)


async def name(tavana: TavanaScenario, case_id: UUID, person: Someone, *, instead_of: Someone | None = None) -> None:
    """The applicant names another guarantor."""
    replaces = None if instead_of is None else (await guarantee_of(tavana.context, case_id, instead_of)).id

    async def work(command: Command) -> UUID:
        return await guarantor_commands.name_guarantor(command, case_id, person.national_id, replaces=replaces)

    await run(tavana.context, tavana.applicant, work)


async def review(
    tavana: TavanaScenario,
    case_id: UUID,
    decide: Callable[Concatenate[Command, Task, P], Awaitable[UUID]],
    officer: Someone | None,
    /,
    *values: P.args,
    **named: P.kwargs,
) -> None:
    """An officer decides on the open review; the region's unless another is given."""
    task_id = await open_task(tavana.context, case_id, "review_application")
    await answer(tavana.context, officer or tavana.finance, task_id, decide, *values, **named)


async def approve(tavana: TavanaScenario, case_id: UUID, *, officer: Someone | None = None) -> None:
    """Finance approves."""
    await review(tavana, case_id, review_commands.approve_application, officer)


async def give_back(
    tavana: TavanaScenario,
    case_id: UUID,
    *reasons: ReturnReason,
    unsuitable: Sequence[UUID] = (),
    officer: Someone | None = None,
) -> None:
    """Finance returns for correction."""
    await review(tavana, case_id, review_commands.return_application, officer, reasons, unsuitable)


async def forward(tavana: TavanaScenario, case_id: UUID, *, officer: Someone | None = None) -> None:
    """Finance hands the review to the region where the applicant works now."""
    await review(tavana, case_id, review_commands.forward_application, officer)


async def refuse_application(tavana: TavanaScenario, case_id: UUID, *, officer: Someone | None = None) -> None:
    """Finance refuses."""
    await review(tavana, case_id, review_commands.refuse_application, officer, RefusalReason.OTHER)


async def clear_obstacle(tavana: TavanaScenario, case_id: UUID, *, officer: Someone) -> None:
    """Whoever was asked says that nothing stands in the way any more."""
    task_id = await open_task(tavana.context, case_id, "clear_obstacle")
    await answer(tavana.context, officer, task_id, commands.answer_obstacle, None)


async def correction(
    tavana: TavanaScenario, *, monthly: int, instalments: int, programme: str = "tavana"
) -> commands.ApplicationCorrection:
    """Corrected terms, accepted with a fresh code for exactly them."""
    binding = mandate_binding(programme, monthly, instalments, 1)
    code_id, code = await fresh_code(tavana.context, tavana.applicant, CodePurpose.ACCEPT_MANDATE, binding)
    return commands.ApplicationCorrection(Money(monthly, Unit.IRR), instalments, 1, code_id, code)


async def correct(tavana: TavanaScenario, case_id: UUID, given: commands.ApplicationCorrection) -> None:
    """The applicant corrects and resubmits."""
    await run(tavana.context, tavana.applicant, lambda command: commands.correct_application(command, case_id, given))
