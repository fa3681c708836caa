"""Scenes of the canary: people give what is secret through every field that takes it, rightly and wrongly (G1, F2).

A capability whose fields take something secret adds a scene to ``AT_REST`` or, if it needs relay and worker, to
``DELIVERED``. What it gives comes from ``Canary.marks``; what is left afterwards is searched for all of it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

import httpx2
import sqlalchemy as sa

from domain.access import Role
from storage.database import create_engine
from tests.arrange import eventually
from tests.canary import Kind, Marks
from tests.canary_world import Canary
from tests.journeys.steps import Steps
from tests.length import IS_LONG
from tests.personnel_steps import Line, csv_of
from tests.staff_steps import Desk
from tests.web.conftest import cookies
from tests.wire import Wire

# At which of Postgres's answers in a command the connection breaks.
_BREAKS: Final = range(1, 20) if IS_LONG else (4, 8)

Scene = Callable[[Canary], Awaitable[None]]


async def members_sign_in(canary: Canary) -> None:
    """By a code, and by a password that is set and renewed; each wrongly first."""
    marks, who = canary.marks, await canary.person()
    known = {"national_id": who.national_id, "mobile": who.mobile}
    wrong = marks.new(Kind.TOKEN, "sign-in, an unknown device")
    asked = (await canary.send("POST", "/v1/sign-in/codes", known | {"device_token": wrong})).json()
    typed = {"challenge_id": asked["challenge_id"], "code": marks.new(Kind.CODE, "sign-in, wrong")}
    assert (await canary.send("POST", "/v1/sign-in/sessions", typed)).status_code == 422
    typed["code"] = await canary.code(who.mobile, "code_sign_in")
    begun = (await canary.send("POST", "/v1/sign-in/sessions", typed)).json()
    device = marks.drawn(Kind.TOKEN, "sign-in, the device", begun["device_token"])
    who = replace(who, token=marks.drawn(Kind.TOKEN, "sign-in, the session", begun["token"]))

    step_up = (await canary.send("POST", "/v1/codes", {"purpose": "step_up"}, who=who)).json()
    confirmed = {"code_id": step_up["code_id"], "code": await canary.code(who.mobile, "code_step_up")}
    assert (await canary.send("POST", "/v1/step-up", confirmed, who=who)).status_code == 200
    chosen, renewed = (marks.new(Kind.PASSWORD, f"a member, {which}") for which in ("set", "renewed"))
    assert (await canary.send("PUT", "/v1/me/password", {"password": chosen}, who=who)).status_code == 200
    named = {"national_id": who.national_id, "device_token": device}
    for password, status in ((marks.new(Kind.PASSWORD, "a member, wrong"), 401), (chosen, 201)):
        answer = await canary.send("POST", "/v1/sign-in/password", named | {"password": password})
        assert answer.status_code == status, answer.text
        _note_session(marks, answer)

    asked = (await canary.send("POST", "/v1/password-renewals/codes", known)).json()
    code = await canary.code(who.mobile, "code_renew_password")
    typed = {"challenge_id": asked["challenge_id"], "code": code, "password": renewed}
    assert (await canary.send("POST", "/v1/password-renewals", typed)).status_code == 204
    answer = await canary.send("POST", "/v1/sign-in/password", named | {"password": renewed, "transport": "cookie"})
    assert answer.status_code == 201


def _note_session(marks: Marks, answer: httpx2.Response) -> None:
    if answer.is_success:
        for name in ("token", "device_token"):
            marks.drawn(Kind.TOKEN, f"a sign-in, {name}", answer.json()[name])


async def members_join(canary: Canary) -> None:
    """Somebody joins with an invitation that is none, and with the code from the SMS."""
    marks = canary.marks
    number = marks.new(Kind.MOBILE, "joining")
    wish = {"national_id": marks.new(Kind.NATIONAL_ID, "joining"), "mobile": number, "terms_version": 1}
    named = {"first_name": "نگار", "last_name": "صالحی", "invitation": marks.new(Kind.TOKEN, "joining, invitation")}
    asked = (await canary.send("POST", "/v1/joining/codes", wish | named)).json()
    code = await canary.code(number, "code_join")
    answer = await canary.send("POST", "/v1/joining/sessions", {"challenge_id": asked["challenge_id"], "code": code})
    assert answer.status_code == 201, answer.text
    _note_session(marks, answer)


async def members_name_accounts(canary: Canary) -> None:
    """A card, a sheba with its code, and an address with the code that went there."""
    marks, who = canary.marks, await canary.person()
    card = {"number": marks.new(Kind.CARD, "add_card")}
    assert (await canary.send("POST", "/v1/bank-accounts/cards", card, who=who)).status_code == 202
    sheba = {"number": marks.new(Kind.SHEBA, "add_sheba")}
    asked = (await canary.send("POST", "/v1/codes", {"purpose": "add_sheba", "subject": sheba}, who=who)).json()
    typed = sheba | {"code_id": asked["code_id"], "code": await canary.code(who.mobile, "code_add_sheba")}
    assert (await canary.send("POST", "/v1/bank-accounts/shebas", typed, who=who)).status_code == 202
    address = {"email": marks.new(Kind.EMAIL, "send_email_code")}
    asked = (await canary.send("POST", "/v1/me/email", address, who=who)).json()
    typed = {"code_id": asked["code_id"], "code": await canary.mailed_code()}
    answer = await canary.send("POST", "/v1/me/email/confirmation", typed, who=who)
    assert answer.status_code == 200, answer.text
    for path in ("/v1/me", "/v1/me/profile", "/v1/bank-accounts", "/v1/messages"):
        assert (await canary.send("GET", path, who=who)).status_code == 200
    for path in ("/", "/profile", "/bank-accounts", "/messages"):
        await canary.site.get(path, headers=cookies(who))


async def staff_follow_their_link(canary: Canary) -> None:
    """One is added by two operators, sets up their account, signs in, and changes password and key."""
    marks, superuser = canary.marks, canary.superuser
    steps = Steps(canary.api, canary.messages, canary.context.engine)
    first, second = [await canary.arrange.platform(Role.OPERATOR) for _ in range(2)]
    desk = Desk(steps, canary.temporal, superuser, canary.context, first, second)
    mobile = marks.new(Kind.MOBILE, "propose_staff")
    who = {"national_id": marks.new(Kind.NATIONAL_ID, "propose_staff"), "mobile": mobile, "username": "canary.finance"}
    await desk.confirmed(await desk.proposed(**who))
    token = marks.drawn(Kind.TOKEN, "the link", await desk.link(mobile))
    secret, key = _new_key(marks, await desk.account("openings", token=token))
    chosen, changed = (marks.new(Kind.PASSWORD, f"staff, {which}") for which in ("set up", "changed"))
    code = marks.drawn(Kind.CODE, "the app, setting up", await desk.code(secret, step=-1))
    answer = await desk.account("set-up", token=token, password=chosen, totp_key=key, totp=code)
    assert answer.status_code == 200, answer.text

    code = marks.drawn(Kind.CODE, "the app, signing in", await desk.code(secret))
    for password, status in ((marks.new(Kind.PASSWORD, "staff, wrong"), 401), (chosen, 201)):
        typed = {"username": who["username"], "password": password, "totp": code}
        answer = await canary.send("POST", "/v1/sign-in/staff", typed)
        assert answer.status_code == status, answer.text
    _note_session(marks, answer)
    signed = {"Authorization": f"Bearer {answer.json()['token']}", "Idempotency-Key": str(uuid4())}
    new_secret, new_key = _new_key(marks, await canary.send("GET", "/v1/staff-account/new-key", headers=signed))
    codes = [marks.drawn(Kind.CODE, "the app, changing", await desk.code(each, 1)) for each in (secret, new_secret)]
    typed = {"password": chosen, "totp": codes[0], "new_password": changed, "totp_key": new_key, "new_totp": codes[1]}
    answer = await canary.send("POST", "/v1/staff-account/credentials", typed, headers=signed)
    assert answer.status_code == 200, answer.text


def _new_key(marks: Marks, answer: httpx2.Response) -> tuple[str, str]:
    """A new key of an authenticator app, and what stands for it in a form."""
    assert answer.status_code == 200, answer.text
    drawn = answer.json()
    return marks.drawn(Kind.KEY, "the app", drawn["totp_secret"]), marks.drawn(Kind.KEY, "a form", drawn["totp_key"])


async def employers_send_their_list(canary: Canary) -> None:
    """A personnel file: a row that is taken, and one that is refused; then somebody of it applies for credit."""
    marks, employer = canary.marks, await canary.arrange.organisation()
    officer = await canary.arrange.hr_officer(employer)
    rows = [
        Line(
            national_id=marks.new(Kind.NATIONAL_ID, which),
            mobile=marks.new(Kind.MOBILE, which),
            sheba=marks.new(Kind.SHEBA, which),
        )
        for which in ("a personnel file", "a refused row")
    ]
    rows[1] = rows[1].but(region_code="nowhere")
    signed = officer.headers() | {"Content-Type": "text/csv; charset=utf-8"}
    path = f"/v1/organisations/{employer}/personnel-imports"
    sent = await canary.api.post(path, content=csv_of(rows), headers=signed)
    assert sent.status_code == 202, sent.text
    path = f"/v1/personnel-imports/{sent.json()['id']}"

    async def read() -> bool:
        return bool((await canary.send("GET", path, who=officer)).json()["phase"] == "imported")

    await eventually(read, "the file to be read")
    for part in ("/refusals", "/report"):
        await canary.send("GET", path + part, who=officer)
    asked = {"national_id": rows[0].national_id}
    assert (await canary.send("POST", "/v1/employments/searches", asked, who=officer)).status_code == 200
    steps = Steps(canary.api, canary.messages, canary.context.engine)
    member = await canary.person()
    await canary.arrange.employ(member.id, employer)
    case_id = await steps.apply(member)
    await steps.phase(officer, case_id, "awaiting_certificate")
    for who in (member, officer):
        for path in (f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/timeline"):
            await canary.send("GET", path, who=who)


def _login(canary: Canary, which: str) -> dict[str, str]:
    """A login of another site."""
    kinds = {"site": Kind.SITE, "user_name": Kind.USER_NAME, "password": Kind.PASSWORD}
    return {name: canary.marks.new(kind, f"entrust_secret, {which}") for name, kind in kinds.items()}


async def members_entrust_secrets(canary: Canary) -> None:
    """Entrusted, refused, shown, asked for again, taken back, and one that stays; through the API."""
    process, path = await canary.arbitration()
    member, holder, here = process.employer, process.arbitrators[0], f"/v1{path}"
    unreadable: dict[str, Any] = _login(canary, "malformed")
    for name in ("site", "user_name", "password"):
        answer = await canary.send("POST", here, unreadable | {name: [unreadable[name]]}, who=member)
        assert answer.status_code == 422
    answer = await canary.send("POST", here, _login(canary, "no address") | {"site": "shop"}, who=member)
    assert answer.json()["code"] == "bad_site"
    assert (await canary.send("POST", here, _login(canary, "of nobody's"), who=holder)).status_code == 403

    secrets = [(await canary.send("POST", here, _login(canary, which), who=member)).json() for which in ("a", "b")]
    shown, key = f"{here}/{secrets[0]['id']}/show", {"Idempotency-Key": str(uuid4())}
    wrong = canary.marks.new(Kind.CODE, "show_secret, wrong")
    assert (await canary.send("POST", shown, who=holder, headers={"TOTP": wrong})).status_code == 422
    first, again = [await canary.send("POST", shown, who=holder, headers=key) for _ in range(2)]
    assert (first.status_code, first.json()["password"] in canary.marks.made) == (200, True)
    assert (again.status_code, again.json()["password"]) == (200, None)
    for who in (member, holder, process.operator):
        assert (await canary.send("GET", here, who=who)).status_code == 200
        await canary.send("GET", f"/v1{path.removesuffix('/secrets')}/timeline", who=who)
    assert (await canary.send("DELETE", f"{here}/{secrets[0]['id']}", who=member)).status_code == 200
    assert (await canary.send("POST", shown, who=holder)).json()["code"] == "secret_gone"


async def secrets_on_pages(canary: Canary) -> None:
    """The same by forms; one is refused, one is sent when its session has ended and kept without secrets."""
    process, path = await canary.arbitration()
    member, holder = await canary.again(process.employer), process.arbitrators[0]
    refused = await canary.submit(path, member, **(_login(canary, "a page, refused") | {"site": ""}))
    assert refused.status_code == 422
    assert (await canary.submit(path, member, **_login(canary, "a page"))).status_code == 303
    secret_id = await canary.superuser.value("SELECT id FROM entrusted_secrets ORDER BY entrusted_at DESC LIMIT 1")
    code = canary.marks.drawn(Kind.CODE, "the app, on a page", holder.totp or "")
    shown = await canary.submit(f"{path}/{secret_id}", holder, totp=code)
    assert (shown.status_code, "Refresh" in shown.headers) == (200, True)
    for who in (member, holder):
        for page in (path, path.removesuffix("/secrets"), f"{path}/{secret_id}"):
            await canary.site.get(page, headers=cookies(who))

    await canary.superuser.run("UPDATE sessions SET ended_at = now() WHERE person_id = %s", member.id)
    late = await canary.submit(path, member, **_login(canary, "a page, too late"))
    kept = re.search(r"__Host-form=([^;]+);", late.headers["set-cookie"])
    assert kept is not None
    signed = cookies(await canary.again(member))
    resumed = await canary.site.get("/resume", headers={"Cookie": f"{signed['Cookie']}; __Host-form={kept[1]}"})
    # As it is answered when something in it is to be mended.
    assert resumed.status_code in {200, 422}


async def strangers_at_pages(canary: Canary) -> None:
    """Every form of the doors, filled in by somebody whom nobody knows; and a password that is typed twice."""
    marks = canary.marks
    national_id, mobile = marks.new(Kind.NATIONAL_ID, "a page"), marks.new(Kind.MOBILE, "a page")
    known = {"national_id": national_id, "mobile": mobile}
    password = marks.new(Kind.PASSWORD, "a page, sign-in")
    await canary.submit("/sign-in", **known)
    await canary.submit("/sign-in", **(known | {"mobile": f"{mobile}0"}))
    code = marks.new(Kind.CODE, "a page, sign-in")
    await canary.submit("/sign-in/code", challenge_id=str(uuid4()), code=code)
    await canary.submit("/sign-in/password", national_id=national_id, password=password)
    await canary.submit("/sign-in/staff", username="nobody", password=password, totp=code)
    await canary.submit("/sign-in/renewal", national_id=national_id, email=marks.new(Kind.EMAIL, "a page, renewal"))
    await canary.submit("/activate", token=marks.new(Kind.TOKEN, "a page, the link"))
    who = await canary.person()
    again = {"again": marks.new(Kind.PASSWORD, "a page, typed otherwise")}
    chosen = {"password": marks.new(Kind.PASSWORD, "a page, set")}
    assert (await canary.submit("/profile/password", who, **(chosen | again))).status_code == 422
    answer = await canary.submit("/profile/password", who, **chosen, again=chosen["password"])
    assert answer.status_code == 303
    await canary.submit("/profile/password", who, **chosen, **again, surprise=chosen["password"])


async def postgres_goes_away(canary: Canary) -> None:
    """It is not there, it breaks off in the middle of a command, and the vault's alone is not there."""
    there, vault, who = sa.make_url(canary.database.app_url), canary.context.vault, await canary.person()
    assert vault is not None
    process, path = await canary.arbitration()
    member = await canary.again(process.employer)
    async with Wire.to(str(there.host), int(there.port or 0)) as wire, contextlib.AsyncExitStack() as ends:
        urls = (canary.database.app_url, canary.database.vault_url)
        engines = [create_engine(wire.url(url), pool=2) for url in urls]
        for engine in engines:
            ends.push_async_callback(engine.dispose)
        async with canary.over(replace(canary.context, engine=engines[0], side=engines[0])):
            for number in _BREAKS:
                wire.begin(lose_answer=number)
                chosen = {"password": canary.marks.new(Kind.PASSWORD, f"a command that broke off at {number}")}
                await canary.send("PUT", "/v1/me/password", chosen, who=who)
            wire.is_dead = True
            for engine in engines:
                await engine.dispose()
            named = {"national_id": who.national_id, "password": canary.marks.new(Kind.PASSWORD, "Postgres is away")}
            assert (await canary.send("POST", "/v1/sign-in/password", named)).status_code == 503
            assert (await canary.submit("/sign-in/password", **named)).status_code >= 422
            staff = {"username": "nobody", "password": named["password"], "totp": "123456"}
            assert (await canary.send("POST", "/v1/sign-in/staff", staff)).status_code == 503
        async with canary.over(replace(canary.context, vault=replace(vault, engine=engines[1]))):
            login = _login(canary, "the vault is away")
            answer = await canary.send("POST", f"/v1{path}", login, who=member)
            assert answer.json()["code"] == "vault_away"
            assert (await canary.submit(path, member, **login)).status_code == 422


# Before anything is delivered: what they promise is sent afterwards.
AT_REST: Final[tuple[Scene, ...]] = (
    members_entrust_secrets,
    secrets_on_pages,
    strangers_at_pages,
    postgres_goes_away,
)
# With relay and worker at work.
DELIVERED: Final[tuple[Scene, ...]] = (
    members_sign_in,
    members_join,
    members_name_accounts,
    staff_follow_their_link,
    employers_send_their_list,
)
