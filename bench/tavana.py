"""Takes onboardings on, to Tavana from the application to the usable credit, through the API as their people do."""

from __future__ import annotations

from collections.abc import Iterator
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


async def put_in_force(context: Context, programme: str, *, waiting_seconds: int) -> None:
    """A programme like Tavana, or Tavana itself, but for the time between approval and usable credit."""
    async with transaction(context.engine, SERVICE) as connection:
        shipped = await policies.in_force(connection, Programme.PREFIX + PROGRAMME)
        if shipped is None:
            raise LookupError(PROGRAMME)
        value = {name: given for name, given in shipped.value.items() if name != "waiting_hours"}
        value["waiting_seconds"] = waiting_seconds
        name = Programme.PREFIX + programme
        proposed = await policies.propose(connection, name, value, uuid4(), may_be_new=True)
        if proposed is None:
            raise LookupError(name)
        await policies.settle_proposal(connection, proposed.id, approved_by=uuid4())


@dataclass(frozen=True, slots=True)
class Tavana:
    """Plays applicant, guarantor and finance officer; each application has an officer, whose codes count once each."""

    watch: Watch
    officers: Iterator[Officer]

    async def take(self, pair: Pair) -> UUID:
        """Go from the application to the usable credit; returns the case's id."""
        wanted = terms(PROGRAMME, MONTHLY, INSTALMENTS)
        case_id = await pair.applicant.apply(wanted, pair.guarantor_national_id)
        asked = await self.watch.task(case_id, GuarantorTask.ANSWER_GUARANTEE)
        await pair.guarantor.answer(asked.id, await pair.guarantor.consent(asked.subject_id))
        review = await self.watch.task(case_id, ReviewTask.REVIEW_APPLICATION)
        await next(self.officers).answer(review.id, APPROVE)
        outcome = await self.watch.end(case_id)
        if outcome != Phase.ACTIVE:
            raise LookupError(f"the case ended {outcome}")
        return case_id
