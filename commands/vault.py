"""What people do with secrets of a case (F2): a member entrusts one, or takes it back; it is shown for a task."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from commands.task import held_task
from domain.access import READS_EVERYTHING, Actor
from domain.account import Limit
from domain.catalogue import SECRETS, words
from domain.errors import CaseClosed, InvalidInput, NotFound, OwnCase, TooMany
from domain.held_task import TaskNotClaimed
from domain.persian import ZWNJ
from domain.vault import (
    ENTRUSTED_PER_MEMBER,
    MAX_LETTERS,
    MOST_OF_A_CASE,
    SHOWN_PER_OFFICER,
    EntryUnreadable,
    KeyGone,
    KeysNotThere,
    Login,
    SecretGone,
    SecretKind,
    SecretRules,
    SecretsNotTaken,
    SecretState,
    SecretUnreadable,
    SiteUnreadable,
    TooManySecrets,
    VaultAway,
    WhyErased,
    parse_site,
)
from messages.vault import Event
from storage import audit, vault
from storage.account import count_use
from storage.case_lists import see_case
from storage.cases import add_event, touch_case
from storage.database import as_service, with_service_rights
from storage.notices import notify
from storage.people import parts_in
from storage.rows.cases import Case
from storage.rows.tasks import Task
from storage.rows.vault import EntrustedSecret, SecretView
from storage.tasks import open_tasks
from storage.vault import Vault

T = TypeVar("T")
_log = logging.getLogger("amanat.commands")
_KIND: Final = SecretKind.SITE_LOGIN
# Far less than a transaction may stand still.
_REACHED_WITHIN: Final = 4.0


@dataclass(frozen=True, slots=True)
class SecretsOfCase:
    """The secrets of a case in somebody's eyes: their own, or all of them for who works on the case or looks after it.

    ``task`` is by which they may have one shown; ``takes``: whether they may entrust one now.
    """

    case: Case
    secrets: list[EntrustedSecret]
    views: list[SecretView]
    task: Task | None
    takes: bool


async def secrets_in(connection: AsyncConnection, actor: Actor, case_id: UUID) -> SecretsOfCase | None:
    """The secrets of a case as far as somebody sees them, none in clear; None if there are none for them."""
    case = await see_case(connection, actor, case_id)
    rules = None if case is None else SECRETS.get(case.kind)
    if case is None or rules is None:
        return None
    parts = await parts_in(connection, case_id, actor.person_id)
    if actor.capacity == "member":
        if not parts & rules.members:
            return None
        task, takes = None, case.is_open and await _is_needed(connection, actor, case, rules)
    else:
        task, takes = await held_task(connection, actor, case_id, rules.task), False
        if parts or (task is None and not actor.holds_any(READS_EVERYTHING)):
            return None
    found = await vault.secrets_of(connection, case_id, 2 * MOST_OF_A_CASE)
    views = await vault.views_of(connection, [one.id for one in found], 200)
    return SecretsOfCase(case, found, views, task, takes)


async def _is_needed(connection: AsyncConnection, actor: Actor, case: Case, rules: SecretRules) -> bool:
    """Whether somebody is asked now who could use a secret."""
    async with with_service_rights(connection, actor):
        return any(task.kind == rules.task for task in await open_tasks(connection, case.id))


def read_login(site: str, user_name: str, password: str) -> tuple[Login, str]:
    """What a member typed, and the site's host. A password stays letter by letter as it is.

    Raises:
        SiteUnreadable: the site is no address of one.
        InvalidInput: user name or password is empty, too long, or cannot be typed.
    """
    address, host = parse_site(site)
    login = Login(address, user_name.strip(), password)
    # Persian keyboards have the half-space, which Python does not call printable.
    for field, text in (("user_name", login.user_name), ("password", password)):
        if not 0 < len(text) <= MAX_LETTERS or not text.replace(ZWNJ, "").isprintable():
            raise InvalidInput(field=field)
    return login, host


@refuses(SiteUnreadable, SecretsNotTaken, CaseClosed, TooManySecrets, TooMany, VaultAway)
async def entrust_secret(
    command: Command, case_id: UUID, *, site: str, user_name: str, password: str
) -> EntrustedSecret:
    """Entrust user name and password of a site to a case, for who works on it; they are encrypted at once."""
    login, host = read_login(site, user_name, password)
    case = await command.lock_case(case_id)
    found = await secrets_in(command.connection, command.actor, case_id)
    if found is None or command.actor.capacity != "member":
        raise NotFound
    if not found.takes:
        raise SecretsNotTaken
    if sum(one.state(command.now) is SecretState.KEPT for one in found.secrets) >= MOST_OF_A_CASE:
        raise TooManySecrets
    await _count(command, ENTRUSTED_PER_MEMBER)
    person_id = command.actor.person_id
    parts = await parts_in(command.connection, case_id, person_id)
    plain = json.dumps(asdict(login), ensure_ascii=False).encode()
    entry_id = await _reached(_vault(command).keep(plain, vault.about_secret(case_id, _KIND)))
    part = min(parts & SECRETS[case.kind].members)
    async with as_service(command.connection, command.acting):
        secret = await vault.add_secret(
            command.connection,
            command.seals,
            entry_id,
            case_id=case_id,
            owner_id=person_id,
            part=part,
            kind=_KIND,
            host=host,
        )
    await _tell(command, secret, Event.ENTRUSTED, part)
    return secret


@refuses(require_code, OwnCase, TaskNotClaimed, SecretGone, SecretUnreadable, TooMany, VaultAway)
async def show_secret(command: Command, case_id: UUID, secret_id: UUID) -> Login:
    """Show a secret to who holds the task that it is for, with a code of its own; its owner is told each time."""
    await command.lock_case(case_id)
    await command.refuse_own_case(case_id)
    found = await secrets_in(command.connection, command.actor, case_id)
    if found is None or command.actor.capacity != "staff":
        raise NotFound
    if found.task is None:
        raise TaskNotClaimed
    secret = await vault.lock_secret(command.connection, case_id, secret_id)
    if secret is None:
        raise NotFound
    _refuse_ended(command, secret)
    await require_code(command)
    await _count(command, SHOWN_PER_OFFICER)
    try:
        plain = await _reached(_vault(command).open(secret.id, vault.about_secret(case_id, secret.kind)))
    except KeyGone:
        raise SecretGone from None
    except EntryUnreadable:
        _log.exception("secret_unreadable", extra={"secret_id": str(secret.id)})
        raise SecretUnreadable from None
    role = found.task.role or ""
    await vault.add_view(
        command.connection, SecretView(secret.id, found.task.id, command.actor.person_id, role, command.now)
    )
    await _tell(command, secret, Event.SHOWN, role)
    told = json.loads(plain)
    return Login(told["site"], told["user_name"], told["password"])


@refuses(SecretGone)
async def take_back_secret(command: Command, case_id: UUID, secret_id: UUID) -> None:
    """Take back a secret of one's own: nobody sees it any more, and it is erased."""
    await command.lock_case(case_id)
    async with as_service(command.connection, command.acting):
        secret = await vault.lock_secret(command.connection, case_id, secret_id)
        if secret is None or command.actor.capacity != "member" or secret.owner_id != command.actor.person_id:
            raise NotFound
        _refuse_ended(command, secret)
        await vault.end_secrets(command.connection, WhyErased.TAKEN_BACK, case_id=case_id, secret_id=secret.id)
    await _tell(command, secret, Event.TAKEN_BACK, secret.part)


