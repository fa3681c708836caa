"""What stops the substitution of a guarantor behind a usable credit (docs/rules.md, A4)."""

from __future__ import annotations

from domain.errors import Conflict


class CreditLineOver(Conflict):
    """The line was closed, or its term has ended: nobody new is asked to stand for it."""

    code = "credit_line_over"
    fa = "این اعتبار پایان یافته است و ضامن آن عوض نمی‌شود."
    en = "This credit is over; its guarantors are not replaced any more."


class SubstitutionOpen(Conflict):
    """Another substitution of the line is under way."""

    code = "substitution_open"
    fa = "یک درخواست تعویض ضامن برای این اعتبار در جریان است؛ تا پایان آن درخواست دیگری ثبت نمی‌شود."
    en = "A guarantor of this credit is being replaced already; wait until that is over, or withdraw it."
