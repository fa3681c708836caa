"""The identity form, step by step, with a draft that is kept meanwhile (F4)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.bank_account import BankAccountItem
from api.client import checked
from api.kyc.member import IdentityOut, IdentitySubmission, LevelOut, read_identity, submit_identity
from domain.draft import DraftForm
from messages.kyc import DocumentKind
from web import draft as drafts
from web.draft import Draft, DraftWizard, Step
from web.forms import Form
from web.kyc.pictures import MOST, field_of, newest_of, shown_by, take_picture
from web.kyc.reading import (
    ACCOUNTS,
    BORN,
    LATIN,
    accounts_of,
    level_in,
    levels_to_ask,
    read_account,
    read_birth_date,
    read_latin_name,
    read_level,
)
from web.page_request import PageRequest, SignedIn

router = APIRouter(prefix="/identity/form")

_PICTURES: Final = "pictures"
_LOOK: Final = "look"


async def _judge(request: PageRequest, draft: Draft) -> None:
    if draft.step.name == _LOOK:
        return
    form, identity = draft.form, await request.api.read(read_identity)
    if draft.step.name == "level":
        read_level(form, identity)
    elif draft.step.name == "who":
        read_birth_date(form, identity)
        read_latin_name(form)
    elif draft.step.name == "accounts":
        for name in ACCOUNTS:
            read_account(form, identity, name)
    elif (level := level_in(form, identity)) is not None:
        _judge_pictures(form, identity, level)


def _judge_pictures(form: Form, identity: IdentityOut, level: LevelOut) -> None:
    own = {str(one.id): one.kind.code for one in identity.documents}
    for kind in level.documents:
        name = field_of(kind.code)
        if own.get(form.text(name)) != kind.code:
            form.errors[name] = form.language.translate("This picture is still missing.")


async def _show(request: PageRequest, draft: Draft, upload: Form | None = None) -> Response:
    identity = await request.api.read(read_identity)
    level = level_in(draft.form, identity)
    if level is None and draft.step.name in {_PICTURES, _LOOK}:
        # Which pictures there have to be the level says.
        return request.redirect(WIZARD.address(draft.id))
    offered = {name: accounts_of(identity, name) for name in ACCOUNTS}
    # Who has chosen none yet is offered the one that is used as a rule.
    usual = {name: str(found[0].id) for name, found in offered.items() if found}
    draft.form.values = {**usual, **draft.form.values} if draft.step.name == "accounts" else draft.form.values
    return request.render(
        "kyc_form.html",
        status=draft.status,
        draft=draft,
        identity=identity,
        levels=levels_to_ask(identity),
        level=level,
        offered=offered,
        chosen={name: _chosen(draft.form, offered[name], name) for name in ACCOUNTS},
        newest=newest_of(identity),
        born=_born(draft.form),
        **shown_by(request, upload),
    )


def _chosen(form: Form, offered: list[BankAccountItem], name: str) -> BankAccountItem | None:
    """The card or sheba that was chosen, to be shown; None for none."""
    return next((one for one in offered if str(one.id) == form.text(name)), None)


def _born(form: Form) -> str:
    """The day of birth as it was typed, to be shown; what is wrong with it is said elsewhere."""
    parts = [form.text(f"{BORN}.{part}") for part in ("year", "month", "day")]
    return "/".join(parts) if all(parts) else ""


async def _send(request: PageRequest, draft: Draft) -> Response:
    form, identity = draft.form, await request.api.read(read_identity)
    level = level_in(form, identity)
    body = checked(
        IdentitySubmission,
        level=form.text("level"),
        birth_date=read_birth_date(form, identity),
        documents={kind.code: form.text(field_of(kind.code)) for kind in (level.documents if level else [])},
        **{name: form.text(name) for name in (*LATIN, *ACCOUNTS)},
    )
    await request.api.perform(submit_identity, draft.key, body)
    return request.redirect("/identity", done="identity_submitted")


WIZARD: Final = DraftWizard(
    DraftForm.IDENTITY,
    path="/identity/form",
    home="/identity",
    steps=(
        Step("level", ("level",)),
        Step("who", (BORN, *LATIN)),
        Step("accounts", tuple(ACCOUNTS)),
        Step(_PICTURES, ("documents",)),
        Step(_LOOK),
    ),
    judge=_judge,
    show=_show,
    send=_send,
)


@router.post("")
async def begin(request: SignedIn) -> Response:
    """Keep a new draft, and go to its first step."""
    return await drafts.begin(request, WIZARD, await request.form())


@router.post("/{draft_id}/removal")
async def discard(request: SignedIn, draft_id: UUID) -> Response:
    """Delete a draft."""
    return await drafts.discard(request, WIZARD, draft_id)


@router.get("/{draft_id}/{step}")
async def show_step(request: SignedIn, draft_id: UUID, step: str) -> Response:
    """A step, as it was left."""
    return await drafts.show_step(request, WIZARD, draft_id, step)


@router.post("/{draft_id}/{step}")
async def take_step(request: SignedIn, draft_id: UUID, step: str) -> Response:
    """Keep what was typed, and go on; the last step sends the form."""
    return await drafts.take_step(request, WIZARD, draft_id, step)


@router.post("/{draft_id}/pictures/{kind}", max_body_size=2 * MOST)
async def add_picture(request: SignedIn, draft_id: UUID, kind: DocumentKind) -> Response:
    """Keep a picture, in the place of the one before; the draft takes it once its step is sent."""
    draft = await drafts.open_step(request, WIZARD, draft_id, _PICTURES)
    if draft is None:
        return request.redirect(WIZARD.home, done="draft_gone")
    sent = await take_picture(request, kind)
    if sent.is_good:
        return request.redirect(f"{draft.action}#picture-{kind}")
    draft.form.errors = sent.errors
    return await _show(request, draft, sent)
