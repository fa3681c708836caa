"""Scenes in which members withdraw from their balance and the settlement office pays them, form by form (E3)."""

from __future__ import annotations

from tests.fee_steps import charge, withdraw_with_fee
from tests.payout_steps import CONFIRM, HAND_OVER, REJECT, SETTLE, PayoutOffice
from tests.web.form_window import Desk

_TOMAN = "۵۰۰٬۰۰۰"
_NOTE = "شعبه تلفنی گفت"


async def members_withdraw(desk: Desk) -> None:
    """A member withdraws with a code, and takes it back."""
    office = await PayoutOffice.opened(desk.context, desk.arrange, desk.activity_context)
    window = await desk.of(office.member).go("/balance")
    await (await window.go("/withdrawals/new")).send("/withdrawals/new", amount__amount=_TOMAN)
    await window.send("/withdrawals/new/code")
    await (await window.go("/withdrawals")).send("/withdrawals/{withdrawal_id}/taking-back")
    sql = "SELECT state FROM withdrawals WHERE person_id = %s"
    assert await desk.superuser.rows(sql, office.member.id) == [("taken_back",)]


async def the_office_pays(desk: Desk) -> None:
    """One officer makes batches, another rejects one and confirms one; the bank answers, and a line is settled."""
    office = await PayoutOffice.opened(desk.context, desk.arrange, desk.activity_context)
    for _ in range(3):
        await office.withdraw()
    maker, checker = desk.of(office.maker), desk.of(office.checker)
    for says in ("reject", "confirm"):
        await (await maker.go("/payouts")).send("/payouts", most_lines="۳", most_amount__amount="۲٬۰۰۰٬۰۰۰")
        case_id = await desk.superuser.value("SELECT case_id FROM payouts ORDER BY made_at DESC LIMIT 1")
        await office.go_on(case_id)
        await checker.go(await desk.task(case_id, CONFIRM))
        await checker.decide(says, **({"reason": _NOTE} if says == "reject" else {}))
        await office.go_on(case_id)
    await (await maker.go(await desk.task(case_id, HAND_OVER))).decide("handed_over")
    await office.go_on(case_id)
    lines = [one.withdrawal.id for one in await office.lines(case_id)]
    said = await office.answer_to(case_id, left_out=[2, 3])
    await (await maker.go(f"/payouts/{case_id}")).send("/payouts/{payout_id}/answers", file=f"{said}\nبی‌معنا")
    await office.go_on(case_id)
    for says in ("reject", "confirm"):
        await maker.go(f"/payouts/{case_id}/lines/{lines[1]}")
        await maker.send("/payouts/{payout_id}/lines/{line_id}", result="paid", reference="REF-778", note=_NOTE)
        await office.go_on(case_id)
        await checker.go(await desk.task(case_id, SETTLE))
        await checker.decide(says, **({"reason": _NOTE} if says == "reject" else {}))
        await office.go_on(case_id)
    said = await office.answer_to(case_id, rejected=[3], left_out=[1, 2])
    for says in ("reject", "confirm"):
        await (await maker.go(f"/payouts/{case_id}")).send("/payouts/{payout_id}/answers", file=said)
        await office.go_on(case_id)
        await checker.go(await desk.task(case_id, REJECT))
        await checker.decide(says, **({"reason": _NOTE} if says == "reject" else {}))
        await office.go_on(case_id)
    assert [(await office.one(one)).state for one in lines] == ["paid", "paid", "rejected"]
    await _has_papers(desk, office)


async def _has_papers(desk: Desk, office: PayoutOffice) -> None:
    """The member has the receipt of a withdrawal, and the invoice of one that cost a fee."""
    await charge(desk.context)
    await withdraw_with_fee(office)
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))
    member = desk.of(office.member)
    for paper in ("receipt", "invoice"):
        await (await member.go("/withdrawals")).send(f"/withdrawals/{{withdrawal_id}}/{paper}")
    kinds = "SELECT kind FROM papers WHERE person_id = %s ORDER BY id"
    assert await desk.superuser.rows(kinds, office.member.id) == [("payout_receipt",), ("fee_invoice",)]
