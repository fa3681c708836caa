"""What the rows of safe payments keep as codes, and how people read each (docs/rules.md, E1 to E6)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.escrow.rules import MoveCause
from domain.wording import Sentence


class Timing(StrEnum):
    """How a safe payment came about: both agreed on amount and day, or the employer made it at once (E1)."""

    AGREED = "agreed"
    IMMEDIATE = "immediate"


class DisputeAbout(StrEnum):
    """What the two sides disagree about (E5)."""

    WORK = "work"
    AMOUNT = "amount"


class OfferAnswer(StrEnum):
    """What became of an offer to divide what is frozen (E5)."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    REPLACED = "replaced"
    OVERTAKEN = "overtaken"


class DisputeEnd(StrEnum):
    """How arbitration ended (E5)."""

    WITHDRAWN = "withdrawn"
    SPLIT = "split"
    RULED = "ruled"


TERMS: Final[Mapping[type[StrEnum], Mapping[StrEnum, Sentence]]] = {
    Timing: {
        Timing.AGREED: Sentence("توافقی", "agreed"),
        Timing.IMMEDIATE: Sentence("آنی", "immediate"),
    },
    MoveCause: {
        MoveCause.RELEASE: Sentence("آزادسازی کارفرما", "Released by the employer"),
        MoveCause.AUTO_RELEASE: Sentence("آزادسازی با پایان مهلت بررسی", "Released as the time to inspect was over"),
        MoveCause.REFUND: Sentence("بازگشت با موافقت مجری", "Refund that the contractor agreed to"),
        MoveCause.SPLIT: Sentence("تقسیم با توافق دو طرف", "Divided by agreement"),
        MoveCause.RULING: Sentence("تقسیم با رأی داور", "Divided by ruling"),
    },
    DisputeAbout: {
        DisputeAbout.WORK: Sentence("انجام یا کیفیت کار", "the work"),
        DisputeAbout.AMOUNT: Sentence("مبلغ", "the amount"),
    },
    OfferAnswer: {
        OfferAnswer.ACCEPTED: Sentence("پذیرفته شد", "Accepted"),
        OfferAnswer.DECLINED: Sentence("پذیرفته نشد", "Declined"),
        OfferAnswer.REPLACED: Sentence("پیشنهاد تازه جای آن را گرفت", "Replaced by a newer offer"),
        OfferAnswer.OVERTAKEN: Sentence("با رأی داور کنار رفت", "Overtaken by a ruling"),
    },
    DisputeEnd: {
        DisputeEnd.WITHDRAWN: Sentence("پس گرفته شد", "Taken back"),
        DisputeEnd.SPLIT: Sentence("با توافق پایان یافت", "Ended by agreement"),
        DisputeEnd.RULED: Sentence("با رأی پایان یافت", "Ended by ruling"),
    },
}
