"""What safe payments tell: the timeline that both sides read, and SMS (docs/rules.md, E1 to E6).

No line has a side's reasons, statements or name in it: those stand where only who may read them does. A line that says
``actor`` names who did it by the part they take.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.wording import Sentence
from messages.escrow import Event, FactKind, Sms

DEEDS: Final[Mapping[StrEnum, Sentence]] = {
    FactKind.ESCROW_PROPOSED: Sentence(
        "{actor:who} پرداخت امن {amount:toman} را ثبت کرد و شرط داوری را پذیرفت.",
        "A safe payment of {amount:toman} was proposed by {actor:who}, who accepted the arbitration clause.",
    ),
    FactKind.ESCROW_ACCEPTED: Sentence(
        "{actor:who} این پرداخت امن و شرط داوری را پذیرفت.",
        "This safe payment and the arbitration clause were accepted by {actor:who}.",
    ),
    FactKind.ESCROW_DECLINED: Sentence("این پرداخت امن پذیرفته نشد.", "This safe payment was declined."),
    FactKind.ESCROW_WITHDRAWN: Sentence(
        "پیش از پرداخت از این پرداخت امن انصراف داده شد.", "This safe payment was withdrawn before it was paid."
    ),
    FactKind.ESCROW_WORK_DECLARED: Sentence("مجری پایان کار را اعلام کرد.", "The contractor declared the work done."),
    FactKind.ESCROW_RELEASED: Sentence(
        "کارفرما {amount:toman} را برای مجری آزاد کرد.", "The employer released {amount:toman} to the contractor."
    ),
    FactKind.ESCROW_REFUND_ASKED: Sentence(
        "کارفرما بازگشت {amount:toman} را خواست.", "The employer asked for {amount:toman} back."
    ),
    FactKind.ESCROW_REFUND_AGREED: Sentence(
        "مجری با بازگشت {amount:toman} به کارفرما موافقت کرد.",
        "The contractor agreed that {amount:toman} goes back to the employer.",
    ),
    FactKind.ESCROW_REFUND_DECLINED: Sentence(
        "مجری با بازگشت مبلغ موافقت نکرد.", "The contractor did not agree to a refund."
    ),
    FactKind.ESCROW_DISPUTE_OPENED: Sentence(
        "به درخواست {actor:who} داوری دربارهٔ {about:DisputeAbout} آغاز شد؛ {amount:toman} تا پایان آن جابه‌جا نمی‌شود.",
        "Arbitration about {about:DisputeAbout} was asked for by {actor:who}; {amount:toman} is frozen until it ends.",
    ),
    FactKind.ESCROW_DISPUTE_WITHDRAWN: Sentence(
        "{actor:who} درخواست داوری را پس گرفت.", "The request for arbitration was taken back by {actor:who}."
    ),
    FactKind.ESCROW_STATEMENT_FILED: Sentence(
        "{actor:who} اظهارات خود را ثبت کرد.", "A statement was filed by {actor:who}."
    ),
    FactKind.ESCROW_SPLIT_OFFERED: Sentence(
        "{actor:who} پیشنهاد تقسیم داد: {to_contractor:toman} به مجری و {to_employer:toman} به کارفرما.",
        "Offered by {actor:who}: {to_contractor:toman} to the contractor, {to_employer:toman} to the employer.",
    ),
    FactKind.ESCROW_SPLIT_ACCEPTED: Sentence(
        "{actor:who} تقسیم را پذیرفت: {to_contractor:toman} به مجری و {to_employer:toman} به کارفرما.",
        "Agreed to by {actor:who}: {to_contractor:toman} to the contractor, {to_employer:toman} to the employer.",
    ),
    FactKind.ESCROW_SPLIT_DECLINED: Sentence(
        "{actor:who} پیشنهاد تقسیم را نپذیرفت.", "The offer to divide it was declined by {actor:who}."
    ),
    FactKind.ESCROW_ARBITRATOR_CLAIMED: Sentence(
        "داوری رسیدگی را بر عهده گرفت.", "An arbitrator has taken the case on."
    ),
    FactKind.ESCROW_ARBITRATOR_RECUSED: Sentence(
        "داور از رسیدگی کنار رفت؛ داور دیگری جای او را می‌گیرد.",
        "The arbitrator has stepped aside; another one takes the case.",
    ),
    FactKind.ESCROW_ARBITRATOR_SOUGHT: Sentence(
        "میز عملیات برای یافتن داور اقدام کرد.", "The operations desk saw to an arbitrator."
    ),
    FactKind.ESCROW_RULED: Sentence(
        "داور رأی داد: {to_contractor:toman} به مجری و {to_employer:toman} به کارفرما.",
        "The arbitrator ruled: {to_contractor:toman} to the contractor, {to_employer:toman} to the employer.",
    ),
    FactKind.ESCROW_OBJECTED: Sentence(
        "{actor:who} به رأی اعتراض کرد؛ داور دیگری رسیدگی می‌کند.",
        "An objection of {actor:who} came; another arbitrator looks at it.",
    ),
    FactKind.ESCROW_DORMANCY_REVIEWED: Sentence(
        "داور مبلغی را که مدتی بی‌تغییر نزد امانت مانده است بررسی کرد.",
        "An arbitrator looked at the money with which nothing has happened for long.",
    ),
}
HAPPENINGS: Final[Mapping[StrEnum, Sentence]] = {
    Event.ESCROW_UNANSWERED: Sentence(
        "در مهلت مقرر پاسخی از طرف دیگر نرسید.", "No answer of the other side came in time."
    ),
    Event.ESCROW_UNFUNDED: Sentence("کارفرما مبلغ را در مهلت مقرر نپرداخت.", "The employer did not pay in time."),
    Event.ESCROW_FUNDED: Sentence(
        "کارفرما {amount:toman} پرداخت و این مبلغ نزد امانت است.",
        "The employer paid {amount:toman}, which is held in trust.",
    ),
    Event.ESCROW_NOT_INSPECTED: Sentence(
        "مهلت بررسی کار گذشت؛ مبلغ همچنان نزد امانت است و مجری می‌تواند داوری بخواهد.",
        "The time to inspect the work is over; the money is still held, and the contractor may ask for arbitration.",
    ),
    Event.ESCROW_AUTO_RELEASED: Sentence(
        "مهلت بررسی کار گذشت و {amount:toman} برای مجری آزاد شد.",
        "The time to inspect the work is over: {amount:toman} was released to the contractor.",
    ),
    Event.ESCROW_PAID_OVER: Sentence(
        "{amount:toman} به موجودی مجری رسید؛ کارمزد و مالیات آن {fee:toman} بود.",
        "{amount:toman} went to the contractor's balance, after {fee:toman} of fee and VAT.",
    ),
    Event.ESCROW_REFUND_BEGUN: Sentence(
        "بازگرداندن {amount:toman} به کارفرما آغاز شد.", "The refund of {amount:toman} to the employer has begun."
    ),
    Event.ESCROW_REFUND_UNANSWERED: Sentence(
        "مجری در مهلت مقرر به درخواست بازگشت پاسخ نداد؛ کارفرما می‌تواند داوری بخواهد.",
        "The contractor did not answer the asked refund in time; the employer may ask for arbitration.",
    ),
    Event.ESCROW_DORMANT: Sentence(
        "مدتی است کاری انجام نشده؛ به هر دو طرف یادآوری شد که مبلغ نزد امانت مانده است.",
        "Nothing has happened for long: both sides were reminded of the money that is held.",
    ),
    Event.ESCROW_EVIDENCE_CLOSED: Sentence(
        "مهلت ثبت اظهارات و مدارک پایان یافت؛ هر دو طرف آن‌ها را می‌بینند.",
        "The time to file statements and evidence is over; both sides see all of it.",
    ),
    Event.ESCROW_ARBITRATOR_MISSING: Sentence(
        "هنوز داوری رسیدگی را بر عهده نگرفته است؛ میز عملیات پیگیر آن است.",
        "No arbitrator has taken the case on yet; the operations desk sees to it.",
    ),
    Event.ESCROW_ARBITRATOR_REPLACED: Sentence(
        "داور پیشین رأی نداد؛ رسیدگی به داور دیگری سپرده می‌شود.",
        "The arbitrator did not rule; the case is given to another one.",
    ),
    Event.ESCROW_RULING_FINAL: Sentence(
        "رأی داور قطعی شد: {to_contractor:toman} به مجری و {to_employer:toman} به کارفرما.",
        "The ruling is final: {to_contractor:toman} to the contractor, {to_employer:toman} to the employer.",
    ),
    Event.ESCROW_ENDED: Sentence(
        "تکلیف همهٔ مبلغ روشن شد و این پرداخت امن پایان یافت.",
        "All of the money has gone where it was decided; this safe payment is over.",
    ),
}
SMS: Final[Mapping[StrEnum, str]] = {
    FactKind.ESCROW_ACCEPTED: "امانت: طرف دیگر، پرداخت امن شما و شرط داوری را پذیرفت. جزئیات: {app_link}",
    FactKind.ESCROW_DECLINED: "امانت: طرف دیگر، پرداخت امن شما را نپذیرفت و چیزی پرداخت نشد. {app_link}",
    FactKind.ESCROW_WITHDRAWN: "امانت: طرف دیگر پیش از پرداخت از یک پرداخت امن منصرف شد. جزئیات: {app_link}",
    FactKind.ESCROW_REFUND_DECLINED: (
        "امانت: مجری با بازگشت مبلغ موافقت نکرد. مبلغ همچنان نزد امانت است و می‌توانید داوری بخواهید: {app_link}"
    ),
    FactKind.ESCROW_DISPUTE_WITHDRAWN: (
        "امانت: درخواست داوری پس گرفته شد و پرداخت امن مانند پیش ادامه دارد. جزئیات: {app_link}"
    ),
    FactKind.ESCROW_SPLIT_OFFERED: (
        "امانت: طرف دیگر برای پایان داوری پیشنهاد تقسیم مبلغ داده است. ببینید و پاسخ دهید: {app_link}"
    ),
    FactKind.ESCROW_SPLIT_ACCEPTED: "امانت: پیشنهاد تقسیم شما پذیرفته شد و داوری پایان یافت. جزئیات: {app_link}",
    FactKind.ESCROW_SPLIT_DECLINED: "امانت: پیشنهاد تقسیم شما پذیرفته نشد و داوری ادامه دارد. جزئیات: {app_link}",
    FactKind.ESCROW_RULED: "امانت: داور دربارهٔ پرداخت امن شما رأی داد. متن رأی و مهلت اعتراض: {app_link}",
    FactKind.ESCROW_OBJECTED: (
        "امانت: طرف دیگر به رأی داور اعتراض کرد. داور دیگری رسیدگی می‌کند و رأی او قطعی است. {app_link}"
    ),
    Event.ESCROW_UNANSWERED: "امانت: پاسخی به پرداخت امن شما نرسید و مهلت آن گذشت. جزئیات: {app_link}",
    Event.ESCROW_UNFUNDED: "امانت: مهلت پرداخت یک پرداخت امن گذشت و بسته شد؛ چیزی پرداخت نشده است. {app_link}",
    Event.ESCROW_FUNDED: "امانت: {amount} بابت پرداخت امن شما پرداخت شد و نزد امانت است. جزئیات: {app_link}",
    Event.ESCROW_NOT_INSPECTED: (
        "امانت: کارفرما هنوز کار شما را تأیید نکرده است. مبلغ نزد امانت است و می‌توانید داوری بخواهید: {app_link}"
    ),
    Event.ESCROW_AUTO_RELEASED: "امانت: مهلت بررسی کار گذشت و {amount} برای مجری آزاد شد. جزئیات: {app_link}",
    Event.ESCROW_REFUND_UNANSWERED: (
        "امانت: مجری به درخواست بازگشت مبلغ پاسخ نداد. مبلغ نزد امانت است و می‌توانید داوری بخواهید: {app_link}"
    ),
    Event.ESCROW_DORMANT: (
        "امانت: یادآوری؛ مبلغ یک پرداخت امن شما مدتی است نزد امانت مانده است. تکلیف آن را روشن کنید: {app_link}"
    ),
    Event.ESCROW_EVIDENCE_CLOSED: (
        "امانت: مهلت ثبت اظهارات و مدارک پایان یافت و داور رسیدگی می‌کند. اظهارات دو طرف: {app_link}"
    ),
    Event.ESCROW_ARBITRATOR_MISSING: (
        "امانت: داوری شما هنوز داور ندارد و ما پیگیر آن هستیم؛ مبلغ تا پایان داوری نزد امانت می‌ماند. {app_link}"
    ),
    Event.ESCROW_ARBITRATOR_REPLACED: (
        "امانت: داور پیشین رأی نداد و رسیدگی به داور دیگری سپرده می‌شود؛ مبلغ نزد امانت می‌ماند. {app_link}"
    ),
    Event.ESCROW_RULING_FINAL: "امانت: رأی داور دربارهٔ پرداخت امن شما قطعی شد. رأی و نتیجهٔ آن: {app_link}",
    Event.ESCROW_ENDED: "امانت: تکلیف همهٔ مبلغ یک پرداخت امن شما روشن شد و پایان یافت. جزئیات: {app_link}",
    Sms.CREDITED: "امانت: {amount} از پرداخت امن به موجودی شما رسید. موجودی شما: {app_link}",
}
