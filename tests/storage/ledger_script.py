"""What the actors of the ledger's model-based tests do: bytes become steps, and steps become calls of the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from domain.ledger import CREDIT_AVAILABLE, CREDIT_GRANTED, Account, Entry, HoldRequest, Journal
from domain.money import Money, Unit
from tests.storage.ledger_clients import Manner
from tests.storage.ledger_model import Deed, History, Model
from tests.storage.ledger_world import move, occasion

STEP_BYTES: Final = 5
STEPS_MAX: Final = 8
VERBS: Final = (
    *("post",) * 8,
    *("hold",) * 4,
    *("take",) * 4,
    *("batch",) * 4,
    *("correct",) * 2,
    *("void", "expire", "freeze", "unfreeze", "unfreeze", "look"),
)
MANNERS: Final = (*(Manner.ALONE,) * 40, *(Manner.IN_TRANSACTION,) * 20, *Manner.deadly())


@dataclass(frozen=True)
class Step:
    """What an actor is to do next; numbers say with what, as far as there is something."""

    verb: str
    amount: int
    one: int
    two: int
    manner: Manner


def steps(drawn: bytes) -> list[Step]:
    """Five bytes a step: a draw of bytes is far cheaper than one of lists of tuples."""
    rows = [drawn[at : at + STEP_BYTES] for at in range(0, len(drawn) - STEP_BYTES + 1, STEP_BYTES)]
    return [
        Step(VERBS[verb % len(VERBS)], amount % 40 + 1, one, two, MANNERS[manner % len(MANNERS)])
        for verb, amount, one, two, manner in rows
    ]


@dataclass(frozen=True)
class Purse:
    """Accounts of two units, with a floor and without."""

    name: str

    @property
    def accounts(self) -> list[Account]:
        """Two with a floor and two without in rial, one of each in points."""
        return [
            *(Account(CREDIT_AVAILABLE, f"{self.name}-{one}") for one in "ab"),
            *(Account(CREDIT_GRANTED, f"{self.name}-{one}") for one in "ab"),
            Account(CREDIT_AVAILABLE, f"{self.name}-p", Unit.PTS),
            Account(CREDIT_GRANTED, f"{self.name}-p", Unit.PTS),
        ]

    @property
    def codes(self) -> list[str]:
        """In the order of the accounts."""
        return [account.code for account in self.accounts]

    @property
    def opening(self) -> Deed:
        """Something to begin with."""
        a, b, given_a, _, p, q = self.codes
        entries = (
            *(Entry(a, Money(60)), Entry(b, Money(40)), Entry(given_a, Money(-100))),
            *(Entry(p, Money(50, Unit.PTS)), Entry(q, Money(-50, Unit.PTS))),
        )
        return Deed("post", (Journal(occasion(f"{self.name}/opening"), "test_moved", entries),))


@dataclass
class Author:
    """Turns steps into deeds, from what is known to have been posted and held."""

    name: str
    codes: list[str]
    known: Model | History
    shared: str
    fresh: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        """Remember every key that is tried; some were before."""
        self.tried = {key for _, key in self.known.keys}

    def deed(self, step: Step) -> Deed:
        """What a step means now; its keys are kept in mind."""
        deed = self._written(step)
        self.tried.update([deed.key, *(journal.occasion.key for journal in deed.journals)])
        return deed

    def _written(self, step: Step) -> Deed:
        # Where there is nothing to be taken, given back or corrected, it posts or holds.
        holds, posted = list(self.known.holds), list(self.known.posted)
        match step.verb:
            case "freeze" | "unfreeze":
                return Deed(step.verb, target=self.codes[step.one % len(self.codes)])
            case "take" if holds:
                return self._take(step, holds[step.one % len(holds)])
            case "void" | "expire" if holds:
                return Deed(step.verb, target=holds[step.one % len(holds)])
            case "correct" if posted:
                target = posted[step.one % len(posted)]
                key = self._key() if step.two % 3 else f"{self.shared}/mend/{target}"
                return Deed("correct", target=target, occasion=occasion(key))
            case "batch":
                return Deed("batch", tuple(self._journal(self._varied(step, n)) for n in range(2 + step.amount % 4)))
        return Deed("post", (self._journal(step),)) if step.verb in {"post", "correct"} else self._hold(step)

    @staticmethod
    def _varied(step: Step, n: int) -> Step:
        return replace(step, amount=(step.amount * 7 + n * 11) % 40 + 1, one=step.one + n, two=step.two * 3 + n)

    def _key(self) -> str:
        return f"{self.name}/{next(self.fresh)}"

    def _settled(self, step: Step) -> tuple[Step, str]:
        """The step and its key: mostly fresh, else one of few, which stands for one content; seldom for another."""
        if step.two % 3:
            return step, self._key()
        number = step.one % 4
        amount = step.amount if step.two % 5 == 0 else number * 5 + 2
        return replace(step, amount=amount, one=number), f"{self.shared}/{number}"

    def _journal(self, step: Step) -> Journal:
        settled_step, key = self._settled(step)
        amount, (a, b, given_a, given_b, p, q) = settled_step.amount, self.codes
        entries: tuple[Entry, ...]
        points = Unit.PTS
        match settled_step.one % 7:
            case 0 | 1:
                return move(given_a, a, amount, key)
            case 2:
                return move(a, given_b, amount, key)
            case 3:
                return move(a, b, amount, key)
            case 4:
                return move(given_a, given_b, amount, key)
            case 5:
                entries = (Entry(b, Money(-amount - 1)), Entry(a, Money(amount)), Entry(given_a, Money(1)))
            case _:
                entries = (
                    *(Entry(a, Money(-1)), Entry(given_a, Money(1))),
                    *(Entry(q, Money(-amount, points)), Entry(p, Money(amount, points))),
                )
        return Journal(occasion(key), "test_moved", entries)

    def _hold(self, step: Step) -> Deed:
        settled_step, key = self._settled(step)
        code = self.codes[(0, 0, 1, 4)[settled_step.one % 4]]
        unit = Unit.PTS if code == self.codes[4] else Unit.IRR
        request = HoldRequest(occasion(key), code, Money(settled_step.amount, unit), "test_held")
        return Deed("hold", request=request)

    def _take(self, step: Step, hold: str) -> Deed:
        held = self.known.holds[hold]
        before = self.known.posted.get(held.state)
        if before and step.two % 2:
            return Deed("take", (before.journal,), target=hold)
        request = held.request
        most = request.amount.amount
        amount = most + 1 if step.two % 8 == 7 else 1 + step.amount % most
        into = self.codes[5] if request.amount.unit is Unit.PTS else self.codes[2 + step.two % 2]
        return Deed("take", (move(request.account, into, amount, self._key(), request.amount.unit),), target=hold)
