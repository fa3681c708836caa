"""A colleague's national id as a member types it, and the question whether they may be asked to stand (A4a)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from domain.identity import BadNationalId, parse_national_id
from web.client import Refused
from web.forms import Form
from web.visit import Visit


@dataclass(frozen=True, slots=True)
class Question:
    """For which programme, and on which of the member's employments, a colleague would stand."""

    programme: str
    organisation_id: str

    async def ask(self, visit: Visit, form: Form, name: str) -> str | None:
        """The national id if the colleague in the field ``name`` may be asked; else the field has an error."""
        national_id = read_national_id(form, name)
        if national_id is None:
            return None
        body = {"programme": self.programme, "national_id": national_id, "organisation_id": self.organisation_id}
        try:
            answer = await visit.api.post("/v1/guarantor-checks", body)
        except Refused as refused:
            form.errors[name] = refusal_words(visit, refused)
            return None
        if not answer["may_be_asked"]:
            form.errors[name] = visit.language.say(
                "This colleague may not be asked to stand. Why is not told, out of respect for their data;"
                " please name another colleague of your region."
            )
            return None
        return national_id


def refusal_words(visit: Visit, refused: Refused) -> str:
    """Why a colleague could not be asked about or named: each of both counts, and only so many a day (A4a)."""
    if refused.status != HTTPStatus.TOO_MANY_REQUESTS:
        return visit.language.words(refused.words)
    return visit.language.say("You have asked about as many colleagues as is possible in a day. Please go on tomorrow.")


def read_national_id(form: Form, name: str) -> str | None:
    """The ten digits in a field; None, with an error at the field, if there are none."""
    typed = form.required(name)
    if not typed:
        return None
    try:
        return str(parse_national_id(typed))
    except BadNationalId:
        form.errors[name] = form.language.say("This is not a national id; please enter its ten digits again.")
        return None
