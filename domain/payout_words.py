"""What pay-outs are called, who attaches files to one, and why nothing followed from what a bank says (E3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.access import Role
from domain.attachment import AttachmentRules
from domain.payout import AnswerError, LinePurpose, LineRefusal, LineResult
from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.attachment import Purpose
from messages.case import CaseKind
from messages.payout import Event, FactKind, Phase, Sms, TaskKind

# Of what was paid by hand, or what the bank said otherwise than by its file.
ATTACHMENTS: Final = AttachmentRules(
    CaseKind.PAYOUT, (Purpose.TRANSFER_EVIDENCE,), staff=frozenset({Role.SETTLEMENT_OFFICER})
)

_AHEAD: Final = (
    Sentence("ردیف‌ها جدا و فایل بانک ساخته می‌شود.", "The lines are cut, and the bank's file is made."),
    Sentence("کارشناس دیگری دسته را تأیید می‌کند.", "Another officer confirms the batch."),
    Sentence("فایل به بانک سپرده می‌شود.", "The file is handed to the bank."),
    Sentence("پاسخ بانک برای هر ردیف ثبت می‌شود.", "The bank's answer to each line is recorded."),
)
# How many of these have begun, by the phase.
_BEGUN: Final[Mapping[str, int]] = {
    Phase.CUTTING: 0,
    Phase.AWAITING_CONFIRMATION: 1,
    Phase.CONFIRMED: 2,
    Phase.SENT: 3,
}


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [*_AHEAD[_BEGUN[phase] :]] if phase in _BEGUN else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.PAYOUT: Sentence("دستهٔ واریز به اعضا", "Pay-out batch")},
    phases={
        CaseKind.PAYOUT: {
            Phase.CUTTING: Sentence("در حال جداکردن ردیف‌ها", "Cutting the lines"),
            Phase.AWAITING_CONFIRMATION: Sentence("در انتظار تأیید", "Awaiting confirmation"),
            Phase.CONFIRMED: Sentence("آمادهٔ سپردن به بانک", "To be handed to the bank"),
            Phase.SENT: Sentence("در انتظار پاسخ بانک", "Awaiting the bank's answer"),
            Phase.SETTLED: Sentence("پایان‌یافته", "Settled"),
            Phase.REJECTED: Sentence("تأیید نشد", "Rejected"),
            Phase.EMPTY: Sentence("بدون ردیف", "Empty"),
        },
    },
    tasks={
        TaskKind.CONFIRM_PAYOUT: TaskWords(
            Sentence("تأیید دستهٔ واریز", "Confirm a pay-out batch"),
            sms="امانت: یک دستهٔ واریز منتظر تأیید کارشناس دوم است. {app_link}",
            reminder="امانت: یادآوری؛ یک دستهٔ واریز هنوز تأیید نشده است. {app_link}",
            outcomes={
                FactKind.PAYOUT_CONFIRMED: Sentence("دستهٔ واریز را تأیید کرد", "confirmed this batch"),
                FactKind.PAYOUT_REJECTED: Sentence("دستهٔ واریز را رد کرد", "rejected this batch"),
            },
        ),
        TaskKind.HAND_OVER_PAYOUT: TaskWords(
            Sentence("سپردن دستهٔ واریز به بانک", "Hand a pay-out batch to the bank"),
            sms="امانت: یک دستهٔ واریز تأیید شد و باید به بانک سپرده شود. {app_link}",
            reminder="امانت: یادآوری؛ یک دستهٔ واریزِ تأییدشده هنوز به بانک سپرده نشده است. {app_link}",
            outcomes={
                FactKind.PAYOUT_HANDED_OVER: Sentence("دستهٔ واریز را به بانک سپرد", "handed this batch to the bank"),
            },
        ),
        TaskKind.CONFIRM_REJECTIONS: TaskWords(
            Sentence("تأیید ردیف‌های ناموفق یک فایل بانک", "Confirm what a bank's file calls rejected"),
            sms="امانت: فایل پاسخ بانک ردیف ناموفق دارد و منتظر تأیید کارشناس دوم است. {app_link}",
            reminder="امانت: یادآوری؛ ردیف‌های ناموفق یک فایل بانک هنوز تأیید نشده است. {app_link}",
            outcomes={
                FactKind.PAYOUT_REJECTIONS_CONFIRMED: Sentence("ناموفق‌ها را تأیید کرد", "confirmed these rejections"),
                FactKind.PAYOUT_REJECTIONS_REFUSED: Sentence("ناموفق‌ها را رد کرد", "refused these rejections"),
            },
        ),
        TaskKind.CONFIRM_SETTLEMENT: TaskWords(
            Sentence("تأیید ثبت دستی یک ردیف واریز", "Confirm a line that was settled by hand"),
            sms="امانت: نتیجهٔ یک ردیف واریز دستی ثبت شده و منتظر تأیید کارشناس دوم است. {app_link}",
            reminder="امانت: یادآوری؛ ثبت دستی یک ردیف واریز هنوز تأیید نشده است. {app_link}",
            outcomes={
                FactKind.PAYOUT_SETTLEMENT_CONFIRMED: Sentence("ثبت دستی ردیف را تأیید کرد", "confirmed this record"),
                FactKind.PAYOUT_SETTLEMENT_REJECTED: Sentence("ثبت دستی ردیف را رد کرد", "rejected this record"),
            },
        ),
    },
    timeline={
        FactKind.PAYOUT_MADE: Sentence("دستهٔ واریز ساخته شد.", "A batch was made."),
        FactKind.PAYOUT_CONFIRMED: Sentence("کارشناس دوم دسته را تأیید کرد.", "A second officer confirmed the batch."),
        FactKind.PAYOUT_REJECTED: Sentence(
            "کارشناس دوم دسته را رد کرد: {reason}", "A second officer rejected the batch: {reason}"
        ),
        FactKind.PAYOUT_HANDED_OVER: Sentence("فایل دسته به بانک سپرده شد.", "The file was handed to the bank."),
        FactKind.PAYOUT_ANSWERED: Sentence("فایل پاسخ بانک رسید.", "A file with the bank's answer came."),
        FactKind.PAYOUT_REJECTIONS_CONFIRMED: Sentence(
            "کارشناس دوم ردیف‌های ناموفق فایل را تأیید کرد.", "A second officer confirmed what the file calls rejected."
        ),
        FactKind.PAYOUT_REJECTIONS_REFUSED: Sentence(
            "کارشناس دوم ردیف‌های ناموفق فایل را رد کرد: {reason}",
            "A second officer refused what the file calls rejected: {reason}",
        ),
        FactKind.PAYOUT_SETTLEMENT_RECORDED: Sentence(
            "نتیجهٔ ردیف {line} دستی ثبت شد.", "What became of line {line} was recorded by hand."
        ),
        FactKind.PAYOUT_SETTLEMENT_CONFIRMED: Sentence(
            "کارشناس دوم ثبت دستی را تأیید کرد.", "A second officer confirmed what was recorded by hand."
        ),
        FactKind.PAYOUT_SETTLEMENT_REJECTED: Sentence(
            "کارشناس دوم ثبت دستی را رد کرد: {reason}", "A second officer rejected what was recorded by hand: {reason}"
        ),
        Event.PAYOUT_CUT: Sentence(
            "{lines} ردیف به مبلغ {amount:toman} جدا شد و فایل بانک ساخته شد.",
            "{lines} lines of {amount:toman} were cut, and the bank's file was made.",
        ),
        Event.PAYOUT_EMPTY: Sentence("برداشتی در صف نبود.", "No withdrawal was waiting."),
        Event.PAYOUT_RELEASED: Sentence("ردیف‌ها به صف برگشتند.", "The lines went back to wait."),
        Event.PAYOUT_ANSWER_APPLIED: Sentence(
            "پاسخ بانک خوانده شد: {paid} واریز، {rejected} ناموفق، {repeated} تکراری، {refused} پذیرفته‌نشده.",
            "The bank's answer was read: {paid} paid, {rejected} rejected, {repeated} known, {refused} refused.",
        ),
        Event.PAYOUT_REJECTIONS_APPLIED: Sentence(
            "{lines} ردیف ناموفق بسته شد.", "{lines} rejected lines were settled."
        ),
        Event.PAYOUT_ANSWER_UNREADABLE: Sentence(
            "فایل پاسخ بانک خواندنی نبود.", "The file with the bank's answer could not be read."
        ),
        Event.PAYOUT_LINE_SETTLED: Sentence("تکلیف ردیف {line} دستی روشن شد.", "Line {line} was settled by hand."),
        Event.PAYOUT_LINE_RETURNED: Sentence(
            "واریز ردیف {line} از بانک برگشت و به موجودی عضو افزوده شد.",
            "The bank gave line {line} back; it is in the member's balance.",
        ),
        Event.PAYOUT_UNANSWERED: Sentence(
            "بانک هنوز به همهٔ ردیف‌ها پاسخ نداده است.", "The bank has not answered to every line yet."
        ),
        Event.PAYOUT_SETTLED: Sentence("تکلیف همهٔ ردیف‌ها روشن شد.", "Every line is settled."),
    },
    terms={
        LineResult: {
            LineResult.PAID: Sentence("واریز شد", "Paid"),
            LineResult.REJECTED: Sentence("بانک نپذیرفت", "Rejected"),
            LineResult.RETURNED: Sentence("پس از واریز برگشت", "Came back after it was paid"),
        },
        LinePurpose: {
            LinePurpose.BALANCE: Sentence("برداشت از موجودی", "Withdrawn from the balance"),
            LinePurpose.PAYMENT_RETURN: Sentence("بازگرداندن پرداخت", "A payment that goes back"),
        },
        LineRefusal: {
            LineRefusal.BAD_ROW: Sentence(
                "شبا، مبلغ یا نتیجهٔ این ردیف خواندنی نیست.", "Sheba, amount or result cannot be read."
            ),
            LineRefusal.UNKNOWN_LINE: Sentence("شناسه در این دسته نیست.", "The batch has no such line."),
            LineRefusal.DOUBLED_LINE: Sentence(
                "این شناسه بیش از یک بار در فایل آمده است.", "The file names this line more than once."
            ),
            LineRefusal.OTHER_AMOUNT: Sentence("مبلغ با دسته یکی نیست.", "The amount is not that of the batch."),
            LineRefusal.OTHER_SHEBA: Sentence("شبا با دسته یکی نیست.", "The sheba is not that of the batch."),
            LineRefusal.REFERENCE_MISSING: Sentence(
                "برای واریز، شماره پیگیری بانک لازم است.", "What was paid needs the bank's reference."
            ),
            LineRefusal.SETTLED_OTHERWISE: Sentence(
                "نتیجهٔ دیگری پیش‌تر برای این ردیف ثبت شده است؛ اگر پول برگشته، برگشت آن را دستی ثبت کنید.",
                "Something else is recorded of this line already; if the money came back, please record that by hand.",
            ),
            LineRefusal.ACCOUNT_FROZEN: Sentence(
                "حساب این عضو در دفتر کل مسدود است؛ پس از رفع مسدودی فایل را دوباره بفرستید.",
                "The member's account is frozen in the ledger; please send the file again once it is not.",
            ),
        },
        AnswerError: {
            AnswerError.NO_TABLE: Sentence(
                "این فایل نه CSV است و نه XLSX، یا خالی است.", "The file is neither CSV nor XLSX, or is empty."
            ),
            AnswerError.COLUMNS_MISSING: Sentence(
                "ستون‌های شناسه، شبا، مبلغ و نتیجه لازم است.", "The columns line_key, sheba, amount, result are needed."
            ),
            AnswerError.TOO_LARGE: Sentence("فایل بیش از اندازه بزرگ است.", "The file is too large."),
            AnswerError.LOST: Sentence(
                "فایل از دست رفت یا آسیب دیده است؛ دوباره بفرستید.",
                "The file is lost or damaged; please send it again.",
            ),
            AnswerError.GAVE_UP: Sentence(
                "خواندن فایل چند بار نیمه‌کاره ماند؛ پشتیبانی باید بررسی کند.",
                "Reading it broke off several times; support must look.",
            ),
        },
    },
    sms={
        Sms.WITHDRAWALS_WAIT: ("امانت: {count} واریز مدتی است در صف مانده است؛ لطفاً دستهٔ واریز بسازید. {app_link}"),
        Event.PAYOUT_UNANSWERED: "امانت: بانک هنوز به همهٔ ردیف‌های یک دستهٔ واریز پاسخ نداده است. {app_link}",
        Sms.PAYOUT_ROWS_REFUSED: (
            "امانت: از فایل پاسخ بانک به یک دستهٔ واریز، {count} ردیف پذیرفته نشد؛ لطفاً بررسی کنید. {app_link}"
        ),
        Event.PAYOUT_ANSWER_UNREADABLE: "امانت: فایل پاسخ بانک که فرستادید خواندنی نبود. {app_link}",
    },
    ahead={CaseKind.PAYOUT: _steps_ahead},
)
