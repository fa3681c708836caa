"""A gateway's day for tests: payments of yesterday at the local bank, and the settlement office that compares it."""

from __future__ import annotations

import asyncio
import base64
import itertools
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from activities.transition import ActivityContext
from activities.turns import AT_ONCE
from commands import clearing as commands
from commands.command import Command, Context
from domain.access import Role
from domain.clearing import Correction, Explanation
from domain.dates import tehran_day
from domain.ledger import BANK_ACCOUNT, Entry, Journal, Occasion, gateway_account
from domain.money import Money
from gateways.local_bank import USUAL_CARD, LocalBank
from gateways.payment import LinkRequest
from messages.case import OVER, WAIT, CaseKind, NextStep, StepInput
from messages.clearing import TaskKind
from storage import cases
from storage import clearing as rows
from storage import payment as payments
from storage.database import SERVICE, postgres_now, transaction
from storage.ledger import posting
from storage.payment import NewItem, policy_of
from storage.policies import in_force
from storage.rows.clearing import Clearing, Difference
from storage.rows.payment import PaymentAttempt
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import answer, open_task, run
from tests.payment_steps import TAKEN, give_back
from tests.transitions import Transitions

AMOUNT = 500_000
FEE = AMOUNT // 100
GATEWAY = "local"
_CSV = "date,amount,reference,description\n2026-11-20,3000000,SETTLE-1,واریز درگاه\n"
STATEMENT = base64.b64encode(_CSV.encode()).decode()
_ROUNDS = itertools.count(1_000)
_STEPS_MAX = 12


