"""Every page, as its people see it: accessible, whole on a phone, valid HTML, and never broken for anybody."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright._impl._driver import compute_driver_executable

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import USUAL_CARD
from gateways.local_sign_ins import write_local_sign_ins
from gateways.payment import LinkRequest
from stack.places import PROJECT
from tests.api.world import EVERYBODY, World, make_world
from tests.applications import bank_beside, site_over
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.length import IS_LONG
from tests.web.conftest import Visit
from tests.web.visitor import SESSION_COOKIE, PageVisitor
from web.app import page_addresses

_PHONE, _DESK = 360, 1280
_CHALLENGE = "0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"
# Each page, who looks at it, and the address with the things of the world; `?` begins what the route does not name.
_PAGES: dict[str, tuple[str, str]] = {
    "/": ("member_own", "/"),
    "/sign-in": ("anonymous", "/sign-in"),
    "/sign-in/code": ("anonymous", f"/sign-in/code?challenge={_CHALLENGE}"),
    "/join": ("anonymous", "/join"),
    "/join/code": ("anonymous", f"/join/code?challenge={_CHALLENGE}"),
    "/invite": ("member_own", "/invite"),
    "/profile": ("member_own", "/profile"),
    "/profile/email": ("member_own", "/profile/email"),
    "/profile/mobile": ("member_own", "/profile/mobile"),
    "/profile/accounts": ("member_own", "/profile/accounts"),
    "/profile/accounts/cards": ("member_own", "/profile/accounts/cards"),
    "/profile/accounts/shebas": ("member_own", "/profile/accounts/shebas"),
    "/profile/password": ("member_own", "/profile/password"),
    "/identity": ("member_own", "/identity"),
    "/identity/form/{draft_id}/{step}": ("member_own", "/identity/form/{identity_draft}/pictures"),
    "/sign-in/password": ("anonymous", "/sign-in/password"),
    "/sign-in/renewal": ("anonymous", "/sign-in/renewal"),
    "/sign-in/renewal/code": ("anonymous", f"/sign-in/renewal/code?challenge={_CHALLENGE}"),
    "/terms": ("member_own", "/terms"),
    "/sign-in/staff": ("anonymous", "/sign-in/staff"),
    "/confirm": ("member_own", "/confirm?next=/credit"),
    "/apply": ("member_own", "/apply"),
    "/apply/{programme}": ("member_own", "/apply/tavana"),
    "/withdrawals": ("member_own", "/withdrawals"),
    "/withdrawals/new": ("member_own", "/withdrawals/new"),
    "/withdrawals/new/code": ("member_own", f"/withdrawals/new/code?again={_CHALLENGE}"),
    "/payouts": ("settlement_officer", "/payouts"),
    "/payouts/{payout_id}": ("settlement_officer", "/payouts/{payout}"),
    "/payouts/{payout_id}/answers/{answer_id}/refusals": (
        "settlement_officer",
        "/payouts/{payout}/answers/{payout_answer}/refusals",
    ),
    "/payouts/{payout_id}/lines/{line_id}": ("settlement_officer", "/payouts/{payout}/lines/{payout_line}"),
    "/cases": ("member_own", "/cases"),
    "/cases/{case_id}": ("member_own", "/cases/{asked_case}"),
    "/cases/{case_id}/guarantor": ("member_own", "/cases/{asked_case}/guarantor"),
    "/guarantees": ("guarantor_own", "/guarantees"),
    "/guarantees/{guarantee_id}": ("guarantor_own", "/guarantees/{guarantee}"),
    "/credit": ("member_own", "/credit"),
    "/credit/{line_id}": ("member_own", "/credit/{line}"),
    "/credit/{line_id}/card": ("member_own", f"/credit/{{line}}/card?code_id={_CHALLENGE}"),
    "/credit/{line_id}/card/code": ("member_own", "/credit/{line}/card/code"),
    "/credit/{line_id}/guarantor": ("member_own", "/credit/{tavana_line}/guarantor"),
    "/normal-payments": ("member_own", "/normal-payments"),
    "/normal-payments/new": ("member_own", "/normal-payments/new"),
    "/normal-payments/{case_id}/answer": ("guarantor_own", "/normal-payments/{asked_payment}/answer"),
    "/normal-payments/{case_id}/payment": ("member_own", "/normal-payments/{payable}/payment"),
    "/escrow/jobs": ("member_own", "/escrow/jobs"),
    "/escrow/jobs/{job_id}": ("member_own", "/escrow/jobs/{job}"),
    "/escrow/jobs/{job_id}/payments/new": ("member_own", "/escrow/jobs/{job}/payments/new"),
    "/escrow/begin/{draft_id}/{step}": ("member_own", "/escrow/begin/{draft}/who"),
    "/escrow/payments/{case_id}/answer": ("guarantor_own", "/escrow/payments/{asked_escrow}/answer"),
    "/escrow/payments/{case_id}/payment": ("member_own", "/escrow/payments/{payable_escrow}/payment"),
    "/escrow/payments/{case_id}/{deed}": ("member_own", "/escrow/payments/{held_escrow}/dispute"),
    "/escrow/payments/{case_id}/{deed}/code": (
        "member_own",
        f"/escrow/payments/{{held_escrow}}/release/code?again={_CHALLENGE}",
    ),
    "/escrow/figures": ("operator", "/escrow/figures"),
    "/balance": ("member_own", "/balance"),
    "/papers": ("member_own", "/papers"),
    "/check/{token}": ("anonymous", "/check/{paper_token}"),
    "/payments": ("member_own", "/payments"),
    "/payments/{case_id}": ("member_own", "/payments/{payment}"),
    "/payments/{case_id}/back": ("anonymous", "/payments/{payment}/back"),
    "/messages": ("member_own", "/messages"),
    "/cases/{case_id}/attachments": ("member_own", "/cases/{case}/attachments"),
    "/cases/{case_id}/words": ("finance_own", "/cases/{asked_case}/words"),
    "/cases/{case_id}/secrets": ("member_own", "/cases/{secret_case}/secrets"),
    "/cases/{case_id}/secrets/{secret_id}": ("arbitrator", "/cases/{secret_case}/secrets/{secret}"),
    "/inbox": ("finance_own", "/inbox"),
    "/inbox/together": ("finance_own", "/inbox/together?task={review_task}"),
    "/tasks/{task_id}": ("finance_own", "/tasks/{review_task}"),
    "/tasks/{task_id}/decision": ("finance_own", "/tasks/{review_task}/decision?decision=approve&version=1"),
    "/personnel": ("hr_own", "/personnel"),
    "/personnel/imports/{import_id}": ("hr_own", "/personnel/imports/{import}"),
    "/personnel/people": ("hr_own", "/personnel/people"),
    "/mobile-changes": ("welfare_own", "/mobile-changes"),
    "/certificates": ("hr_own", "/certificates"),
    "/certificates/{certificate_id}/revocation": ("hr_own", "/certificates/{certificate}/revocation"),
    "/operations": ("operator", "/operations"),
    "/operations/late": ("operator", "/operations/late"),
    "/operations/findings": ("operator", "/operations/findings"),
    "/operations/ledger": ("operator", "/operations/ledger"),
    "/operations/imports": ("operator", "/operations/imports"),
    "/operations/notices": ("operator", "/operations/notices?state=failed"),
    "/operations/services": ("operator", "/operations/services"),
    "/operations/services/{name}": ("operator", "/operations/services/onboarding"),
    "/operations/holidays": ("operator", "/operations/holidays"),
    "/clearing": ("settlement_officer", "/clearing"),
    "/clearing/{case_id}": ("settlement_officer", "/clearing/{clearing}"),
    "/clearing/suspense": ("auditor", "/clearing/suspense"),
    "/staff": ("operator", "/staff"),
    "/staff/new": ("operator", "/staff/new"),
    "/staff/{person_id}": ("operator", "/staff/{colleague}"),
    "/activate": ("anonymous", "/activate"),
    "/staff-account/password": ("operator", "/staff-account/password"),
    "/staff-account/key": ("operator", "/staff-account/key"),
    "/help": ("anonymous", "/help"),
    "/developer": ("anonymous", "/developer"),
    "/developer/enter": ("anonymous", "/developer/enter"),
    "/styleguide": ("anonymous", "/styleguide"),
    "/bank/{authority}": ("anonymous", "/bank/{authority}"),
}
# The same pages in other states, or for other people.
_MORE: tuple[tuple[str, str], ...] = (
    ("guarantor_own", "/"),
    ("finance_own", "/cases/{reviewed_case}"),
    ("finance_own", "/cases"),
    ("hr_own", "/inbox"),
    ("hr_own", "/tasks/{task}"),
    ("auditor", "/operations"),
    ("auditor", "/cases/{active}"),
    ("auditor", "/cases/{secret_case}/secrets"),
    ("arbitrator", "/cases/{secret_case}"),
    ("member_own", "/cases/{substitution}"),
    ("member_own", "/cases/{active}"),
    ("member_own", "/cases/{payable}"),
    ("guarantor_own", "/cases/{asked_payment}"),
    ("guarantor_own", "/escrow/jobs/{job}"),
    ("operator", "/escrow/jobs/{job}"),
    ("member_own", "/normal-payments/new?job={job}"),
    ("operator", "/confirm"),
    ("operator", "/profile"),
    ("operator", "/inbox"),
    ("support_agent", "/mobile-changes"),
    ("anonymous", "/bank/{paid_authority}?returns=2"),
    ("member_own", "/cases/{payment}"),
    ("member_own", "/identity/form/{identity_draft}/accounts"),
    ("auditor", "/cases/{payment}"),
    ("member_foreign", "/"),
    ("member_foreign", "/cases"),
)
# Opened by tests that play them, for they need what only a process or a form brings; or no pages at all.
_PLAYED = {
    "/cases/{case_id}/correction",
    "/guarantees/{guarantee_id}/acceptance",
    "/payments/{case_id}/bank",
    "/payments/{case_id}/returns/{return_id}/sheba",
    "/pay/return/{token}",
    "/inbox/bulk",
    "/profile/accounts/shebas/code",
    "/identity/corrections/{case_id}",
    "/identity/reviews/{case_id}/pictures/{document_id}",
    "/resume",
    "/personnel/people/{employment_id}",
}
# Who opens every page in the suite; everybody does in the long form. Who is missing has what one of them has.
_ANYBODY = ("anonymous", "member_own", "member_foreign", "guarantor_own", "hr_own", "finance_other", "operator")
_OPERATOR = {
    "fa": "میز عملیات",
    "en": "operator",
    "host": "operator-1",
    "username": "operator-1",
    "password": "not-one-in-use",
    "totp_secret": "A" * 32,
}
_BY_THEIR_NAME = (
    *("attachment", "certificate", "employment", "finding", "grant", "import", "notice", "payout", "session"),
    *("withdrawal", "job", "draft", "secret"),
)
_FILES = {
    "/cases/{case_id}/attachments/{attachment_id}",
    "/papers/{paper_id}",
    "/identity/pictures/{document_id}",
    "/identity/reviews/{case_id}/pictures/{document_id}/content",
    "/payouts/{payout_id}/file",
    "/personnel/example",
    "/personnel/imports/{import_id}/report",
}


@pytest.fixture
async def world(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, messages_dir: Path
) -> World:
    """One of everything."""
    world, bank = await make_world(context, activity_context, arrange, superuser), bank_beside(messages_dir)
    request = LinkRequest(2_500_000, "https://amanat.test/", "1", "پرداخت")
    for thing in ("authority", "paid_authority"):
        world.things[thing] = (await bank.request_link(request)).authority
    bank.pay(world.things["paid_authority"], USUAL_CARD)
    return world


def test_every_page_is_looked_at() -> None:
    assert page_addresses("GET") == set(_PAGES) | _PLAYED | _FILES


async def _look_at_all(visit: Visit, world: World, language: str, directory: Path) -> None:
    """Open each page once, and look at it; in the suite thoroughly at the first page of each person."""
    by_person: dict[str, list[str]] = {}
    for who, address in (*_PAGES.values(), *_MORE):
        by_person.setdefault(who, []).append(address)
    for who, addresses in by_person.items():
        visitor = await visit(world.people.get(who), language=language)
        for number, address in enumerate(addresses):
            page = re.sub(r"[^a-z]+", "-", address.partition("?")[0]).strip("-")
            name = f"{language}-{who}-{number:02}-{page or 'home'}"
            answer = await visitor.go(address.format_map(world.things))
            (directory / f"{name}.html").write_bytes(await answer.body())
            await _look_at(visitor, name, is_thorough=IS_LONG or number == 0)


async def _look_at(visitor: PageVisitor, name: str, *, is_thorough: bool) -> None:
    """Look at the page that is open: as a phone shows it, and thoroughly at a desk and in the dark too."""
    await visitor.page.set_viewport_size({"width": _PHONE, "height": 740})
    await visitor.assert_fits()
    await visitor.assert_accessible()
    if is_thorough:
        await visitor.picture(f"{name}-{_PHONE}")
        await visitor.assert_readable_in_the_dark()
        await visitor.page.set_viewport_size({"width": _DESK, "height": 900})
        await visitor.assert_accessible()
        await visitor.picture(f"{name}-{_DESK}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", ["fa", pytest.param("en", marks=pytest.mark.long)])
async def test_every_page_is_accessible_and_valid(
    visit: Visit, world: World, language: str, tmp_path: Path, messages_dir: Path
) -> None:
    write_local_sign_ins(messages_dir, [_OPERATOR])
    await _look_at_all(visit, world, language, tmp_path)
    assert _invalid(tmp_path) == ""


def _invalid(directory: Path) -> str:
    """What html-validate finds in a directory's pages."""
    program, _ = compute_driver_executable()
    validator = PROJECT / "web/node_modules/html-validate/bin/html-validate.mjs"
    config = PROJECT / "tests/web/htmlvalidate.json"
    pages = [str(page) for page in sorted(directory.glob("*.html"))]
    done = subprocess.run(
        [program, str(validator), "--config", str(config), "--formatter", "text", *pages],
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr)[-3_000:] if done.returncode else ""


