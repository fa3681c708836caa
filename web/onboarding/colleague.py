"""A colleague's national id as a member types it, and the question whether they may be asked to stand (A4a)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from api.client import checked
from api.guarantor import CheckIn, check_guarantor
from domain.errors import Refusal, TooMany
from domain.identity import parse_national_id
from web.forms import Form, new_key
from web.page_request import PageRequest


@dataclass(frozen=True, slots=True)
class Question:
    """For which programme, and on which of the member's employments, a colleague would stand."""

    programme: str
    organisation_id: UUID | None

    async def ask(self, request: PageRequest, form: Form, name: str) -> str | None:
        """The national id if the colleague in the field ``name`` may be asked; else the field has an error."""
        national_id = read_national_id(form, name)
        if national_id is None:
            return None
        try:
            question = checked(
                CheckIn, programme=self.programme, national_id=national_id, organisation_id=self.organisation_id
            )
            answer = await request.api.perform(check_guarantor, new_key(), question)
        except Refusal as refused:
            form.errors[name] = refusal_words(request, refused)
            return None
        if not answer.may_be_asked:
            form.errors[name] = request.language.translate(
                "This colleague may not be asked to stand. Why is not told, out of respect for their data;"
                " please name another colleague of your region."
            )
            return None
        return national_id


def refusal_words(request: PageRequest, refused: Refusal) -> str:
    """Why a colleague could not be asked about or named: each of both counts, and only so many a day (A4a)."""
    if not isinstance(refused, TooMany):
        return refused.sentence(request.language.code)
    return request.language.translate(
        "You have asked about as many colleagues as is possible in a day. Please go on tomorrow."
    )


def read_national_id(form: Form, name: str) -> str | None:
    """The ten digits in a field; None, with an error at the field, if there are none."""
    typed = form.required(name)
    return None if name in form.errors else str(parse_national_id(typed))
