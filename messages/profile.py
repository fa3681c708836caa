"""SMS about a member's own profile."""

from __future__ import annotations

from enum import StrEnum


class Sms(StrEnum):
    """What the owner is told of a change by which somebody else could come in."""

    EMAIL_CHANGED = "profile_email_changed"
    EMAIL_REMOVED = "profile_email_removed"
    PASSWORD_SET = "profile_password_set"  # noqa: S105 - no password
    PASSWORD_REMOVED = "profile_password_removed"  # noqa: S105 - no password
