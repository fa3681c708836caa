"""Scenes in which members show who they are and officers look at it (F4)."""

from __future__ import annotations

import itertools
from typing import Final
from uuid import UUID

from commands.command import Context
from commands.kyc import submit_identity
from domain.access import Role
from messages.case import StepInput
from messages.kyc import DocumentKind, TaskKind
from tests.arrange import Someone
from tests.commands.onboarding_steps import run
from tests.files_made import picture
from tests.identity import BASIC, add_picture, form_with, prepare
from tests.web.form_window import Desk, Window
from web.kyc.form import WIZARD

BORN: Final = {"birth_date__day": "۱۲", "birth_date__month": "۳", "birth_date__year": "۱۳۶۸"}
LATIN: Final = {"latin_first": "Maryam", "latin_last": "Rezaei"}
_STEP: Final = "/identity/form/{draft_id}/{step}"
_PICTURE: Final = "/identity/form/{draft_id}/pictures/{kind}"
_MENDING: Final = "/identity/corrections/{case_id}"
_REASON: Final = "نور چراغ روی کارت افتاده است"
_ROUNDS: Final = itertools.count(7_000)


async def submitted(context: Context, member: Someone, level: str = "basic") -> UUID:
    """A form of a member's is sent; returns its case, which no process has seen yet."""
    await prepare(context, member)
    pictures = {kind: await add_picture(context, member, kind) for kind in BASIC}
    typed = await form_with(context, member, pictures)
    case_id: UUID = await run(context, member, lambda command: submit_identity(command, level, typed))
    return case_id


async def review_of(desk: Desk, member: Someone) -> UUID:
    """The case of a member's form, once officers are asked."""
    sql = "SELECT id FROM cases WHERE person_id = %s AND kind = 'kyc' AND closed_at IS NULL"
    case_id = UUID(str(await desk.superuser.value(sql, member.id)))
    await desk.transitions.request_decision(StepInput(case_id, next(_ROUNDS)))
    return case_id


async def members_show_who_they_are(desk: Desk) -> None:
    """Forms are begun, filled in with every way back, taken back, mended, accepted and refused."""
    await _take_back(desk)
    officer = desk.of(await desk.arrange.platform(Role.KYC_OFFICER))
    for says in ("accept", "refuse"):
        member = await desk.arrange.person("member")
        await prepare(desk.context, member)
        window = await _fill_in(desk, member)
        await window.send(_STEP, "to=on")
        case_id = await review_of(desk, member)
        await _claim(desk, officer, case_id)
        faults = {"faults__birth_date": "does_not_match", "faults__card": "other", "faults__selfie": "unreadable"}
        await officer.decide("return", **faults, note=_REASON)
        await desk.transitions.request_resubmission(StepInput(case_id, next(_ROUNDS)))
        await window.go(f"/identity/corrections/{case_id}")
        await window.send(f"{_MENDING}/pictures/{{kind}}", file=picture(size=(90, 60)))
        await window.send(_MENDING, birth_date__day="۱۳", card_id="*")
        await desk.transitions.request_decision(StepInput(case_id, next(_ROUNDS)))
        await _claim(desk, officer, case_id)
        await officer.decide(says, **({"reason": _REASON} if says == "refuse" else {}))


async def _take_back(desk: Desk) -> None:
    member = await desk.arrange.person("member")
    await prepare(desk.context, member)
    window = await desk.of(member).go("/identity")
    await window.send("/identity/form", naming="basic")
    await (await window.go("/identity")).send("/identity/form/{draft_id}/removal")
    window = await _fill_in(desk, member)
    for back in ("level", "who", "accounts", "pictures"):
        await window.send(_STEP, f"to={back}")
        await _go_on(window)
    for back in ("pictures", "accounts", "who", "level"):
        await window.send(_STEP, f"to={back}")
    await _go_on(window)
    await window.send(_STEP, "to=on")
    case_id = await review_of(desk, member)
    await (await window.go(f"/cases/{case_id}")).send("/identity/withdrawals/{case_id}")


async def _go_on(window: Window) -> None:
    """To the last step, with what is kept of the others."""
    for _step in WIZARD.steps[:-1]:
        if "/look" not in window.path:
            await window.send(_STEP, "to=on")
    assert "/look" in window.path


async def _fill_in(desk: Desk, member: Someone) -> Window:
    """A form that only waits to be sent."""
    window = await desk.of(member).go("/identity")
    await window.send("/identity/form", naming="full")
    await window.send(_STEP, "to=on")
    await window.send(_STEP, "to=on", **BORN, **LATIN)
    await window.send(_STEP, "to=on")
    for number, kind in enumerate(DocumentKind):
        await window.send(_PICTURE, naming=f"pictures/{kind}", file=picture(size=(64 + number, 48)))
    return await window.send(_STEP, "to=on")


async def _claim(desk: Desk, officer: Window, case_id: UUID) -> None:
    await officer.go(await desk.task(case_id, TaskKind.REVIEW_IDENTITY))
    await officer.send("/tasks/{task_id}/claim")
