"""Sign-in, sessions, fresh codes, limits and staff roles: the rules of G1 and of "Who uses it"."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from domain.access import SCOPES, Grant, Role, ScopeKind
from domain.errors import Conflict, Forbidden, InvalidInput, Unauthenticated
from domain.persian import clean_text, persian_digits, value_text
from domain.wording import Sentence

Capacity = Literal["member", "staff"]

CODE_LIFE: Final = timedelta(seconds=300)
CODE_TRIES: Final = 5
CODE_DIGITS: Final = 6
STEP_UP_LIVES: Final[dict[Capacity, timedelta]] = {"member": timedelta(minutes=5), "staff": timedelta(minutes=10)}
TOTP_SECONDS: Final = 30
# A code of the step before or after is accepted: telephones' clocks drift.
TOTP_DRIFT: Final = 1
NO_BINDING: Final = b""

CODE_SENT: Final = Sentence(
    "اگر مشخصات شما با فهرست سازمان یکی باشد، کد فرستاده شد؛ "
    "در غیر این صورت برای اصلاح به واحد رفاه سازمان خود مراجعه کنید.",
    "If your details match your organisation's list, a code was sent; "
    "otherwise ask your organisation's welfare office to correct them.",
)

# Of an e-mail with a code.
CODE_SUBJECT: Final = "کد امانت"

_CODE: Final = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")
_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")
_LONGEST_NAME: Final = 100


class CodePurpose(StrEnum):
    """What a one-time code confirms; a code for one thing is worth nothing for another."""

    SIGN_IN = "sign_in"
    JOIN = "join"
    CONFIRM_EMAIL = "confirm_email"
    CHANGE_MOBILE_OLD = "change_mobile_old"
    CHANGE_MOBILE_NEW = "change_mobile_new"
    RENEW_PASSWORD = "renew_password"  # noqa: S105 - no password
    STEP_UP = "step_up"
    ACCEPT_MANDATE = "accept_mandate"
    ACCEPT_GUARANTEE = "accept_guarantee"
    STAFF_LINK = "staff_link"
    SHOW_CARD = "show_card"
    ADD_SHEBA = "add_sheba"
    WITHDRAW = "withdraw"
    ESCROW_RELEASE = "escrow_release"
    ESCROW_REFUND = "escrow_refund"
    ESCROW_SPLIT = "escrow_split"


@dataclass(frozen=True, slots=True)
class SessionLife:
    """How long a session lasts at most, and how long without being used."""

    total: timedelta
    idle: timedelta


SESSION_LIVES: Final[dict[Capacity, SessionLife]] = {
    "member": SessionLife(timedelta(hours=12), timedelta(minutes=30)),
    "staff": SessionLife(timedelta(hours=8), timedelta(minutes=20)),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """So many times in a window that begins with the first time; refused tries count too.

    Where others may use it up, ``pace`` says how often one more is let through all the same, so that a stranger slows
    somebody down and never shuts them out. A ``shared`` one counts all people from all networks: what
    another limit refuses is no use of it, so that a refused stranger costs nobody else anything.
    """

    name: str
    allowed: int
    window: timedelta
    pace: timedelta | None = None
    shared: bool = False


# Whoever signed in with a device before has limits of their own there, apart from those of strangers.
DEVICE_LIFE: Final = timedelta(days=180)
DEVICES_PER_PERSON: Final = 10

# An office of hundreds stands behind one address. Those of an address count its network (``domain.address``).
CODES_PER_ADDRESS: Final = Limit("codes_address", 300, timedelta(hours=1), timedelta(seconds=30))
CODES_APART: Final = Limit("codes_apart", 1, timedelta(seconds=30))
# What strangers who know national id and mobile can have sent to a number; and one network of it, which therefore never
# uses up either by itself. A known device has as much for itself.
CODES_PER_NUMBER_THERE: Final = Limit("codes_number_address", 3, timedelta(hours=1), timedelta(hours=1))
CODES_PER_DAY_THERE: Final = Limit("codes_day_address", 10, timedelta(days=1), timedelta(hours=3))
CODES_PER_NUMBER: Final = Limit("codes_number", 5, timedelta(hours=1), timedelta(minutes=10), shared=True)
CODES_PER_DAY: Final = Limit("codes_day", 20, timedelta(days=1), timedelta(minutes=30), shared=True)
CODES_PER_DEVICE: Final = Limit("codes_device", 5, timedelta(hours=1))
CODES_PER_PERSON: Final = Limit("codes_person", 10, timedelta(hours=1))
TRIES_PER_ADDRESS: Final = Limit("sign_in_address", 300, timedelta(hours=1), timedelta(seconds=10))
TRIES_PER_DEVICE: Final = Limit("sign_in_device", 30, timedelta(hours=1))
STAFF_TRIES_PER_ADDRESS: Final = Limit("staff_address", 60, timedelta(minutes=15), timedelta(seconds=5))
STAFF_TRIES_PER_NAME: Final = Limit("staff_name_address", 10, timedelta(minutes=15), timedelta(seconds=5))
STAFF_TRIES_EVERYWHERE: Final = Limit(
    "staff_name", 200, timedelta(minutes=15), timedelta(milliseconds=250), shared=True
)
STAFF_TRIES_PER_DEVICE: Final = Limit("staff_device", 10, timedelta(minutes=15))
# Wrong TOTP codes beside the right password: only a person who has the password can use them up, and nobody is told
# that it was right. They alone bound how well a code can be guessed: 20 times 3 of a million a day.
STAFF_WRONG_TOTP: Final = Limit("staff_wrong_totp", 20, timedelta(days=1))
STEP_UP_TRIES: Final = Limit("step_up", 10, timedelta(minutes=15))
# Failures are counted in so many places, so that they hardly wait for each other.
FAILURE_SHARDS: Final = 64
LINKS_PER_PERSON: Final = Limit("staff_links", 5, timedelta(hours=1))


_WRONG: Final = Sentence(
    "کد درست نیست؛ {tries_left} بار دیگر می‌توانید امتحان کنید.", "The code is not right; tries left: {tries_left}."
)
_NO_MORE: Final = Sentence(
    "کد درست نیست و دیگر نمی‌توان آن را امتحان کرد؛ کد تازه بگیرید.",
    "The code is not right, and may not be tried any more; ask for a new one.",
)


class CodeNotAccepted(InvalidInput):
    """The code is wrong, was used, is too old, or was tried too often (G1).

    Of a wrong one ``tries_left`` says how often it may be typed yet; which of the others it is, is not told.
    """

    code = "code_not_accepted"
    fa = "کد پذیرفته نشد؛ آن را دوباره بررسی کنید یا کد تازه بگیرید."
    en = "The code was not accepted; check it once more, or ask for a new one."

    def sentence(self, language: str) -> str:
        """The sentence in ``fa`` or ``en``, with the tries that are left."""
        if self.tries_left is None:
            return super().sentence(language)
        said = _WRONG if self.tries_left else _NO_MORE
        if language == "en":
            return said.en.format(tries_left=self.tries_left)
        return said.fa.format(tries_left=persian_digits(str(self.tries_left)))


class NotSentYet(Conflict):
    """A form that was kept over a sign-in is shown again; nothing is done before it is sent once more."""

    code = "not_sent_yet"
    fa = "آنچه نوشته بودید نگه داشته شد، ولی هنوز فرستاده نشده است؛ آن را ببینید و دوباره بفرستید."
    en = "What you wrote was kept, and has not been sent yet; look at it and send it once more."


class SignInRefused(Unauthenticated):
    """User name, password and code do not belong together; which one is wrong is not told (G1)."""

    code = "sign_in_refused"
    fa = "ورود ممکن نشد؛ نام کاربری، گذرواژه و کد را بررسی کنید."
    en = "Sign-in was refused; check the user name, the password and the code."


class CredentialsNotAccepted(InvalidInput):
    """The present password or the present code is wrong; which one is not told (G1)."""

    code = "credentials_not_accepted"
    fa = "گذرواژهٔ کنونی یا کد برنامهٔ رمزساز پذیرفته نشد؛ هر دو را دوباره وارد کنید."
    en = "The present password or the code was not accepted; enter both again."


class NothingToChange(InvalidInput):
    """Neither a new password nor a new key was given."""

    code = "nothing_to_change"
    fa = "گذرواژهٔ تازه یا کلید تازه‌ای داده نشده است."
    en = "Neither a new password nor a new key was given."


class BadTotpKey(InvalidInput):
    """The key is none that was shown to this person."""

    code = "bad_totp_key"
    fa = "این کلید معتبر نیست؛ صفحه را از نو باز کنید و کلید تازه را در برنامه بگذارید."
    en = "This key is not valid; open the page anew and put the new key into the app."


class AccountDisabled(Conflict):
    """The account was shut; a reset opens it again."""

    code = "account_disabled"
    fa = "این حساب بسته شده است؛ بازنشانی آن را پیشنهاد دهید."
    en = "This account is shut; propose a reset to open it again."


class BadCode(InvalidInput):
    """What was typed is not a code of six digits."""

    code = "bad_code"
    fa = "کد باید شش رقم باشد."
    en = "The code has six digits."


class NationalIdUnreadable(InvalidInput):
    """No national id: not ten digits, or the check digit is wrong."""

    code = "bad_national_id"
    fa = "کد ملی درست نیست؛ ده رقم آن را دوباره وارد کنید."
    en = "The national id is not valid; please enter its ten digits again."


class MobileUnreadable(InvalidInput):
    """No Iranian mobile number."""

    code = "bad_mobile"
    fa = "شمارهٔ همراه درست نیست؛ آن را مانند ۰۹۱۲۱۲۳۴۵۶۷ وارد کنید."
    en = "The mobile number is not valid; please enter it like 09121234567."


class BadUsername(InvalidInput):
    """The user name has another form than 3 to 40 of a-z, 0-9, dot, dash and underscore."""

    code = "bad_username"
    fa = "نام کاربری باید ۳ تا ۴۰ نویسه از حروف کوچک انگلیسی، رقم، نقطه، خط تیره یا زیرخط باشد."
    en = "A user name has 3 to 40 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit."


class BadName(InvalidInput):
    """A person's name is empty or too long."""

    code = "bad_name"
    fa = "نام باید ۱ تا ۱۰۰ نویسه باشد."
    en = "A name has 1 to 100 characters."


