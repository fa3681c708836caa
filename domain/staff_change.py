"""Changes of staff that one operator proposes and another confirms (docs/rules.md, G1), roles that exclude each other.

Also the rules for what staff sign in with, and all that this capability says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self

from domain.access import Part, Role
from domain.account import AlreadyStaff, BadScope, MobileDiffers, RoleHeld, UsernameTaken
from domain.errors import Conflict, InvalidInput, Refusal
from domain.programme import Programme, is_wait
from domain.wording import CapabilityWords, Line, Sentence, TaskWords
from messages.case import CaseKind
from messages.staff_change import Event, FactKind, Phase, Sms, TaskKind


class StaffAction(StrEnum):
    """What a change of staff does."""

    ADD = "add"
    GRANT = "grant"
    RESET = "reset"


class RolesExclude(Conflict):
    """Two of the roles together would defeat a rule of two people (policy ``staff``)."""

    code = "roles_exclude"
    fa = "یک نفر نمی‌تواند این نقش‌ها را با هم داشته باشد، زیرا با آن‌ها به‌تنهایی جای دو نفر تصمیم می‌گیرد."
    en = "One person cannot hold these roles together: with them they would decide alone what takes two people."


class MobileMissing(Conflict):
    """The person has no mobile to which a link could be sent."""

    code = "mobile_missing"
    fa = "برای این شخص شمارهٔ همراهی ثبت نشده است و پیوندی نمی‌توان فرستاد."
    en = "This person has no mobile, so no link can be sent."


class OperatorLost(Conflict):
    """Who proposed or confirmed the change is no operator any more."""

    code = "operator_lost"
    fa = "پیشنهاددهنده یا تأییدکننده دیگر نقش میز عملیات را ندارد."
    en = "Who proposed or confirmed it is no operator any more."


class AccountSetUp(Conflict):
    """The account has its credentials already: a link would open nothing."""

    code = "account_set_up"
    fa = "این حساب راه‌اندازی شده است و پیوند تازه نمی‌خواهد؛ اگر دسترسی‌اش از دست رفته، بازنشانی آن را پیشنهاد دهید."
    en = "This account is set up and needs no new link; if its access was lost, propose a reset."


class ConsoleClosed(Conflict):
    """Two operators can sign in: staff are changed by them, no more at the console."""

    code = "console_closed"
    fa = "دو نفر از میز عملیات می‌توانند وارد شوند؛ افزودن و بازنشانی کارکنان با پیشنهاد یکی و تأیید دیگری است."
    en = "Two operators can sign in: one of them proposes changes of staff, another confirms."


class LinkNotAccepted(InvalidInput):
    """The link is wrong, was used, is too old, or was replaced by a newer one: which of these is not told."""

    code = "link_not_accepted"
    fa = "این پیوند معتبر نیست یا پیش‌تر به کار رفته است؛ از میز عملیات بخواهید پیوند تازه بفرستد."
    en = "This link is not valid or was used before; ask the operations desk to send a new one."


class StaffObstacle(StrEnum):
    """Why a change cannot be applied: the codes of the refusals of the same sentence."""

    OPERATOR_LOST = OperatorLost.code
    ALREADY_STAFF = AlreadyStaff.code
    USERNAME_TAKEN = UsernameTaken.code
    MOBILE_DIFFERS = MobileDiffers.code
    MOBILE_MISSING = MobileMissing.code
    BAD_SCOPE = BadScope.code
    ROLE_HELD = RoleHeld.code
    ROLES_EXCLUDE = RolesExclude.code

    @property
    def refusal(self) -> type[Refusal]:
        """What a proposal is refused with."""
        return _REFUSALS[self]


_REFUSALS: Final[Mapping[StaffObstacle, type[Refusal]]] = {
    StaffObstacle(refusal.code): refusal
    for refusal in (
        OperatorLost,
        AlreadyStaff,
        UsernameTaken,
        MobileDiffers,
        MobileMissing,
        BadScope,
        RoleHeld,
        RolesExclude,
    )
}


@dataclass(frozen=True, slots=True)
class StaffPolicy:
    """The policy ``staff``: which roles exclude each other, and how long a change and a link wait."""

    confirm_remind: timedelta
    confirm_expire: timedelta
    link_life: timedelta
    excludes: frozenset[frozenset[str]]

    POLICY = "staff"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; a role of a newer release is kept and meets nobody.

        Raises:
            ValueError: a value is missing or out of its range.
        """
        waits = [value.get(f"{name}_hours") for name in ("confirm_remind", "confirm_expire", "link")]
        hours = [int(wait) for wait in waits if is_wait(wait) and wait]
        excludes = value.get("excludes")
        if len(hours) != len(waits) or not isinstance(excludes, Mapping):
            raise ValueError("needs whole hours for confirm_remind, confirm_expire and link, and excludes")
        remind, expire, link = [timedelta(hours=wait) for wait in hours]
        if remind >= expire:
            raise ValueError("a reminder comes before its expiry")
        if any(not isinstance(others, list) or role in others for role, others in excludes.items()):
            raise ValueError("excludes: each role has a list of other roles")
        pairs = frozenset(frozenset((str(role), str(other))) for role, others in excludes.items() for other in others)
        return cls(remind, expire, link, pairs)

    def require_known(self) -> None:
        """Refuse what a person may not propose: a role that there is not.

        Raises:
            ValueError: there is one.
        """
        if unknown := {role for pair in self.excludes for role in pair} - {*Role}:
            raise ValueError(f"excludes: there is no role {', '.join(sorted(unknown))}")

    def allows(self, roles: Collection[str]) -> bool:
        """Whether one person may hold these roles together."""
        return not any(pair <= frozenset(roles) for pair in self.excludes)


