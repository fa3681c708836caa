"""The charts of the reconciliation desk say in figures what they draw, and draw what the days hold (E2)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from commands.command import Context
from domain.access import Role
from domain.dates import tehran_day
from storage import clearing as rows
from storage.database import SERVICE, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.web.conftest import cookies


async def a_day(context: Context, superuser: Superuser, day: date, gateway: str = "local", **told: Any) -> None:
    """A day of a gateway that was compared: 160 payments of 500,000 rial on both sides, unless told otherwise."""
    async with transaction(context.engine, SERVICE) as connection:
        case_id = await rows.add_clearing(connection, gateway, day)
    values = {
        "here_count": 160,
        "here_sum": 80_000_000,
        "there_count": 160,
        "there_sum": 80_000_000,
        "here_back": 1_000_000,
        "there_back": 1_000_000,
        "there_fee": 800_000,
    } | told
    put = ", ".join(f"{name} = {value}" for name, value in values.items())
    compared = f"UPDATE clearings SET compared_at = now(), {put} WHERE case_id = %s"  # noqa: S608 - our own names
    await superuser.run(compared, case_id)
    if values["here_sum"] != values["there_sum"]:
        await superuser.run(
            "INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, here, there)"
            " VALUES (%s, %s, 'x', 'missing_here', '201', 0, 5)",
            case_id,
            gateway,
        )


@pytest.fixture
def yesterday() -> date:
    """The last day that is over."""
    return tehran_day(datetime.now(UTC)) - timedelta(days=1)


async def page_of(site: httpx2.AsyncClient, arrange: Arrange) -> str:
    """The desk in Persian, its numbers as they stand there."""
    answer = await site.get("/clearing", headers=cookies(await arrange.platform(Role.SETTLEMENT_OFFICER)))
    assert answer.status_code == 200
    return answer.text


async def test_without_a_compared_day_nothing_is_drawn(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser, yesterday: date
) -> None:
    await a_day(context, superuser, yesterday - timedelta(days=30))
    assert "columns-of-days" not in await page_of(site, arrange)


async def test_the_newest_day_and_the_month_stand_there_in_figures_and_as_long_as_they_are(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser, yesterday: date
) -> None:
    await a_day(context, superuser, yesterday - timedelta(days=29), here_sum=40_000_000, there_sum=40_000_000)
    await a_day(context, superuser, yesterday, there_sum=60_000_000, there_back=900_000)
    await a_day(context, superuser, yesterday, "zibal", here_sum=20_000_000, there_sum=20_000_000)
    page = await page_of(site, arrange)

    newest = page[page.index('id="newest"') : page.index('id="month"')]
    for said in ("۸٬۰۰۰٬۰۰۰ تومان", "۶٬۰۰۰٬۰۰۰ تومان", "۲٬۰۰۰٬۰۰۰ تومان", "۹۰٬۰۰۰ تومان", "(۱۶۰)", "۸۰٬۰۰۰ تومان"):
        assert said in newest, said
    assert re.findall(r'class="(here|there)" width="([0-9.]+)"', newest) == [
        ("here", "100.0"),
        ("there", "75.0"),
        ("here", "25.0"),
        ("there", "25.0"),
    ]
    month = page[page.index('class="columns-of-days"') : page.index("</figure>")]
    columns = re.findall(r'class="(here|there)" x="([0-9.]+)" y="[0-9.]+" width="3.5" height="([0-9.]+)"', month)
    assert len(columns) == 60
    assert columns[:2] == [("here", "1", "40.0"), ("there", "5.5", "40.0")]
    assert columns[-2:] == [("here", "291", "100.0"), ("there", "295.5", "80.0")]
    assert month.count('class="open"') == 1
    assert "۱۴٬۰۰۰٬۰۰۰ تومان" in page
    assert "۱ روز مغایرت باز دارد" in page
    # The policy of the page lets no style through that stands in it.
    assert "style=" not in page


async def test_a_statement_of_the_bank_is_in_no_chart(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser, yesterday: date
) -> None:
    await a_day(context, superuser, yesterday, "bank", there_sum=-5, here_sum=-5)
    assert "columns-of-days" not in await page_of(site, arrange)


async def test_a_statement_is_told_as_the_bank_s_and_a_number_as_the_bank_writes_it(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser, yesterday: date
) -> None:
    await a_day(context, superuser, yesterday, "bank", there_sum=-5, here_sum=0)
    await superuser.run("UPDATE clearing_differences SET kind = 'bank_unmatched', reference = 'PAYA-24c2'")
    case_id = await superuser.value("SELECT case_id FROM clearings")
    headers = cookies(await arrange.platform(Role.SETTLEMENT_OFFICER))
    page = (await site.get(f"/clearing/{case_id}", headers=headers)).text
    assert "در صورت‌حساب بانک" in page
    assert "دریافت‌شده" not in page
    assert "PAYA-24c2" in page