class BadScope(InvalidInput):
    """The role cannot be held in this scope, or the scope does not exist."""

    code = "bad_scope"
    fa = "این نقش در این محدوده ممکن نیست، یا چنین محدوده‌ای وجود ندارد."
    en = "The role cannot be held in this scope, or there is no such scope."


class UsernameTaken(Conflict):
    """Another member of staff has this user name."""

    code = "username_taken"
    fa = "این نام کاربری پیش‌تر گرفته شده است."
    en = "This user name is taken."


class AlreadyStaff(Conflict):
    """The person has staff credentials already."""

    code = "already_staff"
    fa = "این شخص پیش‌تر به کارکنان افزوده شده است."
    en = "This person is already a member of staff."


class MobileDiffers(Conflict):
    """The person is known with another mobile, which is not changed in passing (A13, G2)."""

    code = "mobile_differs"
    fa = "برای این شخص شمارهٔ دیگری ثبت شده است؛ تغییر شماره راه خودش را دارد."
    en = "This person is known with another mobile; changing it is a matter of its own."


class RoleHeld(Conflict):
    """The person holds this role in this scope already."""

    code = "role_already_held"
    fa = "این نقش پیش‌تر به این شخص داده شده است."
    en = "The person already holds this role in this scope."


class OwnRole(Forbidden):
    """Nobody grants a role to themselves, nor takes one from themselves."""

    code = "own_role"
    fa = "نمی‌توانید نقش‌های خودتان را تغییر دهید."
    en = "You cannot change your own roles."


