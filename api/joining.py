"""Becoming a member by oneself, and the terms of membership."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import Field

from api.account.sessions import Challenge, MemberSignIn, Session, session_of
from api.dependencies import CommandDep, VisitorDep, require
from api.operation import Operation
from api.values import Input, Out, Words
from commands import joining as commands
from commands.refusals import refuses
from domain.joining import JOINING_SENT
from storage.database import SERVICE, transaction
from storage.joining import terms_in_force

router = APIRouter(prefix="/v1", tags=["account"], route_class=Operation)

_VERSION = Field(strict=True, ge=1, le=1_000_000, examples=[1])


class TermsOut(Out):
    """The terms of membership in force."""

    version: int = Field(examples=[1])
    text: Words


class JoiningIn(Input):
    """Who wants to become a member, and which terms they accept."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    mobile: str = Field(max_length=40, examples=["09121234567"])
    first_name: str = Field(max_length=200, examples=["مریم"])
    last_name: str = Field(max_length=200, examples=["رضایی"])
    terms_version: int = _VERSION
    invitation: str | None = Field(
        default=None,
        max_length=64,
        description="Token of the link that was followed; counts for its own number only",
        examples=["b1Qm2Zt7cX0yK4sVn8wPjA"],
    )


class TermsAcceptance(Input):
    """The version that was read."""

    version: int = _VERSION


class TermsAccepted(Out):
    """The terms are accepted."""

    version: int = Field(examples=[1])


@router.get("/terms")
async def read_terms(visitor: VisitorDep) -> TermsOut:
    """The terms of membership in force."""
    async with transaction(visitor.context.engine, SERVICE) as connection:
        terms = await terms_in_force(connection)
    return TermsOut(version=terms.version, text=Words.of(terms.text))


@router.post("/joining/codes", status_code=202)
@refuses(commands.request_joining)
async def request_joining(visitor: VisitorDep, body: JoiningIn) -> Challenge:
    """Ask to become a member. The answer is the same for everybody; a code comes if the number is theirs."""
    form = commands.JoiningForm(**body.model_dump())
    challenge = await commands.request_joining(visitor.context, form, origin=visitor.origin)
    return Challenge.told(challenge, JOINING_SENT)


@router.post("/joining/sessions", status_code=201)
@refuses(commands.join)
async def join(visitor: VisitorDep, body: MemberSignIn) -> Session:
    """Become a member with the code from the SMS, and begin a session."""
    joined = await commands.join(
        visitor.context,
        challenge_id=body.challenge_id,
        code=body.code,
        origin=visitor.origin,
        device=body.device_token or visitor.device,
    )
    return session_of(joined, "member", body.transport, visitor)


@router.post("/me/terms", dependencies=[Depends(require(member=True))])
@refuses(commands.accept_terms)
async def accept_terms(command: CommandDep, body: TermsAcceptance) -> TermsAccepted:
    """Accept the terms in force."""
    await commands.accept_terms(command, body.version)
    return TermsAccepted(version=body.version)