def _refuse_ended(command: Command, secret: EntrustedSecret) -> None:
    if secret.state(command.now) is not SecretState.KEPT:
        raise SecretGone


async def _tell(command: Command, secret: EntrustedSecret, event: Event, part: str) -> None:
    """Timeline and audit say that it happened; who is shown a secret is told of to its owner by SMS too."""
    await touch_case(command.connection, secret.case_id)
    await add_event(command.connection, secret.case_id, event, actor=part)
    if event is Event.SHOWN:
        role = {"role": words.who(part).fa}
        await notify(command.connection, [secret.owner_id], event, case_id=secret.case_id, params=role)
    after = {"kind": secret.kind, "part": part}
    await command.audit(audit.case_stream(secret.case_id), subject=str(secret.id), after=after)


async def _count(command: Command, limit: Limit) -> None:
    wait = await count_use(command.connection, command.seals, limit, str(command.actor.person_id))
    if wait is not None:
        raise TooMany(retry_after=wait)


def _vault(command: Command) -> Vault:
    found = command.context.vault
    if found is None:
        raise LookupError("this process has no vault")
    return found


async def _reached(asked: Awaitable[T]) -> T:
    """What the vault answers, in time to tell its caller of it.

    Raises:
        VaultAway: its database or its keys are not there.
    """
    try:
        async with asyncio.timeout(_REACHED_WITHIN):
            return await asked
    except (KeysNotThere, OSError, SQLAlchemyError) as error:
        _log.error("vault_away", extra={"error": type(error).__name__})
        raise VaultAway(retry_after=5) from None
