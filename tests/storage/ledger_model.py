"""The ledger in plain Python: what one call after another must answer, and what a history of answers must add up to.

A ``Deed`` is one call of the ledger. A ``Model`` judges deeds one after another, as for somebody who is alone on their
accounts. A ``History`` collects what was answered to many at once, in any order, and says what must then be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from domain.ledger import (
    AccountFrozen,
    AlreadyCorrected,
    Entry,
    HoldRequest,
    HoldResolved,
    InsufficientFunds,
    Journal,
    Occasion,
)
from storage.ledger import BadCorrection, BadHold, KeyConflict

DONE: Final = "done"
MENDED: Final = "test_mended"
FLOORED: Final = "credit:available:"
RELEASED: Final = {"void": "voided", "expire": "expired"}

# The key of a journal or a hold, DONE, the class of what was raised, or for a batch the answers to its journals.
Answer = Any


@dataclass(frozen=True)
class Deed:
    """One call: ``verb`` is post, hold, take (a hold), void, expire, correct, batch, freeze or unfreeze.

    ``target`` is the key of the hold or of the journal to correct, or the code of the account to freeze.
    """

    verb: str
    journals: tuple[Journal, ...] = ()
    request: HoldRequest | None = None
    occasion: Occasion | None = None
    target: str = ""

    @property
    def key(self) -> str:
        """The key that the call gives, if it gives one."""
        if self.request is not None:
            return self.request.occasion.key
        if self.occasion is not None:
            return self.occasion.key
        return self.journals[0].occasion.key if self.journals else ""


@dataclass
class Names:
    """Which id stands for which key; an id that came before for the same key only is answered by that key."""

    ids: dict[tuple[str, str], UUID] = field(default_factory=dict)

    def name(self, kind: str, key: str, made: UUID) -> str:
        """The key, if the id is the one it has always had, and nobody else's."""
        known = self.ids.setdefault((kind, key), made)
        if known != made:
            return f"{key} is {known} and {made}"
        return key

    def of(self, kind: str) -> dict[str, UUID]:
        """All of a kind by their keys."""
        return {key: made for (known, key), made in self.ids.items() if known == kind}


class Books:
    """What was posted and held, by key."""

    posted: dict[str, Posted]
    holds: dict[str, Held]

    @property
    def keys(self) -> set[tuple[str, str]]:
        """Kind and key of everything that must be there; nothing else may."""
        return {("journal", key) for key in self.posted} | {("hold", key) for key in self.holds}


@dataclass
class Held:
    """A hold, and what became of it: pending, voided, expired, or the key of the journal that took it."""

    request: HoldRequest
    state: str = "pending"


@dataclass
class Posted:
    """A journal's entries and what else its key stands for."""

    journal: Journal
    hold: str = ""
    corrects: str = ""

    def same(self, other: Posted) -> bool:
        """Whether both are one journal; the order of entries does not matter."""
        return (self.hold, self.corrects, self.journal.content_hash()) == (
            other.hold,
            other.corrects,
            other.journal.content_hash(),
        )


def asked(deed: Deed) -> HoldRequest:
    """The request of a deed that holds."""
    if deed.request is None:
        raise TypeError(deed.verb)
    return deed.request


def mended(deed: Deed, first: Journal) -> Posted:
    """What a deed that corrects posts: the mirror image."""
    if deed.occasion is None:
        raise TypeError(deed.verb)
    return Posted(mirrored(first, deed.occasion, MENDED), corrects=deed.target)


def mirrored(journal: Journal, occasion: Occasion, reason: str) -> Journal:
    """What turns a journal back."""
    entries = tuple(Entry(entry.account, -entry.amount) for entry in journal.entries)
    return Journal(occasion, reason, entries)


