"""A member who shows who they are, and officers who look at it (F4): what a form needs, and what both do."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID, uuid4

import sqlalchemy as sa

from activities.transition import ActivityContext
from commands import kyc as commands
from commands.account import authenticate
from commands.command import Command, Context
from commands.task import claim_task, lock_free_task, lock_task, release_task
from domain.access import Part, Role
from domain.bank_account import BankAccountKind
from domain.identity import CardNumber, Sheba, parse_card, parse_sheba
from domain.kyc import FaultReason
from messages.case import OVER, WAIT, CaseKind, NextStep, StepInput
from messages.kyc import DocumentKind, TaskKind
from storage import kyc, tasks
from storage.bank_account import accounts_of, add_account
from storage.cases import open_case, read_case
from storage.database import SERVICE, transaction
from storage.kyc import IdentityAnswers
from storage.policies import in_force
from storage.profile import seal_email, set_email
from storage.rows.bank_account import bank_accounts
from storage.rows.kyc import Identity, IdentityDocument
from storage.rows.tasks import Task
from tests.arrange import Arrange, Someone
from tests.bank_account_steps import a_card, a_sheba
from tests.books import Superuser
from tests.commands.onboarding_steps import open_task, run
from tests.files_made import picture
from tests.personnel_steps import in_parts
from tests.transitions import Transitions

FRONT, BACK = DocumentKind.NATIONAL_CARD_FRONT, DocumentKind.NATIONAL_CARD_BACK
# What the lower level asks for, and a folder of the store of files.
BASIC: Final = (FRONT, BACK)
FOLDER: Final = "identity/00"
REASON: Final = "عکس روی کارت از آنِ شخص دیگری است"
_NUMBERS: Final = itertools.count()
_ROUNDS: Final = itertools.count(1_000)
_STEPS_MAX: Final = 6


async def prepare(context: Context, member: Someone) -> None:
    """Give a member all that a form needs beside pictures: a confirmed address, two cards and a sheba of their own."""
    number = next(_NUMBERS)
    cards = [parse_card(a_card(f"{number:04}", each)) for each in range(2)]
    async with transaction(context.engine, SERVICE) as connection:
        sealed = seal_email(context.seals, f"member.{number}@example.com")
        await set_email(connection, context.seals, member.id, sealed)
        numbers: list[CardNumber | Sheba] = [*cards, parse_sheba(a_sheba("4321", number))]
        for each in numbers:
            await add_account(connection, context.seals, member.id, each)
        mine = sa.update(bank_accounts).where(bank_accounts.c.person_id == member.id)
        await connection.execute(mine.values(state="confirmed", answered_at=sa.func.now()))


async def add_picture(context: Context, member: Someone, kind: DocumentKind, content: bytes = b"") -> UUID:
    """A picture of a member's comes in and is kept; returns its id."""
    added: list[UUID] = []

    def render(_: Command, row: IdentityDocument) -> bytes:
        added.append(row.id)
        return b"{}"

    actor = await authenticate(context, member.token)
    upload = commands.NewDocument(actor, kind, str(uuid4()), "", in_parts(content or picture()))
    await commands.add_document(context, upload, render)
    return added[0]


async def name_pictures(
    context: Context, member: Someone, kinds: Iterable[DocumentKind] = BASIC, *, folder: str = FOLDER
) -> dict[DocumentKind, UUID]:
    """Rows of pictures without content, for tests in which nobody looks at them: to draw one takes long."""
    found: dict[DocumentKind, UUID] = {}
    async with transaction(context.engine, SERVICE) as connection:
        for kind in kinds:
            added = await kyc.add_document(
                connection, member.id, kind=kind, size=1, sha256=b"x", file_key=f"{folder}/{uuid4()}"
            )
            found[kind] = added.id
    return found


async def cards_and_sheba(context: Context, member: Someone) -> tuple[list[UUID], UUID]:
    """The cards of a member, the oldest first, and the sheba."""
    async with transaction(context.engine, SERVICE) as connection:
        mine = await accounts_of(connection, member.id)
    (sheba,) = [one.id for one in mine if one.kind is BankAccountKind.SHEBA]
    return [one.id for one in mine if one.kind is BankAccountKind.CARD], sheba


async def form_with(context: Context, member: Someone, pictures: Mapping[DocumentKind, UUID]) -> IdentityAnswers:
    """A member's form with some pictures, filled in as it should be."""
    cards, sheba = await cards_and_sheba(context, member)
    return IdentityAnswers(date(1989, 6, 2), "Maryam", "Rezaei", cards[0], sheba, pictures)


