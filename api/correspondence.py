"""Words on a case (G7): what its people and its office write to each other; each member has a thread of their own."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.dependencies import CommandDep, Reading, ReadingDep
from api.operation import Operation
from api.values import IdCursor, Input, Limit, Moment, Out, Page, Words
from api.visibility import visibility_of
from commands import correspondence as commands
from commands.correspondence import Correspondence, ThreadInView
from commands.refusals import refuses
from domain.access import Actor
from domain.catalogue import words
from domain.correspondence import MAX_LETTERS, MIN_LETTERS
from storage import correspondence
from storage.people import names_of
from storage.rows.correspondence import Letter
from storage.sealing import Seals

router = APIRouter(prefix="/v1/cases/{case_id}", tags=["cases"], route_class=Operation)

_WHOSE = "Of which member, as `GET …/threads` names them; may be left out where there is one thread alone"
MemberQuery = Annotated[UUID | None, Query(description=_WHOSE)]


class ThreadOut(Out):
    """The thread of a member in a case."""

    member_id: UUID
    part: str = Field(description="The member's part in the case", examples=["applicant"])
    part_words: Words
    name: str | None = Field(
        description="For staff: whom the case is about; others for those who have a task in it, operators and auditors",
        examples=["مریم رضایی"],
    )
    is_mine: bool = Field(description="Whether it is the caller's own")
    may_write: bool = Field(description="Whether the caller may write in it now")
    count: int = Field(description="How often somebody has written in it", examples=[3])
    newest: Moment | None = Field(description="When somebody wrote in it last")

    @classmethod
    def of(cls, found: Correspondence, seen: ThreadInView, actor: Actor, name: str | None) -> ThreadOut:
        """A thread in somebody's eyes."""
        part = min(seen.thread.parts)
        return cls.of_row(
            seen.thread,
            part=part,
            part_words=Words.of(words.who(part)),
            name=name,
            is_mine=seen.thread.member_id == actor.person_id,
            may_write=found.may_write(seen),
            newest=seen.thread.newest_at,
        )


class ThreadsOut(Out):
    """The threads of a case that the caller sees: a member their own, staff those that are for them."""

    items: list[ThreadOut]


class LetterOut(Out):
    """What somebody wrote."""

    id: UUID
    text: str = Field(examples=["فیش حقوقی تازه را هم بفرستم؟"])
    at: Moment
    actor: str = Field(description="As what they wrote: a part in the case or a role", examples=["finance_officer"])
    actor_words: Words
    is_mine: bool = Field(description="Whether the caller wrote it")
    is_of_member: bool = Field(description="Whether the member wrote it, not the office")

    @classmethod
    def of(cls, row: Letter, actor: Actor, seals: Seals) -> LetterOut:
        """What was written, in somebody's eyes."""
        return cls.of_row(
            row,
            text=correspondence.text_of(seals, row),
            actor=row.part,
            actor_words=Words.of(words.who(row.part)),
            is_mine=row.author_id == actor.person_id,
            is_of_member=row.capacity == "member",
        )


class WordsIn(Input):
    """What is to be written, and in whose thread."""

    text: str = Field(
        min_length=MIN_LETTERS, max_length=MAX_LETTERS, examples=["لطفاً تصویر صفحهٔ دوم را هم بفرستید.\nسپاسگزاریم."]
    )
    member_id: UUID | None = Field(default=None, description=_WHOSE)


@router.get("/threads")
async def list_threads(read: ReadingDep, case_id: UUID) -> ThreadsOut | None:
    """The threads of a case, one for each member who takes part; 404 where the caller has none to see.

    Operators and auditors read all; who takes part in the case themselves sees none as staff.
    """
    found = await commands.correspondence_in(read.connection, read.actor, case_id)
    if found is None:
        return None
    names = await _names(read, found)
    return ThreadsOut(
        items=[ThreadOut.of(found, one, read.actor, names.get(one.thread.member_id)) for one in found.threads]
    )


async def _names(read: Reading, found: Correspondence) -> dict[UUID, str]:
    """What staff may know of who writes: nobody's name is told to a member."""
    if read.actor.capacity == "member":
        return {}
    members = {one.thread.member_id for one in found.threads}
    if not (await visibility_of(read.connection, read.actor, found.case)).judges:
        members &= {found.case.person_id}
    return await names_of(read.connection, members)


@router.get("/words")
async def list_words(
    read: ReadingDep, case_id: UUID, before: IdCursor, member_id: MemberQuery = None, limit: Limit = 50
) -> Page[LetterOut] | None:
    """What was written in a thread, newest first."""
    found = await commands.correspondence_in(read.connection, read.actor, case_id)
    if found is None:
        return None
    whose = found.thread_of(member_id).thread.member_id
    rows = await correspondence.list_letters(read.connection, case_id, whose, before=before, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.id,), lambda row: LetterOut.of(row, read.actor, read.seals))


@router.post("/words", status_code=201)
@refuses(commands.write_words)
async def write_words(command: CommandDep, case_id: UUID, wanted: WordsIn) -> LetterOut:
    """Write to the office, or as the office to a member; the other side is told by SMS that there is something to read.

    While the case is open and for 30 days after it; at most 200 times a thread, and 50 times a member and day.
    """
    added = await commands.write_words(command, case_id, wanted.text, wanted.member_id)
    return LetterOut.of(added, command.actor, command.seals)