@dataclass
class Model(Books):
    """The accounts of somebody who is alone on them. Those with a floor may not fall under 0, holds counted."""

    balances: dict[str, int]
    frozen: set[str] = field(default_factory=set)
    posted: dict[str, Posted] = field(default_factory=dict)
    holds: dict[str, Held] = field(default_factory=dict)

    def judge(self, deed: Deed) -> Answer:
        """The answer to a deed, which is done unless it is refused."""
        match deed.verb:
            case "post":
                answer = self._post(Posted(deed.journals[0]))
            case "batch":
                answer = self._batch(deed.journals)
            case "take":
                answer = self._take(Posted(deed.journals[0], hold=deed.target))
            case "correct":
                answer = self._correct(deed)
            case "hold":
                answer = self._hold(deed)
            case "void" | "expire":
                answer = self._release(self.holds[deed.target], RELEASED[deed.verb])
            case _:
                (self.frozen.add if deed.verb == "freeze" else self.frozen.discard)(deed.target)
                answer = DONE
        return answer

    def held(self, code: str) -> int:
        """What is held on an account."""
        return sum(
            held.request.amount.amount
            for held in self.holds.values()
            if held.state == "pending" and held.request.account == code
        )

    def _room(self, code: str, amount: int) -> bool:
        return not code.startswith(FLOORED) or self.balances[code] + amount - self.held(code) >= 0

    def _short(self, wanted: Posted) -> bool:
        # What the journal's own hold sets apart is there for it.
        held = self.holds[wanted.hold].request if wanted.hold else None
        freed = {held.account: held.amount.amount} if held else {}
        return not all(
            self._room(entry.account, entry.amount.amount + freed.get(entry.account, 0))
            for entry in wanted.journal.entries
        )

    def _known(self, wanted: Posted) -> Answer:
        key = wanted.journal.occasion.key
        first = self.posted.get(key)
        if first is None:
            return None
        return key if first.same(wanted) else KeyConflict

    def _post(self, wanted: Posted) -> Answer:
        if (known := self._known(wanted)) is not None:
            return known
        entries = wanted.journal.entries
        if any(entry.account in self.frozen for entry in entries):
            return AccountFrozen
        if self._short(wanted):
            return InsufficientFunds
        if wanted.corrects and any(other.corrects == wanted.corrects for other in self.posted.values()):
            return AlreadyCorrected
        for entry in entries:
            self.balances[entry.account] += entry.amount.amount
        self.posted[wanted.journal.occasion.key] = wanted
        return wanted.journal.occasion.key

    def _batch(self, journals: Sequence[Journal]) -> Answer:
        before = dict(self.balances), dict(self.posted)
        answers = tuple(self._post(Posted(journal)) for journal in journals)
        if KeyConflict in answers:
            self.balances, self.posted = before
            return KeyConflict
        return answers

    def _take(self, wanted: Posted) -> Answer:
        held = self.holds[wanted.hold]
        account, amount = held.request.account, held.request.amount.amount
        taken = max((-entry.amount.amount for entry in wanted.journal.entries if entry.account == account), default=0)
        if not 1 <= taken <= amount:
            return BadHold
        if (known := self._known(wanted)) is not None:
            return known
        if held.state != "pending":
            return HoldResolved
        answer = self._post(wanted)
        if answer == wanted.journal.occasion.key:
            held.state = answer
        return answer

    def _correct(self, deed: Deed) -> Answer:
        first = self.posted[deed.target]
        if first.corrects:
            return BadCorrection
        wanted = mended(deed, first.journal)
        corrected = any(other.corrects == deed.target for other in self.posted.values())
        known = self._known(wanted)
        return AlreadyCorrected if known is None and corrected else self._post(wanted)

    def _hold(self, deed: Deed) -> Answer:
        request, key = asked(deed), deed.key
        if first := self.holds.get(key):
            return key if first.request == request else KeyConflict
        if request.account in self.frozen:
            return AccountFrozen
        if not self._room(request.account, -request.amount.amount):
            return InsufficientFunds
        self.holds[key] = Held(request)
        return key

    @staticmethod
    def _release(held: Held, state: str) -> Answer:
        if held.state == "pending":
            held.state = state
        return DONE if held.state == state else HoldResolved


class Inexplicable(AssertionError):
    """Answers that no order of the calls explains."""


