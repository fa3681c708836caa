"""A member's drafts of forms: what they typed so far, kept for seven days (H6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import IfMatch, Input, Moment, Out, Words
from commands import draft as commands
from commands.refusals import refuses
from domain.catalogue import words
from domain.draft import TITLES, DraftForm
from storage import draft as drafts
from storage.rows.draft import FormDraft

router = APIRouter(prefix="/v1/drafts", tags=["account"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]
FieldName = Annotated[str, Field(min_length=1, max_length=100)]
FieldTexts = Annotated[list[Annotated[str, Field(max_length=10_000)]], Field(max_length=50)]


class DraftFields(Input):
    """What was typed."""

    fields: dict[FieldName, FieldTexts] = Field(
        max_length=200,
        description="By the names of fields, as it was typed; several texts where several were ticked."
        " Together at most 20,000 bytes as JSON; no passwords or codes",
        examples=[{"title": ["طراحی جزوهٔ آموزشی"], "amount.amount": ["۲٬۵۰۰٬۰۰۰"]}],
    )


class DraftIn(DraftFields):
    """A draft of a form."""

    form: DraftForm = Field(examples=["job"])


class DraftKept(Out):
    """It is kept; what stands in it is not said again."""

    id: UUID
    version: int = Field(examples=[1], description="To be sent back as `If-Match`, in quotes, with the next change")
    kept_until: Moment = Field(validation_alias="expires_at")


class DraftItem(DraftKept):
    """A draft in a list."""

    form: DraftForm
    form_words: Words
    title: str | None = Field(description="What its writer calls it; null as long as that is empty", examples=["جزوه"])
    changed: Moment = Field(validation_alias="changed_at")


class DraftOut(DraftItem):
    """A draft with what was typed."""

    fields: dict[str, list[str]] = Field(examples=[{"title": ["طراحی جزوهٔ آموزشی"]}])


class DraftList(Out):
    """One's own drafts, the one changed last first; at most ten of a form."""

    items: list[DraftItem]


class DraftDeleted(Out):
    """It is forgotten."""

    id: UUID


def _named(draft: FormDraft, fields: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What of an answer is computed from a draft and what stands in it."""
    title = " ".join(fields.get(TITLES[draft.form], ())).strip()
    return {"form_words": Words.of(words.term(DraftForm, draft.form)), "title": title or None}


@router.get("", dependencies=_MEMBER)
async def list_drafts(read: ReadingDep, form: DraftForm | None = None) -> DraftList:
    """One's own drafts, of one form or of all, without what was typed but their titles."""
    read.response.headers["Cache-Control"] = "no-store"
    found = await drafts.drafts_of(read.connection, read.actor.person_id, form)
    items = [DraftItem.of_row(one, **_named(one, drafts.open_draft(read.seals, one))) for one in found]
    return DraftList(items=items)


@router.get("/{draft_id}", dependencies=_MEMBER)
async def read_draft(read: ReadingDep, draft_id: UUID) -> DraftOut | None:
    """One's own draft as it was typed; its version is the ETag."""
    found = await drafts.find_draft(read.connection, read.actor.person_id, draft_id)
    if found is None:
        return None
    read.response.headers.update({"Cache-Control": "no-store", "ETag": f'"{found.version}"'})
    fields = drafts.open_draft(read.seals, found)
    return DraftOut.of_row(found, fields=fields, **_named(found, fields))


@router.post("", status_code=201, dependencies=_MEMBER)
@refuses(commands.create_draft)
async def create_draft(command: CommandDep, body: DraftIn) -> DraftKept:
    """Keep a draft for seven days; the eleventh of a form takes the place of the one changed longest ago."""
    return DraftKept.of_row(await commands.create_draft(command, body.form, body.fields))


@router.put("/{draft_id}", dependencies=_MEMBER)
@refuses(commands.replace_draft)
async def replace_draft(command: CommandDep, draft_id: UUID, body: DraftFields, version: IfMatch) -> DraftKept:
    """Put other content in the place of what stands there, and keep it for another seven days.

    With `If-Match` that version alone is replaced: what another window has written meanwhile stays.
    """
    return DraftKept.of_row(await commands.replace_draft(command, draft_id, body.fields, version=version))


@router.delete("/{draft_id}", dependencies=_MEMBER)
@refuses(commands.delete_draft)
async def delete_draft(command: CommandDep, draft_id: UUID) -> DraftDeleted:
    """Forget a draft."""
    await commands.delete_draft(command, draft_id)
    return DraftDeleted(id=draft_id)