async def form_of(context: Context, member: Someone, kinds: Iterable[DocumentKind] = BASIC) -> IdentityAnswers:
    """A member's form, filled in as it should be."""
    return await form_with(context, member, await name_pictures(context, member, kinds))


async def hold_identity(
    superuser: Superuser, person_id: UUID, *, days: int, level: str = "basic", accepted: int = 700
) -> UUID:
    """A person's identity was confirmed so many days ago and has so many days to go; returns its case."""
    found = await superuser.value(
        "INSERT INTO cases (kind, phase, outcome, policy_id, person_id, closed_at)"
        " SELECT 'kyc', 'accepted', 'accepted', id, %s, now() FROM policies WHERE name = 'kyc' RETURNING id",
        person_id,
    )
    case_id = UUID(str(found))
    await superuser.run(
        "INSERT INTO identities (case_id, person_id, level, policy_id, accepted_at, valid_until)"
        " SELECT id, person_id, %s, policy_id, now() - make_interval(days => %s),"
        " (now() AT TIME ZONE 'Asia/Tehran')::date + %s FROM cases WHERE id = %s",
        level,
        accepted,
        days,
        case_id,
    )
    return case_id


async def open_other_case(context: Context, person_id: UUID) -> UUID:
    """A case of another kind that is about a person and open; returns its id."""
    async with transaction(context.engine, SERVICE) as connection:
        policy = await in_force(connection, "payment")
        assert policy is not None
        return await open_case(
            connection,
            kind=CaseKind.NORMAL_PAYMENT,
            phase="asking",
            policy_id=policy.id,
            person_id=person_id,
            part=Part.PAYER,
        )


