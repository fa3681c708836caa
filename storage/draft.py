"""Drafts of forms: kept sealed, seen by their writer alone, gone seven days after their last change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.draft import KEPT, MAX_BYTES, MOST, DraftForm, DraftTooLarge
from storage.locks import About, lock
from storage.rows.draft import FormDraft, form_drafts
from storage.rows.table import columns, find_one, read_all
from storage.sealing import Seals

# What was typed, by the names of fields; several texts where several were ticked.
Fields = Mapping[str, Sequence[str]]

_c: Final = form_drafts.c
_COLUMNS = columns(form_drafts, FormDraft)
_IS_KEPT: Final = _c.expires_at > sa.func.now()
_ALL_FORMS: Final = MOST * len(DraftForm)


async def add_draft(
    connection: AsyncConnection, seals: Seals, person_id: UUID, form: DraftForm, fields: Fields
) -> FormDraft:
    """Keep a draft; of a person's drafts of a form the ones changed longest ago go beyond the tenth.

    Raises:
        DraftTooLarge: it holds more than is kept.
    """
    draft_id = uuid4()
    sealed = _sealed(seals, draft_id, fields)
    await lock(connection, About.DRAFTS_OF_PERSON, person_id)
    oldest = (
        sa.select(_c.id)
        .where(_c.person_id == person_id, _c.form == form)
        .order_by(_c.changed_at.desc(), _c.id)
        .offset(MOST - 1)
    )
    await connection.execute(sa.delete(form_drafts).where(_c.id.in_(oldest)))
    values = {"id": draft_id, "person_id": person_id, "form": form, "content_sealed": sealed}
    adding = sa.insert(form_drafts).values(**values, expires_at=sa.func.now() + KEPT).returning(*_COLUMNS)
    found = await find_one(connection, FormDraft, adding)
    assert found is not None
    return found


async def find_draft(connection: AsyncConnection, person_id: UUID, draft_id: UUID) -> FormDraft | None:
    """One of the person's own; None if it is missing, over or another's."""
    query = sa.select(*_COLUMNS).where(_c.id == draft_id, _c.person_id == person_id, _IS_KEPT)
    return await find_one(connection, FormDraft, query)


async def drafts_of(connection: AsyncConnection, person_id: UUID, form: DraftForm | None) -> list[FormDraft]:
    """The person's own, of one form or of all, the one changed last first."""
    query = sa.select(*_COLUMNS).where(_c.person_id == person_id, _IS_KEPT)
    if form is not None:
        query = query.where(_c.form == form)
    return await read_all(connection, FormDraft, query.order_by(_c.changed_at.desc(), _c.id).limit(_ALL_FORMS))


async def replace_draft(
    connection: AsyncConnection, seals: Seals, person_id: UUID, draft_id: UUID, version: int | None, fields: Fields
) -> FormDraft | None:
    """Put other content in the place of a version, or of any; None if the draft is gone, another's, or of another one.

    Raises:
        DraftTooLarge: it holds more than is kept.
    """
    now, sealed = sa.func.now(), _sealed(seals, draft_id, fields)
    changing = (
        sa.update(form_drafts)
        .where(_c.id == draft_id, _c.person_id == person_id, _IS_KEPT)
        .values(content_sealed=sealed, version=_c.version + 1, changed_at=now, expires_at=now + KEPT)
        .returning(*_COLUMNS)
    )
    if version is not None:
        changing = changing.where(_c.version == version)
    return await find_one(connection, FormDraft, changing)


async def delete_draft(connection: AsyncConnection, person_id: UUID, draft_id: UUID) -> bool:
    """Forget one of the person's own; False if it is missing, over or another's."""
    gone = await connection.execute(
        sa.delete(form_drafts).where(_c.id == draft_id, _c.person_id == person_id, _IS_KEPT)
    )
    return gone.rowcount == 1


async def forget_expired(connection: AsyncConnection, limit: int) -> int:
    """Delete drafts that are over, at most so many; returns how many."""
    over = sa.select(_c.id).where(_c.expires_at <= sa.func.now()).limit(limit)
    return (await connection.execute(sa.delete(form_drafts).where(_c.id.in_(over)))).rowcount


def open_draft(seals: Seals, draft: FormDraft) -> dict[str, list[str]]:
    """What was typed; for its writer's eyes."""
    found: dict[str, list[str]] = json.loads(seals.cipher.open_text(draft.content_sealed, _purpose(draft.id)))
    return found


def _sealed(seals: Seals, draft_id: UUID, fields: Fields) -> bytes:
    content: dict[str, Any] = {name: list(texts) for name, texts in fields.items()}
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) > MAX_BYTES:
        raise DraftTooLarge(field="fields")
    return seals.cipher.seal(plain, _purpose(draft_id))


def _purpose(draft_id: UUID) -> str:
    return f"form_draft:{draft_id}"
