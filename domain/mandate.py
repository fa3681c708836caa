"""The payroll-deduction mandates that applicants and guarantors accept with a fresh code (A2), by version."""

from __future__ import annotations

from domain.wording import Sentence

MANDATES: dict[int, Sentence] = {
    1: Sentence(
        fa=(
            "این‌جانب به سازمان محل خدمت خود اجازه می‌دهم اقساط خریدهای اعتباری‌ام را، ماهی حداکثر به مبلغی که در این"
            " درخواست پذیرفته‌ام، از حقوق من کسر و به امانت پرداخت کند. این اجازه تا تسویهٔ کامل اقساط برقرار است. اگر"
            " همکاری من با سازمان پایان یابد، باقی‌ماندهٔ اقساط یک‌جا سررسید می‌شود و در حد قانون از آخرین حقوق من کسر"
            " خواهد شد. استفاده از این اعتبار برای من کارمزدی ندارد."
        ),
        en=(
            "I authorise my employer to deduct the instalments of my purchases on credit from my pay, each month at"
            " most the amount that I accepted in this application, and to remit them to Amanat. This authority lasts"
            " until every instalment is settled. If my employment ends, the remaining instalments fall due at once"
            " and are deducted from my final pay within the legal limit. Using this credit costs me no fee."
        ),
    ),
}

GUARANTEE_MANDATES: dict[int, Sentence] = {
    1: Sentence(
        fa=(
            "این‌جانب ضمانت می‌کنم که اگر متقاضی اقساط خریدهای اعتباری خود را در این پرونده، تا مبلغ ماهانه و تعداد"
            " اقساطی که به من نشان داده شد، نپردازد، سازمان محل خدمت من پس از اخطار به من، در حد قانون و حداکثر تا"
            " یک‌چهارم خالص حقوقم، آن اقساط را از حقوق من کسر و به امانت پرداخت کند. این ضمانت با پایان اعتبار و تسویهٔ"
            " همهٔ خریدهای آن، با جایگزینی ضامن دیگر، یا با بسته شدن درخواست بدون اعتبار، پایان می‌یابد."
        ),
        en=(
            "I stand for the applicant: if they do not pay the instalments of their purchases on this credit, up to the"
            " monthly amount and the number of instalments shown to me, my employer may, after a notice to me, within"
            " the law and at most up to a quarter of my net pay, deduct them from my pay and remit them to Amanat. This"
            " guarantee ends when the credit has ended and all its purchases are settled, when another guarantor takes"
            " my place, or when the application is closed without credit."
        ),
    ),
}