async def test_no_page_is_broken_for_anybody(context: Context, messages_dir: Path, world: World) -> None:
    """Whoever opens whatever: their page, the way to the sign-in, or a calm no."""
    app = site_over(context, messages_dir)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    answers: dict[tuple[str, str], int] = {}
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        for who in EVERYBODY if IS_LONG else _ANYBODY:
            for _, address in (*_PAGES.values(), *_MORE):
                token = "" if who == "anonymous" else world.people[who].token
                path = address.format_map(world.things)
                answer = await client.get(path, headers={"Cookie": f"{SESSION_COOKIE}={token}"} if token else {})
                answers[who, path] = answer.status_code
    assert {key: status for key, status in answers.items() if status not in {200, 303, 403, 404}} == {}
    private = (
        "/cases/",
        "/tasks/",
        "/guarantees/",
        f"/normal-payments/{world.things['payable']}",
        "/credit/",
        "/payments/",
        "/personnel/imports/",
        "/certificates",
    )
    opened = {who for (who, path), status in answers.items() if status == 200 and path.startswith(private)}
    assert "member_foreign" not in opened
    assert "finance_other" not in opened


_GIVEN: dict[str, str] = {"step": "who", "what": "ruling", "kind": "selfie"}
_THINGS = {
    "difference_id": "clearing",
    "return_id": "payment",
    "draft_id": "draft",
    "job_id": "job",
    "subject_id": "ruling",
}


