"""Who somebody is, in the demo: an identity form is returned once, mended and accepted (F4).

Its pictures are drawn here and say themselves that they are samples; the first one of the front cannot be read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID, uuid4

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from api.kyc.member import (
    IdentityForm,
    IdentityOut,
    IdentitySubmission,
    add_identity_document,
    read_identity,
    submit_identity,
)
from api.kyc.review import IdentityReviewOut, download_reviewed_document, read_identity_review
from api.kyc.section import AcceptIdentity, CorrectIdentity, ReturnIdentity
from api.profile import EmailConfirmation, EmailIn, confirm_email, send_email_code
from api.task import claim_task
from demo.actors import Member, Officer, at_once
from demo.payment import register_card
from demo.payout import register_sheba
from demo.personnel_generator import Employee
from demo.play import Play, Told
from demo.sign_in import newest_mail_code, now_ms
from domain.bank_account import BankAccountKind
from domain.kyc import FaultReason, LevelName
from messages.kyc import DocumentKind, Phase
from stack.places import CliError

_FRONT: Final = DocumentKind.NATIONAL_CARD_FRONT
_BACK: Final = DocumentKind.NATIONAL_CARD_BACK
_BORN: Final = date(1989, 6, 2)
_LATIN_FIRST: Final = "SAMPLE"
_LATIN_LAST: Final = "PERSON"
_NOTE: Final = "نور چراغ روی کارت افتاده است؛ بدون فلش عکس بگیرید."
# As large as a bank card, in dots of which 300 are an inch.
_WIDTH: Final = 1012
_HEIGHT: Final = 638
_SAYS_SO: Final = "SAMPLE - THIS IS NO REAL CARD"


async def accepted(play: Play, person: Employee) -> Told:
    """Somebody shows who they are; an officer returns the front of the card, then accepts.

    Raises:
        CliError: the officer sees something else than was sent.
    """
    play.screen.chapter("16. An identity: the form is returned once, mended, and accepted")
    member, officer = await play.member(person), await play.sign_in("identity officer")
    await _complete_profile(play, member)
    form = await _filled_in(member, person)
    case_id = (await member.client.call(submit_identity, IdentitySubmission(level=LevelName.BASIC, **dict(form)))).id
    play.screen.done("added two pictures, drawn anew at once so that nothing but pixels stays, and sent the form")
    await _return(play, officer, case_id)
    await _mend(play, member, case_id, form, person)
    await _accept(officer, case_id)
    await member.case_in(case_id, Phase.ACCEPTED)
    await _show(play, member, case_id)
    return Told("Case 13: an identity, returned once and accepted", member, case_id)


async def _complete_profile(play: Play, member: Member) -> None:
    """What a form asks for beside pictures; the code for the card confirms the session for the e-mail address too."""
    await register_card(member)
    address, since = f"member-{play.run}@example.com", now_ms()
    sent = await member.client.call(send_email_code, EmailIn(email=address))
    code = await newest_mail_code(play.visitor, address, since)
    await member.client.call(confirm_email, EmailConfirmation(code_id=sent.code_id, code=code))
    await register_sheba(member)
    play.screen.done("a member confirmed an e-mail address, a card and a sheba of their own: what the form asks for")


async def _filled_in(member: Member, person: Employee) -> IdentityForm:
    identity = await member.client.call(read_identity)
    chosen = _chosen(identity)
    return IdentityForm(
        birth_date=_BORN,
        latin_first=_LATIN_FIRST,
        latin_last=_LATIN_LAST,
        card_id=chosen[BankAccountKind.CARD],
        sheba_id=chosen[BankAccountKind.SHEBA],
        documents={
            _FRONT: await _add_picture(member, _FRONT, _front(person, is_sharp=False)),
            _BACK: await _add_picture(member, _BACK, _back()),
        },
    )


def _chosen(identity: IdentityOut) -> Mapping[BankAccountKind, UUID]:
    return {account.kind: account.id for account in identity.accounts}


async def _add_picture(member: Member, kind: DocumentKind, content: bytes) -> UUID:
    return (await member.client.call(add_identity_document, str(uuid4()), kind, at_once(content))).id


async def _claimed(officer: Officer, case_id: UUID) -> IdentityReviewOut:
    """Wait until officers are asked, and take the review: from then on its officer sees it."""
    task = await officer.task(case_id, "review_identity")
    await officer.client.call(claim_task, task.id)
    return await officer.client.call(read_identity_review, case_id)


async def _return(play: Play, officer: Officer, case_id: UUID) -> None:
    form = (await _claimed(officer, case_id)).forms[0]
    picture = await officer.client.send(download_reviewed_document, case_id, form.documents[_FRONT])
    if not picture.is_success:
        raise CliError(f"the officer who holds the review is not shown a picture: {picture.status_code}")
    faults = {str(_FRONT): FaultReason.UNREADABLE}
    await officer.decide(
        case_id,
        ReturnIdentity(kind="review_identity", decision="return", number=form.number, faults=faults, note=_NOTE),
    )
    play.screen.done("an officer claimed it, saw the pictures with their own name across, and returned one of them")


async def _mend(play: Play, member: Member, case_id: UUID, form: IdentityForm, person: Employee) -> None:
    """Read what was returned and why, and send another picture; all else stays as it was."""
    await member.task(case_id, "correct_identity")
    read = (await member.case(case_id)).kyc
    if read is None or [fault.part for fault in read.returned] != [_FRONT]:
        raise CliError("the member does not see what was returned")
    (fault,) = read.returned
    documents = form.documents | {_FRONT: await _add_picture(member, _FRONT, _front(person, is_sharp=True))}
    mended = form.model_copy(update={"documents": documents})
    await member.decide(case_id, CorrectIdentity(kind="correct_identity", decision="correct", **dict(mended)))
    play.screen.done(f"the member read «{fault.part_words.fa}: {fault.reason.words.fa}», and sent that picture anew")


async def _accept(officer: Officer, case_id: UUID) -> None:
    form = (await _claimed(officer, case_id)).forms[0]
    if form.changed != [_FRONT]:
        raise CliError(f"the officer is told of other changes than there are: {form.changed}")
    await officer.decide(case_id, AcceptIdentity(kind="review_identity", decision="accept", number=form.number))


async def _show(play: Play, member: Member, case_id: UUID) -> None:
    """Level, limits and last day, then the case's timeline in a line."""
    identity = await member.client.call(read_identity)
    level = next((level for level in identity.levels if level.name == identity.level), None)
    if level is None or identity.valid_until is None:
        raise CliError("the identity was accepted, and does not hold")
    play.screen.done(
        f"accepted: level «{level.words.en}» until {identity.valid_until.jalali}, up to {level.per_order.fa} an order,"
        f" {level.per_day.fa} a day, {level.per_month.fa} a month"
    )
    play.screen.note(" ".join(event.words.en for event in await member.timeline(case_id)))


