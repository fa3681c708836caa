"""The commands of onboarding, run straight on the context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from commands import onboarding as commands
from commands.account import authenticate
from commands.account.codes import request_code
from commands.command import Command, Context, Envelope, perform
from commands.task import lock_task
from domain.access import Actor
from domain.account import CodePurpose, mandate_binding
from domain.money import Money, Unit
from domain.onboarding import RefusalReason
from storage.database import SERVICE, transaction
from storage.tables import rate_windows
from storage.tasks import find_open
from tests.account_people import sent_code
from tests.arrange import Someone

CASE = "issue_certificate"


@dataclass(frozen=True, slots=True)
class Office:
    """A member and their HR."""

    context: Context
    member: Someone
    officer: Someone


async def run(context: Context, who: Someone, work: Callable[[Command], Awaitable[Any]]) -> Any:
    """Run one command of a person and return what it returned."""
    actor = await authenticate(context, who.token)
    return await run_as(context, actor, work)


async def run_as(context: Context, actor: Actor, work: Callable[[Command], Awaitable[Any]]) -> Any:
    """Run one command of an actor."""
    results = []

    async def as_bytes(command: Command) -> bytes:
        results.append(await work(command))
        return b"{}"

    await perform(context, Envelope(actor, "test", f"key-{uuid4()}", b"content", "origin"), as_bytes)
    return results[-1]


async def credit_request(
    context: Context, member: Someone, *, monthly: int = 50_000_000, instalments: int = 12, **changes: Any
) -> commands.CreditRequest:
    """A request with a mandate accepted for exactly its terms."""
    wish: dict[str, Any] = {"programme": "minipay", "mandate_version": 1} | changes
    binding = mandate_binding(wish["programme"], monthly, instalments, wish["mandate_version"])
    async with transaction(context.engine, SERVICE) as connection:
        await connection.execute(rate_windows.delete())
    code_id = await run(context, member, lambda command: request_code(command, CodePurpose.ACCEPT_MANDATE, binding))
    request = commands.CreditRequest(
        programme="minipay",
        monthly=Money(monthly, Unit.IRR),
        instalments=instalments,
        mandate_version=1,
        code_id=code_id,
        code=await sent_code(context, code_id),
    )
    return replace(request, **changes)


async def apply(office: Office, **changes: Any) -> UUID:
    """The member applies; returns the case's id."""
    request = await credit_request(office.context, office.member, **changes)
    case_id: UUID = await run(
        office.context, office.member, lambda command: commands.apply_for_credit(command, request)
    )
    return case_id


async def withdraw(office: Office, case_id: UUID) -> None:
    """The member withdraws."""
    await run(office.context, office.member, lambda command: commands.withdraw_application(command, case_id))


async def open_task(context: Context, case_id: UUID, kind: str = CASE) -> UUID:
    """The id of the case's open task."""
    async with transaction(context.engine, SERVICE) as connection:
        task = await find_open(connection, case_id, kind)
    assert task is not None
    return task.id


async def issue(office: Office, case_id: UUID, **changes: Any) -> None:
    """HR issues the certificate."""
    task_id = await open_task(office.context, case_id)
    valid_until = datetime.now(UTC).date() + timedelta(days=300)
    terms = replace(commands.CertificateTerms(Money(50_000_000, Unit.IRR), 12, valid_until), **changes)

    async def work(command: Command) -> UUID:
        return await commands.issue_certificate(command, await lock_task(command, task_id), terms)

    await run(office.context, office.officer, work)


async def refuse(office: Office, case_id: UUID) -> None:
    """HR refuses the certificate."""
    task_id = await open_task(office.context, case_id)

    async def work(command: Command) -> UUID:
        task = await lock_task(command, task_id)
        return await commands.refuse_certificate(command, task, RefusalReason.COURT_ORDER)

    await run(office.context, office.officer, work)
