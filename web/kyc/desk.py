"""The officer's desk: what was submitted beside its pictures, a picture by itself, and the decision (F4)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.case_detail import CaseDetail
from api.kyc.review import (
    IdentityReviewOut,
    SubmittedForm,
    download_reviewed_document,
    part_words,
    read_identity_review,
)
from api.kyc.section import AcceptIdentity, RefuseIdentity, ReturnIdentity
from api.values import Reason, Words
from domain.catalogue import words
from domain.errors import Forbidden, NotFound
from domain.kyc import OF_TYPED, FaultReason, FormField
from web.answers import Body, TaskForm
from web.forms import Form
from web.language import Language
from web.page_request import PageRequest, SignedIn

router = APIRouter(prefix="/identity/reviews/{case_id}/pictures/{document_id}")

_FAULTS: Final = "faults"
_LARGEST: Final = 4


@dataclass(frozen=True, slots=True)
class ReviewedForm:
    """What the templates show of a review, and what may be returned of it."""

    review: IdentityReviewOut
    language: Language

    @property
    def newest(self) -> SubmittedForm:
        """What is decided about."""
        return self.review.forms[0]

    @property
    def before(self) -> SubmittedForm | None:
        """What was submitted before it; None at the first time."""
        return self.review.forms[1] if len(self.review.forms) > 1 else None

    @property
    def returned(self) -> dict[str, Reason]:
        """What was returned the last time, each part with why."""
        return {one.part: one.reason for one in self.review.returned}

    @property
    def parts(self) -> list[tuple[str, Words]]:
        """What may be returned, and how each is called."""
        return [(str(part), part_words(part)) for part in (*FormField, *self.newest.documents)]

    def words(self, part: str) -> Words:
        """What a part of the form is called."""
        return part_words(part)

    def reasons(self, part: str) -> list[tuple[str, str]]:
        """Why a part may be returned, as choices; the first leaves it as it is."""
        fitting = [reason for reason in FaultReason if reason in OF_TYPED or part not in set(FormField)]
        said = [(reason.value, self.language.words(words.term(FaultReason, reason))) for reason in fitting]
        return [("", self.language.translate("It is right")), *said]


async def _review(request: PageRequest, case_id: UUID) -> IdentityReviewOut | None:
    """What was submitted, for who holds the review; each look is noted."""
    with contextlib.suppress(NotFound, Forbidden):
        return await request.api.call(read_identity_review, case_id)
    return None


async def _read(request: PageRequest, case: CaseDetail) -> Body:
    review = await _review(request, case.id)
    return {} if review is None else {"identity": ReviewedForm(review, request.language)}


def _seen(form: Form) -> Body:
    """Which of several submissions was looked at."""
    return {"number": form.version("number")}


def _return(form: Form) -> Body:
    chosen = {name.partition(".")[2]: form.text(name) for name in form.values if name.startswith(f"{_FAULTS}.")}
    faults = {part: reason for part, reason in chosen.items() if reason}
    if not faults:
        form.errors[_FAULTS] = form.language.translate("Say of at least one part what is wrong with it.")
    if FaultReason.OTHER in faults.values():
        form.required("note")
    return {**_seen(form), _FAULTS: faults, "note": form.text("note")}


def _refuse(form: Form) -> Body:
    return {**_seen(form), "reason": form.required("reason")}


TASK_FORM: Final = TaskForm(
    "kyc_review_decision.html",
    {AcceptIdentity: _seen, ReturnIdentity: _return, RefuseIdentity: _refuse},
    read=_read,
)


@router.get("")
async def show_picture(
    request: SignedIn,
    case_id: UUID,
    document_id: UUID,
    turn: Annotated[int, Query(ge=0, le=3)] = 0,
    zoom: Annotated[int, Query(ge=1, le=_LARGEST)] = 1,
) -> Response:
    """A picture by itself, as large and as far turned as the address says, with what it is compared with."""
    review = await _review(request, case_id)
    kinds = (
        []
        if review is None
        else [kind for one in review.forms for kind, found in one.documents.items() if found == document_id]
    )
    if review is None or not kinds:
        raise NotFound
    return request.render(
        "kyc_picture.html",
        identity=ReviewedForm(review, request.language),
        case_id=case_id,
        document_id=document_id,
        what=part_words(kinds[0]),
        turn=turn,
        zoom=zoom,
    )


@router.get("/content")
async def show_content(request: SignedIn, case_id: UUID, document_id: UUID) -> Response:
    """The picture, with who sees it and when drawn over it."""
    return await request.api.call(download_reviewed_document, case_id, document_id)
