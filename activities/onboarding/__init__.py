"""What the machine does in onboarding to credit (docs/rules.md, A)."""

from __future__ import annotations

from activities.onboarding.activation import activate_credit
from activities.onboarding.assessment import assess, lapse
from activities.onboarding.backing import request_backing
from activities.onboarding.review import request_correction, request_review
from activities.process import Process

PROCESS = Process(
    "onboarding", assess, lapse, steps=(request_backing, request_review, request_correction, activate_credit)
)
