"""What the stand-alone stack has besides: messages that were not sent, its invented people, and the style guide.

Each of these people is signed in on a host name of their own, so that one browser holds them all. The way there is a
single-use ticket behind ``#``, which browsers send to nobody; a script moves it into a form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.developer import draw_local_ticket, local_messages, local_sign_ins, sign_in_with_ticket
from api.values import MomentOut
from domain import onboarding
from domain.catalogue import words
from domain.developer import HOST_ENDING
from domain.errors import Refusal
from domain.guarantor import GuaranteeState
from domain.wording import Sentence
from web.account import keep_language, with_cookies
from web.forms import Form, empty
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import language_of, languages
from web.page_request import CONTENT_POLICY, AnyRequest, PageRequest, recognise

router = APIRouter()

_SHOWN: Final = 20
# A link that opens something: its secret stands behind ``#``.
_LINK: Final = re.compile(r"https?://\S+#\S+")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


@router.get("/developer")
async def show_messages(request: AnyRequest) -> Response:
    """The demo's people, and the messages that the local gateways would have sent, newest first."""
    await recognise(request)
    directory = _directory(request)
    messages = [_as_read(message) for message in local_messages(directory, _SHOWN).items]
    people = local_sign_ins(directory).items
    response = request.render("developer.html", messages=messages, people=people, is_here=_is_here(request))
    leads_on = f"form-action 'self' http://*{HOST_ENDING}:*"
    response.headers["Content-Security-Policy"] = CONTENT_POLICY.replace("form-action 'self'", leads_on)
    return response


def _directory(request: PageRequest) -> Path:
    directory: Path = request.http.app.state.local_messages
    return directory


def _is_here(request: PageRequest) -> bool:
    """Whether the browser is on this machine, or reaches it as if it were: only then do the host names lead here."""
    host = request.http.url.hostname or ""
    return host in _LOOPBACK or f".{host}".endswith(HOST_ENDING)


@router.post("/developer/sign-in")
async def lead_on(request: AnyRequest) -> Response:
    """Draw a ticket for an invented person, and lead to where it counts."""
    host = (await request.form()).text("host")
    ticket = draw_local_ticket(_directory(request), host)
    # A cookie of this host name is none of that one's.
    language = f"language={request.language.code}" if LANGUAGE_COOKIE in request.http.cookies else ""
    there = {"hostname": f"{host}{HOST_ENDING}", "path": "/developer/enter", "query": language}
    return request.redirect(str(request.http.url.replace(**there, fragment=ticket)))


@router.get("/developer/enter")
async def show_entrance(request: AnyRequest, language: str = "") -> Response:
    """Where a ticket leads, in the language of where it was drawn; without script it is pasted there."""
    is_known = language in languages()
    if is_known:
        request.language = language_of(language)
    response = request.render("developer_enter.html", form=empty(request.language))
    return keep_language(response, language) if is_known else response


@router.post("/developer/enter")
async def enter(request: AnyRequest) -> Response:
    """Be signed in as the person whose host name this is."""
    form = await request.form()
    host = (request.http.url.hostname or "").removesuffix(HOST_ENDING)
    ticket = form.required("ticket").rpartition("#")[2]
    if form.is_good:
        try:
            await sign_in_with_ticket(request.api.visitor, _directory(request), host, ticket)
            return with_cookies(request, request.redirect("/"))
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("developer_enter.html", form)


def _as_read(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with what people look for: to whom, when, and the code in it."""
    # Whole seconds are enough for a person.
    at = datetime.fromtimestamp(message["at"] // 1000, UTC)
    is_mail, values = message["channel"] == "mail", message.get("values", {})
    link = _LINK.search(message["text"])
    return {
        "id": message["reference"],
        "is_mail": is_mail,
        "to": message["address"] if is_mail else f"0{message['mobile'].removeprefix('+98')}",
        "at": MomentOut.of(at),
        "subject": message.get("subject"),
        "language": message.get("language", "fa"),
        "text": message["text"],
        "code": None if link else values.get("code"),
        "link": link[0] if link else None,
    }


@router.get("/styleguide")
async def show_style_guide(request: AnyRequest) -> Response:
    """Every small part of the pages, by its name."""
    await recognise(request)
    now, translate = datetime.now(UTC), request.language.translate
    wrong = {
        "": translate("What was sent is larger than allowed."),
        "wrong_field": translate("Please fill this in."),
        "wrong_toman": translate("Write the amount in toman, in whole numbers; for example 2,500,000."),
        "wrong_day": translate("This day does not exist; for example 30 / 8 / 1405."),
        "wrong_choice": translate("Please choose one."),
    }
    typed = {"wrong_toman": "۲٫۵", "wrong_day.day": "31", "wrong_day.month": "8", "wrong_day.year": "1405"}
    return request.render(
        "styleguide.html",
        good=empty(
            request.language, amount="2500000", instalments="12", day__day="30", day__month="8", day__year="1405"
        ),
        bad=Form(request.language, typed, errors=wrong),
        soon=MomentOut.of(now + timedelta(days=2, hours=4, minutes=1)),
        over=MomentOut.of(now - timedelta(hours=5, minutes=1)),
        past=MomentOut.of(now - timedelta(days=3)),
        case=_case(now, closed=False),
        closed_case=_case(now, closed=True),
        events=_events(now),
        guarantees=[{"status": state.value, "words": words.term(GuaranteeState, state)} for state in GuaranteeState],
    )


def _case(now: datetime, *, closed: bool) -> dict[str, Any]:
    (kind,) = onboarding.WORDS.kinds
    phase = "active" if closed else "awaiting_certificate"
    return {
        "id": "01a20273-0996-7a5e-b3d3-41b84906c635",
        "kind": kind,
        "kind_words": words.kind(kind),
        "programme_title": Sentence("اعتبار مینی‌پی", "MiniPay credit"),
        "phase": phase,
        "phase_words": words.phase(kind, phase),
        "is_moving": False,
        "outcome": "active" if closed else None,
        "closed": MomentOut.of(now) if closed else None,
        "next_actor_words": None if closed else words.who("hr_officer"),
        "due": None if closed else MomentOut.of(now + timedelta(days=2, minutes=1)),
    }


def _events(now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "words": Sentence("درخواست اعتبار ثبت شد.", "The application was submitted."),
            "actor_words": words.who("applicant"),
            "at": MomentOut.of(now - timedelta(days=1)),
        },
        {
            "words": Sentence("از منابع انسانی گواهی کسر از حقوق خواسته شد.", "HR was asked for the certificate."),
            "actor_words": words.who("machine"),
            "at": MomentOut.of(now - timedelta(hours=23)),
        },
    ]
