"""Tasks that only their holder sees: who decides must take the task first, and have no interest in it (E5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.errors import Conflict, Forbidden

# In the details of such a task: how many rial it is about, which the queue shows.
AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class HeldTask:
    """A kind of task that is decided by who has claimed it, and whose case nobody else of the role sees.

    Args:
        kind: of the tasks.
        claimed: the fact that somebody took one.
        released: the fact that they gave it back; None where it stays with them until the process takes it away.
        by_another: whether each is for somebody who has done nothing in the case before.
        not_each_other: whether nobody decides about somebody who has decided such a task about them, or holds one.
        wakes: whether the process hears of both facts; not where nothing follows from them.
    """

    kind: StrEnum
    claimed: StrEnum
    released: StrEnum | None = None
    by_another: bool = False
    not_each_other: bool = False
    wakes: bool = True


@dataclass(frozen=True, slots=True)
class Waits:
    """How long somebody is waited for from now on: when they are reminded, and when their time is over."""

    remind_in: timedelta
    due_in: timedelta


class TaskNotClaimed(Conflict):
    """Such a task is decided, and given back, by who has claimed it."""

    code = "task_not_claimed"
    fa = "نخست این کار را برعهده بگیرید؛ پس از آن پرونده را می‌بینید و می‌توانید تصمیم بگیرید."
    en = "Claim this task first; then you see its case and can decide."


class ClaimStays(Conflict):
    """Such a task cannot be given back."""

    code = "claim_stays"
    fa = "این کار را برعهده گرفته‌اید و نمی‌توان آن را پس داد؛ اگر رسیدگی نکنید، پس از مهلت به همکار دیگری سپرده می‌شود."
    en = "You have taken this task and cannot give it back; once its time is over a colleague gets it."


class ClaimConflict(Forbidden):
    """They have an interest in the case (E5): a link to one who takes part in it, or their own earlier work on it."""

    code = "claim_conflict"
    fa = (
        "به‌سبب ارتباط با یکی از طرف‌های پرونده، یا چون پیش‌تر در آن کاری کرده‌اید، نمی‌توانید آن را برعهده بگیرید؛"
        " همکار دیگری رسیدگی می‌کند."
    )
    en = (
        "You cannot take this task because of a link to somebody who takes part in the case, or because you have acted"
        " in it before; a colleague will."
    )
