"""Refusals: what was refused, with a permanent code and a sentence in Persian and English.

    Refusal
    ├── InvalidInput           the request itself is wrong (a field is named)
    ├── Unauthenticated        nobody is signed in
    ├── Forbidden              signed in, but not allowed to do this at all
    ├── NotFound               missing, or not yours: the two are never told apart
    ├── Conflict               not possible in the present state of things
    ├── PreconditionFailed     the caller looked at an older version
    ├── TooMany                a rate limit
    ├── TooLarge               a body or file over its bound
    └── Away                   what is needed cannot be reached for a moment

Each class is one error; its docstring says when. Capabilities define their own beside their rules.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from domain.dates import format_deadline
from domain.persian import persian_digits


@runtime_checkable
class _InBoth(Protocol):
    """What is said in both languages."""

    fa: str
    en: str


class Refusal(Exception):
    """A command was refused; nothing has changed.

    Args:
        field: the input field at fault, as a dotted path, if one is.
        retry_after: seconds after which another try makes sense, if so.
        tries_left: how often it may be tried yet, if that is counted.
        **params: values for the placeholders in the sentences.
    """

    code: ClassVar[str] = ""
    fa: ClassVar[str] = ""
    en: ClassVar[str] = ""

    def __init__(
        self,
        *,
        field: str | None = None,
        retry_after: int | None = None,
        tries_left: int | None = None,
        **params: object,
    ) -> None:
        super().__init__(self.code)
        self.field = field
        self.retry_after = retry_after
        self.tries_left = tries_left
        self.params = params

    def sentence(self, language: str) -> str:
        """The sentence in ``fa`` or ``en`` with its values filled in: instants, counts and words as it writes them."""
        persian = language != "en"
        shown = {name: _written(value, persian=persian) for name, value in self.params.items()}
        return (self.fa if persian else self.en).format(**shown)


def _written(value: object, *, persian: bool) -> object:
    match value:
        case datetime():
            # What is over may have been over for years.
            return format_deadline(value, persian=persian, with_year=True)
        case int() if persian:
            return persian_digits(str(value))
        case _InBoth():
            return value.fa if persian else value.en
    return value


class InvalidInput(Refusal):
    """The request is malformed or a value is out of its range."""

    code = "invalid_input"
    fa = "مقدار واردشده درست نیست."
    en = "The value is not valid."


class Unauthenticated(Refusal):
    """No valid session came with the request."""

    code = "not_signed_in"
    fa = "برای این کار باید وارد شوید."
    en = "Please sign in first."


class Forbidden(Refusal):
    """The signed-in person has no role that allows this operation."""

    code = "not_allowed"
    fa = "شما اجازهٔ این کار را ندارید."
    en = "You are not allowed to do this."


class NotFound(Refusal):
    """Missing, or somebody else's."""

    code = "not_found"
    fa = "چنین موردی پیدا نشد."
    en = "Nothing was found here."


class Conflict(Refusal):
    """Not possible now."""

    code = "conflict"
    fa = "این کار در وضعیت فعلی شدنی نیست."
    en = "This is not possible in the present state."


class VersionMissing(Refusal):
    """What is decided may have been replaced meanwhile: ``If-Match`` has to say which version was seen."""

    code = "version_missing"
    fa = "معلوم نیست کدام نسخهٔ این مورد را دیده‌اید؛ دوباره ببینید و تصمیم بگیرید."
    en = "Say by If-Match which version of this was seen; look again and decide."


class PreconditionFailed(Refusal):
    """``If-Match`` names an older version."""

    code = "version_changed"
    fa = "این مورد در این میان تغییر کرده است؛ دوباره ببینید و تصمیم بگیرید."
    en = "This has changed meanwhile; look again and decide."


class TooMany(Refusal):
    """A rate limit was reached; ``retry_after`` says for how long."""

    code = "too_many_requests"
    fa = "درخواست‌ها زیاد بوده است؛ {wait} دوباره تلاش کنید."
    en = "Too many requests; please try again {wait_en}."

    def __init__(self, *, field: str | None = None, retry_after: int | None = None, **params: object) -> None:
        fa, en = _when(retry_after)
        # A sentence of a subclass may say neither.
        super().__init__(field=field, retry_after=retry_after)
        self.params = {"wait": fa, "wait_en": en, **params}


