"""What is refused about organisations and their contracts."""

from __future__ import annotations

from domain.errors import Conflict, InvalidInput


class CodeTaken(Conflict):
    """Another organisation has this code."""

    code = "organisation_code_taken"
    fa = "این کد برای سازمان دیگری ثبت شده است."
    en = "Another organisation has this code."


class ContractNumberTaken(Conflict):
    """The organisation has a contract of this number."""

    code = "contract_number_taken"
    fa = "قراردادی با این شماره برای سازمان ثبت شده است."
    en = "The organisation has a contract of this number."


class ContractEnded(Conflict):
    """An ended contract does not come back; a new one is made."""

    code = "contract_ended"
    fa = "این قرارداد پایان یافته است؛ قرارداد تازه‌ای ثبت کنید."
    en = "This contract has ended; make a new one."


class DaysReversed(InvalidInput):
    """The last day comes before the first."""

    code = "days_reversed"
    fa = "روز پایان پیش از روز آغاز است."
    en = "The last day comes before the first."
