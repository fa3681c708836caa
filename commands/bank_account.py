"""A member's own bank cards and shebas: adding, removing, and choosing where money goes (E3, F4, G1, G2)."""

from __future__ import annotations

from uuid import UUID

from commands.account import check_code
from commands.command import Command
from commands.profile import require_fresh_member
from commands.refusals import refuses
from domain.account import CodePurpose, sheba_binding
from domain.bank_account import (
    ACCOUNT_INQUIRIES,
    INQUIRIES_PER_MEMBER,
    MOST_OF_A_KIND,
    BankAccountKind,
    BankAccountKnown,
    BankAccountState,
    BankAccountUnconfirmed,
    CardUnreadable,
    ShebaUnreadable,
    TooManyBankAccounts,
)
from domain.errors import Forbidden, NotFound, StepUpRequired, TooMany
from domain.identity import BadCard, BadSheba, CardNumber, Sheba, parse_card, parse_sheba
from domain.onboarding import MoneyPaused
from domain.persian import persian_digits
from messages.bank_account import CheckBankAccount, Sms
from storage import account, bank_account
from storage.audit import account_stream
from storage.database import as_service
from storage.notices import notify
from storage.outbox import enqueue
from storage.people import money_pause
from storage.rows.bank_account import BankAccount


@refuses(BankAccountKnown, TooManyBankAccounts)
async def _replaced_by(command: Command, number: CardNumber | Sheba, kind: BankAccountKind) -> BankAccount | None:
    """An account of the same number that was refused or could not be checked, which gives way to another inquiry."""
    mine = await bank_account.accounts_of(command.connection, command.actor.person_id)
    same = await bank_account.find_number(command.connection, command.seals, command.actor.person_id, number)
    if same is not None and same.state in {BankAccountState.CHECKING, BankAccountState.CONFIRMED}:
        raise BankAccountKnown(field="number")
    if same is None and sum(one.kind is kind for one in mine) >= MOST_OF_A_KIND:
        raise TooManyBankAccounts(most=MOST_OF_A_KIND)
    return same


@refuses(MoneyPaused)
async def _refuse_pause(command: Command) -> None:
    """Refuse what says where money goes, as long as the number of the member is a new one (G2)."""
    if await money_pause(command.connection, command.actor.person_id):
        raise MoneyPaused


@refuses(ShebaUnreadable, MoneyPaused, BankAccountKnown, TooManyBankAccounts)
async def sheba_to_add(command: Command, number: str) -> Sheba:
    """The sheba that was typed, if the member may add it; asked before a code for it is sent, too."""
    if command.actor.capacity != "member":
        raise Forbidden
    try:
        sheba = parse_sheba(number)
    except BadSheba:
        raise ShebaUnreadable(field="number") from None
    await _refuse_pause(command)
    await _replaced_by(command, sheba, BankAccountKind.SHEBA)
    return sheba


@refuses(StepUpRequired, CardUnreadable, BankAccountKnown, TooManyBankAccounts)
async def add_card(command: Command, number: str) -> UUID:
    """Add a card and have the bank asked whose it is; returns its id. Needs a fresh code."""
    require_fresh_member(command)
    try:
        card = parse_card(number)
    except BadCard:
        raise CardUnreadable(field="number") from None
    return await _add(command, card, BankAccountKind.CARD)


@refuses(sheba_to_add, check_code)
async def add_sheba(command: Command, number: str, *, code_id: UUID, code: str) -> UUID:
    """Add a sheba with the code that came for exactly this one, and have the bank asked whose it is; returns its id."""
    sheba = await sheba_to_add(command, number)
    await check_code(
        command.context.side,
        command.seals,
        code_id=code_id,
        person_id=command.actor.person_id,
        purpose=CodePurpose.ADD_SHEBA,
        binding=sheba_binding(sheba),
        code=code,
    )
    await account.use_code(command.connection, code_id)
    account_id = await _add(command, sheba, BankAccountKind.SHEBA)
    await _tell(command, Sms.SHEBA_ADDED, sheba[-4:])
    return account_id


@refuses(BankAccountKnown, TooManyBankAccounts)
async def _add(command: Command, number: CardNumber | Sheba, kind: BankAccountKind) -> UUID:
    connection, person_id = command.connection, command.actor.person_id
    # Counted first: the count lets one addition of a member come after another.
    limits = ((INQUIRIES_PER_MEMBER, str(person_id)), (ACCOUNT_INQUIRIES, ""))
    wait = await account.count_uses(connection, command.seals, limits)
    if wait is not None:
        raise TooMany(retry_after=wait)
    replaced = await _replaced_by(command, number, kind)
    async with as_service(connection, command.acting):
        if replaced is not None:
            await bank_account.remove_account(connection, replaced.id)
        account_id = await bank_account.add_account(connection, command.seals, person_id, number)
    await enqueue(connection, CheckBankAccount(account_id))
    await command.audit(account_stream(person_id), subject=str(account_id), after={"kind": kind})
    return account_id


async def _lock_own(command: Command, account_id: UUID) -> BankAccount:
    """One of the member's own, which stays as it is with its whole kind.

    Raises:
        NotFound: missing, removed or another's.
    """
    connection, person_id = command.connection, command.actor.person_id
    found = await bank_account.find_account(connection, person_id, account_id)
    if found is not None:
        async with as_service(connection, command.acting):
            mine = await bank_account.lock_accounts(connection, person_id, found.kind)
        for locked in mine:
            if locked.id == account_id:
                return locked
    raise NotFound


@refuses(StepUpRequired, MoneyPaused)
async def remove_bank_account(command: Command, account_id: UUID) -> None:
    """Remove a card or sheba; which sheba takes the place of a chosen one is for the member to say.

    Needs a fresh code. What is on its way to a sheba goes on.
    """
    require_fresh_member(command)
    one = await _lock_own(command, account_id)
    if one.kind is BankAccountKind.SHEBA:
        await _refuse_pause(command)
        await _tell(command, Sms.SHEBA_REMOVED, one.last_four)
    async with as_service(command.connection, command.acting):
        await bank_account.remove_account(command.connection, one.id)
    await _audit(command, one)


@refuses(StepUpRequired, MoneyPaused, BankAccountUnconfirmed)
async def choose_bank_account(command: Command, account_id: UUID) -> None:
    """Make a confirmed card or sheba the one that is used, if nothing else is said. Needs a fresh code."""
    require_fresh_member(command)
    one = await _lock_own(command, account_id)
    if one.kind is BankAccountKind.SHEBA:
        await _refuse_pause(command)
    if one.state is not BankAccountState.CONFIRMED:
        raise BankAccountUnconfirmed
    if one.is_default:
        return
    if one.kind is BankAccountKind.SHEBA:
        await _tell(command, Sms.SHEBA_CHOSEN, one.last_four)
    async with as_service(command.connection, command.acting):
        await bank_account.choose_account(command.connection, one)
    await _audit(command, one)


async def _tell(command: Command, sms: Sms, last_four: str) -> None:
    params = {"last_four": persian_digits(last_four)}
    await notify(command.connection, [command.actor.person_id], sms, params=params)


async def _audit(command: Command, one: BankAccount) -> None:
    stream = account_stream(command.actor.person_id)
    await command.audit(stream, subject=str(one.id), after={"kind": one.kind, "was_default": one.is_default})
