"""How a kind of task is answered: each capability lists its own, ``api/decisions.py`` puts them together."""

from __future__ import annotations

from dataclasses import dataclass

from api.values import Input
from commands.command import Command
from storage.rows.tasks import Task


class Decision(Input):
    """An answer to a task. Its subclasses say by ``kind`` and ``decision`` which, and perform the command."""

    kind: str
    decision: str

    async def decide(self, command: Command, task: Task) -> None:
        """Perform the command that this answer stands for; its ``@refuses`` names what that refuses."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Answering:
    """How tasks of a kind are answered.

    Args:
        kind: of the tasks.
        decisions: the possible answers.
        address: where it is answered instead, by the operation named as the kind; ``{case_id}`` is its case's id.
        asks_another: whether it asks somebody else than whom the case is about: they are told who that is, and which
            thing of theirs it is about.
    """

    kind: str
    decisions: tuple[type[Decision], ...] = ()
    address: str = ""
    asks_another: bool = False
