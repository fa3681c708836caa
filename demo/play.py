"""What the demo's chapters share: the state of a run, and steps that every applicant takes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from commands.account import FirstCredentials, StaffWish, add_staff, console_administration
from demo.client import SignedInClient, newest_code, now_ms, sign_in_member, wait_for
from demo.personnel_generator import Person, national_id
from demo.screen import Screen
from domain.access import Grant
from stack.connect import connected
from stack.places import Places
from storage.database import SERVICE, transaction


@dataclass(slots=True)
class Play:
    """The story's state."""

    http: httpx2.Client
    screen: Screen
    run: str
    places: Places
    organisation_id: str = ""
    officer: SignedInClient | None = None
    staff: dict[str, FirstCredentials] = field(default_factory=dict)
    members: dict[str, SignedInClient] = field(default_factory=dict)

    @property
    def hr(self) -> SignedInClient:
        """The HR officer, once signed in."""
        if self.officer is None:
            raise LookupError("HR has not signed in yet")
        return self.officer

    @property
    def organisation_code(self) -> str:
        """The organisation of this run."""
        return f"demo-{self.run}"

    def hire(self, title: str, name: str, *grants: Grant) -> FirstCredentials:
        """Add a member of staff at the console, as ``./amanat staff add`` does; they are shown at the end."""
        self.staff[title] = asyncio.run(_hire(f"{name}-{self.run}", grants))
        return self.staff[title]

    def member(self, person: Person) -> SignedInClient:
        """Somebody signed in with national id, mobile and the code that came by SMS; once a run."""
        if person.national_id not in self.members:
            self.members[person.national_id] = sign_in_member(self.http, person)
        return self.members[person.national_id]


async def _hire(username: str, grants: Sequence[Grant]) -> FirstCredentials:
    async with connected() as assembly, transaction(assembly.engine, SERVICE) as connection:
        wish = StaffWish(_new_national_id(), None, "همکار", "نمونه", username, grants)
        return await add_staff(console_administration(connection, assembly.context.seals), wish)


def _new_national_id() -> str:
    return national_id(f"{secrets.randbelow(10**9 - 10**6) + 10**6:09}")


def programme_offered(member: SignedInClient, code: str) -> dict[str, Any]:
    """A programme as the member sees it, with what their pay allows."""
    offered = member.get("/v1/programmes")["items"]
    found: dict[str, Any] = next(programme for programme in offered if programme["code"] == code)
    return found


def accept(play: Play, person: Person, purpose: str, subject: dict[str, Any]) -> dict[str, Any]:
    """Ask for a code for a mandate and read it from the SMS: the acceptance as commands want it."""
    since = now_ms()
    code_id = play.member(person).ask_for_code(purpose, subject)
    code = newest_code(play.http, person.mobile, since)
    return {"version": subject["mandate_version"], "code_id": code_id, "code": code}


def apply(play: Play, person: Person, code: str, *, guarantors: Sequence[Person] = (), instalments: int = 12) -> str:
    """Apply for as much as the pay allows; returns the case's id."""
    member = play.member(person)
    programme = programme_offered(member, code)
    (limit,) = programme["limits"]
    play.screen.note(f"¼ of net pay allows {limit['monthly_limit']['fa']} a month")
    terms = {
        "programme": code,
        "monthly_amount": {"amount": limit["monthly_limit"]["amount"], "unit": "IRR"},
        "instalments": instalments,
    }
    mandate = accept(play, person, "accept_mandate", {**terms, "mandate_version": programme["mandate_version"]})
    named = [{"national_id": guarantor.national_id} for guarantor in guarantors]
    case = member.post("/v1/onboarding/applications", {**terms, "mandate": mandate, "guarantors": named})
    play.screen.done("the mandate was accepted with a fresh code and the application submitted")
    return str(case["id"])


def task_of(who: SignedInClient, case_id: str, kind: str) -> dict[str, Any]:
    """Wait for a case's task in somebody's inbox."""

    def look() -> dict[str, Any] | None:
        items = who.get("/v1/tasks", kind=kind, limit=100)["items"]
        return next((item for item in items if item["case_id"] == case_id), None)

    return wait_for(look, f"the task {kind}")


def decide(who: SignedInClient, case_id: str, kind: str, decision: dict[str, Any]) -> None:
    """Answer a case's task."""
    who.post(f"/v1/tasks/{task_of(who, case_id, kind)['id']}/decision", {"kind": kind, **decision})


def case_in(member: SignedInClient, case_id: str, phase: str) -> dict[str, Any]:
    """Wait until a case stands in a phase."""

    def look() -> dict[str, Any] | None:
        case: dict[str, Any] = member.get(f"/v1/cases/{case_id}")
        return case if case["phase"] == phase else None

    return wait_for(look, f"the phase {phase}")


def show_credit(play: Play, member: SignedInClient) -> None:
    """The newest credit line."""
    line = member.get("/v1/credit-lines")["items"][0]
    play.screen.done(f"the credit is usable: ceiling {line['ceiling']['fa']}, available {line['available']['fa']}")
