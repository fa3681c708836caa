"""Signing in and out, and who is signed in (G1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.dependencies import DEVICE_COOKIE, SESSION_COOKIE, CallerDep, Reading, ReadingDep, Visitor, VisitorDep
from api.operation import Operation
from api.values import CodeText, Input, Out
from commands import account as commands
from commands.refusals import refuses
from domain.access import Role, ScopeKind
from domain.account import CODE_LIFE, CODE_SENT, DEVICE_LIFE, SESSION_LIVES, Capacity
from domain.identity import Mobile, NationalId, mask_mobile, mask_national_id
from domain.wording import Sentence
from storage.joining import terms_due
from storage.people import read_contacts, read_person
from storage.profile import read_profile

router = APIRouter(prefix="/v1", tags=["account"], route_class=Operation)

Transport = Annotated[
    Literal["bearer", "cookie"],
    Field(description="bearer: the token is in the answer; cookie: only in a cookie that scripts cannot read"),
]
DeviceToken = Annotated[
    str | None,
    Field(
        max_length=100,
        description="The device_token of an earlier sign-in, which keeps this device's limits apart from strangers'",
        examples=["b2YgYW4gZWFybGllciBzaWduLWlu"],
    ),
]


_TOLD_AFTER: Final = timedelta(hours=12)


class SignInCodeRequest(Input):
    """Whose code is asked for."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    mobile: str = Field(max_length=40, examples=["09121234567"])
    device_token: DeviceToken = None


class Challenge(Out):
    """The answer to everybody who asks: it does not tell whether there is such a person."""

    challenge_id: UUID
    expires_in_seconds: int = Field(examples=[300])
    sentence: str = Field(description="Persian", examples=[CODE_SENT.fa])
    sentence_en: str = Field(examples=[CODE_SENT.en])

    @classmethod
    def told(cls, challenge_id: UUID, sentence: Sentence) -> Self:
        """The answer about a challenge, with the words for everybody."""
        seconds = int(CODE_LIFE.total_seconds())
        return cls(challenge_id=challenge_id, expires_in_seconds=seconds, sentence=sentence.fa, sentence_en=sentence.en)


class MemberSignIn(Input):
    """A challenge and the code that came by SMS."""

    challenge_id: UUID
    code: CodeText
    transport: Transport = "bearer"
    device_token: DeviceToken = None


class StaffSignIn(Input):
    """What staff sign in with."""

    username: str = Field(max_length=100, examples=["maryam.hr"])
    password: str = Field(max_length=200, examples=["from-the-console"])
    totp: CodeText
    transport: Transport = "bearer"
    device_token: DeviceToken = None


class SessionPerson(Out):
    """Whose session it is."""

    id: UUID
    first_name: str = Field(examples=["مریم"])
    last_name: str = Field(examples=["رضایی"])


class Session(Out):
    """A session just begun."""

    token: str | None = Field(description="Missing when it is in the cookie", examples=["aW4gdGhlIGFuc3dlciBvbmx5"])
    device_token: str | None = Field(
        description="To be sent with the next sign-ins, for 180 days; missing when it is in a cookie",
        examples=["b2YgdGhpcyBkZXZpY2UsIGtlcHQgbG9uZw"],
    )
    capacity: Capacity
    expires_at: datetime
    person: SessionPerson


class HeldRole(Out):
    """A role in force; ``scope`` is a region's code, an organisation's id, or empty for the platform."""

    role: Role
    scope_kind: ScopeKind
    scope: str


class Me(Out):
    """Who is signed in."""

    person_id: UUID
    first_name: str
    last_name: str
    national_id: str = Field(description="Masked", examples=["049****899"])
    mobile: str | None = Field(description="Masked", examples=["0912***4567"])
    capacity: Capacity
    roles: list[HeldRole]
    strong_until: datetime | None = Field(description="Until when the last fresh code counts")
    language: Literal["fa", "en"] | None = Field(description="Chosen in the profile")
    terms_due: int | None = Field(description="A version of the terms that the member has not accepted yet")


