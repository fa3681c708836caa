"""Two operators at work on the staff, and people who follow their links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pyotp
import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from commands.command import Context
from domain.access import Role
from domain.account import TOTP_SECONDS
from messages.case import CaseKind, workflow_id
from tests.arrange import Arrange, Someone, eventually, newest_code, next_national_id, sent_to
from tests.books import Superuser
from tests.journeys.steps import Steps

CONFIRM = {"kind": "confirm_staff_change", "decision": "confirm"}
REJECT = {"kind": "confirm_staff_change", "decision": "reject", "reason": "این همکار را نمی‌شناسم"}
PASSWORD = "سرو بلند کنار رود"
NUMBER = "+989351110000"
# Besides the two operators.
HOW_MANY_ADDED = "SELECT count(*) FROM staff_credentials WHERE NOT starts_with(username, 'arranged-')"
WHO_WAS_ADDED = "SELECT person_id FROM staff_credentials WHERE NOT starts_with(username, 'arranged-')"
PASSWORD_ADDED = "SELECT password_hash FROM staff_credentials WHERE NOT starts_with(username, 'arranged-')"


@dataclass(frozen=True, slots=True)
class Desk:
    """Two operators, with what they work on."""

    steps: Steps
    temporal: WorkflowEnvironment
    superuser: Superuser
    context: Context
    first: Someone
    second: Someone

    async def send(self, who: Someone, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """A command."""
        return await self.steps.api.post(f"/v1/staff{path}", json=body, headers=who.headers())

    async def propose(self, **changes: Any) -> httpx2.Response:
        """Propose to add somebody."""
        wish = {
            "national_id": next_national_id(),
            "mobile": NUMBER,
            "first_name": "نرگس",
            "last_name": "احمدی",
            "username": "narges.finance",
            "roles": [{"role": "finance_officer", "scope_kind": "region", "scope": "1101"}],
        }
        return await self.send(self.first, "", wish | changes)

    async def proposed(self, **changes: Any) -> str:
        """The case of such a proposal."""
        answer = await self.propose(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def decide(self, who: Someone, case_id: str, decision: dict[str, Any]) -> httpx2.Response:
        """Answer the task once the process has asked."""
        await self.phase(case_id, "awaiting_confirmation")
        sql = "SELECT id FROM tasks WHERE case_id = %s AND status = 'open'"
        ((task_id,),) = await self.superuser.rows(sql, case_id)
        return await self.steps.decide(who, str(task_id), decision)

    async def confirmed(self, case_id: str, phase: str = "applied") -> None:
        """The second operator confirms, and it takes effect."""
        answer = await self.decide(self.second, case_id, CONFIRM)
        assert answer.status_code == 200, answer.text
        await self.phase(case_id, phase)

    async def phase(self, case_id: str, phase: str) -> None:
        """Wait until it stands there, no matter who may see it still."""

        async def stands() -> bool:
            return bool(await self.superuser.value("SELECT phase = %s FROM cases WHERE id = %s", phase, case_id))

        await eventually(stands, f"the phase {phase}")

    def handle(self, case_id: str) -> WorkflowHandle[Any, Any]:
        """A case's process."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.STAFF_CHANGE, UUID(case_id)))

    async def link(self, number: str = NUMBER) -> str:
        """The token of the newest link that came to a mobile."""

        async def came() -> bool:
            return "code_staff_link" in sent_to(self.steps.messages, number)

        await eventually(came, "the link")
        return newest_code(self.steps.messages, number)

    async def account(self, path: str, **body: Any) -> httpx2.Response:
        """What the owner of a link sends."""
        return await self.steps.api.post(f"/v1/staff-account/{path}", json=body)

    async def set_up(self, token: str, **changes: Any) -> httpx2.Response:
        """Follow the link and set password and key."""
        opened = (await self.account("openings", token=token)).json()
        code = await self.code(opened["totp_secret"], step=-1)
        given = {"token": token, "password": PASSWORD, "totp_key": opened["totp_key"], "totp": code}
        return await self.account("set-up", **given | changes)

    async def code(self, secret: str, step: int = 0) -> str:
        """The TOTP code of Postgres's present step, or of one beside it."""
        now = await self.superuser.value("SELECT extract(epoch FROM now())::float8")
        return pyotp.TOTP(secret).generate_otp(int(now // TOTP_SECONDS) + step)


@pytest.fixture
async def desk(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, context: Context, arrange: Arrange
) -> Desk:
    """Two operators with fresh codes."""
    first, second = await arrange.platform(Role.OPERATOR), await arrange.platform(Role.OPERATOR)
    return Desk(steps, temporal, superuser, context, first, second)


async def lapsed(desk: Desk, case_id: str) -> None:
    """Nobody answers."""
    await desk.phase(case_id, "awaiting_confirmation")
    handle = desk.handle(case_id)
    await desk.temporal.fast_forward(handle, timedelta(hours=24, seconds=5))

    async def reminded() -> bool:
        return "reminded" in await desk.steps.timeline(desk.first, case_id)

    await eventually(reminded, "the reminder")
    await desk.temporal.fast_forward(handle)
