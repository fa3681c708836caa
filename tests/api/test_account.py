"""Sign-in, sessions, fresh codes and staff over HTTP: shapes, errors, cookies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from commands.command import Context
from domain.access import Grant
from domain.account import CODE_SENT
from domain.identity import Mobile, NationalId, mask_mobile, mask_national_id
from tests.account_people import (
    AUDITOR,
    OPERATOR,
    Member,
    add_employee,
    add_member,
    mobile,
    national_id,
    sent_code,
    totp,
    value,
)

COOKIE = "__Host-session"
MANDATE = {
    "purpose": "accept_mandate",
    "subject": {
        "programme": "minipay",
        "monthly_amount": {"amount": 20_000_000, "unit": "IRR"},
        "instalments": 12,
        "mandate_version": 1,
    },
}


async def ask(api: httpx2.AsyncClient, member: Member) -> httpx2.Response:
    return await api.post("/v1/sign-in/codes", json={"national_id": member.national_id, "mobile": member.mobile})


async def enter(
    api: httpx2.AsyncClient, context: Context, member: Member, transport: str = "bearer"
) -> httpx2.Response:
    challenge = (await ask(api, member)).json()["challenge_id"]
    code = await sent_code(context, UUID(challenge))
    return await api.post(
        "/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code, "transport": transport}
    )


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


def keyed(token: str, key: str = "") -> dict[str, str]:
    return bearer(token, **{"Idempotency-Key": key or f"key-{uuid4()}"})


async def member_token(api: httpx2.AsyncClient, context: Context, number: int = 1) -> str:
    token = (await enter(api, context, await add_member(context, number))).json()["token"]
    assert isinstance(token, str)
    return token


async def staff_token(
    api: httpx2.AsyncClient, context: Context, username: str, *grants: Grant, number: int = 500, strong: bool = False
) -> str:
    credentials = await add_employee(context, username, *grants, number=number)
    answer = await api.post(
        "/v1/sign-in/staff",
        json={
            "username": username,
            "password": credentials.password,
            "totp": await totp(context, credentials.totp_secret),
        },
    )
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert isinstance(token, str)
    if not strong:
        stale = "UPDATE sessions SET strong_until = now() - interval '1 second' WHERE person_id = :person"
        await value(context, stale, person=credentials.person_id)
    return token


def without(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: item for key, item in body.items() if key != name}


async def test_known_and_unknown_people_get_the_same_answer(api: httpx2.AsyncClient, context: Context) -> None:
    member = await add_member(context)
    answers = [
        await ask(api, whose)
        for whose in (member, Member(uuid4(), national_id(8), mobile(8)), Member(uuid4(), national_id(1), mobile(9)))
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    bodies = [without(answer.json(), "challenge_id") for answer in answers]
    expected = {"expires_in_seconds": 300, "sentence": CODE_SENT.fa, "sentence_en": CODE_SENT.en}
    assert bodies == [expected] * 3
    assert len({answer.json()["challenge_id"] for answer in answers}) == 3
    names = [set(answer.headers) for answer in answers]
    assert names[0] == names[1] == names[2]


@pytest.mark.parametrize("known", [True, False])
async def test_the_second_request_too_soon_is_told_when_to_come_back(
    api: httpx2.AsyncClient, context: Context, known: bool
) -> None:
    member = await add_member(context) if known else Member(uuid4(), national_id(8), mobile(8))
    await ask(api, member)
    answer = await ask(api, member)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 20 <= int(answer.headers["retry-after"]) <= 30


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"national_id": "1234567890"}, "bad_national_id", "national_id"),
        ({"mobile": "0912"}, "bad_mobile", "mobile"),
        ({"mobile": "9" * 41}, "invalid_input", "mobile"),
        ({"more": "1"}, "invalid_input", "more"),
    ],
)
async def test_a_malformed_request_names_the_field(
    api: httpx2.AsyncClient, change: dict[str, str], code: str, field: str
) -> None:
    body = {"national_id": national_id(1), "mobile": mobile(1)} | change
    answer = await api.post("/v1/sign-in/codes", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field)


async def test_persian_digits_sign_in_like_latin_ones(api: httpx2.AsyncClient, context: Context) -> None:
    member = await add_member(context)
    persian = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
    typed = Member(member.person_id, member.national_id.translate(persian), f"0{member.mobile[3:]}".translate(persian))
    challenge = (await ask(api, typed)).json()["challenge_id"]
    code = (await sent_code(context, UUID(challenge))).translate(persian)
    answer = await api.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code})
    assert answer.status_code == 201


async def test_a_bearer_session_tells_whose_it_is(api: httpx2.AsyncClient, context: Context) -> None:
    member = await add_member(context)
    answer = await enter(api, context, member)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    body = answer.json()
    assert body["person"] == {"id": str(member.person_id), "first_name": "مریم", "last_name": "رضایی"}
    assert body["capacity"] == "member"
    me = await api.get("/v1/me", headers=bearer(body["token"]))
    assert me.status_code == 200
    assert me.json() == {
        "person_id": str(member.person_id),
        "first_name": "مریم",
        "last_name": "رضایی",
        "national_id": mask_national_id(NationalId(member.national_id)),
        "mobile": mask_mobile(Mobile(member.mobile)),
        "capacity": "member",
        "roles": [],
        "strong_until": None,
        "language": None,
        "terms_due": 1,
    }
    assert member.national_id not in me.text
    assert member.mobile[3:] not in me.text


async def test_a_cookie_session_keeps_its_token_from_scripts(api: httpx2.AsyncClient, context: Context) -> None:
    answer = await enter(api, context, await add_member(context), "cookie")
    assert answer.json()["token"] is None
    cookie = answer.headers["set-cookie"]
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert cookie.startswith(f"{COOKIE}=")
    assert {"secure", "httponly", "samesite=lax", "path=/", "max-age=86400"} <= parts
    assert not any(part.startswith("domain") for part in parts)


async def test_a_cookie_counts_from_its_own_site_and_not_from_another(
    api: httpx2.AsyncClient, context: Context
) -> None:
    answer = await enter(api, context, await add_member(context), "cookie")
    cookie = answer.headers["set-cookie"].split(";")[0]
    api.cookies.clear()
    assert (await api.get("/v1/me", headers={"Cookie": cookie})).status_code == 200
    for foreign in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        refused = await api.post("/v1/sign-out", headers={"Cookie": cookie} | foreign)
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
    assert (await api.get("/v1/me", headers={"Cookie": cookie})).status_code == 200
    left = await api.post("/v1/sign-out", headers={"Cookie": cookie, "Origin": "https://amanat.test"})
    assert left.status_code == 204
    assert f'{COOKIE}=""' in left.headers["set-cookie"]
    api.cookies.clear()
    assert (await api.get("/v1/me", headers={"Cookie": cookie})).status_code == 401


async def test_a_wrong_code_is_refused_alike_whoever_it_was_sent_to(api: httpx2.AsyncClient, context: Context) -> None:
    known = (await ask(api, await add_member(context))).json()["challenge_id"]
    nobodys = (await ask(api, Member(uuid4(), national_id(8), mobile(8)))).json()["challenge_id"]
    wrong = f"{(int(await sent_code(context, UUID(known))) + 1) % 1_000_000:06}"

    async def tell(challenge: str) -> dict[str, object]:
        answer = await api.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": wrong})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "code_not_accepted", "code")
        return without(answer.json(), "request_id")

    of_known = [await tell(known) for _ in range(6)]
    of_nobody = [await tell(nobodys) for _ in range(6)]
    assert of_known == of_nobody
    assert [body["tries_left"] for body in of_known] == [4, 3, 2, 1, 0, None]
    assert of_known[-1] == await tell(str(uuid4()))


async def test_a_limit_says_when_it_is_over(api: httpx2.AsyncClient, context: Context) -> None:
    member = await add_member(context)
    await ask(api, member)

    answer = await ask(api, member)

    body, wait = answer.json(), int(answer.headers["Retry-After"])
    assert (answer.status_code, body["code"], body["retry_after"]) == (429, "too_many_requests", wait)
    assert 0 < wait <= 30
    assert datetime.fromisoformat(body["until"]) - datetime.now(UTC) <= timedelta(seconds=30)
    assert f"in {wait} s" in body["detail_en"]


async def test_staff_are_refused_without_saying_which_part_was_wrong(api: httpx2.AsyncClient, context: Context) -> None:
    credentials = await add_employee(context, "maryam.hr")
    bodies = []
    for username, password in (("maryam.hr", "wrong"), ("nobody", credentials.password), ("\x00", "\x00")):
        answer = await api.post(
            "/v1/sign-in/staff", json={"username": username, "password": password, "totp": "123456"}
        )
        assert answer.status_code == 401
        bodies.append(without(answer.json(), "request_id"))
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["code"] == "sign_in_refused"


async def test_a_member_steps_up_with_a_code_and_the_answer_can_be_asked_for_again(
    api: httpx2.AsyncClient, context: Context
) -> None:
    token = await member_token(api, context)
    asked = await api.post("/v1/codes", json={"purpose": "step_up"}, headers=keyed(token))
    assert (asked.status_code, asked.json()["expires_in_seconds"]) == (202, 300)
    code_id = asked.json()["code_id"]
    body = {"code_id": code_id, "code": await sent_code(context, UUID(code_id))}
    key = f"key-{uuid4()}"
    first = await api.post("/v1/step-up", json=body, headers=keyed(token, key))
    again = await api.post("/v1/step-up", json=body, headers=keyed(token, key))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    me = await api.get("/v1/me", headers=bearer(token))
    assert me.json()["strong_until"] == first.json()["strong_until"]
    other_key = await api.post("/v1/step-up", json=body, headers=keyed(token))
    assert (other_key.status_code, other_key.json()["code"]) == (422, "code_not_accepted")


async def test_a_code_is_asked_for_once_under_one_key(api: httpx2.AsyncClient, context: Context) -> None:
    token = await member_token(api, context)
    headers = keyed(token)
    first = await api.post("/v1/codes", json=MANDATE, headers=headers)
    again = await api.post("/v1/codes", json=MANDATE, headers=headers)
    assert (first.status_code, first.json()) == (202, again.json())
    other = await api.post("/v1/codes", json=MANDATE, headers=keyed(token))
    assert (other.status_code, "retry-after" in other.headers) == (429, True)


@pytest.mark.parametrize(
    "body",
    [
        {"purpose": "sign_in"},
        {"purpose": "accept_mandate"},
        MANDATE | {"subject": MANDATE["subject"] | {"instalments": 0}},  # type: ignore[operator]
        MANDATE | {"subject": MANDATE["subject"] | {"instalments": 1.0}},  # type: ignore[operator]
        MANDATE | {"subject": MANDATE["subject"] | {"monthly_amount": {"amount": "20000000"}}},  # type: ignore[operator]
        MANDATE | {"subject": MANDATE["subject"] | {"monthly_amount": {"amount": 0.5}}},  # type: ignore[operator]
        MANDATE | {"subject": MANDATE["subject"] | {"monthly_amount": {"amount": 10**18}}},  # type: ignore[operator]
        MANDATE | {"subject": MANDATE["subject"] | {"monthly_amount": {"amount": 10, "unit": "USD"}}},  # type: ignore[operator]
    ],
)
async def test_a_code_for_something_impossible_is_refused(
    api: httpx2.AsyncClient, context: Context, body: dict[str, object]
) -> None:
    token = await member_token(api, context)
    assert (await api.post("/v1/codes", json=body, headers=keyed(token))).status_code == 422


@pytest.mark.parametrize(
    "body", [{}, {"code": "123456"}, {"code_id": str(uuid4())}, {"totp": "123456", "code": "123456"}]
)
async def test_a_step_up_is_by_code_or_by_totp(api: httpx2.AsyncClient, context: Context, body: dict[str, str]) -> None:
    token = await member_token(api, context)
    answer = await api.post("/v1/step-up", json=body, headers=keyed(token))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_a_proposal_is_answered_once_for_its_key_and_says_what_is_wrong_where(
    api: httpx2.AsyncClient, context: Context
) -> None:
    token = await staff_token(api, context, "boss", OPERATOR, strong=True)
    wish = {
        "national_id": national_id(501),
        "mobile": mobile(501),
        "first_name": "علی",
        "last_name": "کریمی",
        "username": "ali.finance",
        "roles": [{"role": "finance_officer", "scope_kind": "region", "scope": "1101"}],
    }
    headers = keyed(token)
    proposed = await api.post("/v1/staff", json=wish, headers=headers)
    assert (proposed.status_code, proposed.json()["phase"]) == (201, "proposed")
    again = await api.post("/v1/staff", json=wish, headers=headers)
    assert again.json() == proposed.json()
    taken = await api.post("/v1/staff", json=wish | {"username": "boss"}, headers=keyed(token))
    assert (taken.status_code, taken.json()["code"], taken.json()["field"]) == (409, "username_taken", "username")
    wrong = wish | {"roles": [{"role": "operator", "scope_kind": "region", "scope": "1101"}]}
    refused = await api.post("/v1/staff", json=wrong, headers=keyed(token))
    assert (refused.status_code, refused.json()["field"]) == (422, "roles.0.scope")


async def test_a_role_is_proposed_for_others_and_revoked_at_once(api: httpx2.AsyncClient, context: Context) -> None:
    token = await staff_token(api, context, "boss", OPERATOR, strong=True)
    person_id = (await add_employee(context, "other", AUDITOR, number=501)).person_id
    role = {"role": "auditor", "scope_kind": "platform"}
    held = await api.post(f"/v1/staff/{person_id}/grants", json=role, headers=keyed(token))
    assert (held.status_code, held.json()["code"]) == (409, "role_already_held")
    (shown,) = (await api.get(f"/v1/staff/{person_id}", headers=bearer(token))).json()["roles"]
    address = f"/v1/staff/{person_id}/grants/{shown['id']}"
    assert (await api.delete(address, headers=keyed(token))).status_code == 200
    assert (await api.delete(address, headers=keyed(token))).status_code == 404
    me = (await api.get("/v1/me", headers=bearer(token))).json()["person_id"]
    own = await api.post(f"/v1/staff/{me}/grants", json=role, headers=keyed(token))
    assert (own.status_code, own.json()["code"]) == (403, "own_role")


@pytest.mark.parametrize("who", ["member", "auditor", "weak operator", "nobody"])
async def test_nobody_else_changes_staff(api: httpx2.AsyncClient, context: Context, who: str) -> None:
    token = {
        "member": lambda: member_token(api, context),
        "auditor": lambda: staff_token(api, context, "auditor", AUDITOR, strong=True),
        "weak operator": lambda: staff_token(api, context, "boss", OPERATOR),
    }.get(who)
    headers = {"Idempotency-Key": "key-of-nobody"} if token is None else keyed(await token())
    person_id = (await add_employee(context, "other", number=501)).person_id
    wish = {"national_id": national_id(9), "first_name": "ا", "last_name": "ب", "username": "new.one"}
    answers = [
        *[await api.post(f"/v1/staff/{person_id}/{deed}", headers=headers) for deed in ("reset", "disabling", "link")],
        await api.post("/v1/staff", json=wish | {"mobile": mobile(9)}, headers=headers),
        await api.post(
            f"/v1/staff/{person_id}/grants", json={"role": "auditor", "scope_kind": "platform"}, headers=headers
        ),
        await api.delete(f"/v1/staff/{person_id}/grants/{uuid4()}", headers=headers),
    ]
    expected = {"nobody": (401, "not_signed_in"), "weak operator": (403, "step_up_required")}
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        expected.get(who, (403, "not_allowed"))
    }


async def test_staff_are_listed_page_by_page_for_operators_and_auditors_only(
    api: httpx2.AsyncClient, context: Context
) -> None:
    token = await staff_token(api, context, "auditor", AUDITOR)
    for number in range(501, 505):
        await add_employee(context, f"clerk.{number}", OPERATOR, number=number)
    found: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        query = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        page = (await api.get("/v1/staff", params=query, headers=bearer(token))).json()
        found += [item["username"] for item in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert pages == 3
    assert sorted(found) == ["auditor", "clerk.501", "clerk.502", "clerk.503", "clerk.504"]
    assert len(page["items"][0]["roles"]) == 1
    refused = await api.get("/v1/staff", headers=bearer(await member_token(api, context)))
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/sign-out"), ("GET", "/v1/me"), ("GET", "/v1/staff"), ("POST", "/v1/codes"), ("POST", "/v1/step-up")],
)
@pytest.mark.parametrize("token", ["", "wrong"])
async def test_without_a_session_nothing_is_answered(
    api: httpx2.AsyncClient, method: str, path: str, token: str
) -> None:
    headers = {"Idempotency-Key": "key-of-nobody"} | (bearer(token) if token else {})
    body = {"purpose": "step_up"} if path == "/v1/codes" else {"totp": "123456"}
    answer = await api.request(method, path, headers=headers, json=body if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
