"""What people do with their own profile: language, e-mail with confirmation, sessions (G1)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from commands.account.codes import check_code
from commands.command import Command
from commands.refusals import refuses
from domain.account import NO_BINDING, CodeNotAccepted, CodePurpose
from domain.errors import Forbidden, NotFound, StepUpRequired, TooMany
from domain.profile import EMAILS_PER_PERSON, BadEmail, parse_email
from messages.notice import MailCode
from messages.profile import Sms
from storage import account, profile
from storage.audit import account_stream
from storage.notices import notify
from storage.outbox import enqueue


@refuses()
async def choose_language(command: Command, language: Literal["fa", "en"]) -> None:
    """Keep in which language somebody reads, wherever they sign in."""
    await profile.set_language(command.connection, command.actor.person_id, language)
    await _audit(command, after={"language": language})


@refuses(BadEmail, StepUpRequired)
async def send_email_code(command: Command, email: str) -> UUID:
    """Send a code to an address that is to become the member's; returns the code's id."""
    require_fresh_member(command)
    address = parse_email(email)
    person_id, seals = command.actor.person_id, command.seals
    wait = await account.count_use(command.connection, seals, EMAILS_PER_PERSON, str(person_id))
    if wait is not None:
        raise TooMany(retry_after=wait)
    code_id = await account.create_code(
        command.connection,
        seals,
        CodePurpose.CONFIRM_EMAIL,
        person_id,
        NO_BINDING,
        channel="mail",
        sent_to=profile.seal_email(seals, address),
    )
    await enqueue(command.connection, MailCode(code_id))
    await _audit(command)
    return code_id


@refuses(check_code)
async def confirm_email(command: Command, code_id: UUID, code: str) -> None:
    """Make the address to which the code went the member's, in place of the one before; the owner is told by SMS."""
    person_id = command.actor.person_id
    await check_code(
        command.context.side,
        command.seals,
        code_id=code_id,
        person_id=person_id,
        purpose=CodePurpose.CONFIRM_EMAIL,
        binding=NO_BINDING,
        code=code,
    )
    address = await account.destination_of(command.connection, code_id, person_id, CodePurpose.CONFIRM_EMAIL)
    await account.use_code(command.connection, code_id)
    if address is None:
        raise CodeNotAccepted(field="code")
    await profile.set_email(command.connection, command.seals, person_id, address)
    await notify(command.connection, [person_id], Sms.EMAIL_CHANGED)
    await _audit(command)


@refuses(StepUpRequired)
async def remove_email(command: Command) -> None:
    """Forget the member's address; the owner is told by SMS."""
    require_fresh_member(command)
    await profile.remove_email(command.connection, command.actor.person_id)
    await notify(command.connection, [command.actor.person_id], Sms.EMAIL_REMOVED)
    await _audit(command)


@refuses(NotFound)
async def end_session(command: Command, session_id: UUID) -> None:
    """End one of one's own sessions, as member or staff."""
    await command.alone()
    if not await account.end_session(command.connection, command.actor.person_id, session_id):
        raise NotFound
    await _audit(command, after={"session": str(session_id)})


@refuses()
async def end_other_sessions(command: Command) -> int:
    """End all of one's own sessions but this one; returns how many."""
    await command.alone()
    actor = command.actor
    ended = await account.end_sessions(command.connection, actor.person_id, apart_from=actor.session_id)
    await _audit(command, after={"sessions_ended": ended})
    return ended


def require_fresh_member(command: Command) -> None:
    """Refuse those who are no members, or show no fresh code: by these somebody else could come in (G1).

    Raises:
        Forbidden: staff.
        StepUpRequired: the session was not confirmed lately.
    """
    if command.actor.capacity != "member":
        raise Forbidden
    command.require_strong()


async def _audit(command: Command, after: dict[str, object] | None = None) -> None:
    who = command.actor.person_id
    await command.audit(account_stream(who), subject=str(who), after=after)
