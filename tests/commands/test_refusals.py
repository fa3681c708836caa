"""What a command declares that it may refuse: nothing less than what it refuses."""

from __future__ import annotations

import pytest

from commands.refusals import ALWAYS, UndeclaredRefusal, refusals_of, refuses
from domain.errors import CaseClosed, NotFound, Refusal, TaskNotOpen


@refuses(CaseClosed)
async def close(refusal: type[Refusal] | None) -> str:
    """A command that refuses as it is told."""
    if refusal is not None:
        raise refusal
    return "closed"


@refuses(close, TaskNotOpen)
async def close_all(refusal: type[Refusal] | None) -> str:
    """A command that performs another one."""
    return await close(refusal)


async def test_a_command_answers_and_refuses_as_it_declares() -> None:
    assert await close(None) == "closed"
    for refusal in (CaseClosed, *ALWAYS):
        with pytest.raises(refusal):
            await close_all(refusal)


async def test_a_refusal_that_is_not_declared_is_a_fault_of_the_command_and_no_refusal() -> None:
    with pytest.raises(UndeclaredRefusal, match="close does not declare"):
        await close(TaskNotOpen)
    # Neither does the class of which it is one speak for it.
    with pytest.raises(UndeclaredRefusal):
        await refuses(Refusal)(close.__wrapped__)(CaseClosed)  # type: ignore[attr-defined]  # functools.wraps sets it


def test_a_command_declares_what_the_commands_that_it_performs_declare() -> None:
    assert refusals_of(close_all) == (CaseClosed, TaskNotOpen)


def test_a_command_that_declares_nothing_cannot_be_performed_by_another() -> None:
    async def silent() -> None:
        raise NotFound

    with pytest.raises(LookupError, match="silent"):
        refuses(silent)
