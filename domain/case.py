"""What every case says: who acts in it, that somebody was reminded, and that no more can be watched live (A9)."""

from __future__ import annotations

from typing import Final

from domain.access import Part, Role
from domain.errors import TooMany
from domain.wording import CapabilityWords, Sentence
from messages.case import Event


class TooManyStreams(TooMany):
    """This process follows as many cases live as it can carry."""

    code = "too_many_streams"
    fa = "شمار صفحه‌های زنده زیاد است؛ صفحه را کمی بعد تازه کنید."
    en = "Too many live streams; reload a little later."


WORDS: Final = CapabilityWords(
    timeline={
        Event.REMINDED: Sentence("به {role:who} یادآوری شد.", "A reminder went to {role:who}."),
    },
    terms={
        Role: {
            Role.HR_OFFICER: Sentence("منابع انسانی سازمان", "the organisation's HR"),
            Role.FINANCE_OFFICER: Sentence("امور مالی", "the finance office"),
            Role.WELFARE_MANAGER: Sentence("رفاه سازمان", "the welfare office"),
            Role.MERCHANT_CLERK: Sentence("فروشگاه", "the merchant"),
            Role.CONTRACTS_OFFICER: Sentence("امور قراردادها", "the contracts office"),
            Role.SETTLEMENT_OFFICER: Sentence("امور تسویه", "the settlement office"),
            Role.KYC_OFFICER: Sentence("احراز هویت", "the identity office"),
            Role.FX_OPERATOR: Sentence("میز ارز", "the currency desk"),
            Role.ARBITRATOR: Sentence("داور", "the arbitrator"),
            Role.CLUB_OFFICER: Sentence("باشگاه مشتریان", "the customer club"),
            Role.SUPPORT_AGENT: Sentence("پشتیبانی", "support"),
            Role.OPERATOR: Sentence("میز عملیات", "the operations desk"),
            Role.POLICY_ADMIN: Sentence("مدیریت قواعد", "the policy office"),
            Role.AUDITOR: Sentence("حسابرس", "the auditor"),
        },
        Part: {
            Part.APPLICANT: Sentence("متقاضی", "the applicant"),
            Part.GUARANTOR: Sentence("ضامن", "the guarantor"),
            Part.SUBJECT: Sentence("صاحب پرونده", "the person concerned"),
            Part.PROPOSER: Sentence("پیشنهاددهنده", "who proposed it"),
            Part.PAYER: Sentence("پرداخت‌کننده", "the payer"),
            Part.PAYEE: Sentence("گیرنده", "the payee"),
            Part.EMPLOYER: Sentence("کارفرما", "the employer"),
            Part.CONTRACTOR: Sentence("مجری", "the contractor"),
            Part.MACHINE: Sentence("سامانه", "the system"),
        },
    },
)
