"""The files that offices sent meet their keys alike: through the API, on the page and by the command line."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa
from rich.console import Console

from activities.transition import ActivityContext
from cli.import_ import import_file
from domain.persian import latin_digits
from storage.rows.account import staff_credentials
from storage.rows.organisation import organisations
from tests.arrange import Arrange, Someone, eventually, fresh_totp
from tests.length import IS_LONG
from tests.personnel_cases import keys
from tests.personnel_steps import PersonnelOffice
from tests.web.conftest import HERE, cookies

# Each looks again and again whether it has ended.
_AT_ONCE = 4
pytestmark = pytest.mark.usefixtures("relay", "worker")


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a file: its counters, and by row the codes of the refused ones."""

    counters: dict[str, int]
    refused: dict[int, str]


@dataclass(frozen=True, slots=True)
class Desk:
    """An officer of HR with everything that they may send a file by."""

    site: httpx2.AsyncClient
    office: PersonnelOffice
    officer: Someone

    async def through_the_api(self, file: Path) -> Came:
        """Send a file's content, and read the answers."""
        address = f"/v1/organisations/{self.office.organisation_id}/personnel-imports"
        headers = self.officer.headers() | {"Content-Type": "application/octet-stream"}
        sent = await self.site.post(address, content=await asyncio.to_thread(file.read_bytes), headers=headers)
        address = f"/v1/personnel-imports/{sent.json()['id']}"

        async def answer(path: str = "") -> Any:
            return (await self.site.get(f"{address}{path}", headers=self.officer.headers())).json()

        async def has_ended() -> bool:
            return (await answer())["ended"] is not None

        await eventually(has_ended, f"the end of {file.name}")
        ended, lines = await answer(), (await answer("/refusals?limit=100"))["items"]
        counters = {name: count for name, count in ended.items() if name.startswith("rows_")}
        return Came(counters, {line["row"]: line["code"] for line in lines})

    async def on_the_page(self, file: Path) -> Came:
        """Send a file as a browser on Windows does, and read what the page says."""
        sent = await self.site.post(
            f"/personnel?organisation_id={self.office.organisation_id}",
            data={"key": str(uuid4()), "totp": fresh_totp()},
            files={"file": (file.name, await asyncio.to_thread(file.read_bytes), "application/vnd.ms-excel")},
            headers={**cookies(self.officer), **HERE},
        )
        path = sent.headers["Location"]

        async def shown() -> str:
            return (await self.site.get(path, headers=cookies(self.officer))).text

        async def has_ended() -> bool:
            return "hx-trigger" not in await shown()

        await eventually(has_ended, f"the end of {file.name}")
        rows = re.findall(r"<tr>(.*?)</tr>", await shown(), re.DOTALL)
        found = [re.search(r'class="number">([^<]*)<.*class="code">([^<]*)<', row, re.DOTALL) for row in rows]
        return Came({}, {int(latin_digits(cells[1])): cells[2] for cells in found if cells})

    async def by_the_command_line(self, file: Path) -> Came:
        """Import a file as the officer."""
        office = self.office
        named = sa.select(staff_credentials.c.username).where(staff_credentials.c.person_id == self.officer.id)
        called = sa.select(organisations.c.code).where(organisations.c.id == office.organisation_id)
        ((username,),), ((code,),) = await office.fetch(named), await office.fetch(called)
        paper = Console(file=io.StringIO())
        imported, lines = await import_file(office.context, paper, file, code, username, fresh_totp())
        names = [name for name in type(imported).__dataclass_fields__ if name.startswith("rows_")]
        counters = {name: getattr(imported, name) for name in names}
        return Came(counters, {line.place.row: line.code for line in lines})


WAYS: list[Callable[[Desk, Path], Awaitable[Came]]] = [
    Desk.through_the_api,
    Desk.on_the_page,
    Desk.by_the_command_line,
]


async def all_of(desk: Desk, way: Callable[[Desk, Path], Awaitable[Came]]) -> dict[str, Came]:
    """What came of each file, the one of the known people first; of every third in the short form."""
    base, *others = dict.fromkeys(key.path for key in keys())
    others = others if IS_LONG else others[::3]
    came, few = {base.name: await way(desk, base)}, asyncio.Semaphore(_AT_ONCE)

    async def send(file: Path) -> None:
        async with few:
            came[file.name] = await way(desk, file)

    await asyncio.gather(*map(send, others))
    return came


def assert_meets_its_keys(file: str, came: Came) -> None:
    """Each row became what its key allows, and the counters say so."""
    right = {row: key for key in keys() if key.file == file for row in key.rows}
    assert set(came.refused) <= set(right), file
    for row, key in right.items():
        assert came.refused[row] in key.may_be if row in came.refused else key.is_good, (file, row, came.refused)
    if came.counters:
        good = {row: key for row, key in right.items() if row not in came.refused}
        unchanged = sum("unchanged" in key.may_be for key in good.values())
        assert came.counters["rows_read"] == came.counters["rows_total"] == len(right), file
        assert came.counters["rows_refused"] + came.counters["rows_leaving"] == len(came.refused), file
        assert (came.counters["rows_added"], came.counters["rows_unchanged"]) == (len(good) - unchanged, unchanged), (
            file
        )


@pytest.mark.timeout(120)
async def test_each_file_meets_its_keys_through_api_page_and_command_line_alike(
    site: httpx2.AsyncClient, arrange: Arrange, activity_context: ActivityContext
) -> None:
    found = []
    for way in WAYS:
        office = await PersonnelOffice.open(activity_context, arrange)
        desk = Desk(site, office, await arrange.hr_officer(office.organisation_id))
        found.append(await all_of(desk, way))
        assert [case.variant for case in await office.changes()] == [], "nobody has left"
    for came in found:
        for file, one in came.items():
            assert_meets_its_keys(file, one)
    through_api, on_page, by_command = found
    for file, one in through_api.items():
        assert one.refused == on_page[file].refused == by_command[file].refused
        assert one.counters == by_command[file].counters
