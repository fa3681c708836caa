"""How many calls of one provider run at once in a process: one that is slow must not keep the others' away."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from opentelemetry import metrics

# A third of the slots of the queue: two providers that hang leave another third to those that answer.
AT_ONCE = 4
# Those who found no turn come again one after the other, so that they use up a part of what the queue takes a second.
_EVERY = 0.2
_SOONEST, _LATEST = 1.0, 300.0

_turned_away = metrics.get_meter("amanat").create_counter(
    "amanat_provider_busy", description="Questions put off because a provider had as many under way as it may"
)


class NoTurn(Exception):
    """As many calls of the provider are under way as may be; to be asked again after a while, which is no failure."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"asked again in {delay}")
        self.delay = delay


class Turns:
    """The calls under way of each provider, by its name, in this process.

    Nobody waits for a turn in a slot of the queue: who finds none gives the slot back.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._busy = Counter[str]()
        self._last = dict[str, float]()

    @contextlib.contextmanager
    def of(self, provider: str) -> Iterator[None]:
        """Have a turn while a call lasts.

        Raises:
            NoTurn: there is none.
        """
        if self._busy[provider] >= self._at_once:
            _turned_away.add(1, {"provider": provider})
            raise NoTurn(self._next(provider))
        self._busy[provider] += 1
        try:
            yield
        finally:
            self._busy[provider] -= 1

    def _next(self, provider: str) -> timedelta:
        """When to come again: after those that were told so before."""
        now = time.monotonic()
        moment = min(max(now + _SOONEST, self._last.get(provider, 0.0) + _EVERY), now + _LATEST)
        self._last[provider] = moment
        return timedelta(seconds=moment - now)
