"""What may be wrong with a decision about what a personnel file proposes (A13)."""

from __future__ import annotations

from domain.errors import InvalidInput


class ReasonMissing(InvalidInput):
    """A change was rejected without a reason."""

    code = "reason_missing"
    fa = "برای نپذیرفتن این تغییر، دلیل آن را بنویسید."
    en = "Please say why the change is rejected."
