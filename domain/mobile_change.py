"""A change of mobile that the welfare office or support brings and support confirms (docs/rules.md, G2); its words."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.access import Role
from domain.account import Limit
from domain.attachment import AttachmentRules
from domain.errors import Conflict, Forbidden
from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.attachment import Purpose
from messages.case import CaseKind
from messages.mobile_change import Event, FactKind, Phase, Sms, TaskKind

# Support finds people by their whole national id, and not many of them.
LOST_MOBILES_PER_AGENT: Final = Limit("lost_mobiles", 20, timedelta(hours=1))
# What the person signed at the welfare office, or showed to support. Who signs in as them may not be them: so they see
# no such file, and nobody writes about the case either, to support least of all; the true one calls, and is asked.
ATTACHMENTS: Final = AttachmentRules(
    CaseKind.MOBILE_CHANGE,
    (Purpose.SIGNED_REQUEST, Purpose.IDENTITY_PAPER),
    staff=frozenset({Role.WELFARE_MANAGER, Role.SUPPORT_AGENT}),
)


class MobileUnchanged(Conflict):
    """The number is the one that the person has already."""

    code = "mobile_unchanged"
    fa = "این شماره همان شمارهٔ کنونی این شخص است؛ چیزی برای تغییر نیست."
    en = "This is the number that the person has already; there is nothing to change."


class MobileChangeOpen(Conflict):
    """Another change of the same person's mobile is under way at the same employer."""

    code = "mobile_change_open"
    fa = "درخواست تغییر شمارهٔ این شخص در جریان است؛ تا پایان آن درخواست دیگری ثبت نمی‌شود."
    en = "A change of this person's mobile is under way; wait until it has ended."


class ForwardedByYourself(Forbidden):
    """A second person confirms: with the number an account is handed over."""

    code = "forwarded_by_yourself"
    fa = "این درخواست را خودتان فرستاده‌اید؛ همکار دیگری باید آن را تأیید کند."
    en = "You forwarded this change yourself; another person has to confirm it."


class MemberHasEmployer(Conflict):
    """An employer decides on the number; support opens a change only for people who have none."""

    code = "member_has_employer"
    fa = "این شخص در فهرست سازمانی است؛ شمارهٔ تازه را رفاه همان سازمان می‌فرستد."
    en = "An organisation lists this person; its welfare office forwards another number."


class MobileNotMatched(Conflict):
    """The registry has not said that the new number belongs to this person."""

    code = "mobile_not_matched"
    fa = "سامانهٔ تطبیق شماره تأیید نکرده است که شمارهٔ تازه از آنِ این شخص است؛ بدون آن تأیید نمی‌شود."
    en = "The registry of mobiles has not said that the new number is this person's; without that it is not confirmed."


class NobodyToReturnTo(Conflict):
    """Support brought it: there is no welfare office to correct it."""

    code = "nobody_to_return_to"
    fa = "این درخواست را پشتیبانی ثبت کرده است و به رفاه سازمان برنمی‌گردد؛ اگر درست نیست آن را با ذکر دلیل رد کنید."
    en = "Support opened this change, so there is no office to return it to; if it is wrong, reject it with a reason."


