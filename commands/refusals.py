"""What a command may refuse, declared once, on the command; the API collects it for its document."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

from domain.errors import Forbidden, InvalidInput, NotFound, Refusal, TooMany, Unauthenticated

P = ParamSpec("P")
T = TypeVar("T")

# What anything may refuse; the API derives from an operation's dependencies and address which of these it does.
ALWAYS: Final = frozenset({Unauthenticated, Forbidden, NotFound, InvalidInput, TooMany})


class _Checking:
    """Whether a refusal that was not declared is a fault; the test suite says so."""

    on: bool = False


class UndeclaredRefusal(AssertionError):
    """A command refused with what its ``@refuses`` does not name."""


def check_declarations() -> None:
    """From now on a refusal that its command did not declare is a fault."""
    _Checking.on = True


def refuses(
    *declared: type[Refusal] | Callable[..., Any],
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Declare what a command may refuse besides ``ALWAYS``.

    Args:
        *declared: refusals, and commands whose own refusals may come through.
    """
    found: dict[type[Refusal], None] = {}
    for each in declared:
        is_refusal = isinstance(each, type) and issubclass(each, Refusal)
        found |= dict.fromkeys([each] if is_refusal else refusals_of(each))  # type: ignore[list-item]  # just judged

    def declare(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @functools.wraps(command)
        async def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return await command(*args, **kwargs)
            except Refusal as refusal:
                if _Checking.on and type(refusal) not in found and type(refusal) not in ALWAYS:
                    raise UndeclaredRefusal(f"{command.__qualname__} does not declare {refusal!r}") from refusal
                raise

        vars(checked)["refuses"] = tuple(found)
        return checked

    return declare


def refusals_of(command: Callable[..., Any]) -> tuple[type[Refusal], ...]:
    """What a command declares.

    Raises:
        LookupError: it declares nothing, not even that it refuses nothing.
    """
    declared: tuple[type[Refusal], ...] | None = getattr(command, "refuses", None)
    if declared is None:
        raise LookupError(f"{command!r} has no @refuses")
    return declared
