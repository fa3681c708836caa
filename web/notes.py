"""What a page says of what was just done; the address before it names only a code."""

from __future__ import annotations

from typing import Final

from web.language import Language
from web.language import noop as _

_NOTES: Final = {
    "signed_out": _("You are signed out."),
    "confirmed": _("Confirmed. Go on with what you wanted to do."),
    "applied": _("Your application was submitted. We tell you about every step by SMS."),
    "corrected": _("Your corrected application was submitted."),
    "withdrawn": _("Your withdrawal was recorded."),
    "guarantor_named": _("The guarantor was named and is being asked."),
    "guarantee_accepted": _("You accepted. The application goes on."),
    "guarantee_refused": _("You refused. Nothing is on you."),
    "substitution_requested": _("The change of guarantor was requested; until it is approved, the present one stands."),
    "claimed": _("The task is yours now."),
    "released": _("The task is free again."),
    "decided": _("Your decision was recorded."),
    "decided_last": _("Your decision was recorded. Nothing else waits for you."),
    "certificate_revoked": _("The certificate was revoked."),
    "file_sent": _("The file was received; below you see its progress and its result."),
    "employment_corrected": _("The data were corrected."),
    "mobile_change_forwarded": _("The change of mobile was sent to support."),
    "resent": _("The message is sent again."),
    "switched": _("The service was switched."),
    "holiday_recorded": _("The calendar was changed."),
}


def note(code: str | None, language: Language) -> str | None:
    """What a code says; None for none, or an unknown one."""
    message = _NOTES.get(code or "")
    return None if message is None else language.translate(message)