def _when(seconds: int | None) -> tuple[str, str]:
    """After how long, in the largest unit of which there are at least two; in both languages."""
    if seconds is None:
        return "کمی بعد", "a little later"
    for size, fa, en in ((3_600, "ساعت", "hours"), (60, "دقیقهٔ", "minutes")):
        if seconds > size:
            count = -(-seconds // size)
            return f"{persian_digits(str(count))} {fa} دیگر", f"in {count} {en}"
    return f"{persian_digits(str(seconds))} ثانیهٔ دیگر", f"in {seconds} s"


class TooLarge(Refusal):
    """A request body over its bound."""

    code = "too_large"
    fa = "حجم ارسال بیش از اندازهٔ مجاز است."
    en = "What was sent is larger than allowed."


class Away(Refusal):
    """What this needs besides Postgres cannot be reached; nothing has changed."""

    code = "away"
    fa = "بخشی از سامانه که این کار به آن نیاز دارد در دسترس نیست؛ کمی بعد دوباره تلاش کنید."
    en = "A part of the system that this needs cannot be reached; please try again in a while."


class EmptyFile(InvalidInput):
    """A file has no content."""

    code = "empty_file"
    fa = "این فایل خالی است؛ فایل دیگری بفرستید."
    en = "The file is empty."


class StepUpRequired(Forbidden):
    """The operation needs a fresh code (G1)."""

    code = "step_up_required"
    fa = "برای این کار باید با کد تازه تأیید کنید."
    en = "Please confirm with a fresh code first."


class CodeRequired(Forbidden):
    """What moves pay, terms or money needs a code of its own, given with it (G1)."""

    code = "code_required"
    fa = "برای این کار کد یک‌بارمصرف تازه‌ای از برنامهٔ رمزساز لازم است."
    en = "This needs a fresh code of its own from the authenticator app."


class OwnCase(Forbidden):
    """Nobody decides on their own case, nor where they are guarantor or counterparty."""

    code = "own_case"
    fa = "در پرونده‌ای که خودتان در آن سهیم هستید نمی‌توانید تصمیم بگیرید."
    en = "You cannot decide on a case in which you take part."


class SentByYourself(Forbidden):
    """What is to be decided came from the one who would decide it, in a file of theirs: that takes a second person."""

    code = "sent_by_yourself"
    fa = "این تغییر از فایلی آمده که خودتان فرستاده‌اید؛ همکار دیگری باید دربارهٔ آن تصمیم بگیرد."
    en = "You sent the file that proposes this change; another person has to decide about it."


class TaskNotOpen(Conflict):
    """The task was answered, expired, or became moot before this decision."""

    code = "task_not_open"
    fa = "این کار دیگر باز نیست؛ پیش‌تر پاسخ داده شده یا مهلتش گذشته است."
    en = "This task is no longer open: it was answered before, or its time has passed."


class TaskExpired(TaskNotOpen):
    """Nobody answered until ``ended_at``."""

    code = "task_expired"
    fa = "مهلت پاسخ تا {ended_at} بود و گذشته است."
    en = "The time to answer ended on {ended_at}."


class TaskMoot(TaskNotOpen):
    """Since ``ended_at`` no answer is needed; ``cause`` is the line of the case's timeline that says why."""

    code = "task_moot"
    fa = "از {ended_at} دیگر پاسخی لازم نیست: {cause}"
    en = "Since {ended_at} no answer is needed: {cause}"


class TaskDecided(TaskNotOpen):
    """A colleague decided at ``ended_at``; ``by`` is their role."""

    code = "task_decided"
    fa = "همکار دیگری ({by})، {ended_at}، {outcome}."
    en = "A colleague ({by}) {outcome} on {ended_at}."


class TaskDecidedByYou(TaskNotOpen):
    """The caller decided at ``ended_at``, by another request."""

    code = "task_decided_by_you"
    fa = "شما {ended_at}، {outcome}ید."
    en = "You {outcome} on {ended_at}."


class TaskClaimed(Conflict):
    """Another person has claimed the task."""

    code = "task_claimed_by_other"
    fa = "این کار را همکار دیگری برعهده گرفته است."
    en = "A colleague has claimed this task."


class TaskOfOtherKind(InvalidInput):
    """The decision is of another kind than the task."""

    code = "task_of_other_kind"
    fa = "این پاسخ برای نوع دیگری از کار است."
    en = "This decision is for another kind of task."


class CaseClosed(Conflict):
    """The case ended at ``ended_at``; ``cause`` is the line of its timeline that says how."""

    code = "case_closed"
    fa = "این پرونده {ended_at} بسته شده است: {cause}"
    en = "This case ended on {ended_at}: {cause}"


class ServiceClosed(Conflict):
    """Operators have closed the service to new cases for a while; those that run go on (G5)."""

    code = "service_closed"
    fa = (
        "ثبت درخواست تازه در این بخش فعلاً متوقف است؛ درخواست‌هایی که در جریان‌اند ادامه دارند."
        " لطفاً کمی بعد دوباره سر بزنید."
    )
    en = "New requests of this kind are paused for now; those already running go on. Please come back a little later."


class KeyReused(InvalidInput):
    """The Idempotency-Key came before with another body (H1)."""

    code = "idempotency_key_reused"
    fa = "این کلید پیش‌تر با محتوای دیگری فرستاده شده است."
    en = "This Idempotency-Key was used before with another body."


class KeyInFlight(Conflict):
    """A command with the same Idempotency-Key is still running (H1)."""

    code = "idempotency_key_in_flight"
    fa = "همین درخواست در حال انجام است؛ چند لحظهٔ دیگر دوباره بپرسید."
    en = "The same request is still running; ask again in a moment."


class DoneBefore(Conflict):
    """The command of this Idempotency-Key was done, and the answer kept by an earlier release says too little (H1)."""

    code = "done_before"
    fa = "این کار انجام شده است و دوباره انجام نمی‌شود؛ نتیجه‌اش را در صفحهٔ خودش ببینید."
    en = "This was done, and is not done again; what came of it is shown at its place."


class KeyMissing(InvalidInput):
    """A command came without an Idempotency-Key (H1)."""

    code = "idempotency_key_missing"
    fa = "سرآیند Idempotency-Key لازم است."
    en = "The Idempotency-Key header is required."
