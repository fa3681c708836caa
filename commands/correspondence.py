"""What people may do with the words on a case (G7): read a thread, and write in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.command import Command
from commands.refusals import refuses
from commands.task import is_addressed_to
from domain.access import READS_EVERYTHING, Actor
from domain.catalogue import CORRESPONDENCE
from domain.correspondence import (
    MAX_OF_THREAD,
    WORDS_PER_MEMBER,
    WORDS_PER_OFFICER,
    CorrespondenceOver,
    CorrespondenceRules,
    NobodyThere,
    ThreadFull,
    WordsOutOfBounds,
    WordsOverQuota,
    clean_words,
)
from domain.errors import InvalidInput, NotFound
from messages.correspondence import Sms
from storage import audit
from storage import correspondence as storage
from storage.account import count_use
from storage.case_lists import see_case
from storage.cases import touch_case
from storage.database import with_service_rights
from storage.people import parts_in
from storage.rows.cases import Case
from storage.rows.correspondence import Letter, Thread
from storage.tasks import open_tasks

MEMBER_FIELD: Final = "member_id"


@dataclass(frozen=True, slots=True)
class ThreadInView:
    """A thread in somebody's eyes.

    ``part`` is as what they would write in it, None if they only read; ``is_read``: whether anybody is on the other
    side, an office that deals with the case or a member who still takes part in it.
    """

    thread: Thread
    part: str | None
    is_read: bool


@dataclass(frozen=True, slots=True)
class Correspondence:
    """The threads of a case that somebody sees; ``takes_words``: whether the case itself still lets people write."""

    case: Case
    rules: CorrespondenceRules
    threads: Sequence[ThreadInView]
    takes_words: bool

    def may_write(self, seen: ThreadInView) -> bool:
        """Whether they may write in a thread now."""
        return self.takes_words and seen.is_read and seen.part is not None

    def thread_of(self, member_id: UUID | None) -> ThreadInView:
        """The thread of a member; the only one, if nobody is named.

        Raises:
            NotFound: it is not theirs to see.
            InvalidInput: nobody is named, and there are several.
        """
        found = [one for one in self.threads if member_id in {None, one.thread.member_id}]
        if not found:
            raise NotFound
        if len(found) > 1:
            raise InvalidInput(field=MEMBER_FIELD)
        return found[0]


async def correspondence_in(connection: AsyncConnection, actor: Actor, case_id: UUID) -> Correspondence | None:
    """The threads of a case as far as somebody sees them; None if there are none for them.

    Members see their own. Staff see those that are for a role of theirs in a case in which they take no part
    themselves, in some kinds only while they hold a task in it; auditors and operators see all.
    """
    case = await see_case(connection, actor, case_id)
    rules = None if case is None else CORRESPONDENCE.get(case.kind)
    if case is None or rules is None:
        return None
    threads = await storage.list_threads(connection, case_id, rules.members)
    if actor.capacity == "member":
        # Row-level security shows a member no other part than their own.
        seen = [await _own(connection, case, rules, one) for one in threads if one.is_current]
    else:
        seen = await _of_office(connection, actor, case, rules, threads)
    return Correspondence(case, rules, seen, await storage.takes_words(connection, case_id)) if seen else None


async def _own(connection: AsyncConnection, case: Case, rules: CorrespondenceRules, thread: Thread) -> ThreadInView:
    roles = rules.offices_of(thread.parts)
    is_read = await storage.is_dealt_with(connection, case, roles, held_only=rules.held_only)
    return ThreadInView(thread, min(thread.parts), is_read)


async def _of_office(
    connection: AsyncConnection, actor: Actor, case: Case, rules: CorrespondenceRules, threads: Sequence[Thread]
) -> list[ThreadInView]:
    if await parts_in(connection, case.id, actor.person_id):
        return []
    deals = not rules.held_only or await _holds_a_task(connection, actor, case.id)
    seen = []
    for thread in threads:
        role = rules.role_of(thread.parts, actor.grants, case.region_code, case.organisation_id) if deals else None
        if role is not None or actor.holds_any(READS_EVERYTHING):
            seen.append(ThreadInView(thread, role, thread.is_current))
    return seen


async def _holds_a_task(connection: AsyncConnection, actor: Actor, case_id: UUID) -> bool:
    asked = await open_tasks(connection, case_id)
    return any(task.claimed_by == actor.person_id and is_addressed_to(task, actor) for task in asked)


@refuses(WordsOutOfBounds, WordsOverQuota, CorrespondenceOver, NobodyThere, ThreadFull)
async def write_words(command: Command, case_id: UUID, text: str, member_id: UUID | None = None) -> Letter:
    """Write in the thread of a member; the other side is told that there is something to read, never what.

    Args:
        command: at work.
        case_id: in which case.
        text: what they write.
        member_id: in whose thread; may be left out where there is one alone.
    """
    case = await command.lock_case(case_id)
    found = await correspondence_in(command.connection, command.actor, case_id)
    if found is None:
        raise NotFound
    chosen = found.thread_of(member_id)
    thread, part = chosen.thread, chosen.part
    if part is None:
        raise NotFound
    words = clean_words(text)
    if not found.takes_words:
        raise CorrespondenceOver
    if not chosen.is_read:
        raise NobodyThere
    if thread.count >= MAX_OF_THREAD:
        raise ThreadFull
    await _count(command)
    added = await storage.add_letter(
        command.connection,
        command.seals,
        case_id,
        member_id=thread.member_id,
        author_id=command.actor.person_id,
        capacity=command.actor.capacity,
        part=part,
        text=words,
    )
    await touch_case(command.connection, case_id)
    await _tell(command, case, found.rules, thread)
    after = {"part": part, "letters": len(words)}
    await command.audit(audit.case_stream(case_id), subject=str(added.id), after=after)
    return added


async def _count(command: Command) -> None:
    limit = WORDS_PER_MEMBER if command.actor.capacity == "member" else WORDS_PER_OFFICER
    wait = await count_use(command.connection, command.seals, limit, str(command.actor.person_id))
    if wait is not None:
        raise WordsOverQuota(retry_after=wait)


async def _tell(command: Command, case: Case, rules: CorrespondenceRules, thread: Thread) -> None:
    """Tell the other side: the member, or those of the staff who deal with the case."""
    if command.actor.capacity == "staff":
        await command.notify([thread.member_id], Sms.FOR_MEMBER, case.id)
        return
    async with with_service_rights(command.connection, command.actor):
        told = await storage.staff_to_tell(command.connection, case, rules, thread)
    await command.notify(told, Sms.FOR_OFFICE, case.id)
