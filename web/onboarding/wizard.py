"""The steps from an amount to an accepted mandate, which applications and corrections have in common (A2, A7).

A step is one page, and each sends everything that was typed so far, in the body only: nothing of it stands in an
address. The API judges at the end; what it would refuse is said at the step where it can still be mended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, TypedDict

from starlette.responses import Response

from api.account.codes import request_code
from api.case_detail import CaseDetail
from api.client import checked
from api.limits import EmployerLimit
from api.onboarding import MandateCodeRequest, MandateSubject, ProgrammeOut
from api.values import AmountIn, Words
from domain.errors import Refusal, TooMany
from domain.money import BadAmount, Money, parse_whole
from domain.onboarding import MandateOutdated, ceiling
from web.codes import SENT_AT, refuse_code
from web.forms import GENERAL, Form
from web.onboarding.colleague import Question, read_national_id, refusal_words
from web.page_request import PageRequest

AMOUNT, GUARANTOR, REVIEW, CODE = "amount", "guarantor", "review", "code"
CHECK, SUBMIT = "check", "submit"
MONTHLY, INSTALMENTS, EMPLOYER = "monthly_amount.amount", "instalments", "organisation_id"
VERSION, CODE_ID, TYPED_CODE = "mandate.version", "mandate.code_id", "mandate.code"
# For which terms a code was sent: it is good for these alone.
SENT_FOR: Final = "mandate.sent_for"


class Mandate(TypedDict):
    """The code that was typed for a mandate, as it was typed."""

    version: int
    code_id: str
    code: str


class Terms(TypedDict):
    """What is asked for, with the mandate that was accepted for it."""

    monthly_amount: AmountIn
    instalments: int
    mandate: Mandate


Send = Callable[[Terms], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Wizard:
    """What may be asked for, and where its forms are sent.

    ``employers`` are the API's limits; ``offered`` the programme as the API offers it, and ``returned`` the case that
    is corrected: one of the two.
    """

    path: str
    programme: str
    employers: Sequence[EmployerLimit]
    instalments_max: int
    mandate_version: int
    mandate: Words
    offered: ProgrammeOut | None = None
    returned: CaseDetail | None = None

    @property
    def guarantors(self) -> list[str]:
        """The fields for colleagues' national ids."""
        count = 0 if self.offered is None else self.offered.guarantors
        return [f"guarantors.{place}.national_id" for place in range(count)]

    @property
    def steps(self) -> list[str]:
        """The steps in their order."""
        return [AMOUNT, *([GUARANTOR] if self.guarantors else []), REVIEW, CODE]

    @property
    def carried(self) -> list[str]:
        """What each step's form carries on for the others."""
        checked = [_checked(name) for name in self.guarantors]
        return [EMPLOYER, MONTHLY, INSTALMENTS, *self.guarantors, *checked, VERSION, CODE_ID, SENT_FOR, SENT_AT]

    def employer(self, form: Form) -> EmployerLimit | None:
        """The employment that was chosen, or the only one."""
        if len(self.employers) == 1:
            return self.employers[0]
        chosen = form.text(EMPLOYER)
        return next((found for found in self.employers if str(found.organisation_id) == chosen), None)


