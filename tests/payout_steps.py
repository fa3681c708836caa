"""Members who withdraw from their balance, and the settlement office that pays them; run straight on the context."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from activities.transition import ActivityContext
from activities.withdrawal import WithdrawalRelease
from commands import payout as commands
from commands import payout_answer
from commands.account import authenticate
from commands.command import Context
from commands.payout import ByHand, SeenPayout
from commands.payout_answer import SeenRejections
from commands.upload import Upload
from commands.withdrawal import take_back_withdrawal, withdraw
from domain.access import Role
from domain.account import CodePurpose, withdrawal_binding
from domain.identity import Sheba
from domain.ledger import BANK_ACCOUNT, HoldRequest, Journal, JournalReason, Occasion, member_account, transfer
from domain.money import Money
from domain.payout import LineResult
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.withdrawal import ReleaseWithdrawal
from storage import ledger, payout, policies
from storage import withdrawal as withdrawals
from storage.cases import read_case
from storage.database import SERVICE, transaction
from storage.ledger import posting
from storage.ledger.holding import hold
from storage.payout import PayoutLine
from storage.rows.bank_account import bank_accounts
from storage.rows.payout import Payout, PayoutAnswer, Withdrawal
from storage.sealing import Seals
from storage.tasks import find_open
from storage.withdrawal import NewWithdrawal, sheba_of
from tests.arrange import Arrange, Someone, fresh_totp
from tests.bank_account_steps import a_sheba
from tests.commands.onboarding_steps import answer, fresh_code, open_task, run
from tests.transitions import Transitions

CONFIRM, HAND_OVER, SETTLE, REJECT = "confirm_payout", "hand_over_payout", "confirm_settlement", "confirm_rejections"
AMOUNT = Money(5_000_000)
HEADING = "line_key,sheba,amount,result,bank_reference,reason"
_ROUNDS = itertools.count(1_000)
_NUMBERS = itertools.count(1)
_STEPS_MAX = 12


async def give_money(context: Context, person_id: UUID, amount: Money) -> None:
    """Somebody's balance grows, straight from the bank."""
    payable = member_account(person_id)
    async with transaction(context.engine, SERVICE) as connection:
        now = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
        await posting.open_accounts(connection, (payable, BANK_ACCOUNT))
        occasion = Occasion(f"test:{uuid4()}", None, "system", now)
        await posting.post(connection, Journal(occasion, "given_by_tests", transfer(BANK_ACCOUNT, payable, amount)))


async def give_sheba(context: Context, person_id: UUID, sheba: str) -> None:
    """A confirmed sheba of somebody's own, in use in place of a former one."""
    seals = context.seals
    async with transaction(context.engine, SERVICE) as connection:
        others = sa.update(bank_accounts).where(bank_accounts.c.person_id == person_id)
        await connection.execute(others.values(is_default=False))
        values = {
            "person_id": person_id,
            "kind": "sheba",
            "number_index": seals.index.of("sheba", sheba),
            "number_sealed": seals.cipher.seal_text(sheba, "bank_account.number"),
            "last_four": sheba[-4:],
            "bank": "017",
            "state": "confirmed",
            "is_default": True,
            "answered_at": sa.func.now(),
        }
        await connection.execute(sa.insert(bank_accounts).values(values))


async def queue_withdrawals(context: Context, people: Sequence[UUID], count: int, each: Money) -> None:
    """Many withdrawals that wait, of people in turn, each of whom had exactly that money."""
    for start in range(0, count, 500):
        async with transaction(context.engine, SERVICE, limit_ms=60_000) as connection:
            now = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
            for number in range(start, min(start + 500, count)):
                person = people[number % len(people)]
                one, account = await withdrawals.new_id(connection), member_account(person).code
                occasion = Occasion(f"withdrawal:{one}", None, f"person:{person}", now)
                held = await hold(connection, HoldRequest(occasion, account, each, JournalReason.PAYOUT_PAID))
                new = NewWithdrawal(one, person, each, Sheba(a_sheba("1234", number)), held)
                await withdrawals.add_withdrawal(connection, context.seals, new)


