"""Papers (G9): a member's confirmation of a credit, and the check of a paper by anybody who holds it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.card import own_line
from commands.command import Command, Context
from commands.refusals import refuses
from domain.address import from_network
from domain.dates import tehran_day
from domain.errors import NotFound, TooMany
from domain.identity import mask_national_id
from domain.paper import CHECKS_PER_ADDRESS, CreditConfirmation, CreditOver, PaperKind, PaperState
from storage import account
from storage.audit import case_stream
from storage.cases import read_case
from storage.database import SERVICE, as_service, tehran_today, transaction
from storage.onboarding import line_of_case
from storage.paper import Paper, find_paper, issue
from storage.people import names_of, national_ids_of
from storage.programme import programme_of
from storage.rows.onboarding import CreditLine


@dataclass(frozen=True, slots=True)
class CheckedPaper:
    """What the holder of a paper is told of it: nothing of a person. ``amount`` is rial, ``state`` that of now."""

    kind: PaperKind
    number: str
    issued_at: datetime
    amount: int
    state: PaperState


@refuses(own_line, CreditOver)
async def issue_credit_confirmation(command: Command, line_id: UUID) -> Paper:
    """Issue the confirmation of one's own credit, or find the one that was issued."""
    line = await own_line(command, line_id)
    today = await tehran_today(command.connection)
    if line.is_over(today):
        raise CreditOver
    content = await _confirmation(command, line, today)
    async with as_service(command.connection, command.acting):
        paper = await issue(command.connection, command.seals, line.case_id, line.person_id, content)
    await command.audit(case_stream(line.case_id), subject=str(paper.id), after={"sha256": paper.sha256.hex()})
    return paper


async def _confirmation(command: Command, line: CreditLine, today: date) -> CreditConfirmation:
    connection, person_id = command.connection, line.person_id
    case = await read_case(connection, line.case_id)
    if case is None:
        raise NotFound
    programme = await programme_of(connection, case.policy_id)
    return CreditConfirmation(
        holder=(await names_of(connection, [person_id]))[person_id],
        national_id=mask_national_id((await national_ids_of(connection, command.seals, [person_id]))[person_id]),
        programme=programme.title_fa,
        amount=line.ceiling.amount,
        monthly=line.monthly,
        instalments=line.instalments,
        since=tehran_day(line.opened_at),
        until=line.ends_on,
        case_number=case.number,
        state=_state_of(line, today),
    )


def _state_of(line: CreditLine, today: date) -> PaperState:
    if line.is_over(today):
        return PaperState.ENDED
    return PaperState.USABLE if line.purchases_stopped_at is None else PaperState.PURCHASES_STOPPED


async def _credit_now(connection: AsyncConnection, paper: Paper) -> PaperState:
    line = await line_of_case(connection, paper.case_id)
    return paper.content.state if line is None else _state_of(line, await tehran_today(connection))


# How it stands now with what a paper is about; without one, as the paper says.
_STATES: Final[Mapping[PaperKind, Callable[[AsyncConnection, Paper], Awaitable[PaperState]]]] = {
    PaperKind.CREDIT_CONFIRMATION: _credit_now,
}


@refuses(NotFound)
async def check_paper(context: Context, *, token: str, origin: str) -> CheckedPaper:
    """The paper of a token, for anybody; each look counts for the network."""
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, from_network(CHECKS_PER_ADDRESS, origin))
        found = None if wait else await find_paper(connection, context.seals, token)
        state = None if found is None else await _state_now(connection, found)
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    if found is None or state is None:
        raise NotFound
    return CheckedPaper(found.kind, found.number, found.issued_at, found.content.amount, state)


async def _state_now(connection: AsyncConnection, paper: Paper) -> PaperState:
    ask = _STATES.get(paper.kind)
    return paper.content.state if ask is None else await ask(connection, paper)
