"""An identity form that an officer holds (F4), for the world of all operations; its pictures are kept undrawn."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.kyc import submit_identity
from commands.task import claim_task, lock_free_task
from domain.attachment import MAX_BYTES
from messages.case import StepInput
from messages.kyc import DocumentKind, TaskKind
from storage import kyc
from storage.database import SERVICE, transaction
from tests.arrange import Someone
from tests.commands.onboarding_steps import open_task, run
from tests.files_made import picture
from tests.identity import BASIC, FOLDER, FRONT, cards_and_sheba, form_with, prepare
from tests.personnel_steps import in_parts
from tests.transitions import Transitions


@dataclass(frozen=True, slots=True)
class IdentityUnderReview:
    """A form of a member's: its case, the officer's task, card, sheba and a picture, and one that was never sent."""

    case_id: UUID
    task_id: UUID
    card_id: UUID
    sheba_id: UUID
    document_id: UUID
    spare_id: UUID

    def things(self) -> dict[str, UUID]:
        """What the world calls them."""
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
    await prepare(context, member)
    pictures = {kind: await keep_picture(context, member, kind) for kind in BASIC}
    spare_id = await keep_picture(context, member, DocumentKind.SELFIE)
    typed = await form_with(context, member, pictures)
    case_id: UUID = await run(context, member, lambda command: submit_identity(command, "basic", typed))
    await Transitions(activity_context).request_decision(StepInput(case_id))
    task_id = await open_task(context, case_id, TaskKind.REVIEW_IDENTITY)

    async def claim(command: Command) -> None:
        await claim_task(command, await lock_free_task(command, task_id))

    await run(context, officer, claim)
    cards, sheba_id = await cards_and_sheba(context, member)
    return IdentityUnderReview(case_id, task_id, cards[0], sheba_id, pictures[FRONT], spare_id)


async def keep_picture(context: Context, member: Someone, kind: DocumentKind) -> UUID:
    """A picture of a member's is kept; returns its id."""
    stored = await context.files.keep(FOLDER, in_parts(picture(size=(640, 480))), limit=MAX_BYTES)
    async with transaction(context.engine, SERVICE) as connection:
        row = await kyc.add_document(
            connection, member.id, kind=kind, size=stored.size, sha256=stored.sha256, file_key=stored.key
        )
    return row.id
