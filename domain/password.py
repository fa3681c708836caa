"""What a password must be: long, and nothing that is tried first (G1; NIST SP 800-63B, 3.1.1)."""

from __future__ import annotations

from typing import Final

from domain.errors import InvalidInput

STAFF_PASSWORD_LENGTHS: Final = range(12, 129)
# Fewer different characters are a pattern, however long.
_FEWEST_DIFFERENT: Final = 5
# What people think of when twelve characters are asked for; compared without capitals, spaces, dots and dashes.
_TRIVIAL: Final = frozenset({
    "123456789012", "1234567890123", "1234567890ab", "0123456789ab", "abcdefghijkl", "abcdefghijklm", "qwertyuiop12",
    "qwertyuiopas", "qwertyuiop[]", "qwertyuiopasdf", "1qaz2wsx3edc", "1q2w3e4r5t6y", "zxcvbnm12345", "asdfghjkl123",
    "password1234", "password12345", "passwordpassword", "p@ssw0rd1234", "iloveyou1234", "welcome12345",
    "letmein12345", "administrator", "changeme1234", "amanat123456", "amanatamanat", "khodaya12345", "iran12345678",
    "abc123456789", "a1b2c3d4e5f6", "aa1234567890", "qazwsxedcrfv", "1234qwerasdf", "passw0rd1234",
})  # fmt: skip


class WeakPassword(InvalidInput):
    """The password is too short or too long, holds the user name, or is one of those that are tried first."""

    code = "weak_password"
    fa = "گذرواژه باید {least} تا {most} نویسه باشد، نام کاربری در آن نباشد و چیزی نباشد که زود حدس زده شود."
    en = "A password has {least} to {most} characters, does not hold the user name, and is nothing easily guessed."


def parse_password(text: str, *, lengths: range, apart_from: str, field: str = "password") -> str:
    """A password that may be set; it is taken as it is, spaces included. Raises WeakPassword.

    Args:
        text: as it was typed.
        lengths: how long it may be.
        apart_from: the user name, which it does not hold.
        field: of the input.
    """
    plain = text.lower()
    is_trivial = "".join(each for each in plain if each not in " .-_") in _TRIVIAL
    if len(text) not in lengths or apart_from in plain or is_trivial or len(set(plain)) < _FEWEST_DIFFERENT:
        raise WeakPassword(field=field, least=lengths[0], most=lengths[-1])
    return text
