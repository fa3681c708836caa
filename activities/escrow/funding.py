"""Asks the other side, has the employer pay, and takes the money into trust (E1, E2)."""

from __future__ import annotations

from activities.escrow.assessment import amount_of, assess, left_until, other_side_of, read
from activities.payment.receipt import issue_receipt
from activities.transition import Transition
from domain import ledger
from domain.access import Part
from domain.escrow.journals import escrow_funded
from domain.escrow.policy import held_for
from domain.ledger import Occasion
from messages.case import NextStep
from messages.escrow import Event, Phase, Step, TaskKind
from storage import tasks
from storage.escrow import jobs, payments
from storage.ledger import posting
from storage.payment import offered_to, refuse_items, take_item
from storage.people import names_of


async def ask_other_side(step: Transition) -> NextStep:
    """Ask the other side, or wait until the number is somebody's; who proposed it sees no difference."""
    found = await read(step)
    left, side = left_until(step, found.escrow.answer_until), found.escrow.proposed_by.other
    if step.case.phase != Phase.AWAITING_ACCEPTANCE:
        await step.move(Phase.AWAITING_ACCEPTANCE, next_actor=Part(side), due_in=left)
    # Several payments of a job may find its other side at once.
    job = await jobs.read_job(step.connection, found.job.id, lock=True)
    person_id = await other_side_of(step, found)
    if job is None or person_id is None:
        await step.set_deadline(Step.ASK_OTHER_SIDE, left)
        return await step.wait_now()
    await step.clear_deadlines()
    await jobs.set_other_side(step.connection, job, step.case.id, job.person_of(job.other_side) or person_id)
    await step.ask(
        TaskKind.ANSWER_ESCROW,
        job.person_of(side) or person_id,
        remind_in=min(found.policy.accept.remind, left),
        due_in=left,
        sms=await payments.speaks(step.connection, found.escrow),
    )
    return await step.wait_now()


async def request_funding(step: Transition) -> NextStep:
    """Both agree: the employer pays now."""
    found = await read(step)
    wait = found.policy.fund
    if found.job.employer_id is None:
        raise LookupError(f"case {step.case.id} has nobody who pays")
    await step.clear_deadlines()
    await step.ask(TaskKind.FUND_ESCROW, found.job.employer_id, remind_in=wait.remind, due_in=wait.expire)
    await step.move(Phase.AWAITING_FUNDING, next_actor=Part.EMPLOYER, due_in=wait.expire)
    return await step.wait_now()


async def take_funds(step: Transition) -> NextStep:
    """The money has come, and is held in trust: no longer the employer's alone, not yet the contractor's (E2)."""
    found, item = await read(step), await offered_to(step.connection, step.case.id)
    if item is None or found.job.contractor_id is None:
        raise LookupError(f"case {step.case.id} has no money to take, or nobody to hold it for")
    await take_item(step.connection, item)
    # Another payment for the same, on its way yet, goes back.
    await refuse_items(step.connection, step.case.id)
    await posting.open_account(step.connection, ledger.escrow_account(step.case.id))
    occasion = Occasion(key=f"escrow:{item.id}:funded", case_id=step.case.id, actor="system", event_at=step.now)
    funded = escrow_funded(item.payment_id, step.case.id, item.money, occasion)
    await posting.post(step.connection, funded)
    await payments.mark_funded(step.connection, step.case.id, item.payment_id)
    await tasks.moot_tasks(step.connection, step.case.id, kind=TaskKind.FUND_ESCROW)
    contractor = (await names_of(step.connection, [found.job.contractor_id]))[found.job.contractor_id]
    await issue_receipt(step, item, purpose=found.job.title, receiver=held_for(contractor))
    await step.add_event(Event.ESCROW_FUNDED, params={"amount": item.amount})
    await step.notify(found.job.people, Event.ESCROW_FUNDED, amount_of(item.money))
    return await assess(step)
