"""Regional finance answers an application (A7)."""

from __future__ import annotations

from typing import Final

from api.review import ApproveApplication, ForwardApplication, RefuseApplication, ReturnApplication
from web.answers import Body, TaskForm, chosen_reason, nothing_more
from web.forms import Form


def _return(form: Form) -> Body:
    reasons = form.all("reasons")
    if not reasons:
        form.errors["reasons"] = form.language.translate("Choose at least one reason.")
    return {"reasons": reasons, "unsuitable_guarantees": form.all("unsuitable_guarantees")}


TASK_FORM: Final = TaskForm(
    "review_decision.html",
    {
        ApproveApplication: nothing_more,
        ForwardApplication: nothing_more,
        ReturnApplication: _return,
        RefuseApplication: chosen_reason,
    },
)
