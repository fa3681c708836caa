"""A member's own bank cards and shebas (E3, F4)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.answering import CodeRequest
from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import CodeText, Input, Moment, Out, Reason, Words
from commands import bank_account as commands
from commands.command import Command
from commands.refusals import refuses
from domain.account import sheba_binding
from domain.bank_account import BankAccountKind, BankAccountState, WhyNotOwn
from domain.catalogue import words
from domain.identity import bank_name
from storage import bank_account
from storage.rows.bank_account import BankAccount

router = APIRouter(prefix="/v1/bank-accounts", tags=["account"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]


class CardIn(Input):
    """A bank card."""

    number: str = Field(max_length=40, description="The sixteen digits on it", examples=["6037991234567893"])


class ShebaSubject(Input):
    """A sheba."""

    number: str = Field(max_length=60, examples=["IR490546091390996030824628"])


class ShebaIn(ShebaSubject):
    """A sheba, and the code that came for it."""

    code_id: UUID
    code: CodeText


class ShebaCodeRequest(CodeRequest):
    """Asks for a code that adds exactly this sheba."""

    purpose: Literal["add_sheba"]
    subject: ShebaSubject

    async def binding(self, command: Command) -> bytes:
        """The sheba as it was read; refused as adding it would be."""
        return sheba_binding(await commands.sheba_to_add(command, self.subject.number))


CODES = (ShebaCodeRequest,)


class BankAccountItem(Out):
    """A card or sheba of the caller's; the whole number is shown to nobody."""

    id: UUID
    kind: BankAccountKind
    kind_words: Words
    bank_name: str | None = Field(description="Null for a bank that is not known", examples=["بانک پارسیان"])
    last_four: str = Field(examples=["4628"])
    masked: str = Field(examples=["IR**054***4628"])
    state: BankAccountState
    state_words: Words
    reason: Reason | None = Field(description="Why it was refused")
    is_default: bool = Field(description="What is used of its kind, if nothing else is said")
    added: Moment = Field(validation_alias="created_at")

    @classmethod
    def of(cls, account: BankAccount) -> BankAccountItem:
        """One of the caller's own."""
        return cls.of_row(
            account,
            kind_words=Words.of(words.term(BankAccountKind, account.kind)),
            bank_name=bank_name(account.bank),
            masked=bank_account.masked(account),
            state_words=Words.of(words.term(BankAccountState, account.state)),
            reason=None if account.reason is None else Reason.of(WhyNotOwn, account.reason),
        )


class BankAccountList(Out):
    """What the caller has added, the oldest first; at most ten of each kind."""

    items: list[BankAccountItem]


class BankAccountAdded(Out):
    """It is kept, and the bank is asked whose it is; the list says what came of it."""

    account_id: UUID


class BankAccountChanged(Out):
    """It is done."""

    account_id: UUID


@router.get("", dependencies=_MEMBER)
async def list_bank_accounts(read: ReadingDep) -> BankAccountList:
    """One's own cards and shebas, with what the bank has said of each."""
    found = await bank_account.accounts_of(read.connection, read.actor.person_id)
    return BankAccountList(items=[BankAccountItem.of(one) for one in found])


@router.post("/cards", status_code=202, dependencies=_MEMBER)
@refuses(commands.add_card)
async def add_card(command: CommandDep, body: CardIn) -> BankAccountAdded:
    """Add a card of one's own, from which one may pay once the bank has confirmed it. Needs a fresh code.

    What was refused or could not be checked may be added again.
    """
    return BankAccountAdded(account_id=await commands.add_card(command, body.number))


@router.post("/shebas", status_code=202, dependencies=_MEMBER)
@refuses(commands.add_sheba)
async def add_sheba(command: CommandDep, body: ShebaIn) -> BankAccountAdded:
    """Add a sheba of one's own, to which one's money may go once the bank has confirmed it, with a code of its own.

    What was refused or could not be checked may be added again.
    """
    account_id = await commands.add_sheba(command, body.number, code_id=body.code_id, code=body.code)
    return BankAccountAdded(account_id=account_id)


@router.delete("/{account_id}", dependencies=_MEMBER)
@refuses(commands.remove_bank_account)
async def remove_bank_account(command: CommandDep, account_id: UUID) -> BankAccountChanged:
    """Remove one's own card or sheba. Needs a fresh code."""
    await commands.remove_bank_account(command, account_id)
    return BankAccountChanged(account_id=account_id)


@router.post("/{account_id}/default", dependencies=_MEMBER)
@refuses(commands.choose_bank_account)
async def choose_bank_account(command: CommandDep, account_id: UUID) -> BankAccountChanged:
    """Make a confirmed card or sheba the one that is used of its kind. Needs a fresh code."""
    await commands.choose_bank_account(command, account_id)
    return BankAccountChanged(account_id=account_id)
