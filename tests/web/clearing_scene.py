"""The scene in which the settlement office sends every form of gateways' days and of statements."""

from __future__ import annotations

import base64
from typing import Final
from uuid import UUID

from domain.dates import to_jalali
from gateways.local_bank import LocalBank
from tests.clearing_steps import STATEMENT, Day, csv_of
from tests.web.form_window import Desk, Window

_REASON: Final = "نامهٔ درگاه به شمارهٔ ۱۲"


async def officers_settle_days(desk: Desk) -> None:
    """A day is compared; one difference is explained, another booked by two after a first try was rejected."""
    bank = desk.activity_context.gateways["local"]
    assert isinstance(bank, LocalBank)
    day = await Day.of(desk.context, desk.activity_context, desk.arrange, desk.superuser, bank)
    first, second = desk.of(day.first), desk.of(day.second)
    await day.given_up()
    await day.plant()
    await day.pass_midnight()
    await (await first.go("/confirm?next=/clearing")).send("/confirm")
    jalali = to_jalali(day.day)
    typed = {"day__day": str(jalali.day), "day__month": str(jalali.month), "day__year": str(jalali.year)}
    await (await first.go("/clearing")).send("/clearing", gateway="local", **typed)
    case_id = UUID(first.path.partition("?")[0].rpartition("/")[2])
    await day.go_on("clearing", case_id)
    for _ in range(2):
        await first.go(await desk.task(case_id, "settle_difference"))
        if "بازپرداخت" in first.html:
            await first.decide("book", booking_note=_REASON, paid_back="PAYA-1")
        else:
            await first.decide("explain", explanation="fault_of_gateway", note=_REASON)
        await day.go_on("clearing", case_id)
    await (await second.go("/confirm?next=/clearing")).send("/confirm")
    for _ in range(2):
        await second.go(await desk.task(case_id, "confirm_proposal"))
        if "PAYA-1" in second.html:
            await second.decide("reject", reason=_REASON)
        else:
            await second.decide("confirm")
        await day.go_on("clearing", case_id)
    await first.go(await desk.task(case_id, "settle_difference"))
    await first.decide("book", booking_note=_REASON, paid_back="PAYA-1")
    await day.go_on("clearing", case_id)
    await second.go(await desk.task(case_id, "confirm_proposal"))
    await second.decide("confirm")
    await day.go_on("clearing", case_id)
    assert await day.outcome(case_id) == "settled"
    await _the_bank_is_compared(desk, day, first, second)


async def _the_bank_is_compared(desk: Desk, day: Day, first: Window, second: Window) -> None:
    """A statement is sent; what a row is said to be is rejected, then it is corrected."""
    await (await first.go("/clearing")).send("/clearing/statement", file=base64.b64decode(STATEMENT).decode())
    statement = UUID(first.path.partition("?")[0].rpartition("/")[2])
    await day.go_on("clearing", statement)
    await first.go(await desk.task(statement, "settle_difference"))
    await first.send("/clearing/{case_id}/differences/{difference_id}/description")
    assert "واریز درگاه" in first.html
    await first.go(await desk.task(statement, "settle_difference"))
    await first.decide("book", booking_note=_REASON, settles="local")
    await day.go_on("clearing", statement)
    await second.go(await desk.task(statement, "confirm_proposal"))
    await second.decide("reject", reason=_REASON)
    await day.go_on("clearing", statement)
    await first.go(await desk.task(statement, "settle_difference"))
    await first.decide("correct", against="clearing:differences", correction_note=_REASON)
    await day.go_on("clearing", statement)
    await second.go(await desk.task(statement, "confirm_proposal"))
    await second.decide("confirm")
    await day.go_on("clearing", statement)
    assert await day.outcome(statement) == "settled"
    await _a_later_row_explains_it(desk, day, first, second)


async def _a_later_row_explains_it(desk: Desk, day: Day, first: Window, second: Window) -> None:
    """What was booked to be found out is found in a row of the next statement."""
    ((earlier, its_day, amount),) = await desk.superuser.rows(
        "SELECT id, case_id, there FROM clearing_differences WHERE against IS NOT NULL"
    )
    await second.go("/clearing/suspense")
    assert f"/clearing/{its_day}" in second.html
    later = csv_of((day.day, -int(str(amount)), "BACK")).decode()
    await (await first.go("/clearing")).send("/clearing/statement", file=later)
    case_id = UUID(first.path.partition("?")[0].rpartition("/")[2])
    await day.go_on("clearing", case_id)
    await first.go(await desk.task(case_id, "settle_difference"))
    found = {"against": "clearing:differences", "resolves": str(earlier)}
    await first.decide("correct", correction_note=_REASON, **found)
    await day.go_on("clearing", case_id)
    await second.go(await desk.task(case_id, "confirm_proposal"))
    assert "مغایرت پیشینِ روشن‌شده" in second.html
    await second.decide("confirm")
    await day.go_on("clearing", case_id)
    assert await day.outcome(case_id) == "settled"
    await second.go(f"/clearing/{its_day}")
    assert "روشن‌شده با مغایرت" in second.html
    assert f"/clearing/{case_id}" in second.html
    await second.go("/clearing/suspense")
    assert f"/clearing/{its_day}" not in second.html
