"""Secrets of a case (F2): user name and password of another site, entrusted by a member, shown for a task, erased."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import CommandDep, FreshCode, ReadingDep, require
from api.operation import Operation
from api.values import Input, Moment, Out, Reason, Words
from commands import vault as commands
from commands.refusals import refuses
from commands.vault import SecretsOfCase
from domain.catalogue import words
from domain.vault import MAX_ADDRESS, MAX_LETTERS, SHOWN_FOR, SecretKind, SecretState, WhyErased
from storage import vault
from storage.database import postgres_now
from storage.rows.vault import EntrustedSecret, SecretView
from storage.sealing import Seals

router = APIRouter(prefix="/v1/cases/{case_id}/secrets", tags=["cases"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]
_Text = Annotated[str, Field(min_length=1, max_length=MAX_LETTERS, repr=False, examples=["..."])]


class SecretViewOut(Out):
    """That a secret was shown to somebody of the staff."""

    role: str = Field(examples=["arbitrator"])
    role_words: Words
    at: Moment

    @classmethod
    def of(cls, view: SecretView) -> SecretViewOut:
        """One view; who it was by name is in the audit trail."""
        return cls(role=view.role, role_words=Words.of(words.who(view.role)), at=view.seen_at)


class SecretOut(Out):
    """What is known of a secret to those who may know of it; what it says is not."""

    id: UUID
    kind: Reason
    host: str = Field(description="Of which site", examples=["example.com"])
    part: str = Field(description="Who entrusted it", examples=["contractor"])
    part_words: Words
    entrusted: Moment = Field(validation_alias="entrusted_at")
    erase_at: Moment = Field(description="When it is erased at the latest")
    erased: Moment | None = Field(validation_alias="erased_at")
    state: Reason
    why: Reason | None = Field(description="Why its time is over")
    views: list[SecretViewOut] = Field(description="To whom it was shown, the latest first")
    may_take_back: bool = Field(description="Whether the caller may have it erased now")
    may_see: bool = Field(description="Whether the caller may have it shown now, with a code of its own")


class SecretsOut(Out):
    """The secrets of a case that the caller may know of, and whether they may entrust one."""

    items: list[SecretOut]
    may_entrust: bool


class SecretIn(Input):
    """User name and password of a site; encrypted at once, and shown to nobody but who needs them for the case."""

    site: str = Field(max_length=MAX_ADDRESS, examples=["https://example.com/sign-in"])
    user_name: _Text
    password: _Text


class SecretEntrusted(Out):
    """It is kept; the list says who has seen it."""

    id: UUID
    erase_at: Moment


class SecretShown(Out):
    """A secret, once: a retry with the same key answers without it."""

    id: UUID
    site: str | None = Field(description="Null in the answer to a retry", examples=["https://example.com/sign-in"])
    user_name: str | None = Field(examples=["..."])
    password: str | None = Field(examples=["..."])
    hide_after: int = Field(description="Seconds that it may stand on a screen", examples=[60])

    @classmethod
    def kept(cls, body: bytes) -> bytes:
        """Nothing of the secret is kept."""
        shown = cls.model_validate_json(body)
        return shown.model_copy(update={"site": None, "user_name": None, "password": None}).model_dump_json().encode()


class SecretTakenBack(Out):
    """Nobody sees it any more, and it is erased within minutes."""

    id: UUID


@router.get("")
async def list_secrets(read: ReadingDep, case_id: UUID) -> SecretsOut | None:
    """The secrets of a case, none in clear: one's own, or all of them for who works on it; 404 where there are none.

    To whom each was shown stands with it.
    """
    found = await commands.secrets_in(read.connection, read.actor, case_id)
    if found is None:
        return None
    now = await postgres_now(read.connection)
    items = [
        _shown(read.seals, found, one, one.state(now), is_member=read.actor.capacity == "member")
        for one in found.secrets
    ]
    return SecretsOut(items=items, may_entrust=found.takes)


def _shown(
    seals: Seals, found: SecretsOfCase, row: EntrustedSecret, state: SecretState, *, is_member: bool
) -> SecretOut:
    is_kept = state is SecretState.KEPT
    return SecretOut.of_row(
        row,
        kind=Reason.of(SecretKind, row.kind),
        host=vault.host_of(seals, row),
        part_words=Words.of(words.who(row.part)),
        state=Reason.of(SecretState, state),
        why=None if row.why is None else Reason.of(WhyErased, row.why),
        views=[SecretViewOut.of(view) for view in found.views if view.secret_id == row.id],
        may_take_back=is_kept and is_member,
        may_see=is_kept and found.task is not None,
    )


@router.post("", status_code=201, dependencies=_MEMBER)
@refuses(commands.entrust_secret)
async def entrust_secret(command: CommandDep, case_id: UUID, body: SecretIn) -> SecretEntrusted:
    """Entrust user name and password of a site to a case in which somebody needs them now.

    They are encrypted at once, shown to who holds the task alone, each time told to the caller, and erased when they
    are needed no more.
    """
    kept = await commands.entrust_secret(
        command,
        case_id,
        site=body.site,
        user_name=body.user_name,
        password=body.password,
    )
    return SecretEntrusted.of_row(kept)


@router.post("/{secret_id}/show")
@refuses(commands.show_secret)
async def show_secret(command: CommandDep, case_id: UUID, secret_id: UUID, code: FreshCode) -> SecretShown:
    """Have a secret shown for the task that one holds, with a code of its own; recorded, and told to its owner."""
    login = await commands.show_secret(command.with_code(code), case_id, secret_id)
    return SecretShown(
        id=secret_id,
        site=login.site,
        user_name=login.user_name,
        password=login.password,
        hide_after=int(SHOWN_FOR.total_seconds()),
    )


@router.delete("/{secret_id}", dependencies=_MEMBER)
@refuses(commands.take_back_secret)
async def take_back_secret(command: CommandDep, case_id: UUID, secret_id: UUID) -> SecretTakenBack:
    """Take back a secret of one's own: nobody sees it any more, and it is erased."""
    await commands.take_back_secret(command, case_id, secret_id)
    return SecretTakenBack(id=secret_id)
