"""Regional finance answers an application (A7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.case_detail import CaseDetail
from api.review import ApproveApplication, ForwardApplication, RefuseApplication, ReturnApplication
from api.values import Reason
from web.answers import Body, TaskForm, Together, chosen_reason, nothing_more
from web.forms import Form


def _return(form: Form) -> Body:
    reasons = form.all("reasons")
    if not reasons:
        form.errors["reasons"] = form.language.translate("Choose at least one reason.")
    return {"reasons": reasons, "unsuitable_guarantees": form.all("unsuitable_guarantees")}


def _findings(values: Mapping[str, Any]) -> Sequence[Reason]:
    case: CaseDetail | None = values["case"]
    return case.review.findings if case is not None and case.review is not None else []


TASK_FORM: Final = TaskForm(
    "review_decision.html",
    {
        ApproveApplication: nothing_more,
        ForwardApplication: nothing_more,
        ReturnApplication: _return,
        RefuseApplication: chosen_reason,
    },
    Together(ApproveApplication, "review_together.html", _findings),
    summaries={ApproveApplication: "review_summary.html"},
)
