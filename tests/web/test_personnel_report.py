"""Files on the desk of HR: sent under any name, listed with sender and name, and what their reports say and advise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from domain.access import Grant, Role, ScopeKind
from domain.personnel.file import MEDIA_TYPES
from tests.arrange import Arrange, Someone
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice, csv_of
from tests.web.conftest import HERE, Visit, cookies


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.fixture
async def officer(arrange: Arrange, office: PersonnelOffice) -> Someone:
    return await arrange.hr_officer(office.organisation_id)


async def send(
    site: httpx2.AsyncClient, office: PersonnelOffice, who: Someone, *file: Any, name: str = "آذر.csv"
) -> httpx2.Response:
    """Send a file from the page, as a browser does."""
    content, *kind = file or (csv_of([Line()]), "text/csv")
    return await site.post(
        f"/personnel?organisation_id={office.organisation_id}",
        data={"key": str(uuid4()), "totp": who.totp or ""},
        files={"file": (name, content, *kind)},
        headers={**cookies(who), **HERE},
    )


async def page_of(site: httpx2.AsyncClient, who: Someone, path: str) -> str:
    """What a page says, without its marks."""
    answer = await site.get(path, headers=cookies(who))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def import_of(sent: httpx2.Response) -> UUID:
    """The import to which the browser is led."""
    assert sent.status_code == 303, sent.text
    return UUID(sent.headers["Location"].removeprefix("/personnel/imports/"))


async def test_the_page_takes_a_file_under_the_types_that_the_api_takes(
    site: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    for kind in ("", *MEDIA_TYPES):
        import_of(await send(site, office, officer, csv_of([Line()]), kind))


async def test_a_file_of_another_type_and_an_empty_one_are_refused_each_by_its_own_sentence(
    site: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    said = {
        "type": await send(site, office, officer, b"%PDF-1.7", "application/pdf", name="list.pdf"),
        "empty": await send(site, office, officer, b"", "text/csv"),
        "none": await send(site, office, officer, b"", "application/octet-stream", name=""),
    }
    assert [answer.status_code for answer in said.values()] == [422] * 3
    assert "CSV یا اکسل (XLSX)" in said["type"].text
    assert "این فایل خالی است" in said["empty"].text
    assert "لطفاً فایل را انتخاب کنید" in said["none"].text


async def test_the_list_shows_the_files_names_and_who_sent_them(
    site: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    import_of(await send(site, office, officer, name="C:\\hr\\حقوق \u202eآذر.csv"))
    shown = await page_of(site, officer, "/personnel")
    assert "حقوق آذر.csv" in shown
    assert "مریم آزمون" in shown


async def test_nothing_green_stands_above_a_file_that_was_refused(
    site: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    sent = await send(site, office, officer, "کد ملی,نام\n1,2\n".encode(), "text/csv")
    await office.run(import_of(sent))
    shown = await page_of(site, officer, sent.headers["Location"])
    assert "این فایل پذیرفته نشد" in shown
    assert "دریافت شد؛" not in shown


async def test_a_report_shows_value_name_and_the_rows_own_number_and_advises_nobody_to_correct_a_leaver(
    site: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    leaver, moved = Line(first_name="نازنین"), Line()
    await office.import_(leaver, moved)
    lines = [leaver.but(employment="بازنشسته"), moved.but(sheba=SHEBAS[1]), Line(mobile="<b>0912", first_name="پویا")]
    sent = await send(site, office, officer, csv_of(lines), "text/csv")
    await office.run(import_of(sent))
    shown = await page_of(site, officer, sent.headers["Location"])

    leaving, refused = shown[shown.index("طبق فایل،") :].split("تنها همین ردیف‌ها رد شد")
    assert "نازنین یزدانی" in leaving
    assert "در انتظار تأیید است؛ این ردیف نیازی به اصلاح ندارد" in leaving
    assert "دوباره بفرستید" not in leaving
    assert "نازنین" not in refused
    assert all(text in refused for text in ("پویا یزدانی", "&lt;b&gt;0912", " ۴ ", "bad_mobile"))
    assert "گزارش پایان همکاری ۱" in shown
    assert "تغییر همراه یا شبا، نزد پشتیبانی ۱" in shown
    assert "پایان همکاری، نزد منابع انسانی ۱" in shown


async def test_the_desk_says_pay_in_rial_and_in_toman(
    site: httpx2.AsyncClient, officer: Someone, office: PersonnelOffice
) -> None:
    await office.import_(Line())
    assert "۴۰۰٬۰۰۰٬۰۰۰ ریال یعنی ۴۰٬۰۰۰٬۰۰۰ تومان" in await page_of(site, officer, "/personnel")


async def test_hr_of_a_region_sends_its_rows_from_the_page(
    site: httpx2.AsyncClient, arrange: Arrange, office: PersonnelOffice, activity_context: ActivityContext
) -> None:
    await office.import_(Line(region_code="1101"))
    here = await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"))
    desk = await page_of(site, here, "/personnel")
    assert "فایل شما تنها برای این منطقه‌هاست: ۱۱۰۱" in desk
    assert "قرارداد با امانت" not in desk
    sent = await send(site, office, here, csv_of([Line(), Line(region_code="1104")]), "text/csv")
    done = await office.run(import_of(sent))
    assert (done.rows_added, done.rows_refused) == (1, 1)
    shown = await page_of(site, here, sent.headers["Location"])
    assert "این فرد در منطقهٔ شما نیست" in shown
    assert "آذر.csv" in await page_of(site, here, "/personnel")

    elsewhere = await PersonnelOffice.open(activity_context, arrange)
    assert (await send(site, elsewhere, here)).status_code == 404
    nobodys = await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.REGION, "4405"))
    assert "هنوز در فهرست هیچ سازمانی کسی از منطقهٔ شما نیست" in await page_of(site, nobodys, "/personnel")


async def test_a_report_fits_a_phone_and_is_read_by_everybody(
    visit: Visit, office: PersonnelOffice, officer: Someone, arrange: Arrange
) -> None:
    leaver = Line()
    await office.import_(leaver)
    officer_of_file = replace(office, actor=await arrange.actor(officer))
    done = await officer_of_file.import_(leaver.but(employment="بازنشسته"), Line(mobile="0912 333" + "4" * 80))
    visitor = await visit(officer, width=360)
    for path in ("/personnel", f"/personnel/imports/{done.case_id}"):
        await visitor.go(path)
        await visitor.look()
