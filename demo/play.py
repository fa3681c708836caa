"""What the demo's chapters share: the state of a run, and steps that every applicant takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from api.onboarding import list_programmes
from demo.actors import Member, Officer, SignedInUser, terms
from demo.personnel_generator import Employee
from demo.remote import RemoteClient
from demo.screen import Screen
from demo.sign_in import member
from demo.staff import Credentials, Operators, operators, sign_in
from domain.access import Grant
from stack.places import Places

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
    operators: Operators | None = None
    staff: dict[str, Credentials] = field(default_factory=dict)
    officers: dict[str, Officer] = field(default_factory=dict)
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

    async def hire(self, **roles: Grant) -> None:
        """Have the two operators make members of staff, all at once, each called by their role in the story."""
        office = self.operators
        if office is None:
            office = self.operators = await operators(self.visitor, self.places, self.run)
            self.staff |= office.credentials
        names = [name.replace("_", " ") for name in roles]
        made = await asyncio.gather(
            *(office.hire(self.visitor, f"{name}-{self.run}".replace("_", "-"), roles[name]) for name in roles)
        )
        self.staff |= dict(zip(names, made, strict=True))

    async def sign_in(self, name: str) -> Officer:
        """A member of staff signed in with password and TOTP; once a run, for each code counts once."""
        if name not in self.officers:
            self.officers[name] = await sign_in(self.visitor, self.staff[name])
        return self.officers[name]

    async def member(self, person: Employee) -> Member:
        """Somebody signed in with national id, mobile and the code that came by SMS; once a run."""
        if person.national_id not in self.members:
            self.members[person.national_id] = await member(self.visitor, person)
        return self.members[person.national_id]


@dataclass(frozen=True, slots=True)
class Told:
    """A case of the story: its title, who sees it, and its id."""

    title: str
    seen_by: SignedInUser
    case_id: UUID


async def apply(play: Play, member: Member, code: str, *guarantors: Employee) -> UUID:
    """Apply for as much as the pay allows; returns the case's id."""
    offered = (await member.client.call(list_programmes)).items
    programme = next(programme for programme in offered if programme.code == code)
    (limit,) = programme.limits
    wanted = terms(code, limit.monthly_limit.amount, _INSTALMENTS, programme.mandate_version)
    case_id = await member.apply(wanted, *(guarantor.national_id for guarantor in guarantors))
    play.screen.done(
        f"applied, the mandate accepted with a fresh code: {limit.monthly_limit.fa} a month, ¼ of the net pay"
    )
    return case_id


async def show_credit(play: Play, member: Member) -> None:
    """The newest credit line."""
    line, *_ = await member.lines()
    play.screen.done(f"the credit is usable: ceiling {line.ceiling.fa}, available {line.available.fa}")
