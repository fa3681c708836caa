"""What is refused when policies are proposed and approved (docs/rules.md)."""

from __future__ import annotations

from typing import Final

from domain.errors import Conflict, Forbidden, InvalidInput
from domain.wording import Sentence


class PolicyMalformed(InvalidInput):
    """The value does not fit the policy."""

    code = "policy_malformed"
    fa = "مقدار سیاست درست نیست: {why}"
    en = "The policy value is not valid: {why}"


class SamePerson(Forbidden):
    """Whoever proposes a policy cannot approve it."""

    code = "second_person_required"
    fa = "تأیید سیاست با شخص دیگری جز پیشنهاددهنده است."
    en = "Another person than the proposer must approve."


class NotNewest(Conflict):
    """A newer version is in force already."""

    code = "policy_version_outdated"
    fa = "نسخهٔ تازه‌تری از این سیاست برقرار است."
    en = "A newer version of this policy is in force."


class PolicyDecided(Conflict):
    """The version was approved or rejected at ``ended_at``."""

    code = "policy_decided"
    fa = "دربارهٔ این نسخه {ended_at} تصمیم گرفته شده است: {outcome}."
    en = "This version was decided on {ended_at}: {outcome}."


# How a proposal was decided.
APPROVED: Final = Sentence("تأیید شد", "approved")
REJECTED: Final = Sentence("رد شد", "rejected")
