"""Mending an identity form that an officer returned: what was returned, and nothing else (F4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.bank_account import BankAccountItem
from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.inbox import TaskOut
from api.kyc.member import IdentityDocumentOut, IdentityOut, read_identity
from api.kyc.review import part_words
from api.kyc.section import CorrectIdentity, KycOut
from api.task import decide_task, read_task
from api.values import Reason, Words
from domain.dates import to_jalali
from domain.errors import Refusal
from domain.kyc import FormField
from messages.kyc import DocumentKind
from web.case_parts import TaskPage
from web.forms import Form
from web.kyc.pictures import MOST, field_of, newest_of, shown_by, take_picture
from web.kyc.reading import ACCOUNTS, BORN, LATIN, accounts_of, read_account, read_birth_date, read_latin_name
from web.language import Language
from web.page_request import PageRequest, SignedIn

router = APIRouter(prefix="/identity/corrections/{case_id}")

TASK_PAGES: Final = (TaskPage("correct_identity", "/identity/corrections/{case_id}", while_open=True),)
# As the API calls what the page does, and what a part of the form is typed or chosen in.
_ACTION: Final = "decide_correct_identity"
_PART_OF: Final = {"card_id": FormField.CARD, "sheba_id": FormField.SHEBA}


@dataclass(frozen=True, slots=True)
class _Returned:
    """A form that was returned, and the task to mend it."""

    case: CaseDetail
    form: KycOut
    task: TaskOut
    identity: IdentityOut

    @property
    def parts(self) -> dict[str, Reason]:
        """What was returned, each part with why."""
        return {one.part: one.reason for one in self.form.returned}

    @property
    def right(self) -> list[Words]:
        """The words of what stays as it is."""
        mended = {*self.parts, *self.lost}
        return [part_words(part) for part in (*FormField, *self.form.form.documents) if part not in mended]

    @property
    def lost(self) -> list[FormField]:
        """Which of card and sheba were right and are no more one's own: another one is chosen too."""
        kept = {one.id for one in self.identity.accounts}
        gone = [part for name, part in _PART_OF.items() if self.before(name).id not in kept]
        return [part for part in gone if part not in self.parts]

    def mends(self, name: str) -> bool:
        """Whether another card or sheba is to be chosen."""
        return _PART_OF[name] in {*self.parts, *self.lost}

    def before(self, name: str) -> BankAccountItem:
        """The card or sheba that was submitted."""
        return self.form.form.card if _PART_OF[name] is FormField.CARD else self.form.form.sheba

    def others(self, name: str) -> list[BankAccountItem]:
        """The cards or shebas that may take its place."""
        return [one for one in accounts_of(self.identity, name) if one.id != self.before(name).id]

    def added(self) -> dict[str, IdentityDocumentOut]:
        """The pictures that were added since in the place of returned ones, by their kind."""
        newest, before = newest_of(self.identity), self.form.form.documents
        return {
            kind: newest[kind]
            for kind in before
            if kind in self.parts and kind in newest and newest[kind].id != before[kind]
        }


async def _returned(request: PageRequest, case_id: UUID) -> _Returned | None:
    """What is to be mended in a case; None if nothing is."""
    case = await request.api.read(read_case, case_id)
    action = next((one for one in case.allowed_actions if one.action == _ACTION), None)
    if case.kyc is None or action is None:
        return None
    task = await request.api.read(read_task, UUID(action.href.split("/")[3]))
    return _Returned(case, case.kyc, task, await request.api.read(read_identity))


@router.get("")
async def show_correction(request: SignedIn, case_id: UUID) -> Response:
    """What was returned and why, and where it is mended; nothing to mend: the case."""
    found = await _returned(request, case_id)
    if found is None:
        return request.redirect(f"/cases/{case_id}")
    return _page(request, found, _as_before(request.language, found))


def _as_before(language: Language, found: _Returned) -> Form:
    """The form as it was submitted, to be mended."""
    before = found.form.form
    born = to_jalali(before.birth_date.date)
    parts = {f"{BORN}.{part}": language.digits(getattr(born, part)) for part in ("day", "month", "year")}
    return Form(language, {**parts, "latin_first": before.latin_first, "latin_last": before.latin_last})


@router.post("")
async def correct(request: SignedIn, case_id: UUID) -> Response:
    """Send what was mended; who sends it twice finds it done."""
    form = await request.form()
    found = await _returned(request, case_id)
    if found is None:
        return request.redirect(f"/cases/{case_id}")
    said = _read(form, found)
    if form.is_good:
        try:
            decision = checked(CorrectIdentity, kind="correct_identity", decision="correct", **said)
            await request.api.perform(decide_task, form.key, found.task.id, decision, form.version(), None)
            return request.redirect("/identity", done="identity_corrected")
        except Refusal as refused:
            form.refuse(refused)
    return _page(request, found, form)


def _read(form: Form, found: _Returned) -> dict[str, Any]:
    """The whole form: what was returned as it was mended, all else as it was."""
    before, parts = found.form.form, found.parts
    born, names = before.birth_date.date.isoformat(), {name: getattr(before, name) for name in LATIN}
    if FormField.BIRTH_DATE in parts:
        born = _mended(form, BORN, born, read_birth_date(form, found.identity))
    if FormField.LATIN_NAME in parts:
        typed = read_latin_name(form)
        _mended(form, "latin_first", " ".join(names.values()), " ".join(" ".join(typed.values()).upper().split()))
        names = typed
    accounts = {
        name: read_account(form, found.identity, name) if found.mends(name) else str(found.before(name).id)
        for name in _PART_OF
    }
    documents = {
        kind: _picture(form, kind, added) if kind in parts else str(added) for kind, added in before.documents.items()
    }
    return {BORN: born, **names, **accounts, "documents": documents}


def _mended(form: Form, name: str, before: str, typed: str) -> str:
    """What was typed, with an error if it is what was returned."""
    if typed == before:
        form.errors.setdefault(name, form.language.translate("This was returned; please write it anew."))
    return typed


def _picture(form: Form, kind: DocumentKind, before: UUID) -> str:
    """The picture that was added, as the page said, with an error if there was none."""
    added = form.text(field_of(kind))
    if added in {"", str(before)}:
        form.errors[field_of(kind)] = form.language.translate("Please add a new picture.")
    return added


@router.post("/pictures/{kind}", max_body_size=2 * MOST)
async def add_picture(request: SignedIn, case_id: UUID, kind: DocumentKind) -> Response:
    """Keep a picture in the place of a returned one."""
    found = await _returned(request, case_id)
    if found is None or kind not in found.parts:
        return request.redirect(f"/cases/{case_id}")
    sent = await take_picture(request, kind)
    if sent.is_good:
        return request.redirect(f"/identity/corrections/{case_id}#picture-{kind}")
    form = _as_before(request.language, found)
    form.errors = sent.errors
    return _page(request, found, form, sent)


def _page(request: PageRequest, found: _Returned, form: Form, upload: Form | None = None) -> Response:
    return request.render(
        "kyc_correction.html",
        status=200 if form.is_good else 422,
        form=form,
        found=found,
        words=part_words,
        added=found.added(),
        others={name: found.others(name) for name in ACCOUNTS},
        **shown_by(request, upload),
    )
