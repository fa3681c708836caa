"""What arbitrators and the operations desk do about held money: claim, rule, look at what lies, find somebody (E4, E5).

Who rules has claimed the task, has nothing to do with either side, and did nothing in the case before.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from commands.account import require_code
from commands.command import Command
from commands.escrow.dispute import freeze, refuse_other_sum
from commands.escrow.party import HOLDING, free_money, open_dispute_of
from commands.refusals import refuses
from commands.task import DECISION, expect_kind
from domain.access import Role
from domain.errors import NotFound, StepUpRequired, TaskNotOpen
from domain.escrow import rules
from domain.escrow.rules import Shares
from domain.held_task import ClaimConflict, Waits
from messages.escrow import FactKind, TaskKind
from storage import tasks
from storage.cases import read_case
from storage.database import as_service
from storage.escrow import disputes, payments
from storage.escrow.disputes import NewRuling
from storage.links import linked_to
from storage.people import people_in
from storage.rows.escrow import Ruling
from storage.rows.tasks import Task
from storage.working_hours import working_time

_ROUNDS: Final = 2


@refuses()
async def claimed_until(command: Command, task: Task) -> Waits:
    """How long who claims such a task is waited for from now on: the working time of a ruling, by the case's policy."""
    case = await read_case(command.connection, task.case_id)
    if case is None:
        raise NotFound
    ruling = (await payments.policy_of(command.connection, case.policy_id)).ruling
    remind, expire = [await working_time(command.connection, hours) for hours in (ruling.remind, ruling.expire)]
    return Waits(remind, expire)


@refuses(*DECISION, require_code, ClaimConflict, rules.SharesDoNotSum, rules.RulingReasonsUnreadable)
async def rule_dispute(command: Command, task: Task, shares: Shares, reasons: str) -> UUID:
    """The arbitrator divides what is frozen, with reasons (E5); returns the fact's id.

    The first ruling is final once nobody has objected in time, the second at once; the process makes it so.
    """
    expect_kind(task, TaskKind.RULE_DISPUTE)
    why = rules.parse_reasons(reasons, field="reasons")
    dispute = await open_dispute_of(command, task.case_id)
    rulings = [] if dispute is None else await disputes.rulings_of(command.connection, dispute.id)
    if dispute is None or len(rulings) >= _ROUNDS or (rulings and rulings[0].objected_at is None):
        raise TaskNotOpen
    refuse_other_sum(shares, dispute)
    sides = await _refuse_interest(command, task.case_id, rulings)
    await require_code(command)
    number, by = len(rulings) + 1, command.actor.person_id
    fact, shown = FactKind.ESCROW_RULED, {**_shown(shares), "round": number}
    fact_id = await command.act(
        task.case_id,
        fact,
        {**shown, "dispute_id": str(dispute.id)},
        part=Role.ARBITRATOR,
        closes=task,
        shown=shown,
        # Of the second one both hear that it is final.
        sms={fact: sides} if number == 1 else None,
    )
    await tasks.moot_tasks(command.connection, task.case_id, kind=TaskKind.FIND_ARBITRATOR)
    async with as_service(command.connection, command.acting):
        ruling = NewRuling(dispute.id, number, by, fact_id, shares, why)
        await disputes.add_ruling(command.connection, command.seals, ruling)
    return fact_id


def _shown(shares: Shares) -> dict[str, int]:
    return {"to_contractor": shares.to_contractor.amount, "to_employer": shares.to_employer.amount}


async def _refuse_interest(command: Command, case_id: UUID, rulings: list[Ruling]) -> list[UUID]:
    """Refuse who has come to have an interest since they claimed it; returns the two sides."""
    me, sides = command.actor.person_id, await people_in(command.connection, case_id)
    if await linked_to(command.connection, [me], sides) or any(one.arbitrator_id == me for one in rulings):
        raise ClaimConflict
    return sides


@refuses(*DECISION, StepUpRequired, ClaimConflict, free_money, rules.NoteTooLong, *HOLDING)
async def review_dormant(command: Command, task: Task, opens: bool, note: str) -> UUID:  # noqa: FBT001 - as it is asked
    """An arbitrator looks at money with which nothing happens (E4): opens arbitration on it, or lets it be.

    Returns the fact's id.
    """
    expect_kind(task, TaskKind.REVIEW_DORMANT_ESCROW)
    command.require_strong()
    said = rules.parse_note(note, field="note")
    free = await free_money(command, task.case_id)
    await _refuse_interest(command, task.case_id, [])
    told = FactKind.ESCROW_DISPUTE_OPENED if opens else FactKind.ESCROW_DORMANCY_REVIEWED
    fact_id = await command.act(
        task.case_id,
        FactKind.ESCROW_DORMANCY_REVIEWED,
        {"opens": opens, "note": said},
        part=Role.ARBITRATOR,
        closes=task,
        outcome=told,
        event=told,
        shown={"about": "work", "amount": free.amount} if opens else None,
    )
    if opens:
        await freeze(command, task.case_id, free, opened_by=Role.ARBITRATOR, about="work")
    else:
        async with as_service(command.connection, command.acting):
            await payments.stir(command.connection, task.case_id)
    return fact_id


@refuses(*DECISION, StepUpRequired, rules.NoteTooLong)
async def seek_arbitrator(command: Command, task: Task, note: str) -> UUID:
    """The operations desk has seen to an arbitrator who may claim it (E5); returns the fact's id."""
    expect_kind(task, TaskKind.FIND_ARBITRATOR)
    command.require_strong()
    payload = {"note": rules.parse_note(note, field="note")}
    fact = FactKind.ESCROW_ARBITRATOR_SOUGHT
    return await command.act(task.case_id, fact, payload, part=Role.OPERATOR, closes=task)
