"""``./amanat import``: on behalf of an hr_officer, with progress, counters and the refused rows."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console
from typer.testing import CliRunner

from activities.transition import ActivityContext
from cli.import_ import app, import_file, show_result
from domain.access import Grant, Role, ScopeKind
from domain.errors import Forbidden, NotFound
from relay import Relay
from storage.rows.account import staff_credentials
from storage.rows.audit import audit
from storage.rows.organisation import organisations
from storage.rows.personnel import personnel_imports
from tests.account_people import add_employee
from tests.account_people import totp as code_now
from tests.arrange import Arrange, fresh_totp
from tests.personnel_cases import keys
from tests.personnel_steps import DATA, Line, PersonnelOffice, csv_of


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange, relay: Relay, worker: None) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


async def code_of(office: PersonnelOffice) -> str:
    """The organisation's code."""
    wanted = sa.select(organisations.c.code).where(organisations.c.id == office.organisation_id)
    ((code,),) = await office.fetch(wanted)
    return str(code)


def paper() -> Console:
    """A console that is no terminal."""
    return Console(file=io.StringIO(), width=160)


def written(console: Console) -> str:
    """What was printed on it."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_a_file_is_imported_and_its_refused_rows_are_shown(office: PersonnelOffice) -> None:
    grant = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(office.organisation_id))
    credentials = await add_employee(office.context, "maryam.hr", grant)
    totp = await code_now(office.context, credentials.totp_secret)
    progress, result = paper(), paper()
    name = "personnel-minipay-cp1256"
    imported, refused = await import_file(
        office.context, progress, DATA / f"{name}.csv", await code_of(office), "maryam.hr", totp
    )
    key = json.loads((DATA / f"{name}.key.json").read_text())["refused"]
    assert {str(line.place.row): line.code for line in refused} == key
    assert imported.rows_added == 141
    assert "imported: 150 of 150 rows" in written(progress)
    show_result(result, imported, refused)
    assert "150 rows, 141 added, 0 changed, 0 unchanged, 9 refused" in written(result)
    assert "unknown_region" in written(result)
    lines = await office.fetch(sa.select(audit.c.content).where(audit.c.stream == f"case:{imported.case_id}"))
    sent = [entry for (text,) in lines if (entry := json.loads(text))["action"] == "import_personnel"]
    assert [entry["origin"] for entry in sent] == ["console"]


async def test_the_files_that_offices_sent_meet_their_keys(office: PersonnelOffice) -> None:
    wanted = sa.select(staff_credentials.c.username).where(staff_credentials.c.person_id == office.actor.person_id)
    ((username,),) = await office.fetch(wanted)
    code = await code_of(office)
    for file in dict.fromkeys(key.path for key in keys()):
        imported, refused = await import_file(office.context, paper(), file, code, username, fresh_totp())
        codes = {line.place.row: line.code for line in refused}
        right = {row: key for key in keys() if key.path == file for row in key.rows}
        for row, key in right.items():
            assert codes[row] in key.may_be if row in codes else key.is_good
        known = [row for row, key in right.items() if "unchanged" in key.may_be and row not in codes]
        assert (imported.error, imported.rows_unchanged, imported.rows_changed) == (None, len(known), 0)


async def test_a_sheet_that_was_left_out_is_named(office: PersonnelOffice) -> None:
    result = paper()
    imported = await office.import_(Line())
    show_result(result, replace(imported, sheets_left_out=["راهنما"]), [])
    assert "left out: راهنما" in written(result)


async def test_nobody_imports_beyond_their_roles(office: PersonnelOffice, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(csv_of([Line()]))
    await add_employee(office.context, "nobody")
    await add_employee(office.context, "elsewhere", Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"), number=501)
    code = await code_of(office)
    for username, organisation, refusal in (
        ("nobody", code, Forbidden),
        ("elsewhere", code, NotFound),
        ("unknown", code, NotFound),
        ("nobody", "no-such-organisation", NotFound),
    ):
        with pytest.raises(refusal):
            await import_file(office.context, paper(), file, organisation, username, "123456")
    assert await office.fetch(sa.select(personnel_imports)) == []


def test_a_missing_file_is_said_before_anything_else(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.csv")
    result = CliRunner().invoke(app, [missing, "--organisation", "a", "--as", "b"])
    assert result.exit_code == 2
    assert "does not exist" in result.output