def _checked(name: str) -> str:
    """Where a form keeps the national id of which the API has said that it may be named."""
    return f"checked.{name}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What the amounts typed so far come to; an empty field counts as not yet typed.

    Whether they are too much is a hint, by the limits that the API gave; the API judges when they are sent.
    """

    monthly: Money | None
    instalments: int | None
    is_above_limit: bool
    is_too_long: bool

    @classmethod
    def of(cls, wizard: Wizard, form: Form) -> Preview:
        """From a form; what cannot be read is left out."""
        monthly, instalments = form.amount(MONTHLY), _count(form.text(INSTALMENTS))
        employer = wizard.employer(form)
        limit = None if employer is None else employer.monthly_limit.amount
        return cls(
            monthly,
            instalments,
            is_above_limit=monthly is not None and limit is not None and monthly.amount > limit,
            is_too_long=instalments is not None and instalments > wizard.instalments_max,
        )

    @property
    def ceiling(self) -> int | None:
        """The whole of the credit, in rial (A2); None as long as it cannot be had."""
        if not self.monthly or not self.instalments or self.is_above_limit or self.is_too_long:
            return None
        return ceiling(self.monthly, self.instalments).amount


def _count(text: str) -> int | None:
    try:
        return parse_whole(text)
    except BadAmount:
        return None


def show(request: PageRequest, wizard: Wizard, form: Form, step: str) -> Response:
    """The page of a step."""
    return request.render(
        f"apply_{step}.html",
        status=HTTPStatus.OK if form.is_good else HTTPStatus.UNPROCESSABLE_ENTITY,
        form=form,
        wizard=wizard,
        step=step,
        preview=Preview.of(wizard, form),
        employer=wizard.employer(form),
    )


async def take(request: PageRequest, wizard: Wizard, form: Form, send: Send) -> Response:
    """Go to the step that a form's button names, or to the first on the way where something is to be mended.

    Args:
        request: of the page.
        wizard: what may be asked for.
        form: what was typed, with ``to``: a step, ``check`` with a field's name, or ``submit``; ``compute`` is
            the first step once more.
        send: sends the terms to the API and answers with the page after that; raises Refusal.
    """
    to, _, field = form.text("to").partition(" ")
    if to == CHECK and field in wizard.guarantors:
        await _check_colleague(request, wizard, form, field)
        return show(request, wizard, form, GUARANTOR)
    goal = CODE if to == SUBMIT else to if to in wizard.steps else AMOUNT
    for step in wizard.steps[: wizard.steps.index(goal)]:
        await _judge(request, wizard, form, step)
        if not form.is_good:
            return show(request, wizard, form, step)
    match to:
        case "submit":
            return await _submit(request, wizard, form, send)
        case "code":
            return await _ask_for_code(request, wizard, form)
    return show(request, wizard, form, goal)


async def _judge(request: PageRequest, wizard: Wizard, form: Form, step: str) -> None:
    """Leave an error at each field of a step that the API would refuse."""
    match step:
        case "amount":
            _judge_amounts(request, wizard, form)
        case "guarantor":
            for name in wizard.guarantors:
                if form.text(_checked(name)) != (read_national_id(form, name) or GENERAL):
                    await _check_colleague(request, wizard, form, name)
            _judge_twice(request, wizard, form)
        case "review" if form.text(VERSION) != str(wizard.mandate_version):
            form.errors[GENERAL] = request.language.translate(
                "Please read the text of the mandate and accept it once more."
            )


def _judge_amounts(request: PageRequest, wizard: Wizard, form: Form) -> None:
    """Say what the API would refuse by the limits that it gave, while it is easy to mend; it refuses all the same."""
    translate = request.language.translate
    employer = wizard.employer(form)
    form.toman(MONTHLY)
    form.whole(INSTALMENTS)
    preview = Preview.of(wizard, form)
    if employer is None:
        form.errors[EMPLOYER] = translate("Please choose one.")
    elif not employer.contract_in_force:
        field = EMPLOYER if len(wizard.employers) > 1 else GENERAL
        form.errors[field] = translate("The contract of this organisation is not in force; no application is possible.")
    elif preview.is_above_limit:
        limit = request.language.money(employer.monthly_limit)
        form.errors[MONTHLY] = translate("This is above your limit; the most a month is %(limit)s.", limit=limit)
    if preview.instalments == 0 or preview.is_too_long:
        most = request.language.number(wizard.instalments_max)
        form.errors[INSTALMENTS] = translate("The number of instalments is from 1 to %(most)s.", most=most)


def _judge_twice(request: PageRequest, wizard: Wizard, form: Form) -> None:
    """Each guarantor is another colleague."""
    seen: set[str] = set()
    for name in wizard.guarantors:
        national_id = form.text(_checked(name))
        if national_id and national_id in seen:
            form.errors[name] = request.language.translate("You have written the same colleague twice.")
        seen.add(national_id)


async def _check_colleague(request: PageRequest, wizard: Wizard, form: Form, name: str) -> None:
    """Ask the API about the colleague in a field, and keep a yes: each question counts (A4a)."""
    employer = wizard.employer(form)
    organisation_id = None if employer is None else employer.organisation_id
    yes = await Question(wizard.programme, organisation_id).ask(request, form, name)
    form.values = {**form.values, _checked(name): yes or ""}


async def _ask_for_code(request: PageRequest, wizard: Wizard, form: Form) -> Response:
    """Have a code sent for exactly these terms (A2); one that came for them before is as good while its time lasts."""
    # The steps before have found them readable.
    monthly, instalments, version = form.toman(MONTHLY), form.whole(INSTALMENTS), wizard.mandate_version
    sent_for = f"{monthly.amount} {instalments} {version}"
    try:
        subject = checked(
            MandateSubject,
            programme=wizard.programme,
            monthly_amount=monthly,
            instalments=instalments,
            mandate_version=version,
        )
        wish = MandateCodeRequest(purpose="accept_mandate", subject=subject)
        sent = await request.api.perform(request_code, f"{form.key}-code", wish)
    except Refusal as refused:
        has_one = form.text(SENT_FOR) == sent_for
        if not has_one:
            form.values = {**form.values, SENT_AT: ""}
        refuse_code(form, refused)
        return show(request, wizard, form, CODE if has_one else REVIEW)
    sent_at = str(int(datetime.now(UTC).timestamp()))
    form.values = {**form.values, CODE_ID: str(sent.code_id), SENT_FOR: sent_for, SENT_AT: sent_at}
    return show(request, wizard, form, CODE)


async def _submit(request: PageRequest, wizard: Wizard, form: Form, send: Send) -> Response:
    monthly, instalments, code = form.toman(MONTHLY), form.whole(INSTALMENTS), form.required(TYPED_CODE)
    if form.is_good:
        try:
            mandate = Mandate(version=wizard.mandate_version, code_id=form.text(CODE_ID), code=code)
            return await send(Terms(monthly_amount=monthly, instalments=instalments, mandate=mandate))
        except Refusal as refused:
            if isinstance(refused, TooMany) and wizard.guarantors:
                form.errors[GENERAL] = refusal_words(request, refused)
            form.refuse(refused)
            return show(request, wizard, form, _step_of(wizard, form, refused))
    return show(request, wizard, form, CODE)


def _step_of(wizard: Wizard, form: Form, refused: Refusal) -> str:
    """Where a refusal can be mended."""
    if isinstance(refused, MandateOutdated) or refused.field == CODE_ID:
        return REVIEW
    if {EMPLOYER, MONTHLY, INSTALMENTS} & form.errors.keys():
        return AMOUNT
    if form.errors.keys() & set(wizard.guarantors):
        return GUARANTOR
    return CODE
