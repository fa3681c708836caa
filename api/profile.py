"""One's own profile: name, number, account numbers, e-mail, language, and one's sessions (G1)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import CommandDep, Reading, ReadingDep, require
from api.operation import Operation
from api.values import CodeText, Input, Moment, Out
from commands import profile as commands
from commands.refusals import refuses
from domain.account import CODE_LIFE, Capacity
from domain.identity import Mobile, NationalId, mask_mobile, mask_national_id, mask_sheba
from storage import profile as profiles
from storage.account import live_sessions
from storage.people import read_contacts, read_person

router = APIRouter(prefix="/v1/me", tags=["account"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]


class AccountNumber(Out):
    """Where an employer pays the salary to."""

    organisation_name: str = Field(examples=["آموزش و پرورش"])
    sheba: str = Field(description="Masked", examples=["IR**057***4628"])


class ProfileOut(Out):
    """What a member has told and what is known of them; numbers are masked."""

    first_name: str = Field(examples=["مریم"])
    last_name: str = Field(examples=["رضایی"])
    national_id: str = Field(description="Masked", examples=["049****899"])
    mobile: str | None = Field(description="Masked", examples=["0912***4567"])
    account_numbers: list[AccountNumber]
    email: str | None = Field(examples=["maryam@example.com"])
    email_confirmed: bool = Field(description="False after a change of mobile, until the address is confirmed anew")
    has_password: bool
    language: Literal["fa", "en"] | None


class Preferences(Input):
    """What may be chosen freely."""

    language: Literal["fa", "en"] = Field(examples=["fa"])


class ChosenPreferences(Out):
    """What is chosen now."""

    language: Literal["fa", "en"]


class EmailIn(Input):
    """An address that is to become one's own."""

    email: str = Field(max_length=200, examples=["maryam@example.com"])


class EmailCodeOnItsWay(Out):
    """A code was sent to the address."""

    code_id: UUID
    expires_in_seconds: int = Field(examples=[300])


class EmailConfirmation(Input):
    """The code that came by e-mail."""

    code_id: UUID
    code: CodeText


class EmailKept(Out):
    """Whether there is an address now."""

    has_email: bool


class SessionItem(Out):
    """A session that counts; neither address nor browser is kept of one."""

    id: UUID
    capacity: Capacity
    is_this: bool
    begun: Moment = Field(validation_alias="created_at")
    last_used: Moment = Field(validation_alias="last_used_at", description="To the minute")


class SessionList(Out):
    """One's sessions, the one used last first."""

    items: list[SessionItem]


class SessionsEnded(Out):
    """How many sessions ended."""

    ended: int = Field(examples=[1])


@router.get("/profile", dependencies=_MEMBER)
async def read_profile(read: ReadingDep) -> ProfileOut | None:
    """The member's own profile."""
    read.response.headers["Cache-Control"] = "no-store"
    who, connection = read.actor.person_id, read.connection
    person = await read_person(connection, who)
    if person is None:
        return None
    national_id, mobile = await read_contacts(connection, read.seals, who)
    profile = await profiles.read_profile(connection, who)
    return ProfileOut(
        first_name=person.first_name,
        last_name=person.last_name,
        national_id=mask_national_id(NationalId(national_id)),
        mobile=None if mobile is None else mask_mobile(Mobile(mobile)),
        account_numbers=await _account_numbers(read),
        email=None if profile.email_sealed is None else profiles.open_email(read.seals, profile.email_sealed),
        email_confirmed=profile.email_confirmed_at is not None,
        has_password=profile.password_hash is not None,
        language=profile.language,
    )


async def _account_numbers(read: Reading) -> list[AccountNumber]:
    found = await profiles.shebas_of(read.connection, read.seals, read.actor.person_id)
    return [AccountNumber(organisation_name=name, sheba=mask_sheba(sheba)) for name, sheba in found]


@router.patch("")
@refuses(commands.choose_language)
async def choose_preferences(command: CommandDep, body: Preferences) -> ChosenPreferences:
    """Choose the language, wherever one signs in."""
    await commands.choose_language(command, body.language)
    return ChosenPreferences(language=body.language)


@router.post("/email", status_code=202, dependencies=_MEMBER)
@refuses(commands.send_email_code)
async def send_email_code(command: CommandDep, body: EmailIn) -> EmailCodeOnItsWay:
    """Have a code sent to an address that is to become one's own. Needs a fresh code."""
    code_id = await commands.send_email_code(command, body.email)
    return EmailCodeOnItsWay(code_id=code_id, expires_in_seconds=int(CODE_LIFE.total_seconds()))


@router.post("/email/confirmation", dependencies=_MEMBER)
@refuses(commands.confirm_email)
async def confirm_email(command: CommandDep, body: EmailConfirmation) -> EmailKept:
    """Make the address one's own with the code that came by e-mail."""
    await commands.confirm_email(command, body.code_id, body.code)
    return EmailKept(has_email=True)


@router.delete("/email", dependencies=_MEMBER)
@refuses(commands.remove_email)
async def remove_email(command: CommandDep) -> EmailKept:
    """Have one's address forgotten. Needs a fresh code."""
    await commands.remove_email(command)
    return EmailKept(has_email=False)


@router.get("/sessions")
async def list_sessions(read: ReadingDep) -> SessionList:
    """One's own sessions, as member and as staff."""
    found = await live_sessions(read.connection, read.actor.person_id)
    this = read.actor.session_id
    return SessionList(items=[SessionItem.of_row(one, is_this=one.id == this) for one in found])


@router.delete("/sessions/{session_id}")
@refuses(commands.end_session)
async def end_session(command: CommandDep, session_id: UUID) -> SessionsEnded:
    """End one of one's own sessions."""
    await commands.end_session(command, session_id)
    return SessionsEnded(ended=1)


@router.delete("/sessions")
@refuses(commands.end_other_sessions)
async def end_other_sessions(command: CommandDep) -> SessionsEnded:
    """End all of one's own sessions but this one."""
    return SessionsEnded(ended=await commands.end_other_sessions(command))
