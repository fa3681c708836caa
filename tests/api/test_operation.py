"""How operations are made of handlers, and tasks and cases of what capabilities list."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Literal
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter

import messages
from api.answering import Decision, TaskDecisions
from api.app import describe
from api.case_detail import SECTIONS, CaseDetail
from api.case_view import Section
from api.decisions import TASK_DECISIONS, listed
from api.dependencies import CommandDep, ReadingDep
from api.operation import Operation
from api.values import Out, Page, read_cursor
from api.visibility import Visibility
from commands.refusals import refuses
from domain.access import Actor, Grant, Role, ScopeKind
from domain.errors import CaseClosed
from messages.case import CaseKind
from storage.rows.cases import Case
from storage.rows.tasks import Task
from tests.api.calls import operations

NOW = datetime(2026, 11, 29, tzinfo=UTC)
PERSON, COLLEAGUE = uuid4(), uuid4()
CASE = Case(
    id=uuid4(),
    number="735208198",
    kind=CaseKind.ONBOARDING,
    variant="minipay",
    phase="awaiting_certificate",
    outcome=None,
    person_id=uuid4(),
    organisation_id=None,
    region_code=None,
    next_actor=None,
    due_at=None,
    policy_id=uuid4(),
    version=1,
    opened_at=NOW,
    changed_at=NOW,
    closed_at=None,
)
TASK = Task(
    id=uuid4(),
    case_id=CASE.id,
    kind="issue_certificate",
    person_id=None,
    role="hr_officer",
    scope_kind="organisation",
    scope="x",
    subject_id=None,
    details={},
    status="open",
    outcome=None,
    opened_at=NOW,
    remind_at=NOW,
    reminded_at=None,
    due_at=NOW,
    claimed_by=None,
    decided_by=None,
    closed_at=None,
    version=1,
)


def test_an_operation_is_named_as_its_handler_and_refuses_what_that_declares() -> None:
    router = APIRouter(prefix="/v1", route_class=Operation)

    @router.post("/things/{thing_id}/end", status_code=202)
    @refuses(CaseClosed)
    async def end_thing(command: CommandDep, thing_id: UUID) -> Out:
        """End a thing."""
        return Out()

    @router.get("/things")
    async def list_things(read: ReadingDep) -> Page[Out] | None:
        """All things."""
        return None

    end, things = router.routes
    assert isinstance(end, Operation)
    assert isinstance(things, Operation)
    assert (end.operation_id, things.operation_id) == ("end_thing", "list_things")
    assert things.response_model is Page[Out]
    codes = {
        status: set(answer["content"]["application/problem+json"]["examples"])
        for status, answer in end.responses.items()
    }
    assert codes == {
        401: {"not_signed_in"},
        403: {"foreign_origin"},
        404: {"not_found"},
        409: {"case_closed", "idempotency_key_in_flight"},
        422: {"idempotency_key_missing", "idempotency_key_reused", "invalid_input"},
        429: {"too_many_requests"},
        503: {"temporarily_unavailable"},
    }


def test_a_command_that_does_not_say_what_it_refuses_becomes_no_operation() -> None:
    router = APIRouter(route_class=Operation)

    async def end_thing(command: CommandDep) -> Out:
        return Out()

    with pytest.raises(LookupError, match="end_thing"):
        router.post("/things")(end_thing)


def test_every_kind_of_task_is_answered_by_one_capability() -> None:
    modules = [import_module(f"messages.{found.name}") for found in pkgutil.iter_modules(messages.__path__)]
    kinds = [kind for module in modules for kind in getattr(module, "TaskKind", ())]

    assert len(kinds) >= 8
    assert set(TASK_DECISIONS) == set(kinds)
    for answering in TASK_DECISIONS.values():
        assert bool(answering.decisions) != bool(answering.address), answering.kind


def test_a_task_is_answered_elsewhere_by_the_operation_that_has_its_name() -> None:
    found = operations(describe())
    paths = {
        operation["operationId"]: path
        for path, methods in describe()["paths"].items()
        for operation in methods.values()
    }

    elsewhere = {each.answered_by: each.address for each in TASK_DECISIONS.values() if each.address}
    assert set(elsewhere) <= set(found)
    assert {kind: paths[kind] for kind in elsewhere} == elsewhere


class _Yes(Decision):
    """An answer."""

    kind: Literal["judge_thing"]
    decision: Literal["yes"]


def test_two_capabilities_cannot_answer_one_kind_of_task() -> None:
    judging = TaskDecisions("judge_thing", (_Yes,))

    assert listed([judging]) == {"judge_thing": judging}
    with pytest.raises(ValueError, match="judge_thing"):
        listed([judging], [judging])
    with pytest.raises(ValueError, match="other_thing"):
        listed([TaskDecisions("other_thing", (_Yes,))])


def test_every_part_of_a_case_has_its_fields_in_the_whole_and_shares_them_with_no_other() -> None:
    fields = [name for part in SECTIONS for name in part.model.model_fields]

    assert len(fields) == len(set(fields))
    assert set(fields) <= set(CaseDetail.model_fields)
    assert {part.kind for part in SECTIONS} == set(CaseKind)
    for part in SECTIONS:
        part.model()


def _visibility(actor: Actor, parts: frozenset[str] = frozenset(), *, claimed_by: UUID | None = None) -> Visibility:
    return Visibility(actor, CASE, parts, (replace(TASK, claimed_by=claimed_by),), is_asked=True)


def test_a_part_of_a_case_is_for_members_who_take_the_right_part_in_it() -> None:
    member = Actor(PERSON, "member", uuid4(), ())
    part: Section[Out] = Section(CaseKind.ONBOARDING, members=frozenset({"applicant"}))

    assert part.is_for(_visibility(member, frozenset({"applicant"})))
    assert not part.is_for(_visibility(member, frozenset({"guarantor"})))
    assert not part.is_for(_visibility(member))
    assert not replace(part, kind=CaseKind.SUBSTITUTION).is_for(_visibility(member, frozenset({"applicant"})))


def test_a_part_of_a_case_is_for_all_staff_who_see_it_or_only_for_who_has_claimed_a_task_in_it() -> None:
    officer = Actor(PERSON, "staff", uuid4(), (Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, "x"),))
    everybody: Section[Out] = Section(CaseKind.ONBOARDING)
    holder = replace(everybody, staff="holder")

    assert everybody.is_for(_visibility(officer))
    assert everybody.is_for(_visibility(officer, claimed_by=COLLEAGUE))
    assert holder.is_for(_visibility(officer, claimed_by=PERSON))
    assert not holder.is_for(_visibility(officer, claimed_by=COLLEAGUE))
    assert not holder.is_for(_visibility(officer))
    # Nobody holds a task in a case of their own: there they have none.
    assert not holder.is_for(Visibility(officer, CASE, frozenset({"guarantor"}), (), is_asked=True))


def test_all_parts_so_far_are_for_all_staff_who_see_the_case() -> None:
    assert {part.staff for part in SECTIONS} == {"scope"}


@pytest.mark.parametrize(("count", "shown", "more"), [(0, [], False), (2, ["0", "1"], False), (3, ["0", "1"], True)])
def test_a_page_is_what_the_caller_wants_and_a_cursor_if_there_is_more(
    count: int, shown: list[str], more: bool
) -> None:
    page = Page.of(range(count), 2, lambda row: (NOW, row), str)

    assert page.items == shown
    assert (page.next is not None) is more
    assert page.next is None or read_cursor(page.next, datetime, int) == (NOW, 1)