@dataclass
class History(Books):
    """What was answered to calls that ran at once; what follows from it does not depend on their order."""

    posted: dict[str, Posted] = field(default_factory=dict)
    holds: dict[str, Held] = field(default_factory=dict)
    conflicts: list[Posted | HoldRequest] = field(default_factory=list)
    resolved: list[Deed] = field(default_factory=list)
    corrected: list[Deed] = field(default_factory=list)
    stopped: list[Journal | HoldRequest] = field(default_factory=list)
    frozen: set[str] = field(default_factory=set)

    def add(self, deed: Deed, answer: Answer) -> None:
        """Take down an answer; a caller who repeated a call, whatever became of it before, has one more."""
        match deed.verb:
            case "post" | "take":
                hold = deed.target if deed.verb == "take" else ""
                self._posting(Posted(deed.journals[0], hold=hold), deed, answer)
            case "batch":
                self._batch(deed, answer)
            case "correct":
                self._correcting(deed, answer)
            case "hold":
                self._holding(deed, answer)
            case "void" | "expire":
                self._releasing(deed, answer)
            case "freeze":
                self.frozen.add(deed.target)

    def _correcting(self, deed: Deed, answer: Answer) -> None:
        first = self.posted[deed.target]
        self._require(bool(first.corrects) == (answer is BadCorrection), f"{deed.target} was answered {answer}")
        if not first.corrects:
            self._posting(mended(deed, first.journal), deed, answer)

    def _batch(self, deed: Deed, answer: Answer) -> None:
        if answer is KeyConflict:
            return  # one of them, which is not said
        for journal, said in zip(deed.journals, answer, strict=True):
            self._posting(Posted(journal), deed, said)

    def _posting(self, wanted: Posted, deed: Deed, answer: Answer) -> None:
        key = wanted.journal.occasion.key
        if answer == key:
            first = self.posted.setdefault(key, wanted)
            self._require(first.same(wanted), f"{key} was answered for two contents")
            if wanted.hold:
                self._resolve(wanted.hold, key)
            return
        if answer is KeyConflict:
            self.conflicts.append(wanted)
        elif answer is HoldResolved:
            self.resolved.append(deed)
        elif answer is AlreadyCorrected:
            self.corrected.append(deed)
        elif answer is AccountFrozen:
            self.stopped.append(wanted.journal)
        elif answer is InsufficientFunds:
            takes = [entry.account for entry in wanted.journal.entries if entry.amount.amount < 0]
            self._require(any(code.startswith(FLOORED) for code in takes), f"{key} takes from no account with a floor")
        else:
            self._require(answer is BadHold and bool(wanted.hold), f"{key} was answered {answer}")

    def _holding(self, deed: Deed, answer: Answer) -> None:
        request, key = asked(deed), deed.key
        if answer == key:
            self._require(self.holds.setdefault(key, Held(request)).request == request, f"{key} is two holds")
            return
        if answer is KeyConflict:
            self.conflicts.append(request)
        elif answer is AccountFrozen:
            self.stopped.append(request)
        else:
            self._require(answer is InsufficientFunds, f"{key} was answered {answer}")

    def _releasing(self, deed: Deed, answer: Answer) -> None:
        if answer == DONE:
            self._resolve(deed.target, RELEASED[deed.verb])
        else:
            self._require(answer is HoldResolved, f"{deed.target} was answered {answer}")
            self.resolved.append(deed)

    def _resolve(self, hold: str, state: str) -> None:
        held = self.holds[hold]
        self._require(held.state in {"pending", state}, f"{hold} became {held.state} and {state}")
        held.state = state

    def close(self) -> None:
        """Look at what could only be explained by what others did."""
        for rival in self.conflicts:
            if isinstance(rival, HoldRequest):
                first = self.holds.get(rival.occasion.key)
                self._require(first is not None and first.request != rival, f"no rival of {rival.occasion.key}")
            else:
                known = self.posted.get(rival.journal.occasion.key)
                self._require(known is not None and not known.same(rival), f"no rival of {rival.journal.occasion.key}")
        for stopped in self.stopped:
            codes = (
                {stopped.account} if isinstance(stopped, HoldRequest) else {entry.account for entry in stopped.entries}
            )
            self._require(not codes.isdisjoint(self.frozen), f"nobody froze what {stopped.occasion.key} touches")
        for deed in self.resolved:
            state = self.holds[deed.target].state
            self._require(state not in {"pending", RELEASED.get(deed.verb, deed.key)}, f"{deed.target} is {state}")
        for deed in self.corrected:
            rivals = {key for key, posted in self.posted.items() if posted.corrects == deed.target} - {deed.key}
            self._require(len(rivals) == 1, f"{deed.target} was corrected by {sorted(rivals)}")

    def totals(self, codes: Sequence[str]) -> dict[str, tuple[int, int]]:
        """The sum of entries of each account, and what is held on it."""
        moved = dict.fromkeys(codes, 0)
        held = dict.fromkeys(codes, 0)
        for posted in self.posted.values():
            for entry in posted.journal.entries:
                moved[entry.account] += entry.amount.amount
        for one in self.holds.values():
            if one.state == "pending":
                held[one.request.account] += one.request.amount.amount
        return {code: (moved[code], held[code]) for code in codes}

    @staticmethod
    def _require(holds: bool, otherwise: str) -> None:
        if not holds:
            raise Inexplicable(otherwise)
