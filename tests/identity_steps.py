"""An identity form that an officer holds (F4), without the pages; its pictures are kept as they are, and not drawn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.kyc import submit_identity
from commands.task import claim_task, lock_free_task
from domain.attachment import MAX_BYTES
from domain.identity import parse_card, parse_sheba
from messages.case import StepInput
from messages.kyc import DocumentKind, TaskKind
from storage import kyc
from storage.bank_account import add_account
from storage.database import SERVICE, transaction
from storage.kyc import IdentityAnswers
from storage.profile import seal_email, set_email
from storage.rows.bank_account import bank_accounts
from tests.arrange import Someone
from tests.bank_account_steps import a_card, a_sheba
from tests.commands.onboarding_steps import open_task, run
from tests.files_made import picture
from tests.personnel_steps import in_parts
from tests.transitions import Transitions

# Apart from those of other scenes.
_NUMBERS: Final = itertools.count(500)
_ASKED_FOR: Final = (DocumentKind.NATIONAL_CARD_FRONT, DocumentKind.NATIONAL_CARD_BACK)


@dataclass(frozen=True, slots=True)
class IdentityUnderReview:
    """A form of a member's: its case, the officer's task, card, sheba and pictures, and one that was never sent."""

    case_id: UUID
    task_id: UUID
    card_id: UUID
    sheba_id: UUID
    document_id: UUID
    spare_id: UUID

    def things(self) -> dict[str, UUID]:
        """What the world of all operations calls them."""
        return {
            "identity_case": self.case_id,
            "identity_task": self.task_id,
            "identity_card": self.card_id,
            "identity_sheba": self.sheba_id,
            "identity_document": self.document_id,
            "spare_document": self.spare_id,
        }


async def under_review(
    context: Context, activity_context: ActivityContext, member: Someone, officer: Someone
) -> IdentityUnderReview:
    """A member has sent a form for the lower level, and an officer has claimed it."""
    card_id, sheba_id = await _accounts(context, member)
    pictures = {kind: await keep_picture(context, member, kind) for kind in _ASKED_FOR}
    spare_id = await keep_picture(context, member, DocumentKind.SELFIE)
    typed = IdentityAnswers(date(1989, 6, 2), "Maryam", "Rezaei", card_id, sheba_id, pictures)
    case_id: UUID = await run(context, member, lambda command: submit_identity(command, "basic", typed))
    await Transitions(activity_context).request_decision(StepInput(case_id))
    task_id = await open_task(context, case_id, TaskKind.REVIEW_IDENTITY)

    async def claim(command: Command) -> None:
        await claim_task(command, await lock_free_task(command, task_id))

    await run(context, officer, claim)
    return IdentityUnderReview(case_id, task_id, card_id, sheba_id, pictures[_ASKED_FOR[0]], spare_id)


async def _accounts(context: Context, member: Someone) -> tuple[UUID, UUID]:
    """A confirmed address for e-mail, and a card and a sheba of the member's own."""
    number = next(_NUMBERS)
    async with transaction(context.engine, SERVICE) as connection:
        sealed = seal_email(context.seals, f"reviewed.{number}@example.com")
        await set_email(connection, context.seals, member.id, sealed)
        card_id = await add_account(connection, context.seals, member.id, parse_card(a_card("5678")))
        sheba_id = await add_account(connection, context.seals, member.id, parse_sheba(a_sheba("8765", number)))
        both = sa.update(bank_accounts).where(bank_accounts.c.id.in_([card_id, sheba_id]))
        await connection.execute(both.values(state="confirmed", answered_at=sa.func.now()))
    return card_id, sheba_id


async def keep_picture(context: Context, member: Someone, kind: DocumentKind) -> UUID:
    """A picture of a member's is kept; returns its id."""
    stored = await context.files.keep(kyc.any_folder(), in_parts(picture()), limit=MAX_BYTES)
    async with transaction(context.engine, SERVICE) as connection:
        row = await kyc.add_document(
            connection, member.id, kind=kind, size=stored.size, sha256=stored.sha256, file_key=stored.key
        )
    return row.id
