"""A disputed mobile pauses what rests on the employment, ends nothing, and lets it go on afterwards (A1, A8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.mobile_change import confirm_mobile_change, forward_mobile_change, reject_mobile_change
from domain.access import Grant, Role, ScopeKind
from domain.employment import MobileDisputed
from domain.guarantor import GuarantorMayNotBeAsked
from domain.review import ApprovalBlocked
from messages.case import WAIT, StepInput
from storage.rows.tasks import Task
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    TavanaScenario,
    accept_guarantee,
    answer,
    approve,
    clear_obstacle,
    name,
    open_task,
    run_as,
)
from tests.personnel_steps import Line, PersonnelOffice
from tests.transitions import Transitions

ANOTHER = "+989350000009"


@dataclass(frozen=True, slots=True)
class Dispute:
    """Applications of one employer, whose list comes to have another number for somebody, and theirs again."""

    tavana: TavanaScenario
    hr: PersonnelOffice
    officer: Someone
    superuser: Superuser

    async def begin(self, someone: Someone) -> None:
        """The list has another number."""
        await self.hr.import_(Line(someone.national_id, mobile=ANOTHER))

    async def end(self, someone: Someone) -> None:
        """The list has their number again."""
        await self.hr.import_(Line(someone.national_id, mobile=someone.mobile))

    async def phase(self, case_id: UUID) -> str:
        """Where an application stands."""
        return str(await self.superuser.value("SELECT phase FROM cases WHERE id = %s", case_id))

    async def is_woken(self, case_id: UUID) -> bool:
        """Whether the process of an application was told once to look again."""
        query = "SELECT count(*) FROM outbox WHERE payload->>'name' = 'resumed' AND payload->>'case_id' = %s"
        return bool(await self.superuser.value(query, str(case_id)) == 1)

    async def obstacle(self, case_id: UUID) -> object:
        """What HR is asked to mend."""
        query = (
            "SELECT details->>'obstacle' FROM tasks WHERE case_id = %s AND kind = 'clear_obstacle' AND status = 'open'"
        )
        return await self.superuser.value(query, case_id)


@pytest.fixture
async def dispute(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> Dispute:
    """Nothing is disputed yet."""
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    hr = await PersonnelOffice.open(activity_context, arrange, tavana.employer)
    return Dispute(tavana, hr, await arrange.hr_officer(tavana.employer), superuser)


@pytest.mark.parametrize(("who", "obstacle"), [("applicant", "mobile_disputed"), ("guarantor", "guarantor_disputed")])
async def test_an_activation_waits_for_the_end_of_a_dispute_and_then_goes_on_by_itself(
    dispute: Dispute, who: str, obstacle: str
) -> None:
    tavana, disputed = dispute.tavana, getattr(dispute.tavana, who)
    case_id = await tavana.approved()
    await dispute.begin(disputed)
    for _ in range(2):
        assert (await tavana.take("activate_credit", case_id)).step == WAIT
    assert await dispute.phase(case_id) == "awaiting_clearance"
    assert await dispute.obstacle(case_id) == obstacle
    assert await dispute.superuser.value("SELECT status FROM guarantees") == "accepted"
    # Whoever says that it is mended while it is not is asked again.
    await clear_obstacle(tavana, case_id, officer=dispute.officer)
    await tavana.take("activate_credit", case_id)
    assert await dispute.obstacle(case_id) == obstacle

    await dispute.end(disputed)

    assert await dispute.is_woken(case_id)
    assert (await tavana.go_on(case_id)).step == "activate_credit"
    await tavana.take("activate_credit", case_id)
    assert await dispute.phase(case_id) == "active"


async def test_another_guarantor_may_take_the_place_of_one_whose_mobile_is_disputed(dispute: Dispute) -> None:
    tavana = dispute.tavana
    case_id = await tavana.approved()
    await dispute.begin(tavana.guarantor)
    await tavana.take("activate_credit", case_id)

    await name(tavana, case_id, await tavana.colleague(), instead_of=tavana.guarantor)
    await tavana.go_on(case_id)

    assert await dispute.phase(case_id) == "awaiting_guarantor"


async def test_finance_approves_nothing_while_a_mobile_is_disputed(dispute: Dispute) -> None:
    tavana = dispute.tavana
    case_id = await tavana.backed()

    for disputed in (tavana.applicant, tavana.guarantor):
        await dispute.begin(disputed)
        with pytest.raises(ApprovalBlocked):
            await approve(tavana, case_id)
        await dispute.end(disputed)
    await approve(tavana, case_id)


async def test_nobody_stands_or_names_while_their_mobile_is_disputed(dispute: Dispute) -> None:
    tavana = dispute.tavana
    case_id = await tavana.asked()
    await dispute.begin(tavana.guarantor)
    with pytest.raises(MobileDisputed):
        await accept_guarantee(tavana, case_id, tavana.guarantor)
    with pytest.raises(GuarantorMayNotBeAsked):
        await tavana.apply(tavana.guarantor, applicant=await tavana.colleague())
    await dispute.end(tavana.guarantor)
    await accept_guarantee(tavana, case_id, tavana.guarantor)

    await dispute.begin(tavana.applicant)
    with pytest.raises(MobileDisputed):
        await name(tavana, case_id, await tavana.colleague(), instead_of=tavana.guarantor)


async def test_another_employers_list_holds_up_nothing(
    dispute: Dispute, activity_context: ActivityContext, arrange: Arrange
) -> None:
    tavana = dispute.tavana
    elsewhere = await PersonnelOffice.open(activity_context, arrange)
    case_id = await tavana.asked()
    for someone in (tavana.applicant, tavana.guarantor):
        await elsewhere.import_(Line(someone.national_id, mobile=ANOTHER))
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)
    await approve(tavana, case_id)
    await tavana.go_on(case_id)
    await tavana.take("activate_credit", case_id)

    assert await dispute.phase(case_id) == "active"


async def _forward(dispute: Dispute, arrange: Arrange, mobile: str) -> UUID:
    scope = Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(dispute.tavana.employer))
    welfare = await arrange.actor(await arrange.staff(scope))

    async def work(command: Command) -> UUID:
        national_id = dispute.tavana.applicant.national_id
        return await forward_mobile_change(command, national_id, mobile, "حضوری آمد")

    case_id: UUID = await run_as(dispute.tavana.context, welfare, work)
    return case_id


async def _answer(
    dispute: Dispute, arrange: Arrange, change_id: UUID, decide: Callable[[Command, Task], Awaitable[UUID]]
) -> None:
    support = await arrange.platform(Role.SUPPORT_AGENT)
    task_id = await open_task(dispute.tavana.context, change_id, "confirm_mobile_change")
    await answer(dispute.tavana.context, support, task_id, decide)


async def _reject(command: Command, task: Task) -> UUID:
    return await reject_mobile_change(command, task, "شماره پاسخ نمی‌دهد")


async def test_a_change_that_the_welfare_office_forwarded_pauses_what_rests_on_its_pay_until_it_is_answered(
    dispute: Dispute, arrange: Arrange
) -> None:
    tavana, transitions = dispute.tavana, Transitions(dispute.hr.activity_context)
    case_id = await tavana.approved()
    change_id = await _forward(dispute, arrange, ANOTHER)
    await transitions.request_decision(StepInput(change_id))
    await tavana.take("activate_credit", case_id)
    assert await dispute.obstacle(case_id) == "mobile_disputed"

    await _answer(dispute, arrange, change_id, _reject)
    await transitions.apply_decision(StepInput(change_id))

    assert await dispute.is_woken(case_id)
    assert (await tavana.go_on(case_id)).step == "activate_credit"


async def test_the_welfare_office_confirms_the_present_number_and_the_application_goes_on(
    dispute: Dispute, arrange: Arrange
) -> None:
    tavana, transitions = dispute.tavana, Transitions(dispute.hr.activity_context)
    case_id = await tavana.approved()
    await dispute.begin(tavana.applicant)
    await tavana.take("activate_credit", case_id)
    change_id = await _forward(dispute, arrange, tavana.applicant.mobile)
    await transitions.request_decision(StepInput(change_id))
    await _answer(dispute, arrange, change_id, confirm_mobile_change)
    await transitions.apply_decision(StepInput(change_id))

    assert await dispute.phase(change_id) == "kept"
    told = await dispute.superuser.rows("SELECT template FROM notices WHERE case_id = %s ORDER BY id", change_id)
    # Support was asked in between; no other number was told anything.
    assert [template for (template,) in told if "task" not in template] == [
        "mobile_change_present_forwarded",
        "mobile_change_kept",
    ]
    assert await dispute.superuser.value("SELECT count(*) FROM persons WHERE money_paused_until IS NOT NULL") == 0
    assert (await tavana.go_on(case_id)).step == "activate_credit"
