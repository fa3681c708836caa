"""Takes onboardings on, to Tavana from the application to the usable credit, through the commands of their people."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from bench.people import Pair
from bench.watch import Watch
from commands.command import Command, Context, Envelope, perform
from commands.guarantor import Consent, answer_guarantee
from commands.onboarding import CreditRequest, apply_for_credit
from commands.review import approve_application
from commands.task import lock_task
from domain.access import Actor
from domain.account import CodePurpose, guarantee_binding, mandate_binding
from domain.money import Money
from domain.programme import Programme
from messages.guarantor import TaskKind as GuarantorTask
from messages.onboarding import Phase
from messages.review import TaskKind as ReviewTask
from storage import account, policies
from storage.database import SERVICE, transaction

PROGRAMME = "tavana"
MONTHLY = 50_000_000
INSTALMENTS = 12
_MANDATE = 1


async def shorten_wait(context: Context) -> None:
    """Put a version of the programme in force that waits one second between approval and usable credit."""
    async with transaction(context.engine, SERVICE) as connection:
        name = Programme.PREFIX + PROGRAMME
        shipped = await policies.in_force(connection, name)
        if shipped is None:
            raise LookupError(name)
        value = {key: given for key, given in shipped.value.items() if key != "waiting_hours"} | {"waiting_seconds": 1}
        proposed = await policies.propose(connection, name, value, uuid4())
        if proposed is None:
            raise LookupError(name)
        await policies.settle_proposal(connection, proposed.id, approved_by=uuid4())


async def code_for(context: Context, person_id: UUID, purpose: CodePurpose, binding: bytes) -> tuple[UUID, str]:
    """A fresh code as its person would read it from the SMS."""
    async with transaction(context.engine, SERVICE) as connection:
        code_id = await account.create_code(connection, context.seals, purpose, person_id, binding)
        unsent = await account.take_unsent_code(connection, context.seals, code_id)
    if unsent is None:
        raise LookupError("the code that was just made is gone")
    return code_id, unsent.code


async def mandate_code(context: Context, member: Actor, programme: str) -> tuple[UUID, str]:
    """A code that accepts the mandate."""
    binding = mandate_binding(programme, MONTHLY, INSTALMENTS, _MANDATE)
    return await code_for(context, member.person_id, CodePurpose.ACCEPT_MANDATE, binding)


async def apply(
    context: Context, member: Actor, programme: str, code: tuple[UUID, str], guarantors: tuple[str, ...] = ()
) -> UUID:
    """Apply with a code that accepts the mandate; returns the case's id."""
    request = CreditRequest(programme, Money(MONTHLY), INSTALMENTS, _MANDATE, *code, guarantors=guarantors)

    async def work(command: Command) -> bytes:
        return (await apply_for_credit(command, request)).bytes

    answer = await perform(context, _envelope(member, "apply_for_credit"), work, status=201)
    return UUID(bytes=answer.body)


@dataclass(frozen=True, slots=True)
class Tavana:
    """Plays applicant, guarantor and finance officer."""

    context: Context
    watch: Watch
    officer: Actor

    async def take(self, pair: Pair) -> UUID:
        """Go from the application to the usable credit; returns the case's id."""
        code = await mandate_code(self.context, pair.applicant, PROGRAMME)
        case_id = await apply(self.context, pair.applicant, PROGRAMME, code, (pair.guarantor_national_id,))
        await self._accept(pair.guarantor, case_id)
        await self._approve(case_id)
        outcome = await self.watch.end(case_id)
        if outcome != Phase.ACTIVE:
            raise LookupError(f"the case ended {outcome}")
        return case_id

    async def _accept(self, guarantor: Actor, case_id: UUID) -> None:
        asked = await self.watch.task(case_id, GuarantorTask.ANSWER_GUARANTEE)
        binding = guarantee_binding(asked.subject_id, MONTHLY, INSTALMENTS, _MANDATE)
        code_id, code = await code_for(self.context, guarantor.person_id, CodePurpose.ACCEPT_GUARANTEE, binding)
        consent = Consent(_MANDATE, code_id, code)

        async def work(command: Command) -> bytes:
            return (await answer_guarantee(command, await lock_task(command, asked.id), consent)).bytes

        await perform(self.context, _envelope(guarantor, "answer_task"), work)

    async def _approve(self, case_id: UUID) -> None:
        asked = await self.watch.task(case_id, ReviewTask.REVIEW_APPLICATION)

        async def work(command: Command) -> bytes:
            return (await approve_application(command, await lock_task(command, asked.id))).bytes

        await perform(self.context, _envelope(self.officer, "answer_task"), work)


def _envelope(actor: Actor, operation: str) -> Envelope:
    key = str(uuid4())
    return Envelope(actor, operation, key, key.encode())
