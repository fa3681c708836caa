"""The steps of an application as people take them through the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import SERVICE, transaction
from storage.rows.account import rate_windows
from tests.arrange import Someone, eventually, guarantee_code, mandate_code

TERMS: dict[str, Any] = {
    "programme": "minipay",
    "monthly_amount": {"amount": 50_000_000, "unit": "IRR"},
    "instalments": 12,
}


def in_a_year() -> str:
    """A day on which a certificate may end."""
    return (datetime.now(UTC).date() + timedelta(days=360)).isoformat()


ISSUE: dict[str, Any] = {
    "kind": "issue_certificate",
    "decision": "issue",
    "monthly_amount": TERMS["monthly_amount"],
    "instalments": 12,
    "valid_until": in_a_year(),
}
REFUSE: dict[str, Any] = {"kind": "issue_certificate", "decision": "refuse", "reason": "deductions_exhausted"}

TAVANA: dict[str, Any] = {**TERMS, "programme": "tavana"}
REFUSE_GUARANTEE: dict[str, Any] = {"kind": "answer_guarantee", "decision": "refuse"}
APPROVE: dict[str, Any] = {"kind": "review_application", "decision": "approve"}
RETURN: dict[str, Any] = {"kind": "review_application", "decision": "return", "reasons": ["amount_too_high"]}
FORWARD: dict[str, Any] = {"kind": "review_application", "decision": "forward"}
REFUSE_APPLICATION: dict[str, Any] = {"kind": "review_application", "decision": "refuse", "reason": "court_order"}


def named(*guarantors: Someone) -> list[dict[str, str]]:
    """Guarantors as an application names them."""
    return [{"national_id": guarantor.national_id} for guarantor in guarantors]


@dataclass(frozen=True, slots=True)
class Steps:
    """Takes steps through the API and waits for what follows."""

    api: httpx2.AsyncClient
    messages: Path
    engine: AsyncEngine

    async def apply(self, member: Someone, **changes: Any) -> str:
        """Apply and return the case's id."""
        answer = await self.try_to_apply(member, **changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def try_to_apply(self, member: Someone, key: str | None = None, **changes: Any) -> httpx2.Response:
        """Apply with a fresh mandate code."""
        return await self.send_application(member, await self.application(member, **changes), key)

    async def application(self, member: Someone, **changes: Any) -> dict[str, Any]:
        """The body of an application with a fresh mandate code, a while after any earlier one."""
        terms = {**TERMS, **changes}
        await self.forget_limits()
        return {**terms, "mandate": await mandate_code(self.api, member, self.messages, terms)}

    async def send_application(
        self, member: Someone, application: dict[str, Any], key: str | None = None
    ) -> httpx2.Response:
        """Apply with a body that is ready."""
        return await self.api.post("/v1/onboarding/applications", json=application, headers=member.headers(key))

    async def task(self, officer: Someone, case_id: str, kind: str = "issue_certificate") -> dict[str, Any]:
        """Wait for a task of a case in an officer's inbox."""

        async def look() -> dict[str, Any] | None:
            answer = await self.api.get("/v1/tasks?limit=100", headers=officer.headers())
            assert answer.status_code == 200, answer.text
            items = answer.json()["items"]
            return next((item for item in items if item["case_id"] == case_id and item["kind"] == kind), None)

        found: dict[str, Any] = await eventually(look, f"a task {kind}")
        return found

    async def decide(self, officer: Someone, task_id: str, decision: dict[str, Any], **headers: str) -> httpx2.Response:
        """Answer a task."""
        return await self.api.post(
            f"/v1/tasks/{task_id}/decision", json=decision, headers={**officer.headers(), **headers}
        )

    async def forget_limits(self) -> None:
        """A while passes: whoever asked for codes or names lately may ask again."""
        async with transaction(self.engine, SERVICE) as connection:
            await connection.execute(sa.delete(rate_windows))

    async def apply_with(self, member: Someone, *guarantors: Someone, **changes: Any) -> str:
        """Apply for a credit that colleagues stand for; returns the case's id."""
        return await self.apply(member, **{**TAVANA, "guarantors": named(*guarantors), **changes})

    async def guarantees(self, guarantor: Someone) -> list[dict[str, Any]]:
        """What somebody was asked to stand for, newest first."""
        answer = await self.api.get("/v1/guarantees", headers=guarantor.headers())
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def consent(self, guarantor: Someone, guarantee_id: str) -> dict[str, Any]:
        """The decision of a guarantor who accepts, with a fresh code."""
        await self.forget_limits()
        mandate = await guarantee_code(self.api, guarantor, self.messages, guarantee_id)
        return {"kind": "answer_guarantee", "decision": "accept", "mandate": mandate}

    async def try_to_accept(self, guarantor: Someone, case_id: str) -> httpx2.Response:
        """Wait to be asked in a case, and accept with a fresh code."""
        task = await self.task(guarantor, case_id, "answer_guarantee")
        asked = next(one for one in await self.guarantees(guarantor) if one["task_id"] == task["id"])
        return await self.decide(guarantor, task["id"], await self.consent(guarantor, asked["id"]))

    async def accept(self, guarantor: Someone, case_id: str) -> None:
        """Accept to be guarantor."""
        answer = await self.try_to_accept(guarantor, case_id)
        assert answer.status_code == 200, answer.text

    async def answer(self, who: Someone, case_id: str, decision: dict[str, Any]) -> httpx2.Response:
        """Wait for the task that a decision is for, and give it."""
        task = await self.task(who, case_id, decision["kind"])
        return await self.decide(who, task["id"], decision)

    async def name(
        self, member: Someone, case_id: str, guarantor: Someone, *, replaces: str | None = None
    ) -> httpx2.Response:
        """Name another guarantor, in the place of somebody if said so."""
        body = {"national_id": guarantor.national_id, "replaces": replaces}
        return await self.api.post(
            f"/v1/onboarding/applications/{case_id}/guarantors", json=body, headers=member.headers()
        )

    async def correct(self, member: Someone, case_id: str, **changes: Any) -> httpx2.Response:
        """Correct a returned application, with a fresh mandate code for its terms."""
        terms = {**TAVANA, **changes}
        await self.forget_limits()
        mandate = await mandate_code(self.api, member, self.messages, terms)
        body = {"monthly_amount": terms["monthly_amount"], "instalments": terms["instalments"], "mandate": mandate}
        return await self.api.post(
            f"/v1/onboarding/applications/{case_id}/correction", json=body, headers=member.headers()
        )

    async def case(self, someone: Someone, case_id: str) -> dict[str, Any]:
        """A case as somebody sees it."""
        answer = await self.api.get(f"/v1/cases/{case_id}", headers=someone.headers())
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def withdraw(self, member: Someone, case_id: str) -> httpx2.Response:
        """Withdraw an application."""
        return await self.api.post(f"/v1/onboarding/applications/{case_id}/withdrawal", headers=member.headers())

    async def phase(self, someone: Someone, case_id: str, phase: str) -> dict[str, Any]:
        """Wait until a case stands in a phase."""

        async def look() -> dict[str, Any] | None:
            case = (await self.api.get(f"/v1/cases/{case_id}", headers=someone.headers())).json()
            return case if case.get("phase") == phase else None

        found: dict[str, Any] = await eventually(look, f"phase {phase}")
        return found

    async def timeline(self, someone: Someone, case_id: str) -> list[str]:
        """The codes of a case's timeline."""
        answer = await self.api.get(f"/v1/cases/{case_id}/timeline", headers=someone.headers())
        return [event["code"] for event in answer.json()["items"]]

    async def lines(self, member: Someone) -> list[dict[str, Any]]:
        """A member's credit lines."""
        items: list[dict[str, Any]] = (await self.api.get("/v1/credit-lines", headers=member.headers())).json()["items"]
        return items


def case_uuid(case_id: str) -> UUID:
    """An id as Postgres has it."""
    return UUID(case_id)