# The pictures.


def _front(person: Employee, *, is_sharp: bool) -> bytes:
    """The front of a card: a head, the number, and what the form says."""
    page, pen = _blank()
    pen.rectangle((60, 190, 330, 530), fill="#c9d4dc")
    pen.ellipse((125, 240, 265, 400), fill="#8fa3b0")
    pen.pieslice((85, 400, 305, 640), 180, 360, fill="#8fa3b0")
    told = (person.national_id, f"{_LATIN_FIRST} {_LATIN_LAST}", f"{_BORN:%Y-%m-%d}")
    for place, text in enumerate(told):
        pen.text((390, 200 + 110 * place), text, fill="#1d2b36", font=ImageFont.load_default(56))
    return _written(page if is_sharp else page.filter(ImageFilter.GaussianBlur(14)))


def _back() -> bytes:
    """The back of a card: stripes in the place of what machines read."""
    page, pen = _blank()
    for place in range(30):
        pen.rectangle((80 + 28 * place, 420, 80 + 28 * place + 6 + place % 4 * 4, 560), fill="#1d2b36")
    return _written(page)


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", (_WIDTH, _HEIGHT), "#e8eef2")
    pen = ImageDraw.Draw(page)
    pen.rounded_rectangle((12, 12, _WIDTH - 12, _HEIGHT - 12), 40, outline="#5b7586", width=6)
    return page, pen


def _written(page: Image.Image) -> bytes:
    """The picture as a file. That it is a sample can be read on each, however blurred the rest is."""
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 60, _WIDTH, 150), fill="#b3261e")
    pen.text((_WIDTH / 2, 105), _SAYS_SO, fill="white", font=ImageFont.load_default(52), anchor="mm")
    file = io.BytesIO()
    page.save(file, "JPEG", quality=85)
    return file.getvalue()