def parse_code(text: str, *, field: str = "code") -> str:
    """Read six digits, of any of the three alphabets. Raises BadCode."""
    digits = value_text(text).replace(" ", "")
    if not _CODE.fullmatch(digits):
        raise BadCode(field=field)
    return digits


def parse_username(text: str, *, field: str = "username") -> str:
    """Read a user name; capital letters are taken as small ones. Raises BadUsername."""
    name = text.strip().lower()
    if not _USERNAME.fullmatch(name):
        raise BadUsername(field=field)
    return name


def parse_name(text: str, *, field: str) -> str:
    """Read a person's first or last name, cleaned for storage. Raises BadName."""
    name = clean_text(text)
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise BadName(field=field)
    return name


def parse_grant(role: Role, scope_kind: ScopeKind, scope: str, *, field: str = "scope") -> Grant:
    """A role in a scope that this role can have; whether the scope exists is for the caller. Raises BadScope."""
    name = value_text(scope)
    if scope_kind not in SCOPES[role] or (name == "") != (scope_kind is ScopeKind.PLATFORM):
        raise BadScope(field=field)
    if scope_kind in {ScopeKind.ORGANISATION, ScopeKind.MERCHANT}:
        try:
            name = str(UUID(name))
        except ValueError:
            raise BadScope(field=field) from None
    return Grant(role, scope_kind, name)


def code_hash(pepper: bytes, code_id: UUID, code: str, binding: bytes) -> bytes:
    """What is stored of a code: keyed, and tied to its own id and to what it confirms."""
    return hmac.digest(pepper, code_id.bytes + hashlib.sha256(binding).digest() + code.encode(), hashlib.sha256)


def mandate_binding(programme: str, monthly: int, instalments: int, version: int) -> bytes:
    """What a code for a deduction mandate confirms: exactly these terms (A2); ``monthly`` in rial."""
    return _binding(
        CodePurpose.ACCEPT_MANDATE,
        programme=programme,
        monthly_amount=monthly,
        unit="IRR",
        instalments=instalments,
        mandate_version=version,
    )