async def _send_all(
    client: httpx2.AsyncClient, path: str, someone: Someone | None, nonsense: tuple[dict[str, Any], ...]
) -> list[int]:
    """What each nonsense is answered; in the short form until it is clear that the form is not theirs."""
    cookie = {} if someone is None else {"Cookie": f"{SESSION_COOKIE}={someone.token}"}
    sent: list[int] = []
    for data in nonsense:
        answer = await client.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin", **cookie})
        sent.append(answer.status_code)
        if not IS_LONG and answer.status_code in {303, 403, 404}:
            break
    return sent


async def test_no_form_is_broken_by_nonsense(context: Context, messages_dir: Path, world: World) -> None:
    """Whatever is sent to whatever form: the form again with what is wrong, a page that says no, or the next page."""
    app = site_over(context, messages_dir)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    things: dict[str, Any] = world.things | {
        "case_id": world.things["asked_case"],
        "task_id": world.things["review_task"],
        "guarantee_id": world.things["guarantee"],
        "line_id": world.things["tavana_line"],
        "person_id": world.things["colleague"],
        "deed": "grants",
        **_GIVEN | {name: world.things[thing] for name, thing in _THINGS.items()},
        "account_id": world.things["bank_account"],
        **{f"{thing}_id": world.things[thing] for thing in _BY_THEIR_NAME},
        "programme": "tavana",
        "name": "onboarding",
        "day": "2027-03-10",
    }
    nonsense: tuple[dict[str, Any], ...] = (
        {},
        {"key": "x", "decision": "\x00", "version": "۱۲", "task": "nobody", "next": "//evil.test"},
        {"monthly_amount": "10" * 40, "monthly_amount.amount": "-5", "instalments": "۱۲٫۵", "step": "99"},
        {"guarantors.0.national_id": "<b>", "national_id": "x" * 600, "mandate.code": "💥", "code": "1", "kind": "x"},
    )
    answers: dict[tuple[str, str, int], int] = {}
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        for address in sorted(page_addresses("POST") - {"/sign-out"}):
            path = address.format_map(things)
            for who in ("anonymous", "member_own", "guarantor_own", "finance_own", "hr_own", "operator"):
                sent = await _send_all(client, path, world.people.get(who), nonsense)
                answers |= {(path, who, number): status for number, status in enumerate(sent)}
                if len(sent) == len(nonsense) and not IS_LONG:
                    # It is theirs: others may send it in the long form.
                    break
    broken = {key: status for key, status in answers.items() if status not in {200, 303, 403, 404, 409, 422, 429}}
    assert broken == {}