@dataclass(frozen=True, slots=True)
class IdentityReview:
    """A member who is ready to submit a form, two officers and an operator; the machine's steps are taken directly."""

    context: Context
    arrange: Arrange
    activities: Transitions
    superuser: Superuser
    member: Someone
    officer: Someone
    colleague: Someone
    operator: Someone

    @classmethod
    async def opened(
        cls, context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
    ) -> Self:
        """With all that a form needs."""
        member = await arrange.person("member")
        await prepare(context, member)
        officer, colleague = [await arrange.platform(Role.KYC_OFFICER) for _ in range(2)]
        operator = await arrange.platform(Role.OPERATOR)
        steps = Transitions(activity_context)
        return cls(context, arrange, steps, superuser, member, officer, colleague, operator)

    async def form(self, kinds: Iterable[DocumentKind] = BASIC) -> IdentityAnswers:
        """The member's form, with new pictures."""
        return await form_of(self.context, self.member, kinds)

    async def submit(
        self, typed: IdentityAnswers | None = None, *, level: str = "basic", member: Someone | None = None
    ) -> UUID:
        """A form is sent, the member's unless another is named; returns its case, which no process has seen yet."""
        who = member or self.member
        given = typed or await form_of(self.context, who)
        case_id: UUID = await run(self.context, who, lambda command: commands.submit_identity(command, level, given))
        return case_id

    async def asked(self, **wish: Any) -> UUID:
        """Officers are asked about a form."""
        case_id = await self.submit(**wish)
        await self.go_on(case_id)
        return case_id

    async def claimed(self) -> UUID:
        """The officer has claimed the review of a form."""
        case_id = await self.asked()
        await self.claim(case_id)
        return case_id

    async def returned(self) -> UUID:
        """The member is asked to mend a form."""
        case_id = await self.claimed()
        await self.give_back(case_id)
        await self.go_on(case_id)
        return case_id

    async def claim(self, case_id: UUID, officer: Someone | None = None) -> None:
        """An officer claims the review."""
        task_id = await open_task(self.context, case_id, TaskKind.REVIEW_IDENTITY)

        async def work(command: Command) -> None:
            await claim_task(command, await lock_free_task(command, task_id))

        await run(self.context, officer or self.officer, work)

    async def release(self, case_id: UUID) -> None:
        """The officer gives the review back to the queue."""
        task_id = await open_task(self.context, case_id, TaskKind.REVIEW_IDENTITY)

        async def work(command: Command) -> None:
            await release_task(command, await lock_free_task(command, task_id))

        await run(self.context, self.officer, work)

    async def decide(self, case_id: UUID, decide: Any, *values: Any, officer: Someone | None = None) -> None:
        """An officer decides by a command."""
        await self._answer(officer or self.officer, case_id, TaskKind.REVIEW_IDENTITY, decide, *values)

    async def accept(self, case_id: UUID, number: int = 1, officer: Someone | None = None) -> None:
        """An officer accepts it."""
        await self.decide(case_id, commands.accept_identity, number, officer=officer)

    async def give_back(
        self,
        case_id: UUID,
        faults: Mapping[str, FaultReason] | None = None,
        *,
        note: str = "",
        number: int = 1,
    ) -> None:
        """The officer returns parts of it; the front of the card, which cannot be read, unless others are named."""
        wrong = {str(FRONT): FaultReason.UNREADABLE} if faults is None else faults
        await self.decide(case_id, commands.return_identity, number, wrong, note)

    async def refuse(self, case_id: UUID, number: int = 1) -> None:
        """The officer refuses it."""
        await self.decide(case_id, commands.refuse_identity, number, REASON)

    async def correct(self, case_id: UUID, typed: IdentityAnswers | None = None) -> None:
        """The member mends it, by a new front of the card unless a form is given."""
        given = typed or await self.mended(case_id)
        await self._answer(self.member, case_id, TaskKind.CORRECT_IDENTITY, commands.correct_identity, given)

    async def _answer(self, who: Someone, case_id: UUID, kind: TaskKind, decide: Any, *values: Any) -> None:
        task_id = await open_task(self.context, case_id, kind)

        async def work(command: Command) -> None:
            await decide(command, await lock_task(command, task_id), *values)

        await run(self.context, who, work)

    async def withdraw(self, case_id: UUID) -> None:
        """The member takes it back."""
        await run(self.context, self.member, lambda command: commands.withdraw_identity(command, case_id))

    async def sent(self, case_id: UUID) -> IdentityAnswers:
        """The form as it was sent last."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return kyc.answers_of(self.context.seals, await kyc.last_submission(connection, case_id))

    async def mended(self, case_id: UUID, *kinds: DocumentKind) -> IdentityAnswers:
        """The same with new pictures of some documents; of the front of the card unless others are named."""
        before = await self.sent(case_id)
        new = await name_pictures(self.context, self.member, kinds or (FRONT,))
        return replace(before, documents={**before.documents, **new})

    async def wait(self, waiting_id: UUID) -> bool:
        """A case begins to wait for the member's identity; whether there is a review to wait for."""
        async with transaction(self.context.engine, SERVICE) as connection:
            waits = await kyc.wait_for_identity(connection, waiting_id, self.member.id)
        self.context.nudge()
        return waits

    async def take(self, name: str, case_id: UUID, *, until: datetime | None = None) -> NextStep:
        """Take a transition in a round of its own."""
        taken: NextStep = await getattr(self.activities, name)(StepInput(case_id, next(_ROUNDS), until))
        return taken

    async def go_on(self, case_id: UUID) -> NextStep:
        """What the process does when it hears of something, until it waits again or is over."""
        found = await self.take("assess_decision", case_id)
        for _ in range(_STEPS_MAX):
            if found.step in {WAIT, OVER}:
                return found
            found = await self.take(found.step, case_id)
        raise AssertionError(found)

    async def phase(self, case_id: UUID) -> str:
        """Where a case stands."""
        async with transaction(self.context.engine, SERVICE) as connection:
            case = await read_case(connection, case_id)
        assert case is not None
        return case.phase

    async def task(self, case_id: UUID) -> Task:
        """The one task that is open."""
        async with transaction(self.context.engine, SERVICE) as connection:
            (found,) = await tasks.open_tasks(connection, case_id)
        return found

    async def identity(self) -> Identity | None:
        """The member's identity that holds today."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await kyc.identity_of(connection, self.member.id)

    async def told(self, template: str) -> list[UUID]:
        """Who got an SMS."""
        rows = await self.superuser.rows(
            "SELECT person_id FROM notices WHERE template = %s AND channel = 'sms' ORDER BY id", template
        )
        return [person_id for (person_id,) in rows]

    async def woken(self, case_id: UUID) -> int:
        """How often a case's process was told to look again."""
        query = "SELECT count(*) FROM outbox WHERE case_id = %s AND payload ->> 'name' = 'resumed'"
        return int(await self.superuser.value(query, case_id))

    async def remove(self, account_id: UUID) -> None:
        """A card or sheba is removed."""
        await self.superuser.run(
            "UPDATE bank_accounts SET removed_at = now(), is_default = false WHERE id = %s", account_id
        )

    async def share_sheba(self, person_id: UUID) -> None:
        """A person has the member's sheba too, which the bank has confirmed."""
        await self.superuser.run(
            "INSERT INTO bank_accounts (person_id, kind, number_index, number_sealed, last_four, state, answered_at)"
            " SELECT %s, kind, number_index, number_sealed, last_four, state, now() FROM bank_accounts"
            " WHERE person_id = %s AND kind = 'sheba'",
            person_id,
            self.member.id,
        )
