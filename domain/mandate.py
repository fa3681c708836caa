"""The payroll-deduction mandate that applicants and guarantors accept with a fresh code (A2), by version."""

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
