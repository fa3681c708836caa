"""What safe payments say: phases, tasks, and the steps still to come (docs/rules.md, E1 to E6)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.escrow.terms import TERMS
from domain.escrow.told import DEEDS, HAPPENINGS, SMS
from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.case import CaseKind
from messages.escrow import FactKind, Phase, TaskKind

_AHEAD: Final = (
    Sentence("طرف دیگر پرداخت امن و شرط داوری را می‌پذیرد یا رد می‌کند.", "The other side accepts or declines."),
    Sentence("کارفرما مبلغ را از درگاه بانک می‌پردازد.", "The employer pays through a gateway."),
    Sentence(
        "مجری کار را انجام می‌دهد و پایان آن را اعلام می‌کند.", "The contractor does the work and declares it done."
    ),
    Sentence("کارفرما مبلغ را آزاد می‌کند.", "The employer releases the money."),
    Sentence(
        "مبلغ پس از کسر کارمزد به موجودی مجری می‌رسد.", "The money, less the fee, goes to the contractor's balance."
    ),
)
_REFUND_AHEAD: Final = (
    Sentence("مجری پاسخ می‌دهد که با بازگشت چه مبلغی موافق است.", "The contractor says how much of it may go back."),
    Sentence("آنچه موافقت شود به کارفرما بازمی‌گردد.", "What is agreed goes back to the employer."),
)
_DISPUTE_AHEAD: Final = (
    Sentence("دو طرف اظهارات و مدارک خود را ثبت می‌کنند.", "Both sides file statements and evidence."),
    Sentence("داوری که با دو طرف ارتباطی ندارد پرونده را برمی‌دارد.", "An arbitrator without interest takes the case."),
    Sentence("داور رأی می‌دهد.", "The arbitrator rules."),
    Sentence("رأی پس از مهلت اعتراض قطعی می‌شود.", "The ruling becomes final once the time to object is over."),
    Sentence("مبلغ همان‌گونه که رأی داده شد تقسیم می‌شود.", "The money is divided as it was ruled."),
)
# What is still to come where a phase has it.
_COMING: Final[Mapping[str, tuple[Sentence, ...]]] = {
    Phase.PROPOSED: _AHEAD,
    Phase.AWAITING_ACCEPTANCE: _AHEAD[1:],
    Phase.AWAITING_FUNDING: _AHEAD[2:],
    Phase.HELD: _AHEAD[3:],
    Phase.DELIVERED: _AHEAD[4:],
    Phase.REFUND_ASKED: _REFUND_AHEAD[1:],
    Phase.IN_DISPUTE: _DISPUTE_AHEAD[1:],
    Phase.AWAITING_ARBITRATOR: _DISPUTE_AHEAD[2:],
    Phase.AWAITING_RULING: _DISPUTE_AHEAD[3:],
    Phase.AWAITING_OBJECTION: _DISPUTE_AHEAD[4:],
}


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [*_COMING.get(phase, ())]


_PHASES: Final[Mapping[StrEnum, Sentence]] = {
    Phase.PROPOSED: Sentence("پیشنهاد ثبت شد", "Proposed"),
    Phase.AWAITING_ACCEPTANCE: Sentence("در انتظار پذیرش", "Awaiting acceptance"),
    Phase.AWAITING_FUNDING: Sentence("در انتظار پرداخت کارفرما", "Awaiting the employer's payment"),
    Phase.HELD: Sentence("نزد امانت", "Held in trust"),
    Phase.DELIVERED: Sentence("پایان کار اعلام شد", "Declared done"),
    Phase.REFUND_ASKED: Sentence("بازگشت مبلغ خواسته شد", "A refund is asked for"),
    Phase.IN_DISPUTE: Sentence("در داوری؛ ثبت اظهارات و مدارک", "In arbitration: statements and evidence"),
    Phase.AWAITING_ARBITRATOR: Sentence("در داوری؛ در انتظار داور", "In arbitration: awaiting an arbitrator"),
    Phase.AWAITING_RULING: Sentence("در داوری؛ در انتظار رأی", "In arbitration: awaiting the ruling"),
    Phase.AWAITING_OBJECTION: Sentence("رأی صادر شد؛ مهلت اعتراض", "Ruled: either side may object"),
    Phase.REFUNDING: Sentence("در حال بازگرداندن مبلغ", "Money is going back"),
    Phase.RELEASED: Sentence("برای مجری آزاد شد", "Released to the contractor"),
    Phase.REFUNDED: Sentence("به کارفرما بازگشت", "Refunded to the employer"),
    Phase.SPLIT: Sentence("میان دو طرف تقسیم شد", "Divided between the two sides"),
    Phase.DECLINED: Sentence("طرف دیگر نپذیرفت", "The other side declined"),
    Phase.WITHDRAWN: Sentence("پیش از پرداخت منصرف شدند", "Withdrawn before it was paid"),
    Phase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
}

_SIDES_ASKED: Final[Mapping[StrEnum, TaskWords]] = {
    TaskKind.ANSWER_ESCROW: TaskWords(
        Sentence("پذیرش یا رد پرداخت امن", "Accept or decline a safe payment"),
        sms="امانت: یکی از اعضا پرداخت امنی با شما ثبت کرده است. شرایط را بخوانید و بپذیرید یا رد کنید: {app_link}",
        reminder="امانت: یادآوری؛ یک پرداخت امن هنوز منتظر پاسخ شماست. {app_link}",
        outcomes={
            FactKind.ESCROW_ACCEPTED: Sentence("پرداخت امن را پذیرفت", "accepted this safe payment"),
            FactKind.ESCROW_DECLINED: Sentence("پرداخت امن را رد کرد", "declined this safe payment"),
        },
    ),
    TaskKind.FUND_ESCROW: TaskWords(
        Sentence("پرداخت مبلغ پرداخت امن", "Pay a safe payment"),
        sms="امانت: پرداخت امن شما آمادهٔ پرداخت است؛ مبلغ تا پایان کار نزد امانت می‌ماند. پرداخت: {app_link}",
        reminder="امانت: یادآوری؛ مبلغ پرداخت امن شما هنوز پرداخت نشده است. {app_link}",
        outcomes={},
    ),
    TaskKind.INSPECT_WORK: TaskWords(
        Sentence("بررسی کار و آزاد کردن مبلغ", "Inspect the work and release the money"),
        sms="امانت: مجری پایان کار را اعلام کرد. کار را بررسی کنید و اگر راضی هستید مبلغ را آزاد کنید: {app_link}",
        reminder="امانت: یادآوری؛ مجری منتظر بررسی کار و آزاد شدن مبلغ پرداخت امن است. {app_link}",
        outcomes={
            FactKind.ESCROW_RELEASED: Sentence("مبلغ را آزاد کرد", "released the money"),
            FactKind.ESCROW_REFUND_ASKED: Sentence("بازگشت مبلغ را خواست", "asked for money back"),
            FactKind.ESCROW_DISPUTE_OPENED: Sentence("داوری خواست", "asked for arbitration"),
        },
    ),
    TaskKind.ANSWER_REFUND: TaskWords(
        Sentence("پاسخ به درخواست بازگشت مبلغ", "Answer an asked refund"),
        sms="امانت: کارفرما بازگشت مبلغ یک پرداخت امن را خواسته است. ببینید و پاسخ دهید: {app_link}",
        reminder="امانت: یادآوری؛ درخواست بازگشت مبلغ هنوز منتظر پاسخ شماست. {app_link}",
        outcomes={
            FactKind.ESCROW_REFUND_AGREED: Sentence("با بازگشت مبلغ موافقت کرد", "agreed to a refund"),
            FactKind.ESCROW_REFUND_DECLINED: Sentence("با بازگشت مبلغ مخالفت کرد", "did not agree to a refund"),
        },
    ),
    TaskKind.FILE_STATEMENT: TaskWords(
        Sentence("ثبت اظهارات و مدارک داوری", "File a statement and evidence"),
        sms="امانت: برای یک پرداخت امن شما داوری خواسته شد. اظهارات و مدارک خود را تا پایان مهلت ثبت کنید: {app_link}",
        reminder="امانت: یادآوری؛ مهلت ثبت اظهارات و مدارک داوری رو به پایان است. {app_link}",
        outcomes={FactKind.ESCROW_STATEMENT_FILED: Sentence("اظهارات خود را ثبت کرد", "filed a statement")},
    ),
}
_STAFF_ASKED: Final[Mapping[StrEnum, TaskWords]] = {
    TaskKind.RULE_DISPUTE: TaskWords(
        Sentence("داوری پرداخت امن", "Arbitrate a safe payment"),
        sms="امانت: یک داوری پرداخت امن منتظر داور است. {app_link}",
        reminder="امانت: یادآوری؛ یک داوری پرداخت امن هنوز منتظر داور یا رأی است. {app_link}",
        outcomes={FactKind.ESCROW_RULED: Sentence("رأی داد", "ruled")},
    ),
    TaskKind.FIND_ARBITRATOR: TaskWords(
        Sentence("یافتن داور برای پرداخت امن", "Find an arbitrator for a safe payment"),
        sms="امانت: برای یک داوری پرداخت امن داوری نیست؛ لطفاً داوری بیابید که ارتباطی با دو طرف ندارد. {app_link}",
        reminder="امانت: یادآوری؛ یک داوری پرداخت امن هنوز داور ندارد. {app_link}",
        outcomes={FactKind.ESCROW_ARBITRATOR_SOUGHT: Sentence("برای یافتن داور اقدام کرد", "saw to an arbitrator")},
    ),
    TaskKind.REVIEW_DORMANT_ESCROW: TaskWords(
        Sentence("بررسی پرداخت امنِ بی‌تغییر", "Review a dormant safe payment"),
        sms="امانت: مبلغ یک پرداخت امن مدتی است بی‌تغییر نزد امانت مانده و منتظر بررسی داور است. {app_link}",
        reminder="امانت: یادآوری؛ یک پرداخت امنِ بی‌تغییر هنوز منتظر بررسی داور است. {app_link}",
        outcomes={
            FactKind.ESCROW_DORMANCY_REVIEWED: Sentence("آن را بررسی کرد", "reviewed it"),
            FactKind.ESCROW_DISPUTE_OPENED: Sentence("داوری را آغاز کرد", "opened arbitration"),
        },
    ),
}

WORDS: Final = CapabilityWords(
    kinds={CaseKind.ESCROW: Sentence("پرداخت امن", "Safe payment")},
    phases={CaseKind.ESCROW: _PHASES},
    tasks={**_SIDES_ASKED, **_STAFF_ASKED},
    timeline={**DEEDS, **HAPPENINGS},
    sms=SMS,
    terms=TERMS,
    ahead={CaseKind.ESCROW: _steps_ahead},
)
