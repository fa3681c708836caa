"""The desk of HR: personnel files, people's data, the contract (A3, A13)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.client import checked
from api.employment import (
    EmploymentCorrectionIn,
    EmploymentOut,
    EmploymentSearch,
    PayIn,
    correct_employment,
    search_employments,
)
from api.organisation import list_contracts
from api.personnel import (
    RefusalOut,
    ReportFormat,
    download_import_report,
    import_personnel,
    list_all_personnel_imports,
    list_import_refusals,
    list_personnel_imports,
    read_personnel_import,
)
from api.personnel_change import ConfirmChange, RejectChange
from api.values import IdCursor, NumberCursor, Page
from domain.errors import EmptyFile, NotFound, Refusal, TooLarge
from domain.personnel.file import UnknownFileType
from domain.personnel.headings import COLUMNS, HEADINGS, Column
from web import certificate
from web.answers import TaskForm, nothing_more, written_reason
from web.forms import Form, empty
from web.language import Language
from web.language import noop as _
from web.organisation import choose, count_waiting
from web.page_request import PageRequest, SignedIn
from web.upload import MEGABYTE, most_of, parts_of, taken_in

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "employment_corrected": _("The data were corrected."),
}

_FILE_MEGABYTES: Final = 50
_MOST: Final = most_of(_FILE_MEGABYTES * MEGABYTE)
_IMPORTS: Final = 10
_ROWS: Final = 100
# What the API says of the file itself; all else belongs to no field.
_OF_THE_FILE: Final = (TooLarge, EmptyFile, UnknownFileType)
# Nobody's: national id and sheba have wrong check digits, so that an example sent as it is adds no person.
_EXAMPLE: Final[Mapping[Column, str]] = {
    Column.NATIONAL_ID: "1234567890",
    Column.FIRST_NAME: "مریم",
    Column.LAST_NAME: "رضایی",
    Column.MOBILE: "09120000000",
    Column.REGION_CODE: "2201",
    Column.HIRE_DATE: "1395/01/10",
    Column.NET_PAY: "400000000",
    Column.SHEBA: "IR000000000000000000000000",
    Column.EMPLOYMENT: "شاغل",
}


@router.get("/personnel")
async def show_desk(request: SignedIn, *, organisation_id: UUID | None = None, before: IdCursor) -> Response:
    """Contract, upload, and the files sent so far; operators and auditors see the files of all organisations."""
    return request.render(
        "personnel.html", form=empty(request.language), **await _desk(request, organisation_id, before)
    )


async def _desk(request: PageRequest, organisation_id: UUID | None, before: UUID | None = None) -> dict[str, Any]:
    read, chosen = request.api.read, await choose(request, organisation_id, in_regions=True)
    values: dict[str, Any] = {
        "others": chosen.others,
        "organisation": chosen.organisation,
        "contracts": None,
        "regions": chosen.regions,
        "imports": None,
        "may_send": chosen.is_theirs,
        "columns": _columns(request.language),
        "most": _FILE_MEGABYTES * MEGABYTE,
        "waiting": {each.kind: await count_waiting(request, each) for each in (TASK_FORM, certificate.TASK_FORM)},
    }
    if chosen.organisation is not None:
        of = chosen.organisation.id
        if not chosen.regions:
            values["contracts"] = (await read(list_contracts, of)).items
        values["imports"] = await read(list_personnel_imports, of, before, limit=_IMPORTS)
    elif not request.user.has("hr_officer"):
        values["imports"] = await read(list_all_personnel_imports, before, limit=_IMPORTS)
    return values


def _columns(language: Language) -> list[tuple[str, str]]:
    """The headings that a file must have, and how what stands below them is written."""
    translate = language.translate
    hints = {
        Column.NATIONAL_ID: translate("ten digits; lost leading zeros are put back"),
        Column.FIRST_NAME: "",
        Column.LAST_NAME: "",
        Column.MOBILE: translate("for example 09123456789"),
        Column.REGION_CODE: translate("four digits"),
        Column.HIRE_DATE: translate("Jalali, for example 1397/02/23"),
        Column.NET_PAY: translate("a month, in rial and not in toman: 400,000,000 rial is 40,000,000 toman"),
        Column.SHEBA: translate("IR and 24 digits"),
        Column.EMPLOYMENT: translate(
            "«شاغل» or a kind of employment such as «رسمی»; «بازنشسته» or «ترک کار» reports that somebody has left:"
            " that counts once it is confirmed"
        ),
        Column.SERVICE: translate("if you have it; for example «21 سال و 4 ماه»"),
    }
    return [(HEADINGS[column], language.digits(hint)) for column, hint in hints.items()]


@router.post("/personnel", max_body_size=2 * _MOST)
async def send_file(request: SignedIn, organisation_id: UUID) -> Response:
    """Hand a personnel file on to the API (A13); on its way it lies in the directory for temporary files."""
    # Who may not send one, though perhaps read them, is refused before their file is taken in.
    if not (await choose(request, organisation_id, in_regions=True)).is_theirs:
        raise HTTPException(404)
    async with taken_in(request, _MOST) as (form, file):
        sent = None if file is None else await _hand_on(request, organisation_id, form, file)
        if sent is not None:
            return request.redirect(f"/personnel/imports/{sent}")
    return request.render_again("personnel.html", form, **await _desk(request, organisation_id))


async def _hand_on(request: PageRequest, organisation_id: UUID, form: Form, file: UploadFile) -> UUID | None:
    """Send the file; returns the import's id, or None with the refusal in the form."""
    called = {"media_type": file.content_type or "", "file_name": file.filename or ""}
    try:
        sent = await request.api.call(
            import_personnel, organisation_id, form.key, parts_of(file), form.fresh_code(), **called
        )
    except _OF_THE_FILE as refused:
        form.errors["file"] = refused.sentence(request.language.code)
    except Refusal as refused:
        form.refuse(refused)
    else:
        return sent.id
    return None


