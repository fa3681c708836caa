"""A secret in the demo: entrusted to an arbitrator, shown once, told to its owner, and erased for good (F2)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from api.vault import SecretIn, SecretOut, entrust_secret, list_secrets, show_secret
from demo.actors import Member, Officer, wait_for
from demo.play import Play
from demo.sign_in import newest_sms, now_ms
from domain.vault import KeyGone, SecretKind, SecretState
from messages.vault import Event
from stack.connect import connected
from stack.places import CliError
from storage.vault import about_secret

_SITE: Final = "https://staging.example.com/sign-in"
_USER_NAME: Final = "reviewer"


@dataclass(frozen=True, slots=True)
class Entrusted:
    """A secret of a case; its owner, with the number to which it is told what becomes of it."""

    case_id: UUID
    id: UUID
    owner: Member
    mobile: str
    password: str = field(repr=False)
    since: int


async def entrusted(owner: Member, mobile: str, case_id: UUID) -> Entrusted:
    """A side entrusts user name and password of the site where the work can be seen, while an arbitrator is asked."""
    since, password = now_ms(), secrets.token_urlsafe(12)
    wish = SecretIn(site=_SITE, user_name=_USER_NAME, password=password)
    kept = await owner.client.call(entrust_secret, case_id, wish)
    return Entrusted(case_id, kept.id, owner, mobile, password, since)


async def shown(play: Play, secret: Entrusted, officer: Officer) -> None:
    """Who holds the dispute has it shown, with a code of its own; its owner hears of it, and sees who has seen it.

    Raises:
        CliError: something else is shown, or the list does not say so.
    """
    answer = await officer.client.call(show_secret, secret.case_id, secret.id, await officer.code())
    if (answer.site, answer.user_name, answer.password) != (_SITE, _USER_NAME, secret.password):
        raise CliError("what the arbitrator is shown is not what was entrusted")
    listed = await _listed(secret)
    if len(listed.views) != 1:
        raise CliError(f"the owner's list tells of {len(listed.views)} views, and there was one")
    play.screen.done(
        f"{listed.part_words.en} entrusted a password of {listed.host}; the arbitrator had it shown with a code of its"
        f" own, for {answer.hide_after} seconds; the owner's list: seen by {listed.views[0].role_words.en}; their SMS:"
    )
    play.screen.note(f"«{await newest_sms(play.visitor, secret.mobile, Event.SHOWN, secret.since)}»")


async def erased(play: Play, secret: Entrusted) -> None:
    """Nobody needs it any more: the list says that it is erased, and in the vault is neither entry nor key.

    Raises:
        CliError: it is still there.
    """

    async def look() -> SecretOut | None:
        one = await _listed(secret)
        return one if one.state.code == SecretState.ERASED else None

    gone = await wait_for(look, "the secret to be erased")
    await newest_sms(play.visitor, secret.mobile, Event.ERASED, secret.since)
    async with connected() as assembly:
        about = about_secret(secret.case_id, SecretKind.SITE_LOGIN)
        for there in (assembly.vault.open(secret.id, about), assembly.vault.keys.open(secret.id)):
            if not await _is_gone(there):
                raise CliError("the list says that the secret is erased, and the vault still has something of it")
    why = "" if gone.why is None else gone.why.words.en
    play.screen.done(f"the password was erased, for {why}: the vault has neither entry nor key, its owner got an SMS")


async def _listed(secret: Entrusted) -> SecretOut:
    """What its owner's list says of it."""
    found = await secret.owner.client.call(list_secrets, secret.case_id)
    return next(one for one in found.items if one.id == secret.id)


async def _is_gone(asked: Awaitable[bytes]) -> bool:
    try:
        await asked
    except KeyGone:
        return True
    return False