@dataclass(frozen=True, slots=True)
class Day:
    """Yesterday at the local bank, its payer, and two officers."""

    context: Context
    activity_context: ActivityContext
    bank: LocalBank
    superuser: Superuser
    payer: Someone
    first: Someone
    second: Someone
    day: date

    @classmethod
    async def of(
        cls,
        context: Context,
        activity_context: ActivityContext,
        arrange: Arrange,
        superuser: Superuser,
        bank: LocalBank,
    ) -> Day:
        """Nobody has paid yet; the bank's clock is a day behind."""
        past = LocalBank(bank._directory, "https://amanat.test", lambda: datetime.now(UTC) - timedelta(days=1))
        payer = await arrange.person("member")
        first, second = [await arrange.platform(Role.SETTLEMENT_OFFICER) for _ in range(2)]
        wired = replace(activity_context, gateways={GATEWAY: past})
        day = tehran_day(datetime.now(UTC)) - timedelta(days=1)
        return cls(replace(context, gateways=(GATEWAY,)), wired, past, superuser, payer, first, second, day)

    async def opened(self, amount: int = AMOUNT) -> PaymentAttempt:
        """A payment whose payer is at the bank; returns the try."""
        async with transaction(self.context.engine, SERVICE) as connection:
            policy = await in_force(connection, "payment")
            assert policy is not None
            values: dict[str, Any] = {"policy_id": policy.id, "phase": "at_bank"}
            purpose = await cases.open_case(connection, kind=CaseKind.ONBOARDING, **values)
            case_id = await cases.open_case(connection, kind=CaseKind.PAYMENT, **values)
            of_policy = await policy_of(connection, policy.id)
            items = [NewItem(CaseKind.ONBOARDING, purpose, Money(amount))]
            await payments.add_payment(connection, case_id, self.payer.id, items, of_policy)
            attempt_id = await payments.add_attempt(connection, self.context.seals, case_id, GATEWAY)
        link = await self.bank.request_link(LinkRequest(amount, "https://amanat.test/x", str(attempt_id), "x"))
        async with transaction(self.context.engine, SERVICE) as connection:
            told = {"gateway": GATEWAY, "authority": link.authority, "link": link.url}
            await payments.give_link(connection, attempt_id, of_policy, **told)
            (attempt,) = await payments.attempts_of(connection, case_id)
        return attempt

    async def step(self, name: str, case_id: UUID) -> NextStep:
        """Take a transition in a round of its own."""
        take = getattr(Transitions(self.activity_context), name)
        taken: NextStep = await take(StepInput(case_id, next(_ROUNDS)))
        return taken

    async def go_on(self, process: str, case_id: UUID) -> NextStep:
        """What the process does until it waits again or is over."""
        found = await self.step(f"assess_{process}", case_id)
        for _ in range(_STEPS_MAX):
            if found.step in {WAIT, OVER}:
                return found
            found = await self.step(found.step, case_id)
        raise AssertionError(found)

    async def hear(self, attempt: PaymentAttempt) -> None:
        """The gateway is asked, and what follows follows."""
        await self.superuser.run("UPDATE payment_attempts SET look_at = now() WHERE id = %s", attempt.id)
        await self.go_on("payment", attempt.payment_id)

    async def paid(self, amount: int = AMOUNT) -> PaymentAttempt:
        """A payment that was paid and verified."""
        attempt = await self.opened(amount)
        self.bank.pay(str(attempt.authority), USUAL_CARD)
        await self.hear(attempt)
        return attempt

    async def taken(self, attempt: PaymentAttempt) -> None:
        """What was paid for takes its money."""
        async with transaction(self.context.engine, SERVICE) as connection:
            (item,) = await payments.items_of(connection, attempt.payment_id)
            code = await payments.take_item(connection, item)
            occasion = Occasion(f"taken:{item.id}", item.purpose_id, "system", await postgres_now(connection))
            entries = (Entry(code, -item.money), Entry(BANK_ACCOUNT.code, item.money))
            await posting.post(connection, Journal(occasion, "taken_by_tests", entries))
        await self.go_on("payment", attempt.payment_id)

    async def refund(self, attempt: PaymentAttempt, amount: int) -> UUID:
        """What was paid for gives back later a part of what it took; returns the refund's case."""
        items = "SELECT purpose_id FROM payment_items WHERE payment_id = %s"
        purpose = await self.superuser.value(items, attempt.payment_id)
        async with transaction(self.context.engine, SERVICE) as connection:
            await posting.open_account(connection, TAKEN)
        return await give_back(self.context, purpose, attempt.payment_id, amount)

    async def given_back(self, attempt: PaymentAttempt, *, refund: bool = False) -> None:
        """Nobody takes the money: it goes back, by reversal or by refund."""
        async with transaction(self.context.engine, SERVICE) as connection:
            await payments.refuse_all(connection, attempt.payment_id)
        await self.step("return_rest", attempt.payment_id)
        if refund:
            await self.superuser.run("UPDATE payment_returns SET way = 'refund' WHERE attempt_id = %s", attempt.id)
        await self.go_on("payment", attempt.payment_id)

    async def cancelled(self) -> PaymentAttempt:
        """A payment whose payer left the bank."""
        attempt = await self.opened()
        self.bank.end(str(attempt.authority), failed=False)
        await self.hear(attempt)
        return attempt

    async def given_up(self) -> PaymentAttempt:
        """A payment that the office gave up, and that the bank took all the same."""
        attempt = await self.opened()
        self.bank.pay(str(attempt.authority), USUAL_CARD)
        await self.bank.settle(str(attempt.authority), AMOUNT, "")
        async with transaction(self.context.engine, SERVICE) as connection:
            await payments.end_attempt(connection, attempt.id, "given_up")
        ended = "UPDATE cases SET phase = 'not_paid', outcome = 'not_paid', closed_at = now() WHERE id = %s"
        await self.superuser.run(ended, attempt.payment_id)
        return attempt

    async def pass_midnight(self) -> None:
        """What we did today was yesterday."""
        for table, moments in (
            ("payment_attempts", ("begun_at", "looked_at", "paid_at")),
            ("payment_returns", ("returned_at",)),
        ):
            past = ", ".join(f"{moment} = {moment} - interval '1 day'" for moment in moments)
            await self.superuser.run(f"UPDATE {table} SET {past}")  # noqa: S608 - our own names

    async def age_accounts(self, by: str = "2 hours") -> None:
        """Every account was opened so much earlier."""
        await self.superuser.run("ALTER TABLE accounts DISABLE TRIGGER accounts_keep_identity")
        await self.superuser.run("UPDATE accounts SET created_at = created_at - CAST(%s AS interval)", by)
        await self.superuser.run("ALTER TABLE accounts ENABLE TRIGGER accounts_keep_identity")

    async def compared(self) -> UUID:
        """The office has the day compared; returns the case."""
        await self.pass_midnight()
        case_id = await self.requested()
        await self.go_on("clearing", case_id)
        return case_id

    async def requested(self, who: Someone | None = None, day: date | None = None, gateway: str = GATEWAY) -> UUID:
        """The office asks for a comparison."""

        async def work(command: Command) -> UUID:
            return await commands.request_clearing(command, gateway, day or self.day)

        case_id: UUID = await run(self.context, who or self.first, work)
        return case_id

    async def decide(
        self, who: Someone, case_id: UUID, kind: TaskKind, decision: Any, *values: Any, **named: Any
    ) -> None:
        """An officer answers the open task, and what follows follows."""
        await answer(self.context, who, await open_task(self.context, case_id, kind), decision, *values, **named)
        await self.go_on("clearing", case_id)

    async def explain(self, case_id: UUID, explanation: Explanation = Explanation.FAULT_OF_GATEWAY) -> None:
        """One officer explains the difference that is asked about, another confirms it."""
        await self.decide(
            self.first, case_id, TaskKind.SETTLE_DIFFERENCE, commands.explain_difference, explanation, "x"
        )
        await self.decide(self.second, case_id, TaskKind.CONFIRM_PROPOSAL, commands.confirm_proposal)

    async def correct(
        self, case_id: UUID, against: Correction = Correction.TO_BE_FOUND, *, resolves: UUID | None = None
    ) -> None:
        """One officer proposes to correct the difference that is asked about, another confirms it."""
        what = (TaskKind.SETTLE_DIFFERENCE, commands.propose_correction, against, "x")
        await self.decide(self.first, case_id, *what, resolves=resolves)
        await self.decide(self.second, case_id, TaskKind.CONFIRM_PROPOSAL, commands.confirm_proposal)

    async def in_account(self, code: str) -> int:
        """What the ledger has on an account: over 0 is credit."""
        query = (
            "SELECT coalesce(sum(e.amount), 0) FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.code = %s"
        )
        return int(await self.superuser.value(query, code))

    async def clearing(self, case_id: UUID) -> Clearing:
        """The comparison as it stands."""
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await rows.read_clearing(connection, case_id)
        assert found is not None
        return found

    async def differences(self, case_id: UUID) -> list[Difference]:
        """What people have to decide on, or had to."""
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await rows.differences_of(connection, case_id)
        return [one for one in found if one.state != "booked" or one.proposed_by is not None]

    async def outcome(self, case_id: UUID) -> str | None:
        """How the case ended."""
        ended: str | None = await self.superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id)
        return ended

    async def at_gateway(self) -> int:
        """Rial that the ledger has at the gateway: what it owes us."""
        code = gateway_account(GATEWAY).code
        query = (
            "SELECT -coalesce(sum(e.amount), 0) FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.code = %s"
        )
        return int(await self.superuser.value(query, code))

    async def owed_by_bank(self) -> int:
        """Rial that the bank's books say it owes us: taken, less fees and what went back."""
        total = 0
        for row in await self.bank.list_day(self.day):
            sign = 1 if row.what == "taken" else -1
            total += sign * (row.amount - row.fee)
        return total

    async def plant(self) -> None:
        """The bank took a payment that we know nothing of."""
        link = await self.bank.request_link(LinkRequest(AMOUNT, "https://amanat.test/x", str(uuid4()), "x"))
        self.bank.pay(link.authority, USUAL_CARD)
        await self.bank.settle(link.authority, AMOUNT, "")

    async def forge(self, attempt: PaymentAttempt, what: str, **changes: Any) -> None:
        """The bank's books say something else of a payment's lines of a kind; without changes they are gone."""
        with self.bank._changing(str(attempt.authority)) as payment:
            payment.lines = tuple(
                line.model_copy(update=changes) if line.what == what else line
                for line in payment.lines
                if line.what != what or changes
            )