@router.get("/personnel/example")
async def download_example(request: SignedIn) -> Response:
    """A file with the right headings, as Excel opens it."""
    _officers_only(request)
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(HEADINGS[column] for column in COLUMNS)
    lines.writerow(_EXAMPLE[column] for column in COLUMNS)
    headers = {"Content-Disposition": 'attachment; filename="personnel-example.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), 200, headers, "text/csv; charset=utf-8")


def _officers_only(request: PageRequest) -> None:
    """Nobody else has a use for the page; what may be done on it is the API's to say."""
    if not request.user.has("hr_officer"):
        raise HTTPException(404)


@router.get("/personnel/imports/{import_id}")
async def show_import(request: SignedIn, import_id: UUID, after: NumberCursor) -> Response:
    """How far a file is read; once it is, what came of it, which exits it reports and which rows were refused."""
    read = request.api.read
    imported = await read(read_personnel_import, import_id)
    refusals, exits = Page[RefusalOut](items=[]), Page[RefusalOut](items=[])
    if imported.ended and imported.rows_refused:
        refusals = await read(list_import_refusals, import_id, after, leaving=False, limit=_ROWS)
    if imported.ended and imported.rows_leaving:
        exits = await read(list_import_refusals, import_id, 0, leaving=True, limit=_ROWS)
    return request.render("import.html", imported=imported, refusals=refusals, exits=exits, cursor=after)


@router.get("/personnel/imports/{import_id}/report")
async def download_report(
    request: SignedIn, import_id: UUID, form: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.CSV
) -> Response:
    """The report as a file."""
    return await request.api.call(download_import_report, import_id, form)


@router.get("/personnel/people")
async def show_search(request: SignedIn) -> Response:
    """Where a colleague is looked up."""
    _officers_only(request)
    return request.render("personnel_people.html", form=empty(request.language), found=[])


@router.post("/personnel/people")
async def search(request: SignedIn) -> Response:
    """A colleague's values and what they were before; the national id stands in no address."""
    form = await request.form()
    if form.required("national_id"):
        try:
            found, chosen = await _found(request, form), form.text("employment_id")
            return request.render(
                "personnel_people.html", form=form, found=[line for line in found if chosen in {"", str(line.id)}]
            )
        except NotFound:
            # Whoever is not within reach is as good as missing; the sentence about pages would confuse.
            form.errors["national_id"] = request.language.translate("Nobody with this national id is on your lists.")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("personnel_people.html", form, found=[])


async def _found(request: PageRequest, form: Form) -> list[EmploymentOut]:
    search = checked(EmploymentSearch, national_id=form.text("national_id"))
    return (await request.api.call(search_employments, search)).items


@router.post("/personnel/people/{employment_id}")
async def correct(request: SignedIn, employment_id: UUID) -> Response:
    """Correct net pay, region or hire date (A3); what was left empty stays as it is."""
    form = await request.form()
    body: dict[str, Any] = {"reason": form.required("reason")}
    if form.text("net_pay.amount"):
        body["net_pay"] = PayIn(amount=form.toman("net_pay.amount", to_the_rial=True).amount)
    if form.text("region_code"):
        body["region_code"] = form.text("region_code")
    if any(form.text(f"hire_date.{part}") for part in ("year", "month", "day")):
        body["hire_date"] = form.jalali("hire_date")
    if form.is_good:
        try:
            wish = checked(EmploymentCorrectionIn, **body)
            version, code = form.version(), form.fresh_code()
            await request.api.perform(correct_employment, form.key, employment_id, wish, version, code)
            return request.redirect("/personnel/people", done="employment_corrected")
        except Refusal as refused:
            form.refuse(refused)
    found = [line for line in await _found(request, form) if line.id == employment_id]
    return request.render_again("personnel_people.html", form, found=found)


@router.get("/personnel/people/{employment_id}")
async def show_search_again(request: SignedIn, employment_id: UUID) -> Response:  # noqa: ARG001 - whose it was is not kept
    """Where a refused correction was shown; it begins anew."""
    return request.redirect("/personnel/people")


TASK_FORM: Final = TaskForm(
    "personnel_decision.html",
    {ConfirmChange: nothing_more, RejectChange: written_reason},
    summaries={ConfirmChange: "personnel_summary.html"},
)