_CHANGED: Final = Sentence(
    "اگر پشتیبانی تأیید کند، شماره عوض می‌شود و همهٔ نشست‌ها پایان می‌یابد.",
    "If support confirms, the number is changed and all sessions end.",
)


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_CHANGED] if phase in {Phase.FORWARDED, Phase.AWAITING_SUPPORT, Phase.AWAITING_CORRECTION} else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.MOBILE_CHANGE: Sentence("تغییر شمارهٔ همراه", "Change of mobile")},
    phases={
        CaseKind.MOBILE_CHANGE: {
            Phase.FORWARDED: Sentence("رفاه سازمان فرستاد", "Forwarded by the welfare office"),
            Phase.AWAITING_SUPPORT: Sentence("در انتظار تأیید پشتیبانی", "Awaiting support"),
            Phase.AWAITING_CORRECTION: Sentence("در انتظار اصلاح رفاه سازمان", "Awaiting the welfare office"),
            Phase.CHANGED: Sentence("شماره عوض شد", "Changed"),
            Phase.KEPT: Sentence("شمارهٔ کنونی تأیید شد", "Present number confirmed"),
            Phase.REJECTED: Sentence("پذیرفته نشد", "Rejected"),
            Phase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
            Phase.OVERTAKEN: Sentence("دیگر لازم نیست", "No longer needed"),
        },
    },
    tasks={
        TaskKind.CONFIRM_MOBILE_CHANGE: TaskWords(
            Sentence("تأیید تغییر شمارهٔ همراه", "Confirm a change of mobile"),
            sms="امانت: یک تغییر شمارهٔ همراه منتظر تأیید شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ یک تغییر شمارهٔ همراه هنوز منتظر تأیید شماست. {app_link}",
            outcomes={
                FactKind.CONFIRMED: Sentence("شمارهٔ تازه را تأیید کرد", "confirmed the new number"),
                FactKind.RETURNED: Sentence(
                    "این درخواست را به رفاه سازمان برگرداند", "returned this to the welfare office"
                ),
                FactKind.REJECTED: Sentence("تغییر شماره را رد کرد", "rejected the change of mobile"),
            },
        ),
        TaskKind.CORRECT_MOBILE_CHANGE: TaskWords(
            Sentence("اصلاح تغییر شمارهٔ همراه", "Correct a change of mobile"),
            sms="امانت: پشتیبانی یک تغییر شمارهٔ همراه را برای اصلاح به شما برگرداند. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ یک تغییر شمارهٔ همراه هنوز منتظر اصلاح شماست. {app_link}",
            outcomes={FactKind.CORRECTED: Sentence("شمارهٔ درست را فرستاد", "sent the right number")},
        ),
    },
    timeline={
        FactKind.FORWARDED: Sentence(
            "رفاه سازمان تغییر شمارهٔ همراه را برای تأیید به پشتیبانی فرستاد.",
            "The welfare office forwarded a change of mobile to support.",
        ),
        FactKind.OPENED: Sentence(
            "پشتیبانی برای عضوی که شمارهٔ پیشین را از دست داده است درخواست تغییر شماره ثبت کرد.",
            "Support opened a change of mobile for a member who has lost the old number.",
        ),
        Event.MATCHED: Sentence(
            "سامانهٔ تطبیق شماره تأیید کرد که شمارهٔ تازه از آنِ این شخص است.",
            "The registry says that the new number is this person's.",
        ),
        Event.NOT_MATCHED: Sentence(
            "سامانهٔ تطبیق شماره تأیید نکرد که شمارهٔ تازه از آنِ این شخص است.",
            "The registry says that the new number is not this person's.",
        ),
        FactKind.CONFIRMED: Sentence("پشتیبانی شمارهٔ تازه را تأیید کرد.", "Support confirmed the new number."),
        FactKind.REJECTED: Sentence(
            "پشتیبانی تغییر شماره را نپذیرفت: {reason}.", "Support rejected the change: {reason}."
        ),
        FactKind.RETURNED: Sentence(
            "پشتیبانی درخواست را برای اصلاح به رفاه سازمان برگرداند: {note}.",
            "Support returned it to the welfare office: {note}.",
        ),
        FactKind.CORRECTED: Sentence(
            "رفاه سازمان شماره را اصلاح کرد و دوباره فرستاد.", "The welfare office corrected the number."
        ),
        Event.APPLIED: Sentence(
            "شمارهٔ همراه عوض شد؛ کارهای مالی تا {hours} ساعت متوقف است.",
            "The mobile was changed; money actions pause for {hours} hours.",
        ),
        Event.KEPT: Sentence(
            "شمارهٔ کنونی تأیید شد و شمارهٔ فهرست سازمان هم همین است.",
            "The present number was confirmed; the organisation's list has it too.",
        ),
        Event.OVERTAKEN: Sentence(
            "این شماره از راه دیگری تأیید شد؛ چیزی برای تأیید نماند.",
            "The number was confirmed in another way; nothing is left to confirm.",
        ),
        Event.LAPSED: Sentence(
            "در مهلت مقرر پاسخی نرسید و شماره عوض نشد.", "No answer came in time; nothing was changed."
        ),
    },
    sms={
        FactKind.FORWARDED: (
            "امانت: رفاه سازمان درخواست کرد شمارهٔ همراه شما عوض شود. اگر شما نخواسته‌اید، فوراً به رفاه سازمان خبر دهید."
        ),
        FactKind.OPENED: (
            "امانت: پشتیبانی درخواست کرد شمارهٔ همراه شما عوض شود. اگر شما نخواسته‌اید، همین حالا با پشتیبانی تماس"
            " بگیرید."
        ),
        Sms.OPENED_NEW: (
            "امانت: پشتیبانی این شماره را برای یکی از اعضا ثبت کرده و هنوز تأیید نشده است. اگر خودتان نخواسته‌اید، به"
            " پشتیبانی امانت خبر دهید."
        ),
        FactKind.REJECTED: "امانت: تغییر شمارهٔ همراه شما پذیرفته نشد و همین شماره برقرار است.",
        Event.APPLIED: (
            "امانت: این شماره برای شما ثبت شد. برای ورود، کد تازه بگیرید. کارهای مالی تا {hours} ساعت متوقف است."
        ),
        Sms.PRESENT_FORWARDED: (
            "امانت: رفاه سازمان اعلام کرد که همین شماره از آنِ شماست؛ پس از تأیید پشتیبانی به شما خبر می‌دهیم. اگر از آن"
            " خبر ندارید، با پشتیبانی تماس بگیرید."
        ),
        Event.KEPT: "امانت: همین شمارهٔ همراه برای شما تأیید شد و چیزی تغییر نکرد.",
        Event.OVERTAKEN: "امانت: همین شمارهٔ همراه برای شما تأیید شده است و درخواست تغییر شماره دیگر لازم نیست.",
        Event.LAPSED: "امانت: درخواست تغییر شمارهٔ همراه شما بی‌پاسخ ماند و همین شماره برقرار است.",
    },
    ahead={CaseKind.MOBILE_CHANGE: _steps_ahead},
)