@dataclass(frozen=True, slots=True)
class PayoutOffice:
    """A member with money and a sheba, and two settlement officers."""

    context: Context
    activity_context: ActivityContext
    activities: Transitions
    arrange: Arrange
    member: Someone
    maker: Someone
    checker: Someone
    seals: Seals = field(repr=False)

    @classmethod
    async def opened(cls, context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
        """The member has 100 million rial."""
        member = await arrange.person("member")
        maker, checker = [await arrange.platform(Role.SETTLEMENT_OFFICER) for _ in range(2)]
        office = cls(
            context,
            activity_context,
            Transitions(activity_context),
            arrange,
            member,
            maker,
            checker,
            context.seals,
        )
        await office.fund(member)
        return office

    async def fund(self, member: Someone, amount: int = 100_000_000) -> None:
        """A member has money and a sheba."""
        await give_money(self.context, member.id, Money(amount))
        await give_sheba(self.context, member.id, a_sheba("1234", next(_NUMBERS)))

    async def sheba(self, member: Someone | None = None) -> str:
        """The sheba in use."""
        who = (member or self.member).id
        query = sa.select(bank_accounts.c.number_sealed).where(
            bank_accounts.c.person_id == who, bank_accounts.c.is_default
        )
        async with transaction(self.context.engine, SERVICE) as connection:
            sealed = (await connection.execute(query)).scalar_one()
        return self.seals.cipher.open_text(sealed, "bank_account.number")

    async def code(self, amount: Money, member: Someone | None = None) -> tuple[UUID, str]:
        """A code for so much to the sheba in use."""
        who = member or self.member
        binding = withdrawal_binding(amount.amount, await self.sheba(who))
        return await fresh_code(self.context, who, CodePurpose.WITHDRAW, binding)

    async def withdraw(self, amount: Money = AMOUNT, member: Someone | None = None) -> UUID:
        """A member withdraws."""
        code_id, code = await self.code(amount, member)
        return await self.withdraw_with(amount, code_id, code, member)

    async def withdraw_with(self, amount: Money, code_id: UUID, code: str, member: Someone | None = None) -> UUID:
        """A member withdraws with a code that they have."""
        asked: UUID = await run(
            self.context, member or self.member, lambda command: withdraw(command, amount, code_id=code_id, code=code)
        )
        return asked

    async def take_back(self, withdrawal_id: UUID, member: Someone | None = None) -> None:
        """A member takes a withdrawal back, and the machine releases it."""
        await run(self.context, member or self.member, lambda command: take_back_withdrawal(command, withdrawal_id))
        await self.release(withdrawal_id)

    async def release(self, withdrawal_id: UUID) -> None:
        """What the relay has done."""
        await WithdrawalRelease(self.activity_context).release(ReleaseWithdrawal(withdrawal_id))

    async def make(self, who: Someone | None = None, **bounds: Any) -> UUID:
        """A batch is made; nothing is cut yet."""
        made: UUID = await run(self.context, who or self.maker, lambda command: commands.make_payout(command, **bounds))
        return made

    async def seen(self, case_id: UUID) -> SeenPayout:
        """The batch as its page shows it."""
        batch = await self.batch(case_id)
        hashes = [(each or b"").hex() for each in (batch.csv_sha256, batch.xlsx_sha256)]
        return SeenPayout(batch.lines, batch.amount, *hashes)

    async def confirm(self, case_id: UUID, who: Someone | None = None) -> None:
        """Another officer confirms."""
        task_id, seen = await open_task(self.context, case_id, CONFIRM), await self.seen(case_id)
        await answer(self.context, who or self.checker, task_id, commands.confirm_payout, seen)

    async def reject(self, case_id: UUID) -> None:
        """Another officer rejects."""
        task_id = await open_task(self.context, case_id, CONFIRM)
        await answer(self.context, self.checker, task_id, commands.reject_payout, "مبلغ‌ها درست نیست")

    async def hand_over(self, case_id: UUID) -> None:
        """The file is handed to the bank."""
        task_id = await open_task(self.context, case_id, HAND_OVER)
        await answer(self.context, self.maker, task_id, commands.hand_over_payout)

    async def send_answer(self, case_id: UUID, content: str | bytes, who: Someone | None = None) -> None:
        """The bank's file comes in; nothing is read yet."""
        raw = content.encode() if isinstance(content, str) else content

        async def parts() -> Any:
            yield raw

        actor = await authenticate(self.context, (who or self.maker).token)
        upload = Upload(actor, case_id, f"key-{uuid4()}", "origin", parts(), fresh_totp())
        await payout_answer.send_answer(self.context, upload, lambda _: b"{}")

    async def record(
        self,
        case_id: UUID,
        line: UUID,
        *,
        result: str = "paid",
        reference: str | None = None,
        who: Someone | None = None,
    ) -> None:
        """What became of a line is recorded by hand."""
        usual = {"paid": "REF-777", "returned": "BACK-777"}.get(result, "")
        found = ByHand(LineResult(result), usual if reference is None else reference, "بانک تلفنی گفت")
        await run(
            self.context,
            who or self.maker,
            lambda command: commands.record_settlement(command, case_id, line, found),
        )

    async def confirm_record(self, case_id: UUID, who: Someone | None = None) -> None:
        """Another officer confirms what was recorded."""
        task_id = await open_task(self.context, case_id, SETTLE)
        await answer(self.context, who or self.checker, task_id, commands.confirm_settlement)

    async def reject_record(self, case_id: UUID) -> None:
        """Another officer rejects what was recorded."""
        task_id = await open_task(self.context, case_id, SETTLE)
        await answer(self.context, self.checker, task_id, commands.reject_settlement, "چنین نیست")

    async def take(self, name: str, case_id: UUID, *, until: Any = None) -> NextStep:
        """Take a transition in a round of its own."""
        taken: NextStep = await getattr(self.activities, name)(StepInput(case_id, next(_ROUNDS), until))
        return taken

    async def go_on(self, case_id: UUID) -> NextStep:
        """What the process does when it hears of somebody, until it waits again or is over."""
        found = await self.take("assess_payout", case_id)
        for _ in range(_STEPS_MAX):
            if found.step in {WAIT, OVER}:
                return found
            found = await self.take(found.step, case_id)
        raise AssertionError(found)

    async def cut(self, **bounds: Any) -> UUID:
        """A batch that waits for its confirmation, or has ended empty."""
        await self.go_on(case_id := await self.make(**bounds))
        return case_id

    async def sent(self, **bounds: Any) -> UUID:
        """A batch that the bank has."""
        case_id = await self.cut(**bounds)
        for deed in (self.confirm, self.hand_over):
            await deed(case_id)
            await self.go_on(case_id)
        return case_id

    async def seen_rejections(self, case_id: UUID) -> SeenRejections:
        """What a file calls rejected, as its task shows it."""
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await payout.unread_answer(connection, case_id)
            assert found is not None
            return SeenRejections(*await payout.rejected_by(connection, found.id), found.sha256.hex())

    async def confirm_rejections(self, case_id: UUID, who: Someone | None = None) -> None:
        """Another officer confirms what a file calls rejected."""
        task_id, seen = await open_task(self.context, case_id, REJECT), await self.seen_rejections(case_id)
        await answer(self.context, who or self.checker, task_id, payout_answer.confirm_rejections, seen)

    async def refuse_rejections(self, case_id: UUID) -> None:
        """Another officer refuses it."""
        task_id = await open_task(self.context, case_id, REJECT)
        await answer(self.context, self.checker, task_id, payout_answer.refuse_rejections, "بانک چنین نگفت")

    async def asks_about_rejections(self, case_id: UUID) -> bool:
        """Whether what a file calls rejected waits for another officer."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await find_open(connection, case_id, REJECT) is not None

    async def answered(self, case_id: UUID, content: str | bytes, *, confirmed: bool = True) -> PayoutAnswer:
        """The bank's file is read, and what it calls rejected confirmed."""
        await self.send_answer(case_id, content)
        await self.go_on(case_id)
        if confirmed and await self.asks_about_rejections(case_id):
            await self.confirm_rejections(case_id)
            await self.go_on(case_id)
        return (await self.answers(case_id))[0]

    async def answers(self, case_id: UUID) -> list[PayoutAnswer]:
        """The bank's files, newest first."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await payout.answers_of(connection, case_id)

    async def refusals(self, answer: PayoutAnswer) -> list[tuple[int, str]]:
        """The rows from which nothing followed, and why."""
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await payout.list_refusals(connection, answer.payout_id, answer.id, after=0, limit=100)
        return [(one.number, one.code) for one in found]

    async def lines(self, case_id: UUID) -> list[PayoutLine]:
        """The lines of a batch."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await payout.list_lines(connection, case_id, limit=20_000)

    async def answer_to(self, case_id: UUID, *, rejected: Sequence[int] = (), left_out: Sequence[int] = ()) -> str:
        """The bank's file: every line paid, apart from those rejected and those it does not name."""
        rows = [
            self.row(one.withdrawal, "rejected" if one.withdrawal.line in rejected else "paid")
            for one in await self.lines(case_id)
            if one.withdrawal.line not in left_out
        ]
        return "\n".join([HEADING, *rows])

    def row(self, one: Withdrawal, result: str = "paid", **other: str) -> str:
        """A row of the bank's file."""
        sheba, amount = other.get("sheba") or sheba_of(self.seals, one), other.get("amount") or str(one.amount)
        reference = f"REF-{one.line}" if result == "paid" else ""
        reason = "" if result == "paid" else "حساب بسته است"
        return f"{one.id},{sheba},{amount},{result},{other.get('reference', reference)},{reason}"

    async def batch(self, case_id: UUID) -> Payout:
        """The batch."""
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await payout.read_payout(connection, case_id)
        assert found is not None
        return found

    async def phase(self, case_id: UUID) -> str:
        """Where its case stands."""
        async with transaction(self.context.engine, SERVICE) as connection:
            case = await read_case(connection, case_id)
        assert case is not None
        return case.phase

    async def one(self, withdrawal_id: UUID) -> Withdrawal:
        """A withdrawal."""
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await withdrawals.read_withdrawal(connection, withdrawal_id)
        assert found is not None
        return found

    async def balance(self, member: Someone | None = None) -> tuple[int, int]:
        """What a member has available and held."""
        code = member_account((member or self.member).id).code
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await ledger.balance(connection, code)
        return found.available, found.held


async def opened_offices(office: PayoutOffice) -> None:
    """Offices are open round the clock."""
    async with transaction(office.context.engine, SERVICE) as connection:
        proposal = await policies.propose(connection, "working_hours", {"opening_hours": "24/7"}, office.maker.id)
        assert proposal is not None
        await policies.settle_proposal(connection, proposal.id, approved_by=office.checker.id)
