"""What a password must be: long, and nothing that is tried first (G1; NIST SP 800-63B, 3.1.1)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from domain.errors import InvalidInput
from domain.persian import latin_digits

STAFF_PASSWORD_LENGTHS: Final = range(12, 129)
MEMBER_PASSWORD_LENGTHS: Final = range(10, 129)
# Fewer different characters are a pattern, however long.
_FEWEST_DIFFERENT: Final = 5
# What people think of when ten or twelve characters are asked for; compared without capitals, spaces, dots and dashes.
_TRIVIAL: Final = frozenset({
    "123456789012", "1234567890123", "1234567890ab", "0123456789ab", "abcdefghijkl", "abcdefghijklm", "qwertyuiop12",
    "qwertyuiopas", "qwertyuiop[]", "qwertyuiopasdf", "1qaz2wsx3edc", "1q2w3e4r5t6y", "zxcvbnm12345", "asdfghjkl123",
    "password1234", "password12345", "passwordpassword", "p@ssw0rd1234", "iloveyou1234", "welcome12345",
    "letmein12345", "administrator", "changeme1234", "amanat123456", "amanatamanat", "khodaya12345", "iran12345678",
    "1234567890", "0123456789", "qwertyuiop", "password12", "abcdefghij", "1q2w3e4r5t", "abcde12345", "12345abcde",
    "abc123456789", "a1b2c3d4e5f6", "aa1234567890", "qazwsxedcrfv", "1234qwerasdf", "passw0rd1234",
})  # fmt: skip


class WeakPassword(InvalidInput):
    """The password is too short or too long, holds what others know of the person, or is tried first by everybody."""

    code = "weak_password"
    fa = "گذرواژه باید {least} تا {most} نویسه باشد، نام کاربری، کد ملی و شمارهٔ شما در آن نباشد و ساده نباشد."
    en = (
        "A password has {least} to {most} characters, holds no user name or number of yours, and is not easily guessed."
    )


def parse_password(text: str, *, lengths: range, apart_from: Collection[str], field: str = "password") -> str:
    """A password that may be set; it is taken as it is, spaces included. Raises WeakPassword.

    Args:
        text: as it was typed.
        lengths: how long it may be.
        apart_from: the user name, or own numbers, which it does not hold.
        field: of the input.
    """
    plain = latin_digits(text.lower())
    is_own = any(part in plain for part in apart_from)
    is_trivial = "".join(each for each in plain if each not in " .-_") in _TRIVIAL
    if len(text) not in lengths or is_own or is_trivial or len(set(plain)) < _FEWEST_DIFFERENT:
        raise WeakPassword(field=field, least=lengths[0], most=lengths[-1])
    return text
