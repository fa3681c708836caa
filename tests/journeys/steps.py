"""The steps of an application as people take them through the API, and what tests look at of the answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from api.answering import CodeRequest
from api.guarantor import GuarantorIn, list_guarantees, name_guarantor
from api.onboarding import (
    ApplicationIn,
    MandateSubject,
    apply_for_credit,
    correct_application,
    withdraw_application,
)
from demo import actors
from demo.actors import Member, SignedInUser, certificate
from demo.remote import RemoteClient
from storage.database import SERVICE, transaction
from storage.rows.account import rate_windows
from tests.arrange import Someone, fresh_code

TERMS: dict[str, Any] = {
    "programme": "minipay",
    "monthly_amount": {"amount": 50_000_000, "unit": "IRR"},
    "instalments": 12,
}


def in_a_year() -> str:
    """A day on which a certificate may end."""
    return (datetime.now(UTC).date() + timedelta(days=360)).isoformat()


ISSUE = certificate(50_000_000, 12).model_dump(mode="json")
REFUSE: dict[str, Any] = {"kind": "issue_certificate", "decision": "refuse", "reason": "deductions_exhausted"}

TAVANA: dict[str, Any] = {**TERMS, "programme": "tavana"}
REFUSE_GUARANTEE = actors.REFUSE_GUARANTEE.model_dump(mode="json")
APPROVE = actors.APPROVE.model_dump(mode="json")
RETURN = actors.RETURN.model_dump(mode="json")
FORWARD: dict[str, Any] = {"kind": "review_application", "decision": "forward"}
REFUSE_APPLICATION: dict[str, Any] = {"kind": "review_application", "decision": "refuse", "reason": "court_order"}


def named(*guarantors: Someone) -> list[dict[str, str]]:
    """Guarantors as an application names them."""
    return [{"national_id": guarantor.national_id} for guarantor in guarantors]


def subject_of(terms: dict[str, Any]) -> MandateSubject:
    """The terms that a mandate is accepted for."""
    wanted = {name: terms[name] for name in ("programme", "monthly_amount", "instalments")}
    return MandateSubject(**wanted, mandate_version=1)


@dataclass(frozen=True, slots=True)
class Steps:
    """Takes steps through the API and waits for what follows."""

    api: httpx2.AsyncClient
    messages: Path
    engine: AsyncEngine

    def by(self, who: Someone) -> RemoteClient:
        """The API in somebody's hands."""
        return RemoteClient(self.api, who.token)

    def member(self, who: Someone) -> Member:
        """Somebody as a member, who reads codes in the SMS; they may ask for one however lately they did."""
        return Member(self.by(who), partial(self._read_code, who))

    async def _read_code(self, who: Someone, client: RemoteClient, wish: CodeRequest) -> tuple[UUID, str]:
        await self.forget_limits()
        return await fresh_code(client, who, self.messages, wish)

    async def apply(self, member: Someone, **changes: Any) -> str:
        """Apply and return the case's id."""
        answer = await self.try_to_apply(member, **changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def try_to_apply(self, member: Someone, **changes: Any) -> httpx2.Response:
        """Apply with a fresh mandate code."""
        return await self.send_application(member, await self.application(member, **changes))

    async def application(self, member: Someone, **changes: Any) -> dict[str, Any]:
        """The body of an application with a fresh mandate code, a while after any earlier one."""
        terms = {**TERMS, **changes}
        mandate = await self.member(member).mandate(subject_of(terms))
        return {**terms, "mandate": mandate.model_dump(mode="json")}

    async def send_application(self, member: Someone, application: dict[str, Any]) -> httpx2.Response:
        """Apply with a body that is ready."""
        return await self.by(member).send(apply_for_credit, ApplicationIn(**application))

    async def task(self, officer: Someone, case_id: str, kind: str = "issue_certificate") -> dict[str, Any]:
        """Wait for a task of a case in an officer's inbox."""
        return (await SignedInUser(self.by(officer)).task(UUID(case_id), kind)).model_dump(mode="json")

    async def decide(
        self, officer: Someone, task_id: str, decision: dict[str, Any], version: int | None = None
    ) -> httpx2.Response:
        """Answer a task, as it was seen, with what is given, be it malformed."""
        headers = officer.headers() | ({} if version is None else {"If-Match": f'"{version}"'})
        return await self.api.post(f"/v1/tasks/{task_id}/decision", json=decision, headers=headers)

    async def forget_limits(self) -> None:
        """A while passes: people who asked for codes or names lately may ask again."""
        async with transaction(self.engine, SERVICE) as connection:
            await connection.execute(sa.delete(rate_windows))

    async def apply_with(self, member: Someone, *guarantors: Someone) -> str:
        """Apply for a credit that colleagues stand for; returns the case's id."""
        return await self.apply(member, **TAVANA, guarantors=named(*guarantors))

    async def guarantees(self, guarantor: Someone) -> list[dict[str, Any]]:
        """What somebody was asked to stand for, newest first."""
        guarantees = await self.by(guarantor).call(list_guarantees, before=None)
        return [one.model_dump(mode="json") for one in guarantees.items]

    async def answer(self, who: Someone, case_id: str, decision: dict[str, Any]) -> httpx2.Response:
        """Wait for the task that a decision is for, and give it."""
        task = await self.task(who, case_id, decision["kind"])
        return await self.decide(who, task["id"], decision)

    async def name(
        self, member: Someone, case_id: str, guarantor: Someone, *, replaces: str | None = None
    ) -> httpx2.Response:
        """Name another guarantor, in the place of somebody if said so."""
        named = GuarantorIn(national_id=guarantor.national_id, replaces=UUID(replaces) if replaces else None)
        return await self.by(member).send(name_guarantor, UUID(case_id), named)

    async def correct(self, member: Someone, case_id: str, **changes: Any) -> httpx2.Response:
        """Correct a returned application, with a fresh mandate code for its terms."""
        correction = await self.member(member).correction(subject_of({**TAVANA, **changes}))
        return await self.by(member).send(correct_application, UUID(case_id), correction)

    async def case(self, someone: Someone, case_id: str) -> dict[str, Any]:
        """A case as somebody sees it."""
        return (await SignedInUser(self.by(someone)).case(UUID(case_id))).model_dump(mode="json")

    async def withdraw(self, member: Someone, case_id: str) -> httpx2.Response:
        """Withdraw an application."""
        return await self.by(member).send(withdraw_application, UUID(case_id))

    async def phase(self, someone: Someone, case_id: str, phase: str) -> dict[str, Any]:
        """Wait until a case stands in a phase."""
        return (await SignedInUser(self.by(someone)).case_in(UUID(case_id), phase)).model_dump(mode="json")

    async def timeline(self, someone: Someone, case_id: str) -> list[str]:
        """The codes of a case's timeline."""
        return [event.code for event in await SignedInUser(self.by(someone)).timeline(UUID(case_id))]

    async def lines(self, member: Someone) -> list[dict[str, Any]]:
        """A member's credit lines."""
        return [line.model_dump(mode="json") for line in await self.member(member).lines()]