async def compared_day(context: Context, superuser: Superuser) -> dict[str, Any]:
    """A day of two days ago with a difference that the office is asked about, and a later day to be compared."""
    today = tehran_day(datetime.now(UTC))
    async with transaction(context.engine, SERVICE) as connection:
        case_id = await rows.add_clearing(connection, GATEWAY, today - timedelta(days=2))
    await superuser.run(
        "UPDATE clearings SET compared_at = now(), here_count = 0, here_sum = 0, there_count = 1,"
        " there_sum = %s WHERE case_id = %s",
        AMOUNT,
        case_id,
    )
    await superuser.run(
        "INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, here, there)"
        " VALUES (%s, %s, 'x', 'missing_here', '201', 0, %s)",
        case_id,
        GATEWAY,
        AMOUNT,
    )
    return {"clearing": case_id, "clearing_day": str(today - timedelta(days=1))}


def csv_of(*rows: tuple[object, int, str]) -> bytes:
    """A statement of the documented form."""
    lines = [f"{day},{amount},{reference},x" for day, amount, reference in rows]
    return "\n".join(["date,amount,reference,description", *lines]).encode()


async def together(count: int, what: Any) -> list[Any]:
    """Do something so many times, as many at once as a gateway has turns."""
    found: list[Any] = []
    for begin in range(0, count, AT_ONCE):
        found += await asyncio.gather(*(what() for _ in range(min(AT_ONCE, count - begin))))
    return found