@router.post("/sign-in/codes", status_code=202)
@refuses(commands.request_sign_in_code)
async def request_sign_in_code(visitor: VisitorDep, wish: SignInCodeRequest) -> Challenge:
    """Ask for a sign-in code by SMS. The answer is the same whether or not the details match a person (A1)."""
    challenge = await commands.request_sign_in_code(
        visitor.context,
        national_id=wish.national_id,
        mobile=wish.mobile,
        origin=visitor.origin,
        device=wish.device_token or visitor.device,
    )
    return Challenge.told(challenge, CODE_SENT)


@router.post("/sign-in/sessions", status_code=201)
@refuses(commands.sign_in)
async def sign_in(visitor: VisitorDep, body: MemberSignIn) -> Session:
    """Begin a member's session with the code from the SMS."""
    signed_in = await commands.sign_in(
        visitor.context,
        challenge_id=body.challenge_id,
        code=body.code,
        origin=visitor.origin,
        device=body.device_token or visitor.device,
    )
    return session_of(signed_in, "member", body.transport, visitor)


@router.post("/sign-in/staff", status_code=201)
@refuses(commands.sign_in_staff)
async def sign_in_staff(visitor: VisitorDep, body: StaffSignIn) -> Session:
    """Begin a session of staff with user name, password and TOTP code."""
    signed_in = await commands.sign_in_staff(
        visitor.context,
        username=body.username,
        password=body.password,
        totp=body.totp,
        origin=visitor.origin,
        device=body.device_token or visitor.device,
    )
    return session_of(signed_in, "staff", body.transport, visitor)


@router.post("/sign-out", status_code=204)
async def sign_out(caller: CallerDep) -> None:
    """End the session."""
    await commands.sign_out(caller.context, caller.actor, caller.origin)
    forget_session(caller.response)


def forget_session(response: Response) -> None:
    """Have a browser forget the session and what it keeps of its pages; the device stays known."""
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    # Not "cookies": the device's would go as well.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


@router.get("/me")
async def read_me(read: ReadingDep) -> Me | None:
    """Who is signed in, with the roles in force."""
    read.response.headers["Cache-Control"] = "no-store"
    return await _me(read)


async def _me(read: Reading) -> Me | None:
    actor = read.actor
    person = await read_person(read.connection, actor.person_id)
    if person is None:
        return None
    national_id, mobile = await read_contacts(read.connection, read.seals, actor.person_id)
    return Me(
        person_id=person.id,
        first_name=person.first_name,
        last_name=person.last_name,
        national_id=mask_national_id(NationalId(national_id)),
        mobile=None if mobile is None else mask_mobile(Mobile(mobile)),
        capacity=actor.capacity,
        roles=[HeldRole.model_validate(grant) for grant in actor.grants],
        strong_until=actor.strong_until,
        language=(await read_profile(read.connection, person.id)).language,
        terms_due=None if actor.capacity == "staff" else await terms_due(read.connection, person.id),
    )


def session_of(signed_in: commands.SignIn, capacity: Capacity, transport: str, visitor: Visitor) -> Session:
    """The answer to a sign-in; with the transport ``cookie`` the token is in a cookie and nowhere else."""
    visitor.response.headers["Cache-Control"] = "no-store"
    session, person = signed_in.session, signed_in.person
    if transport == "cookie":
        # A while longer than it counts, so that whose session has ended is known when they go on.
        _set_cookie(visitor, SESSION_COOKIE, session.token, SESSION_LIVES[capacity].total + _TOLD_AFTER)
        _set_cookie(visitor, DEVICE_COOKIE, signed_in.device, DEVICE_LIFE)
    return Session(
        token=None if transport == "cookie" else session.token,
        device_token=None if transport == "cookie" else signed_in.device,
        capacity=capacity,
        expires_at=session.expires_at,
        person=SessionPerson.model_validate(person),
    )


def _set_cookie(visitor: Visitor, name: str, value: str, life: timedelta) -> None:
    seconds = int(life.total_seconds())
    visitor.response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")
