"""What the demo's chapters share: the state of a run, and steps that every applicant takes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from api.onboarding import list_programmes
from commands.account import FirstCredentials, StaffWish, add_staff, console_administration
from demo import sign_in
from demo.actors import Member, Officer, terms
from demo.personnel_generator import Employee, national_id
from demo.remote import RemoteClient
from demo.screen import Screen
from domain.access import Grant
from stack.connect import connected
from stack.places import Places
from storage.database import SERVICE, transaction

_INSTALMENTS = 12
_NONE_YET = UUID(int=0)


@dataclass(slots=True)
class Play:
    """The story's state; ``visitor`` calls without a session."""

    visitor: RemoteClient
    screen: Screen
    run: str
    places: Places
    organisation_id: UUID = _NONE_YET
    officer: Officer | None = None
    staff: dict[str, FirstCredentials] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def hr(self) -> Officer:
        """The HR officer, once signed in."""
        if self.officer is None:
            raise LookupError("HR has not signed in yet")
        return self.officer

    @property
    def organisation_code(self) -> str:
        """The organisation of this run."""
        return f"demo-{self.run}"

    async def hire(self, title: str, name: str, *grants: Grant) -> FirstCredentials:
        """Add a member of staff at the console, as ``./amanat staff add`` does; they are shown at the end."""
        self.staff[title] = await _hire(f"{name}-{self.run}", grants)
        return self.staff[title]

    async def sign_in(self, credentials: FirstCredentials) -> Officer:
        """A member of staff signed in with password and TOTP."""
        return await sign_in.officer(self.visitor, credentials)

    async def member(self, person: Employee) -> Member:
        """Somebody signed in with national id, mobile and the code that came by SMS; once a run."""
        if person.national_id not in self.members:
            self.members[person.national_id] = await sign_in.member(self.visitor, person)
        return self.members[person.national_id]


@dataclass(frozen=True, slots=True)
class Told:
    """An application of the story: its title, whose it is, and its case."""

    title: str
    member: Member
    case_id: UUID


async def _hire(username: str, grants: Sequence[Grant]) -> FirstCredentials:
    async with connected() as assembly, transaction(assembly.engine, SERVICE) as connection:
        wish = StaffWish(_new_national_id(), None, "همکار", "نمونه", username, grants)
        return await add_staff(console_administration(connection, assembly.context.seals), wish)


def _new_national_id() -> str:
    return national_id(f"{secrets.randbelow(10**9 - 10**6) + 10**6:09}")


async def apply(play: Play, member: Member, code: str, *guarantors: Employee) -> UUID:
    """Apply for as much as the pay allows; returns the case's id."""
    offered = (await member.client.call(list_programmes)).items
    programme = next(programme for programme in offered if programme.code == code)
    (limit,) = programme.limits
    play.screen.note(f"¼ of net pay allows {limit.monthly_limit.fa} a month")
    wanted = terms(code, limit.monthly_limit.amount, _INSTALMENTS, programme.mandate_version)
    case_id = await member.apply(wanted, *(guarantor.national_id for guarantor in guarantors))
    play.screen.done("the mandate was accepted with a fresh code and the application submitted")
    return case_id


async def show_credit(play: Play, member: Member) -> None:
    """The newest credit line."""
    line, *_ = await member.lines()
    play.screen.done(f"the credit is usable: ceiling {line.ceiling.fa}, available {line.available.fa}")
