"""How a kind of task is answered, and what a fresh code may confirm: each capability lists its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, get_args

from api.operation import Confirmation, confirmations
from api.values import Input
from commands.command import Command
from commands.refusals import refusals_of
from domain.held_task import Waits
from storage.rows.tasks import Task


class Decision(Input):
    """An answer to a task. Its subclasses say by ``kind`` and ``decision`` which, and perform the command."""

    # Whether it may only be given about the version of the task that was seen: its case's content may be replaced.
    of_version: ClassVar[bool] = False
    kind: str
    decision: str

    @classmethod
    def name(cls) -> tuple[str, str]:
        """Of which kind of task it is an answer, and what it is called."""
        (kind,), (decision,) = (get_args(cls.model_fields[name].annotation) for name in ("kind", "decision"))
        return kind, decision

    @classmethod
    def confirmed_by(cls) -> tuple[Confirmation, ...]:
        """By which codes staff confirm it (G1)."""
        return confirmations(refusals_of(cls.decide))

    async def decide(self, command: Command, task: Task) -> None:
        """Perform the command that this answer stands for; its ``@refuses`` names what that refuses."""
        raise NotImplementedError


class CodeRequest(Input):
    """Asks for a code; its subclasses say by ``purpose`` what for, and by ``subject`` for exactly which thing."""

    purpose: str

    async def binding(self, command: Command) -> bytes:
        """A hash of exactly what the code confirms, see ``domain.account``."""
        raise NotImplementedError

    async def confirmed(self, command: Command) -> tuple[bytes, Mapping[str, str]]:
        """``binding``, and what of it the SMS names."""
        return await self.binding(command), {}


Waiting = Callable[[Command, Task], Awaitable[Waits]]


@dataclass(frozen=True, slots=True)
class TaskDecisions:
    """How tasks of a kind are answered; ``api/decisions.py`` puts them together.

    Args:
        kind: of the tasks.
        decisions: the possible answers.
        address: where it is answered instead; ``{case_id}`` is its case's id.
        operation: by which operation, where that is not named as the kind.
        asks_another: whether it asks somebody else than whom the case is about: they are told who that is, and which
            thing of theirs it is about.
        claiming: asked before somebody takes such a task: how long they are waited for from then on. It may refuse, and
            its ``@refuses`` names what.
        releasing: likewise before they give it back: how long others are waited for.
    """

    kind: str
    decisions: tuple[type[Decision], ...] = ()
    address: str = ""
    operation: str = ""
    asks_another: bool = False
    claiming: Waiting | None = None
    releasing: Waiting | None = None

    @property
    def answered_by(self) -> str:
        """The operation at its address."""
        return self.operation or self.kind
