"""The canary's world: the whole product in process, people whose numbers are marks, and all that is left behind."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from activities.vault import SecretEraser
from commands.command import Context
from domain.account import CODE_SUBJECT
from gateways.local_bank import LocalBank
from messages.vault import EraseSecrets
from relay import Relay, Route
from storage.account import begin_session, strengthen_session
from storage.database import SERVICE, transaction
from storage.people import add_person
from tests.applications import api_over
from tests.arrange import Arrange, Someone, eventually, newest_code, sent_to
from tests.books import Superuser
from tests.canary import Item, Kind, Marks, files, histories, messages, processes, tables
from tests.canary_fields import Heard
from tests.conftest import Database, routes
from tests.escrow_process import EscrowProcess
from tests.races import metrics_page
from tests.test_relay import relaying
from tests.web.conftest import HERE, cookies
from worker import build_workers, working

_NONE: Final[Mapping[str, str]] = {}


@dataclass(slots=True)
class Canary:
    """The whole product in process, and everything that it leaves behind."""

    marks: Marks
    heard: Heard
    api: httpx2.AsyncClient
    site: httpx2.AsyncClient
    context: Context
    activity_context: ActivityContext
    arrange: Arrange
    superuser: Superuser
    database: Database
    bank: LocalBank
    temporal: WorkflowEnvironment
    place: Path
    logs: io.StringIO
    server_log: Path
    _read: Counter[tuple[str, str]] = field(default_factory=Counter)
    _escrow: tuple[EscrowProcess, str] | None = None

    @property
    def messages(self) -> Path:
        """Where SMS and e-mails lie."""
        return self.place / "messages"

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: Someone | None = None,
        headers: Mapping[str, str] = _NONE,
    ) -> httpx2.Response:
        """A request to the API, as if none was sent lately."""
        await self.superuser.run("DELETE FROM rate_windows")
        self.api.cookies.clear()
        signed = ({} if who is None else who.headers()) | dict(headers)
        if "TOTP" in signed:
            self.marks.drawn(Kind.CODE, f"the app, for {path}", signed["TOTP"])
        return await self.api.request(method, path, json=body, headers=signed)

    async def submit(self, path: str, who: Someone | None = None, /, **typed: str) -> httpx2.Response:
        """A form of a page."""
        await self.superuser.run("DELETE FROM rate_windows")
        self.site.cookies.clear()
        signed = HERE if who is None else {**cookies(who), **HERE}
        return await self.site.post(path, data={"key": str(uuid4()), **typed}, headers=signed)

    async def person(self) -> Someone:
        """A member whose national id and mobile are marks, with a session that has just shown a code."""
        national_id = self.marks.new(Kind.NATIONAL_ID, "a person")
        mobile = self.marks.new(Kind.MOBILE, "a person")
        async with transaction(self.context.engine, SERVICE) as connection:
            person_id = await add_person(
                connection,
                self.context.seals,
                national_id=national_id,
                mobile=mobile,
                first_name="مریم",
                last_name="آزمون",
            )
            session = await begin_session(connection, person_id, "member")
            await strengthen_session(connection, session.id, "member")
        return Someone(person_id, national_id, mobile, self.marks.drawn(Kind.TOKEN, "a session", session.token))

    async def again(self, who: Someone) -> Someone:
        """The same member, signed in anew."""
        async with transaction(self.context.engine, SERVICE) as connection:
            session = await begin_session(connection, who.id, "member")
        return replace(who, token=self.marks.drawn(Kind.TOKEN, "a session", session.token))

    async def code(self, mobile: str, template: str) -> str:
        """The code that came by SMS since the last one that was read."""
        self._read[mobile, template] += 1

        async def came() -> bool:
            return sent_to(self.messages, mobile).count(template) >= self._read[mobile, template]

        await eventually(came, f"the SMS {template}")
        return self.marks.drawn(Kind.CODE, template, newest_code(self.messages, mobile))

    async def mailed_code(self) -> str:
        """The code in the one e-mail with a code."""

        async def came() -> list[str]:
            found = [json.loads(file.read_text("utf-8")) for file in self.messages.glob("*.json")]
            return [one["text"] for one in found if one.get("subject") == CODE_SUBJECT]

        (text,) = await eventually(came, "an e-mail with a code")
        return self.marks.drawn(Kind.CODE, "the e-mail", text.partition(": ")[2][:6])

    async def arbitration(self) -> tuple[EscrowProcess, str]:
        """A safe payment in arbitration that an arbitrator has claimed, and the address of its secrets; one for all."""
        if self._escrow is None:
            process = await EscrowProcess.opened(
                self.context, self.arrange, self.activity_context, self.bank, arbitrators=1
            )
            self._escrow = process, f"/cases/{await process.claimed()}/secrets"
        return self._escrow

    @contextlib.asynccontextmanager
    async def over(self, context: Context) -> AsyncIterator[None]:
        """API and site over another context for a while."""
        api_over(context, self.messages)
        try:
            yield
        finally:
            api_over(self.context, self.messages)

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Relay and worker at work."""
        assert self.context.vault is not None
        eraser = SecretEraser(self.context.engine, self.context.vault)
        told = routes(self.temporal.client, self.activity_context, self.messages)
        told.append(Route(EraseSecrets, eraser.erase))
        relay = Relay(self.context.engine, told, sweep_seconds=0.05)
        async with working(build_workers(self.temporal.client, self.activity_context)), relaying(relay):
            yield

    async def delivered(self) -> None:
        """Wait until everything that is due was handed over at least once."""
        waiting = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND attempts = 0 AND due_at <= now()"

        async def none_waits() -> bool:
            return not await self.superuser.value(waiting)

        await eventually(none_waits, "everything to be sent")

    async def left(self) -> list[Item]:
        """All that is left behind: tables, files, messages, answers, logs, metrics, the document, and histories."""
        found = [item async for item in tables(self.superuser)]
        ids, cipher = await processes(self.superuser), self.context.seals.cipher
        found += [item async for item in histories(self.temporal.client, cipher, ids)]
        found += [*files(self.place, self.messages), *messages(self.messages), *self.heard.items]
        found += [
            Item("the log at DEBUG", self.logs.getvalue().encode()),
            Item("the log of Postgres", self.server_log.read_bytes()),
            Item("the metrics", metrics_page().encode()),
            Item("the document", json.dumps(self.heard.document, ensure_ascii=False).encode()),
        ]
        return found
