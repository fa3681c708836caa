"""Payments over HTTP: what each sees of them, what may be done when, and the way back (E2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.payment import CALLBACKS_PER_TRY
from gateways.local_bank import LocalBank
from messages.payment import TaskKind
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import open_task
from tests.payment_steps import PaymentScenario, change_policy, give_back, take

_AMOUNT = 2_500_000


@pytest.fixture
async def paying(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> PaymentScenario:
    """A payer, their bank, and a settlement officer."""
    return await PaymentScenario.opened(context, arrange, activity_context, bank)


async def _at_bank(paying: PaymentScenario) -> UUID:
    return await paying.at_bank((await paying.purpose(), _AMOUNT))


async def _read(api: httpx2.AsyncClient, case_id: UUID, who: Someone) -> dict[str, Any]:
    answer = await api.get(f"/v1/payments/{case_id}", headers=who.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _may(payment: dict[str, Any]) -> set[str]:
    return {action["action"] for action in payment["allowed_actions"]}


async def _post(api: httpx2.AsyncClient, path: str, who: Someone, body: Any = None) -> tuple[int, str]:
    answer = await api.post(path, headers=who.headers(), json=body)
    return answer.status_code, "" if answer.is_success else answer.json()["code"]


async def test_the_payer_reads_what_for_how_much_each_try_and_what_may_be_done(
    api: httpx2.AsyncClient, paying: PaymentScenario
) -> None:
    purpose = await paying.purpose()
    case_id = await paying.open((purpose, _AMOUNT))
    asked = await _read(api, case_id, paying.payer)
    assert (_may(asked), asked["attempts"][0]["state"]["code"]) == (set(), "requested")
    await paying.go_on(case_id)
    at_bank = await _read(api, case_id, paying.payer)
    (attempt,) = at_bank["attempts"]
    assert (at_bank["amount"]["amount"], at_bank["fee"]["amount"]) == (_AMOUNT, 0)
    assert [(one["case_id"], one["state"]["code"]) for one in at_bank["items"]] == [(str(purpose), "open")]
    assert attempt["gateway"] == {"code": "local", "words": {"fa": "بانک آزمایشی", "en": "Trial bank"}}
    assert attempt["link"].endswith(f"/bank/{await paying.authority(case_id)}")
    assert attempt["authority"] is None
    assert _may(at_bank) == {"look_at_payment", "try_payment"}
    await paying.pay(case_id)
    assert _may(await _read(api, case_id, paying.payer)) == {"look_at_payment"}, "the bank is to be asked first"
    await paying.go_on(case_id)
    received = await _read(api, case_id, paying.payer)
    (attempt,) = received["attempts"]
    assert (attempt["state"]["code"], attempt["card"], attempt["link"]) == ("paid", "603799******0105", None)
    assert attempt["reference"]
    assert (_may(received), received["phase"]) == (set(), "received")
    assert await take(paying.context, purpose)
    await paying.go_on(case_id)
    assert ((await _read(api, case_id, paying.payer))["phase"]) == "paid"


async def test_the_case_shows_the_same_and_nobody_but_the_payer_has_the_link(
    api: httpx2.AsyncClient, paying: PaymentScenario, arrange: Arrange
) -> None:
    case_id = await _at_bank(paying)
    own = await _read(api, case_id, paying.payer)
    case = (await api.get(f"/v1/cases/{case_id}", headers=paying.payer.headers())).json()
    assert {name: case["payment"][name] for name in case["payment"]} == {name: own[name] for name in case["payment"]}
    assert (case["allowed_actions"], case["is_moving"]) == (own["allowed_actions"], False)
    for role in (Role.AUDITOR, Role.OPERATOR):
        seen = await _read(api, case_id, await arrange.platform(role))
        (attempt,) = seen["attempts"]
        assert (attempt["link"], attempt["authority"]) == (None, await paying.authority(case_id))
        assert seen["allowed_actions"] == []
    for stranger in (await arrange.person("member"), paying.officer, await arrange.platform(Role.FINANCE_OFFICER)):
        answer = await api.get(f"/v1/payments/{case_id}", headers=stranger.headers())
        assert answer.status_code == 404


async def test_the_list_is_the_payers_own_newest_first_in_parts(
    api: httpx2.AsyncClient, paying: PaymentScenario, arrange: Arrange
) -> None:
    made = [str(await paying.open((await paying.purpose(), _AMOUNT))) for _ in range(3)]
    other = await arrange.person("member")
    await paying.open((await paying.purpose(), _AMOUNT), who=other)
    first = (await api.get("/v1/payments?limit=2", headers=paying.payer.headers())).json()
    rest = (await api.get(f"/v1/payments?cursor={first['next']}", headers=paying.payer.headers())).json()
    listed = [*first["items"], *rest["items"]]
    assert [one["id"] for one in listed] == made[::-1]
    assert rest["next"] is None
    assert {(one["amount"]["amount"], one["phase"], one["purposes"][0]["en"]) for one in listed} == {
        (_AMOUNT, "awaiting_link", "Credit application")
    }


async def test_gateways_are_those_that_take_payments_now_in_their_order(
    api: httpx2.AsyncClient, paying: PaymentScenario
) -> None:
    async def names() -> list[str]:
        found = (await api.get("/v1/payment-gateways", headers=paying.payer.headers())).json()
        return [one["name"] for one in found["items"]]

    assert await names() == ["local"]
    await change_policy(paying.context, gateways=["zibal"])
    assert await names() == []


async def test_a_try_is_refused_while_nobody_knows_once_it_is_paid_and_when_there_were_too_many(
    api: httpx2.AsyncClient, paying: PaymentScenario
) -> None:
    case_id = await _at_bank(paying)
    address = f"/v1/payments/{case_id}/attempts"
    await paying.come_back(case_id)
    assert await _post(api, address, paying.payer, {}) == (409, "payment_unclear")
    await paying.go_on(case_id)
    await change_policy(paying.context, attempts=1)
    assert await _post(api, address, paying.payer, {}) == (409, "payment_attempts_used_up")
    await paying.pay(case_id)
    await paying.go_on(case_id)
    assert await _post(api, address, paying.payer, {}) == (409, "payment_received_already")
    assert await _post(api, address, paying.payer, {"gateway": "x" * 41}) == (422, "invalid_input")


async def test_a_try_keeps_by_which_name_its_payer_came_and_who_comes_back_is_told_it(
    api: httpx2.AsyncClient, paying: PaymentScenario
) -> None:
    case_id = await _at_bank(paying)
    api.headers["Host"] = "payer.localhost:8000"
    assert await _post(api, f"/v1/payments/{case_id}/attempts", paying.payer, {"gateway": "local"}) == (201, "")
    await paying.go_on(case_id)
    token = await paying.token(case_id)
    answer = await api.post("/v1/payment-callbacks", json={"token": token})
    assert answer.json() == {"case_id": str(case_id), "host": "payer.localhost:8000"}


async def test_coming_back_is_noted_once_until_the_bank_was_asked_and_has_it_asked_only_so_often(
    api: httpx2.AsyncClient, paying: PaymentScenario, superuser: Superuser
) -> None:
    case_id = await _at_bank(paying)
    body = {"token": await paying.token(case_id)}
    sql = "SELECT count(*) FROM timeline WHERE case_id = %s AND code = 'payment_called_back'"
    for _ in range(3):
        assert (await api.post("/v1/payment-callbacks", json=body)).status_code == 200
    assert await superuser.value(sql, case_id) == 1
    looked = "UPDATE payment_attempts SET looked_at = now() WHERE payment_id = %s"
    for _ in range(CALLBACKS_PER_TRY.allowed + 3):
        await superuser.run(looked, case_id)
        assert (await api.post("/v1/payment-callbacks", json=body)).status_code == 200, "everybody is led home"
    assert await superuser.value(sql, case_id) == CALLBACKS_PER_TRY.allowed - 2


async def test_the_office_sees_what_it_decides_by_and_records_what_it_found(
    api: httpx2.AsyncClient, paying: PaymentScenario, superuser: Superuser
) -> None:
    case_id = await _at_bank(paying)
    await superuser.run(
        "UPDATE payment_attempts SET state = 'unclear', unclear_since = now() - interval '2 days', look_at = NULL"
    )
    await paying.go_on(case_id)
    task = await open_task(paying.context, case_id, TaskKind.SETTLE_PAYMENT)
    seen = await _read(api, case_id, paying.officer)
    assert seen["attempts"][0]["authority"] == await paying.authority(case_id)
    address, decided = f"/v1/tasks/{task}/decision", {"kind": "settle_payment", "decision": "give_up"}
    for nothing in ("ن", "\u202e" * 4, " \u200c\u200c "):
        assert await _post(api, address, paying.officer, decided | {"note": nothing}) == (422, "invalid_input")
    assert await _post(api, address, paying.officer, decided | {"note": "درگاه: چنین تراکنشی نیست"}) == (200, "")
    await paying.go_on(case_id)
    assert (await _read(api, case_id, paying.payer))["attempts"][0]["state"]["code"] == "given_up"


async def test_a_refund_is_told_as_that_and_offers_no_paying(
    api: httpx2.AsyncClient, paying: PaymentScenario, arrange: Arrange, superuser: Superuser
) -> None:
    purpose = await paying.purpose()
    payment = await paying.at_bank((purpose, _AMOUNT))
    await paying.pay(payment)
    await paying.go_on(payment)
    assert await take(paying.context, purpose)
    await paying.go_on(payment)
    refund = await give_back(paying.context, purpose, payment, _AMOUNT // 2)

    seen = await _read(api, refund, paying.payer)
    assert (seen["refund_of"], seen["attempts"], seen["phase"]) == (str(payment), [], "returning")
    assert [(one["case_id"], one["state"]["code"]) for one in seen["items"]] == [(str(purpose), "refunded")]
    (back,) = seen["returns"]
    assert (back["reason"]["code"], back["amount"]["amount"], back["authority"]) == ("later_refund", _AMOUNT // 2, None)
    assert _may(seen) == set()
    refused = (409, "payment_attempts_used_up")
    assert await _post(api, f"/v1/payments/{refund}/attempts", paying.payer, {}) == refused
    case = (await api.get(f"/v1/cases/{refund}", headers=paying.payer.headers())).json()
    assert (case["kind_words"]["fa"], case["variant"]) == ("بازپرداخت", "refund")
    listed = (await api.get("/v1/payments", headers=paying.payer.headers())).json()["items"]
    assert [one["refund_of"] for one in listed] == [str(payment), None]
    # Staff read by what the gateway knows the payment.
    for staff in (await arrange.platform(Role.AUDITOR), await arrange.platform(Role.OPERATOR)):
        (back,) = (await _read(api, refund, staff))["returns"]
        assert back["authority"] == await paying.authority(payment)
    await superuser.run("UPDATE payment_returns SET way = 'hand' WHERE payment_id = %s", refund)
    await paying.go_on(refund)
    assert (await _read(api, refund, paying.officer))["returns"][0]["authority"] == await paying.authority(payment)


async def test_an_officer_to_whom_the_money_would_go_decides_nothing_about_it(
    api: httpx2.AsyncClient, paying: PaymentScenario, superuser: Superuser
) -> None:
    purpose = await paying.purpose()
    case_id = await paying.at_bank((purpose, _AMOUNT))
    sql = "INSERT INTO case_people (case_id, person_id, part) VALUES (%s, %s, 'payee')"
    await superuser.run(sql, purpose, paying.officer.id)
    await superuser.run(
        "UPDATE payment_attempts SET state = 'unclear', unclear_since = now() - interval '2 days', look_at = NULL"
    )
    await paying.go_on(case_id)
    address = f"/v1/tasks/{await open_task(paying.context, case_id, TaskKind.SETTLE_PAYMENT)}/decision"
    for decided in ({"decision": "ask_again"}, {"decision": "give_up", "note": "درگاه: چنین تراکنشی نیست"}):
        answer = await _post(api, address, paying.officer, {"kind": "settle_payment", **decided})
        assert answer == (403, "own_case")


async def test_what_the_gateway_was_asked_to_give_back_is_told_to_who_pays_it_back(
    api: httpx2.AsyncClient, paying: PaymentScenario, superuser: Superuser
) -> None:
    case_id = await _at_bank(paying)
    await paying.try_again(case_id)
    await paying.go_on(case_id)
    for number in range(2):
        await paying.pay(case_id, number)
    await paying.step("verify_payment", case_id)
    await superuser.run("UPDATE payment_returns SET way = 'hand', asked_at = now()")
    await paying.go_on(case_id)
    (back,) = (await _read(api, case_id, paying.officer))["returns"]
    assert (back["reason"]["code"], back["way"]["code"], back["amount"]["amount"]) == (
        "second_attempt",
        "hand",
        _AMOUNT,
    )
    assert back["asked"] is not None
    # Of the two that were paid it says which one the gateway's desk is asked about.
    assert back["authority"] == await paying.authority(case_id, 1)
    task = await open_task(paying.context, case_id, TaskKind.RETURN_PAYMENT)
    address, decided = f"/v1/tasks/{task}/decision", {"kind": "return_payment", "decision": "return_by_hand"}
    decided["note"] = "از بانک پرسیدم"
    for nothing in ("123", "۱۲۳ ", "\u202e" * 4):
        assert await _post(api, address, paying.officer, decided | {"reference": nothing}) == (422, "invalid_input")
    # As it is compared with the bank's list, whatever the keyboard.
    assert await _post(api, address, paying.officer, decided | {"reference": " ۱۴۰۵۰۹۰۹۰۰۱۲\u200f"}) == (200, "")
    await paying.go_on(case_id)
    (back,) = (await _read(api, case_id, paying.checker))["returns"]
    assert (back["recorded"]["source"]["code"], back["recorded"]["reference"]) == ("bank", "140509090012")
    (back,) = (await _read(api, case_id, paying.payer))["returns"]
    assert (back["recorded"], back["returned"]) == (None, None)
    task = await open_task(paying.context, case_id, TaskKind.CONFIRM_RETURN)
    address, confirmed = f"/v1/tasks/{task}/decision", {"kind": "confirm_return", "decision": "confirm"}
    assert await _post(api, address, paying.officer, confirmed) == (403, "sent_by_yourself")
    assert await _post(api, address, paying.checker, confirmed) == (200, "")
    await paying.go_on(case_id)
    (back,) = (await _read(api, case_id, paying.payer))["returns"]
    assert (back["reference"], back["returned"] is not None, back["authority"]) == ("140509090012", True, None)