# Why operators made no change is for them: whom it concerns sees, as a member, that none was made.
_OFFICE: Final = frozenset({Part.PROPOSER})
_CONFIRMED: Final = Sentence(
    "اگر همکار دوم تأیید کند، تغییر پس از بررسی دوباره انجام می‌شود.",
    "If a second operator confirms, everything is checked once more and the change is made.",
)


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_CONFIRMED] if phase in {Phase.PROPOSED, Phase.AWAITING_CONFIRMATION} else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.STAFF_CHANGE: Sentence("تغییر کارکنان", "Change of staff")},
    phases={
        CaseKind.STAFF_CHANGE: {
            Phase.PROPOSED: Sentence("پیشنهاد شد", "Proposed"),
            Phase.AWAITING_CONFIRMATION: Sentence("در انتظار همکار دوم", "Awaiting a second operator"),
            Phase.APPLIED: Sentence("انجام شد", "Done"),
            Phase.NOT_APPLIED: Sentence("انجام نشد", "Not done"),
            Phase.REJECTED: Sentence("پذیرفته نشد", "Rejected"),
            Phase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
        },
    },
    tasks={
        TaskKind.CONFIRM_STAFF_CHANGE: TaskWords(
            Sentence("تأیید تغییر کارکنان", "Confirm a change of staff"),
            sms="امانت: یک تغییر کارکنان منتظر تأیید شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ یک تغییر کارکنان هنوز منتظر تأیید شماست. {app_link}",
            outcomes={
                FactKind.CONFIRMED: Sentence("این تغییر را تأیید کرد", "confirmed this change"),
                FactKind.REJECTED: Sentence("این تغییر را رد کرد", "rejected this change"),
            },
        ),
    },
    timeline={
        FactKind.PROPOSED: Sentence(
            "میز عملیات پیشنهاد داد: {action:StaffAction}.", "An operator proposed: {action:StaffAction}."
        ),
        FactKind.CONFIRMED: Sentence("همکار دوم تأیید کرد.", "A second operator confirmed it."),
        FactKind.REJECTED: Line(
            Sentence("همکار دوم نپذیرفت: {reason}.", "A second operator rejected it: {reason}."), _OFFICE
        ),
        Event.APPLIED: Sentence("تغییر انجام شد.", "The change was made."),
        Event.NOT_APPLIED: Line(
            Sentence("تغییر انجام نشد. {reason:StaffObstacle}", "The change was not made. {reason:StaffObstacle}"),
            _OFFICE,
        ),
        Event.LAPSED: Sentence(
            "در مهلت مقرر پاسخی نرسید و چیزی تغییر نکرد.", "No answer came in time; nothing was changed."
        ),
    },
    sms={
        FactKind.REJECTED: "امانت: پیشنهاد شما برای تغییر کارکنان پذیرفته نشد. دلیل آن در پرونده آمده است: {app_link}",
        Event.APPLIED: "امانت: تغییر کارکنان که پیشنهاد داده بودید انجام شد. {app_link}",
        Event.NOT_APPLIED: "امانت: تغییر کارکنان با آن‌که تأیید شد انجام نشد. دلیل آن در پرونده آمده است: {app_link}",
        Event.LAPSED: "امانت: پیشنهاد شما برای تغییر کارکنان بی‌پاسخ ماند و چیزی تغییر نکرد. {app_link}",
        Sms.ROLE_GRANTED: "امانت: نقش تازه‌ای به شما داده شد. اگر از آن خبر ندارید، به میز عملیات بگویید.",
        Sms.CREDENTIALS_SET: (
            "امانت: گذرواژه یا برنامهٔ رمزساز شما تنظیم شد. اگر کار شما نبوده است، فوراً به میز عملیات خبر دهید."
        ),
        Sms.RIGHTS_TAKEN: "امانت: نقشی از شما گرفته یا حساب کاری شما بسته شد. اگر بی‌خبرید، از میز عملیات بپرسید.",
        Sms.CONSOLE_ACTED: (
            "امانت: یک حساب میز عملیات روی خود کارساز ساخته یا بازنشانی شد. اگر خبر ندارید، فوراً بررسی کنید."
        ),
    },
    ahead={CaseKind.STAFF_CHANGE: _steps_ahead},
    terms={
        StaffAction: {
            StaffAction.ADD: Sentence("افزودن یک نفر به کارکنان", "adding a member of staff"),
            StaffAction.GRANT: Sentence("دادن نقشی تازه", "granting a role"),
            StaffAction.RESET: Sentence("بازنشانی دسترسی", "resetting an account"),
        },
        StaffObstacle: {member: Sentence(member.refusal.fa, member.refusal.en) for member in StaffObstacle},
    },
)
