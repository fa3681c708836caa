"""Many applications on a real stack, each brought to where it waits for somebody, and later taken to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID, uuid4

import httpx2
import sqlalchemy as sa

from api.answering import Decision
from api.guarantor import GuarantorIn, name_guarantor
from api.onboarding import ClearObstacle, apply_for_credit, correct_application
from api.task import decide_task
from bench.people import code_reader
from bench.tavana import INSTALMENTS, MONTHLY, put_in_force
from demo.actors import APPROVE, REFUSE_GUARANTEE, RETURN, Member, certificate, terms
from demo.remote import RemoteClient
from domain.access import Grant, Role, ScopeKind
from messages.certificate import TaskKind as CertificateTask
from messages.guarantor import TaskKind as GuarantorTask
from messages.onboarding import Phase, TaskKind
from messages.review import TaskKind as ReviewTask
from storage.database import SERVICE, transaction
from storage.rows.cases import cases
from storage.rows.tasks import tasks
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.journeys.real_stack import Visit

T = TypeVar("T")
_CORRECTED = 40_000_000
_ISSUE = certificate(MONTHLY, INSTALMENTS)
_AT_ONCE = 8
_ANSWER_SECONDS = 60.0

# How an application gets to where it waits: what is answered to one task after another.
_WAYS: Mapping[Phase, Sequence[Decision | None]] = {
    Phase.AWAITING_CERTIFICATE: (),
    Phase.AWAITING_CLEARANCE: (_ISSUE,),
    Phase.AWAITING_GUARANTOR: (),
    Phase.AWAITING_ANOTHER_GUARANTOR: (REFUSE_GUARANTEE,),
    Phase.AWAITING_REVIEW: (None,),
    Phase.AWAITING_CORRECTION: (None, RETURN),
    Phase.AWAITING_ACTIVATION: (None, APPROVE),
}
_MINIPAY = frozenset({Phase.AWAITING_CERTIFICATE, Phase.AWAITING_CLEARANCE})
# How many colleagues an application names one after another, where it is not one.
_GUARANTORS = {Phase.AWAITING_ANOTHER_GUARANTOR: 2} | dict.fromkeys(_MINIPAY, 0)
# What is answered to a task on the straight way to usable credit.
_FORWARD: Mapping[str, Decision] = {
    CertificateTask.ISSUE_CERTIFICATE: _ISSUE,
    ReviewTask.REVIEW_APPLICATION: APPROVE,
    TaskKind.CLEAR_OBSTACLE: ClearObstacle(kind="clear_obstacle", decision="cleared"),
}


@dataclass(frozen=True, slots=True)
class Application:
    """An application, where it was brought to, and who is named for it: at first the first, at last the last."""

    case_id: UUID
    phase: Phase
    programme: str
    member: Someone
    guarantors: tuple[Someone, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """An open task."""

    id: UUID
    case_id: UUID
    kind: str
    person_id: UUID | None
    subject_id: UUID | None


@dataclass(frozen=True, slots=True)
class Load:
    """Everybody of one organisation, and of a second one whose contract is suspended at times.

    ``officers`` answer what is asked of a role: HR of both, finance of the region, the contracts office.
    """

    visit: Visit
    employer: UUID
    suspended: UUID
    officers: Mapping[str, Someone]

    @classmethod
    async def gathered(cls, visit: Visit) -> Load:
        """Two organisations and their officers; nobody applied yet."""
        arrange = Arrange(visit.assembly.context)
        employer, suspended = await arrange.organisation(), await arrange.organisation()
        officers: dict[str, Someone] = {
            CertificateTask.ISSUE_CERTIFICATE: await arrange.staff(
                *(Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(one)) for one in (employer, suspended))
            ),
            ReviewTask.REVIEW_APPLICATION: await arrange.finance_officer(),
            TaskKind.CLEAR_OBSTACLE: await arrange.platform(Role.CONTRACTS_OFFICER),
        }
        return cls(visit, employer, suspended, officers)

    @property
    def arrange(self) -> Arrange:
        """Makes people."""
        return Arrange(self.visit.assembly.context)

    async def add_programme(self, *, waiting_seconds: int) -> str:
        """A programme like Tavana but for the time between approval and usable credit; returns its code."""
        code = f"tavana_{uuid4().hex[:12]}"
        await put_in_force(self.visit.assembly.context, code, waiting_seconds=waiting_seconds)
        return code

    async def bring(self, phases: Iterable[Phase], programme: str) -> list[Application]:
        """Applications that wait, one in each of the phases."""
        brought = await _all(self._apply(phase, programme) for phase in phases)
        if any(one.phase is Phase.AWAITING_CLEARANCE for one in brought):
            await self.set_contract("suspended")
        for place in range(max(len(_WAYS[one.phase]) for one in brought)):
            moving = [one for one in brought if len(_WAYS[one.phase]) > place]
            asked = await self._asked(moving)
            await _all(self._answer(one, asked[one.case_id], _WAYS[one.phase][place]) for one in moving)
        await self.wait_for(brought)
        return brought

    async def wait_for(self, applications: Sequence[Application]) -> None:
        """Wait until each stands in its phase."""

        async def there() -> bool:
            return await self.phases(applications) == {one.case_id: one.phase for one in applications}

        await eventually(there, "the applications to wait", seconds=_ANSWER_SECONDS + len(applications))

    async def phases(self, applications: Iterable[Application]) -> dict[UUID, str]:
        """In which phase each stands now."""
        query = sa.select(cases.c.id, cases.c.phase).where(cases.c.id.in_([one.case_id for one in applications]))
        async with transaction(self.visit.assembly.engine, SERVICE) as connection:
            return {row.id: row.phase for row in await connection.execute(query)}

    async def next_steps(self, applications: Sequence[Application]) -> list[httpx2.Request]:
        """What people would do next, one request for each application that waits for a person."""
        waiting = [one for one in applications if one.phase is not Phase.AWAITING_ACTIVATION]
        asked = await self._asked(waiting)
        return await _all(self._request(one, asked[one.case_id]) for one in waiting)

    async def drive(self, applications: Sequence[Application]) -> None:
        """Answer whatever is asked, until all applications are over."""
        known = {one.case_id: one for one in applications}

        async def over() -> bool:
            asked = await self._open_tasks(known)
            await _all(self._answer(known[task.case_id], task) for task in asked)
            return set((await self.phases(applications)).values()) <= {Phase.ACTIVE}

        await eventually(over, "all credits to be usable", seconds=_ANSWER_SECONDS + len(applications))

    async def assert_usable_once(self, applications: Sequence[Application]) -> None:
        """Each ended with one credit, one journal, not before its time, with one guarantor if it needs any."""
        query = (
            "SELECT c.id, c.outcome, c.closed_at IS NOT NULL,"
            " (SELECT count(*) FROM credit_lines l WHERE l.case_id = c.id"
            "   AND l.opened_at >= coalesce(a.activates_at, a.approved_at, c.opened_at)),"
            " (SELECT count(*) FROM credit_lines l WHERE l.case_id = c.id),"
            " (SELECT count(*) FROM journals j WHERE j.case_id = c.id),"
            " (SELECT count(*) FROM timeline t WHERE t.case_id = c.id AND t.code = 'credit_activated'),"
            " (SELECT count(*) FROM guarantees g WHERE g.credit_case_id = c.id AND g.status = 'accepted')"
            " FROM cases c JOIN applications a ON a.case_id = c.id WHERE c.id = ANY(%s)"
        )
        async with Superuser.connected(self.visit.superuser_url) as superuser:
            found = await superuser.rows(query, [one.case_id for one in applications])
        expected = {
            (one.case_id, "active", True, 1, 1, 1, 1, 0 if one.phase in _MINIPAY else 1) for one in applications
        }
        assert set(found) == expected, set(found) ^ expected

    async def set_contract(self, state: str) -> None:
        """Suspend or resume the contract of the second organisation."""
        async with Superuser.connected(self.visit.superuser_url) as superuser:
            await superuser.run("UPDATE contracts SET state = %s WHERE organisation_id = %s", state, self.suspended)

    async def _apply(self, phase: Phase, programme: str) -> Application:
        employer = self.suspended if phase is Phase.AWAITING_CLEARANCE else self.employer
        code = "minipay" if phase in _MINIPAY else programme
        member, *guarantors = await self.arrange.colleagues(1 + _GUARANTORS.get(phase, 1), employer)
        named = [guarantor.national_id for guarantor in guarantors[:1]]
        application = await self._member(member).application(terms(code, MONTHLY, INSTALMENTS), *named)
        case = await self.visit.insist(self._by(member).request(apply_for_credit, application))
        return Application(UUID(case["id"]), phase, code, member, tuple(guarantors))

    def _by(self, who: Someone) -> RemoteClient:
        return RemoteClient(self.visit.api, who.token)

    def _member(self, who: Someone) -> Member:
        return Member(self._by(who), code_reader(self.visit.assembly.context, who.id))

    async def _asked(self, applications: Sequence[Application]) -> dict[UUID, Asked]:
        """Wait until somebody is asked in each."""

        async def all_asked() -> dict[UUID, Asked] | None:
            found = {task.case_id: task for task in await self._open_tasks(one.case_id for one in applications)}
            return found if len(found) == len(applications) else None

        if not applications:
            return {}
        seconds = _ANSWER_SECONDS + len(applications)
        found: dict[UUID, Asked] = await eventually(all_asked, "somebody to be asked in each", seconds=seconds)
        return found

    async def _open_tasks(self, case_ids: Iterable[UUID]) -> list[Asked]:
        query = sa.select(tasks.c.id, tasks.c.case_id, tasks.c.kind, tasks.c.person_id, tasks.c.subject_id).where(
            tasks.c.status == "open", tasks.c.case_id.in_(list(case_ids))
        )
        async with transaction(self.visit.assembly.engine, SERVICE) as connection:
            rows = await connection.execute(query)
            return [Asked(row.id, row.case_id, row.kind, row.person_id, row.subject_id) for row in rows]

    async def _answer(self, one: Application, task: Asked, given: Decision | None = None) -> None:
        await self.visit.insist(await self._request(one, task, given))

    async def _request(self, one: Application, task: Asked, given: Decision | None = None) -> httpx2.Request:
        """The answer to a task, ready to be sent: the given one, else the one that leads to usable credit."""
        member = self._member(one.member)
        match task.kind:
            case GuarantorTask.NAME_GUARANTOR:
                named = GuarantorIn(national_id=one.guarantors[-1].national_id)
                return member.client.request(name_guarantor, one.case_id, named)
            case TaskKind.CORRECT_APPLICATION:
                correction = await member.correction(terms(one.programme, _CORRECTED, INSTALMENTS))
                return member.client.request(correct_application, one.case_id, correction)
            case GuarantorTask.ANSWER_GUARANTEE:
                (who,) = [guarantor for guarantor in one.guarantors if guarantor.id == task.person_id]
                decision = given or await self._member(who).consent(task.subject_id or one.case_id)
            case kind:
                who, decision = self.officers[kind], given or _FORWARD[kind]
        return self._by(who).request(decide_task, task.id, decision, version=None, totp=who.totp)


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """Do everything, a few at a time; the results in the given order. The first failure ends it."""
    waiting, results = enumerate(work), dict[int, T]()

    async def worker() -> None:
        for place, part in waiting:
            results[place] = await part

    async with asyncio.TaskGroup() as workers:
        for _ in range(_AT_ONCE):
            workers.create_task(worker())
    return [results[place] for place in sorted(results)]
