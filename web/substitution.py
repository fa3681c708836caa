"""Another guarantor behind a usable credit: what its case shows, finance's answer, withdrawing the wish (A4, A8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case_detail import CaseDetail
from api.substitution import (
    ApproveSubstitution,
    RefuseSubstitution,
    SubstitutionOut,
    read_substitution,
    withdraw_substitution,
)
from api.values import Reason
from messages.case import CaseKind
from web.answers import TaskForm, Together, chosen_reason, nothing_more
from web.case_parts import CaseAction, CaseParts
from web.page_request import PageRequest, SignedIn

router = APIRouter()


def _findings(values: Mapping[str, Any]) -> Sequence[Reason]:
    asked: SubstitutionOut | None = values.get("substitution")
    return [] if asked is None else asked.findings or []


TASK_FORM: Final = TaskForm(
    "substitution_decision.html",
    {ApproveSubstitution: nothing_more, RefuseSubstitution: chosen_reason},
    Together(ApproveSubstitution, "substitution_together.html", _findings),
    summaries={ApproveSubstitution: "substitution_summary.html"},
)
CASE_ACTIONS: Final = (CaseAction("withdraw_substitution", "substitution_withdrawal.html", first_in=frozenset()),)


async def _read(request: PageRequest, case: CaseDetail) -> dict[str, Any]:
    asked = await request.read_or_none(read_substitution, case.id)
    if asked is None:
        return {}
    return {"substitution": asked, "guarantees": [one for one in (asked.proposed, asked.current) if one is not None]}


CASE_PARTS: Final = CaseParts(CaseKind.SUBSTITUTION, _read)


@router.post("/cases/{case_id}/substitution-withdrawal")
async def leave_guarantor(request: SignedIn, case_id: UUID) -> Response:
    """Leave the present guarantor where they stand (A4)."""
    form = await request.form()
    await request.api.perform(withdraw_substitution, form.key, case_id)
    return request.redirect(f"/cases/{case_id}", done="withdrawn")
