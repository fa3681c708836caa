"""Takes onboardings on, to Tavana from the application to the usable credit, through the API as their people do."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from bench.people import Pair
from bench.watch import Watch
from commands.command import Context
from demo.actors import APPROVE, Officer, terms
from domain.programme import Programme
from messages.guarantor import TaskKind as GuarantorTask
from messages.onboarding import Phase
from messages.review import TaskKind as ReviewTask
from storage import policies
from storage.database import SERVICE, transaction

PROGRAMME = "tavana"
MONTHLY = 50_000_000
INSTALMENTS = 12


async def shorten_wait(context: Context) -> None:
    """Put a version of the programme in force that waits one second between approval and usable credit."""
    async with transaction(context.engine, SERVICE) as connection:
        name = Programme.PREFIX + PROGRAMME
        shipped = await policies.in_force(connection, name)
        if shipped is None:
            raise LookupError(name)
        value = {key: given for key, given in shipped.value.items() if key != "waiting_hours"} | {"waiting_seconds": 1}
        proposed = await policies.propose(connection, name, value, uuid4())
        if proposed is None:
            raise LookupError(name)
        await policies.settle_proposal(connection, proposed.id, approved_by=uuid4())


@dataclass(frozen=True, slots=True)
class Tavana:
    """Plays applicant, guarantor and finance officer."""

    watch: Watch
    officer: Officer

    async def take(self, pair: Pair) -> UUID:
        """Go from the application to the usable credit; returns the case's id."""
        wanted = terms(PROGRAMME, MONTHLY, INSTALMENTS)
        case_id = await pair.applicant.apply(wanted, pair.guarantor_national_id)
        asked = await self.watch.task(case_id, GuarantorTask.ANSWER_GUARANTEE)
        await pair.guarantor.answer(asked.id, await pair.guarantor.consent(asked.subject_id))
        review = await self.watch.task(case_id, ReviewTask.REVIEW_APPLICATION)
        await self.officer.answer(review.id, APPROVE)
        outcome = await self.watch.end(case_id)
        if outcome != Phase.ACTIVE:
            raise LookupError(f"the case ended {outcome}")
        return case_id