def guarantee_binding(guarantee_id: UUID, monthly: int, instalments: int, version: int) -> bytes:
    """What a guarantor's code confirms: standing for exactly these terms (A2, A5); ``monthly`` in rial."""
    return _binding(
        CodePurpose.ACCEPT_GUARANTEE,
        guarantee=str(guarantee_id),
        monthly_amount=monthly,
        unit="IRR",
        instalments=instalments,
        mandate_version=version,
    )


def card_binding(line_id: UUID) -> bytes:
    """What a code for a card's whole number confirms: showing the card of this credit line."""
    return _binding(CodePurpose.SHOW_CARD, credit_line=str(line_id))


def sheba_binding(sheba: str) -> bytes:
    """What a code for another sheba confirms: that money may go to exactly this one."""
    return _binding(CodePurpose.ADD_SHEBA, sheba=sheba)


def withdrawal_binding(amount: int, sheba: str, fee: int = 0, vat: int = 0) -> bytes:
    """What a code for a withdrawal confirms: so many rial to exactly this sheba, for this fee and its VAT (E3)."""
    return _binding(CodePurpose.WITHDRAW, amount=amount, unit="IRR", sheba=sheba, fee=fee, vat=vat)


def escrow_binding(purpose: CodePurpose, deed: str, case_id: UUID, to_contractor: int, to_employer: int) -> bytes:
    """What a code for held money confirms: one deed about exactly these rial of one safe payment (E3, E5, E6)."""
    values = {"to_contractor": to_contractor, "to_employer": to_employer}
    return _binding(purpose, deed=deed, escrow=str(case_id), unit="IRR", **values)


def step_up_binding(session_id: UUID) -> bytes:
    """What a step-up code confirms: the session that asked for it, and no other."""
    return _binding(CodePurpose.STEP_UP, session=str(session_id))


def staff_link(app_link: str, token: str) -> str:
    """The address where a member of staff sets up their account; browsers send to nobody what stands behind ``#``."""
    return f"{app_link}/activate#{token}"


def code_text(
    purpose: CodePurpose,
    code: str,
    app_link: str = "{app_link}",
    amount: str = "{amount}",
    last_four: str = "{last_four}",
    rest: str = "{rest}",
) -> str:
    """The SMS in Persian. It says what the code is for, so that nobody can be talked into reading it out.

    That of a withdrawal names how much goes and the last four digits of the sheba to which it goes (E3); that of held
    money how much goes to whom, ``rest`` being the employer's part of a split (E5).
    """
    if purpose is CodePurpose.STAFF_LINK:
        link = staff_link(app_link, code)
        return f"امانت: گذرواژه و برنامهٔ رمزساز خود را این‌جا تنظیم کنید:\n{link}\nاین پیوند را به هیچ‌کس ندهید."
    what = {
        CodePurpose.SIGN_IN: "ورود به امانت",
        CodePurpose.JOIN: "عضویت در امانت",
        CodePurpose.CHANGE_MOBILE_OLD: "تغییر شمارهٔ شما به شماره‌ای دیگر در امانت",
        CodePurpose.CHANGE_MOBILE_NEW: "ثبت این شماره برای یک عضو امانت",
        CodePurpose.CONFIRM_EMAIL: "تأیید نشانی ایمیل در امانت",
        CodePurpose.RENEW_PASSWORD: "گذاشتن گذرواژهٔ تازه در امانت",
        CodePurpose.STEP_UP: "تأیید دوباره در امانت",
        CodePurpose.ACCEPT_MANDATE: "پذیرش تعهدنامهٔ کسر از حقوق در امانت",
        CodePurpose.ACCEPT_GUARANTEE: "پذیرش ضمانت یک همکار در امانت",
        CodePurpose.SHOW_CARD: "نمایش شمارهٔ کامل کارت در امانت",
        CodePurpose.ADD_SHEBA: "افزودن شمارهٔ شبا برای دریافت پول از امانت",
        CodePurpose.WITHDRAW: f"برداشت {amount} از موجودی شما در امانت به شبایی که به {last_four} ختم می‌شود",
        CodePurpose.ESCROW_RELEASE: f"آزاد کردن {amount} از پرداخت امن شما برای مجری",
        CodePurpose.ESCROW_REFUND: f"بازگرداندن {amount} از یک پرداخت امن به کارفرما",
        CodePurpose.ESCROW_SPLIT: f"تقسیم یک پرداخت امن: {amount} به مجری و {rest} به کارفرما",
    }[purpose]
    minutes = persian_digits(str(int(CODE_LIFE.total_seconds()) // 60))
    return f"کد {what}: {persian_digits(code)}\nتا {minutes} دقیقه معتبر است. این کد را به هیچ‌کس نگویید."


def _binding(purpose: CodePurpose, **subject: str | int) -> bytes:
    canonical = json.dumps({"purpose": purpose, **subject}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()
