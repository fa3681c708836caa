"""What the stand-alone stack shows besides: messages that were not sent, and the style guide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.developer import local_messages, local_sign_ins
from api.values import MomentOut
from domain import onboarding
from domain.catalogue import words
from domain.guarantor import GuaranteeState
from domain.wording import Sentence
from web.forms import Form, empty
from web.page_request import AnyRequest, recognise

router = APIRouter()

_SHOWN: Final = 20
# A link that opens something: its secret stands behind ``#``.
_LINK: Final = re.compile(r"https?://\S+#\S+")


@router.get("/developer")
async def show_messages(request: AnyRequest) -> Response:
    """The demo's people, and the messages that the local gateways would have sent, newest first."""
    await recognise(request)
    directory = request.http.app.state.local_messages
    messages = [_as_read(message) for message in local_messages(directory, _SHOWN).items]
    return request.render("developer.html", messages=messages, people=local_sign_ins(directory).items)


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
