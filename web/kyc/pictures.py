"""Pictures of documents: each comes in by a form of its own, and is shown to its person (F4)."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.kyc.member import (
    IdentityDocumentOut,
    IdentityOut,
    add_identity_document,
    download_identity_document,
    read_identity,
    remove_identity_document,
)
from domain.attachment import MAX_BYTES, FileNotAccepted, PictureTooLarge
from domain.errors import EmptyFile, Refusal, TooLarge
from messages.kyc import DocumentKind
from web.forms import Form, empty
from web.page_request import PageRequest, SignedIn
from web.upload import MEGABYTE, most_of, parts_of, taken_in

router = APIRouter(prefix="/identity/pictures")

# The largest form with a picture that is read.
MOST: Final = most_of(MAX_BYTES)
_FILE: Final = "file"
# What the API says of the file itself; all else belongs to no field.
_OF_THE_FILE: Final = (TooLarge, EmptyFile, FileNotAccepted, PictureTooLarge)


def field_of(kind: str) -> str:
    """The field that holds the id of a kind's picture, as the API's form has it."""
    return f"documents.{kind}"


def newest_of(identity: IdentityOut) -> Mapping[str, IdentityDocumentOut]:
    """The member's newest picture of each kind, by its code."""
    return {one.kind.code: one for one in reversed(identity.documents)}


def shown_by(request: PageRequest, upload: Form | None) -> dict[str, Any]:
    """What the templates of forms with pictures need; ``upload`` is the form of a picture that was refused."""
    return {"upload": upload or empty(request.language), "most": MAX_BYTES, "megabytes": MAX_BYTES // MEGABYTE}


async def take_picture(request: PageRequest, kind: DocumentKind) -> Form:
    """Keep the picture that a form brings in the place of the one before; what is wrong with it stands at its field."""
    async with taken_in(request, MOST) as (form, file):
        if file is not None:
            try:
                added = await request.api.call(add_identity_document, form.key, kind, parts_of(file))
                await _forget_earlier(request, added)
            except _OF_THE_FILE as refused:
                form.errors[_FILE] = refused.sentence(request.language.code)
            except Refusal as refused:
                form.refuse(refused)
    if _FILE in form.errors:
        form.errors[field_of(kind)] = form.errors.pop(_FILE)
    return form


async def _forget_earlier(request: PageRequest, added: IdentityDocumentOut) -> None:
    """Remove the earlier pictures of the same document: only so many are kept, and no page lists them.

    Those that a form has stay, and so does what was added since: the same upload may be sent once more.
    """
    same = [one for one in (await request.api.read(read_identity)).documents if one.kind.code == added.kind.code]
    for one in list(itertools.dropwhile(lambda each: each.id != added.id, same))[1:]:
        with contextlib.suppress(Refusal):
            await request.api.perform(remove_identity_document, f"replaced-{one.id}", one.id)


@router.get("/{document_id}")
async def show_picture(request: SignedIn, document_id: UUID) -> Response:
    """A picture of one's own."""
    return await request.api.call(download_identity_document, document_id)
