"""The link with which staff set up their account: theirs alone, once, in its time (G1)."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from tests.arrange import eventually, newest_code
from tests.staff_steps import CONFIRM, NUMBER, PASSWORD, PASSWORD_ADDED, Desk, desk

pytestmark = pytest.mark.usefixtures("worker", "relay")
__all__ = ["desk"]  # a fixture


async def test_they_sign_in_with_what_they_have_set_and_with_nothing_else(desk: Desk) -> None:
    await desk.confirmed(await desk.proposed())
    token = await desk.link()
    opened = (await desk.account("openings", token=token)).json()
    await desk.account(
        "set-up",
        token=token,
        password=PASSWORD,
        totp_key=opened["totp_key"],
        totp=await desk.code(opened["totp_secret"], step=-1),
    )
    for password, status in (("چیز دیگری که نیست", 401), (PASSWORD, 201)):
        body = {"username": "narges.finance", "password": password, "totp": await desk.code(opened["totp_secret"])}
        assert (await desk.steps.api.post("/v1/sign-in/staff", json=body)).status_code == status


async def test_a_link_counts_once_in_its_time_and_only_the_newest(desk: Desk) -> None:
    await desk.confirmed(await desk.proposed())
    old = await desk.link()
    person = await desk.superuser.value("SELECT person_id FROM staff_credentials WHERE username = 'narges.finance'")
    assert (await desk.send(desk.second, f"/{person}/link")).status_code == 202

    async def came() -> bool:
        return newest_code(desk.steps.messages, NUMBER) != old

    await eventually(came, "the new link")
    new = newest_code(desk.steps.messages, NUMBER)
    for token in (old, "x", new[:-1], new.lower(), "0" * 24):
        assert (await desk.account("openings", token=token)).json()["code"] == "link_not_accepted"

    both = await asyncio.gather(desk.set_up(new), desk.set_up(new))
    assert sorted(answer.status_code for answer in both) == [200, 422]
    assert (await desk.account("openings", token=new)).json()["code"] == "link_not_accepted"
    again = await desk.send(desk.second, f"/{person}/link")
    assert (again.status_code, again.json()["code"]) == (409, "account_set_up")


async def test_a_link_that_is_too_old_opens_nothing(desk: Desk) -> None:
    await desk.confirmed(await desk.proposed())
    token = await desk.link()
    assert await desk.superuser.value("SELECT expires_at - created_at FROM one_time_codes") == timedelta(hours=24)
    await desk.superuser.run("UPDATE one_time_codes SET expires_at = now()")

    assert (await desk.account("openings", token=token)).json()["code"] == "link_not_accepted"


_WRONG = (
    ({"password": "کوتاه"}, "weak_password"),
    ({"password": "narges.finance 1405"}, "weak_password"),
    ({"password": "1234 5678 9012"}, "weak_password"),
    ({"password": "ababababababab"}, "weak_password"),
    ({"totp": "000000"}, "code_not_accepted"),
    ({"totp_key": "QUJD"}, "bad_totp_key"),
)


async def test_a_weak_password_or_a_key_that_is_not_in_the_app_sets_nothing_up(desk: Desk) -> None:
    await desk.confirmed(await desk.proposed())
    token = await desk.link()

    for wrong, code in _WRONG:
        assert (await desk.set_up(token, **wrong)).json()["code"] == code, wrong
    assert await desk.superuser.value(PASSWORD_ADDED) is None
    assert (await desk.set_up(token)).status_code == 200


async def test_a_disabled_account_ends_at_once_and_its_link_with_it(desk: Desk) -> None:
    await desk.confirmed(await desk.proposed())
    token = await desk.link()
    person = await desk.superuser.value("SELECT person_id FROM staff_credentials WHERE username = 'narges.finance'")
    assert (await desk.send(desk.first, f"/{person}/disabling")).status_code == 200

    assert (await desk.account("openings", token=token)).json()["code"] == "link_not_accepted"
    again = await desk.send(desk.first, f"/{person}/link")
    assert (again.status_code, again.json()["code"]) == (409, "account_disabled")
    own = await desk.send(desk.first, f"/{desk.first.id}/disabling")
    assert (own.status_code, own.json()["code"]) == (403, "own_role")


async def test_the_token_is_in_no_log_and_no_payload(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    await desk.confirmed(await desk.proposed())
    token = await desk.link()
    await desk.set_up(token)
    stored = (
        "SELECT (SELECT coalesce(json_agg(o), '[]') FROM outbox o)::text || (SELECT json_agg(a) FROM audit a)::text"
    )
    history = json.dumps((await desk.handle((await _newest(desk))).fetch_history()).to_json_dict())
    for place in (await desk.superuser.value(stored), history, *capfd.readouterr()):
        assert token not in place
        assert PASSWORD not in place


async def _newest(desk: Desk) -> str:
    return str(await desk.superuser.value("SELECT id FROM cases ORDER BY id DESC LIMIT 1"))


async def test_no_answer_to_an_operator_holds_a_secret(desk: Desk) -> None:
    proposal = await desk.propose()
    case_id = proposal.json()["id"]
    confirmation = await desk.decide(desk.second, case_id, CONFIRM)
    await desk.phase(case_id, "applied")
    token = await desk.link()
    person = await desk.superuser.value("SELECT person_id FROM staff_credentials WHERE username = 'narges.finance'")
    api, seen = desk.steps.api, [proposal.text, confirmation.text]
    paths = (f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/timeline", f"/v1/staff/{person}", "/v1/notices")
    for who in (desk.first, desk.second):
        seen += [(await api.get(path, headers=who.headers())).text for path in paths]
    seen.append((await desk.send(desk.first, f"/{person}/link")).text)
    told = " ".join(seen)
    for secret in (token, "password", "secret", "totp", "activate"):
        assert secret not in told, secret
    assert await desk.superuser.value("SELECT count(*) FROM one_time_codes WHERE code_sealed IS NOT NULL") <= 1
