"""A case as it is shown: the row that every command in it answers, and what capabilities add to the whole of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Reading
from api.values import Moment, Out
from api.visibility import Visibility
from commands.command import Command
from domain.errors import NotFound
from messages.case import CaseKind
from storage.cases import read_case
from storage.sealing import Seals

P = TypeVar("P", bound=Out)


class CaseRow(Out):
    """Where a case stands; ``GET /v1/cases/{case_id}`` shows the whole of it."""

    id: UUID
    number: str = Field(
        description="To be read out by telephone; its last digit checks the others (Luhn)", examples=["735208198"]
    )
    kind: str = Field(examples=[*CaseKind])
    phase: str = Field(examples=["awaiting_certificate"])
    next_actor: str | None = Field(description="Who acts next; null when the case is over", examples=["hr_officer"])
    due: Moment | None = Field(validation_alias="due_at", description="Until when")
    version: int


async def case_row(command: Command, case_id: UUID) -> CaseRow:
    """The row of a case in which a command has acted.

    Raises:
        NotFound: it is not theirs to see.
    """
    case = await read_case(command.connection, case_id)
    if case is None:
        raise NotFound
    return CaseRow.model_validate(case)


class Action(Out):
    """Something that the caller may do now."""

    action: str = Field(examples=["withdraw_application"])
    method: str = Field(examples=["POST"])
    href: str = Field(examples=["/v1/onboarding/applications/…/withdrawal"])


@dataclass(frozen=True, slots=True)
class CaseView:
    """Somebody looks at a case."""

    reading: Reading
    visibility: Visibility

    @property
    def connection(self) -> AsyncConnection:
        """The transaction in which they look."""
        return self.reading.connection

    @property
    def seals(self) -> Seals:
        """Keys for personal fields."""
        return self.reading.seals


async def _none(_: CaseView, __: Any) -> list[Action]:
    return []


@dataclass(frozen=True, slots=True)
class Section(Generic[P]):
    """What a capability adds to the view of the cases of a kind, and for whom.

    Args:
        kind: of the cases.
        model: its fields, which ``CaseDetail`` has too; empty in all other cases and eyes.
        read: the fields of a case.
        allowed: what the caller may do in such a case besides answering their tasks.
        members: the parts that members must take in the case to see this one.
        staff: ``scope``: all of them who see the case; ``holder``: only those who have claimed a task in it.
        tells_where: whether members learn of which organisation and region the case is. Not where the person who signs
            in as them need not be the one whom that organisation employs (A1).
        by_programme: whether such cases go by a programme.
        endings: facts with which the process ends as soon as it knows.
        is_asked: False where nobody is ever asked, so that waiting for nobody is no sign of a process that moves.
    """

    kind: CaseKind
    model: type[P] = Out  # type: ignore[assignment]  # a capability that shows nothing of its own
    read: Callable[[CaseView], Awaitable[P]] | None = None
    allowed: Callable[[CaseView, P], Awaitable[list[Action]]] = _none
    members: frozenset[str] = frozenset({"applicant"})
    staff: Literal["scope", "holder"] = "scope"
    tells_where: bool = True
    by_programme: bool = False
    endings: tuple[str, ...] = ()
    is_asked: bool = True

    def is_for(self, visibility: Visibility) -> bool:
        """Whether the caller sees it."""
        return visibility.case.kind is self.kind and visibility.sees(self.members, held_only=self.staff == "holder")
