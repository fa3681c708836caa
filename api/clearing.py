"""Days of gateways compared with the ledger: what was found, what becomes of it, and money without a cause (E2)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.answering import Decision, TaskDecisions
from api.case_view import CaseView, Section
from api.dependencies import CommandDep, Reading, ReadingDep, require
from api.operation import Operation
from api.values import Amount, Day, DayIn, DueCursor, Input, Limit, Moment, Out, Reason, Words, write_cursor
from commands import clearing as commands
from commands.command import Command
from commands.refusals import refuses
from domain.access import SEES_LEDGER, Role
from domain.catalogue import words
from domain.clearing import (
    BANK,
    BANK_WORDS,
    CHARTED,
    STATEMENT_LIMIT,
    Correction,
    DifferenceKind,
    DifferenceState,
    Explanation,
)
from domain.errors import InvalidInput, NotFound
from domain.ledger_words import ACCOUNT_WORDS
from messages.case import CaseKind
from messages.clearing import TaskKind
from storage import clearing as storage
from storage.cases import read_case
from storage.database import tehran_today
from storage.rows.clearing import Clearing, Difference
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1", tags=["clearing"], route_class=Operation)

_BASE64_LETTERS = 4 * (STATEMENT_LIMIT // 3 + 1)
# More gateways than are ever set up, for 30 days.
_MOST_CHARTED = 300
_READERS = Depends(require(*SEES_LEDGER))
_ACCOUNT_WORDS = {kind.name: said for kind, said in ACCOUNT_WORDS.items()}
Note = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]
BankReference = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z/_-]{3,60}$", strip_whitespace=True)]


class ClearingSource(Out):
    """A gateway, or the bank whose statement was compared."""

    name: str = Field(examples=["zarinpal"])
    words: Words

    @classmethod
    def of(cls, name: str) -> ClearingSource:
        """One of a name."""
        said = BANK_WORDS if name == BANK else words.named_term("GatewayName", name)
        return cls(name=name, words=Words.of(said))


class ClearingOut(Out):
    """A day of a gateway: how often and how much (rial) was received by our rows and by the gateway's list."""

    case_id: UUID
    gateway: ClearingSource = Field(description="`bank` for a statement of the bank")
    day: Day = Field(description="Of a statement its last one")
    phase: str = Field(examples=["awaiting_decisions"])
    phase_words: Words
    compared: Moment | None = Field(validation_alias="compared_at", description="Null while the list is awaited")
    here_count: int | None = Field(examples=[160])
    here_sum: Amount | None
    there_count: int | None = Field(examples=[160])
    there_sum: Amount | None
    here_back: Amount | None = Field(description="What the gateway gave back, by our rows; null of a statement")
    there_back: Amount | None = Field(description="The same by the gateway's list")
    there_fee: Amount | None = Field(description="The fees that the gateway keeps, by its list")
    undecided: int = Field(description="Differences that are neither explained nor booked", examples=[0])

    @classmethod
    def of(cls, clearing: Clearing, phase: str, undecided: int, **more: object) -> Self:
        """A comparison."""
        said = Words.of(words.phase(CaseKind.CLEARING, phase))
        return cls.of_row(
            clearing,
            gateway=ClearingSource.of(clearing.gateway),
            undecided=undecided,
            phase=phase,
            phase_words=said,
            **more,
        )


class Clearings(Out):
    """Days, the newest first, and the gateways of which a day can be compared now."""

    items: list[ClearingOut]
    next: str | None
    gateways: list[ClearingSource]


class ClearingDays(Out):
    """The days of gateways that were compared, of the last 30 that are over; the newest first."""

    first: Day
    last: Day
    items: list[ClearingOut]


class OtherDifference(Out):
    """A difference to which another one, or the list of what is to be found out, refers."""

    id: UUID
    case_id: UUID
    gateway: ClearingSource
    kind: DifferenceKind
    words: Words
    reference: str = Field(examples=["201"])
    amount: Amount = Field(description="Rial that gateway or bank holds above what else explains; under 0: less")
    found: Moment = Field(validation_alias="found_at")
    note: str | None = Field(examples=["نامهٔ درگاه به شمارهٔ ۱۲"])

    @classmethod
    def of(cls, one: Difference) -> OtherDifference:
        """One of them."""
        said = Words.of(words.term(DifferenceKind, one.kind))
        return cls.of_row(one, gateway=ClearingSource.of(one.gateway), words=said, amount=one.more)


class DifferenceOut(Out):
    """How list and rows disagree about a try to pay; amounts are rial."""

    id: UUID
    kind: DifferenceKind
    words: Words
    reference: str = Field(description="The gateway's number", examples=["201"])
    payment_id: UUID | None = Field(description="The payment's case; null: none of ours")
    payout_id: UUID | None = Field(description="The batch of pay-outs whose lines the bank's statement lacks")
    here: Amount
    there: Amount
    amount: Amount = Field(description="By how much they disagree")
    state: DifferenceState
    state_words: Words
    explanation: Words | None
    note: str | None = Field(examples=["نامهٔ درگاه به شمارهٔ ۱۲"])
    paid_back: str | None = Field(description="The bank's reference of what was paid back", examples=["PAYA-14050830"])
    settles: ClearingSource | None = Field(description="The gateway whose pay-out a row of the bank is said to be")
    against: Words | None = Field(description="The account against which it is corrected")
    may_book: bool = Field(description="Whether an entry may follow from such a difference")
    corrections: list[Reason] = Field(description="The accounts against which it may be corrected")
    resolves: OtherDifference | None = Field(description="The earlier difference that is found in this one")
    found_in: OtherDifference | None = Field(description="The later difference in which this one was found")
    may_resolve: list[OtherDifference] = Field(description="Earlier differences that may be found in this one")

    @classmethod
    def of(
        cls,
        one: Difference,
        ways: storage.Ways,
        earlier: Difference | None,
        later: Difference | None,
        free: Sequence[Difference],
    ) -> DifferenceOut:
        """A difference; it resolves ``earlier``, was found in ``later``; one of ``free`` may be found in it."""
        opposite = [each for each in free if Correction.TO_BE_FOUND in ways.against and each.more == -one.more]
        return cls.of_row(
            one,
            words=Words.of(words.term(DifferenceKind, one.kind)),
            state_words=Words.of(words.term(DifferenceState, one.state)),
            explanation=None if one.explanation is None else Words.of(words.term(Explanation, one.explanation)),
            settles=None if one.settles is None else ClearingSource.of(one.settles),
            against=None if one.against is None else Words.of(words.term(Correction, one.against)),
            amount=abs(one.more),
            may_book=ways.may_book,
            corrections=[Reason.of(Correction, each) for each in ways.against],
            resolves=None if earlier is None else OtherDifference.of(earlier),
            found_in=None if later is None else OtherDifference.of(later),
            may_resolve=[OtherDifference.of(each) for each in opposite],
        )


class ClearingDetail(ClearingOut):
    """A day with what was found, at most 200."""

    differences: list[DifferenceOut]
    gateways: list[ClearingSource] = Field(description="Of which a row of the bank may be a pay-out")
    explanations: list[Reason] = Field(description="What may be said of one for which nothing is booked")


class ClearingWish(Input):
    """Which day of which gateway is to be compared."""

    gateway: str = Field(max_length=40, examples=["zarinpal"])
    day: DayIn = Field(examples=["2026-11-28"])


class StatementIn(Input):
    """A statement of the bank: MT940, or CSV of the documented form, in UTF-8, at most 1 MB and 5,000 rows."""

    file: str = Field(
        max_length=_BASE64_LETTERS,
        description="The file in Base64",
        examples=["ZGF0ZSxhbW91bnQscmVmZXJlbmNlLGRlc2NyaXB0aW9uCjIwMjYtMTEtMjgsNTAwMDAwLFBBWUEtMSx4Cg=="],
    )

    def content(self) -> bytes:
        """The file.

        Raises:
            InvalidInput: it is no Base64.
        """
        try:
            return base64.b64decode(self.file, validate=True)
        except ValueError:
            raise InvalidInput(field="file") from None


class SuspenseOut(Out):
    """Money of a payment that stands apart though nothing is under way that would move it."""

    payment_id: UUID
    account: str = Field(examples=["payment:received"])
    account_words: Words
    amount: Amount
    since: Moment


class SuspenseList(Out):
    """The oldest first, at most 200 of each; it should be empty."""

    items: list[SuspenseOut]
    differences: list[OtherDifference]


@router.get("/clearings", dependencies=[_READERS])
async def list_clearings(read: ReadingDep, after: DueCursor, limit: Limit = 30) -> Clearings:
    """Days of gateways, as they were compared with the ledger; the newest first."""
    before = None if after is None else (after[0].date(), after[1])
    rows = await storage.list_clearings(read.connection, after=before, limit=limit + 1)
    items = [ClearingOut.of(*row) for row in rows[:limit]]
    last = rows[limit - 1][0] if len(rows) > limit else None
    return Clearings(
        items=items,
        next=None if last is None else write_cursor(datetime.combine(last.day, time(), UTC), last.case_id),
        gateways=[ClearingSource.of(name) for name in sorted(read.context.gateways)],
    )


@router.get("/clearing-days", dependencies=[_READERS])
async def list_clearing_days(read: ReadingDep) -> ClearingDays:
    """What charts show of gateways: the last 30 days that are over, as they were compared; no statements."""
    last = await tehran_today(read.connection) - timedelta(days=1)
    first = last - CHARTED + timedelta(days=1)
    rows = await storage.list_clearings(read.connection, since=first, limit=_MOST_CHARTED)
    return ClearingDays(first=first, last=last, items=[ClearingOut.of(*row) for row in rows])


@router.get("/clearings/{case_id}", dependencies=[_READERS])
async def read_clearing(read: ReadingDep, case_id: UUID) -> ClearingDetail | None:
    """A day with each difference and what becomes of it."""
    return await _detail(read, case_id)


async def _detail(view: Reading | Command, case_id: UUID) -> ClearingDetail | None:
    connection = view.connection
    clearing, case = await storage.read_clearing(connection, case_id), await read_case(connection, case_id)
    if clearing is None or case is None:
        return None
    found = await storage.differences_of(connection, case_id)
    ways = await storage.ways_of(connection, found)
    earlier, later = await storage.resolved_by(connection, found), await storage.found_in(connection, found)
    free = await storage.list_to_be_found(connection, [-one.more for one in found if one.state == DifferenceState.OPEN])
    shown = [DifferenceOut.of(one, ways[one.id], earlier.get(one.id), later.get(one.id), free) for one in found]
    undecided = await storage.count_undecided(connection, case_id)
    said = [Reason.of(Explanation, one) for one in Explanation]
    more = {
        "differences": shown,
        "explanations": said,
        "gateways": [ClearingSource.of(name) for name in sorted(view.context.gateways)],
    }
    return ClearingDetail.of(clearing, case.phase, undecided, **more)


@router.post("/clearings", status_code=201, dependencies=[Depends(require(Role.SETTLEMENT_OFFICER))])
@refuses(commands.request_clearing)
async def request_clearing(command: CommandDep, body: ClearingWish) -> ClearingDetail:
    """Have a day of a gateway compared now; the list is asked for within seconds. Needs a fresh code (step-up)."""
    case_id = await commands.request_clearing(command, body.gateway, body.day)
    found = await _detail(command, case_id)
    if found is None:
        raise NotFound
    return found


@router.post(
    "/bank-statements",
    status_code=201,
    max_body_size=2 * STATEMENT_LIMIT,
    dependencies=[Depends(require(Role.SETTLEMENT_OFFICER))],
)
@refuses(commands.send_statement, InvalidInput)
async def send_statement(command: CommandDep, body: StatementIn) -> ClearingDetail:
    """Compare a statement of the bank with the ledger; the same file again is answered with its first comparison."""
    found = await _detail(command, await commands.send_statement(command, body.content()))
    if found is None:
        raise NotFound
    return found


class BankDescription(Out):
    """What the bank wrote beside a row; shown here and not kept."""

    description: str | None = Field(
        description="Null in the repeated answer to a retry: then look anew", examples=["کارمزد خدمات بانکی"]
    )

    @classmethod
    def kept(cls, body: bytes) -> bytes:
        """What is kept for a retry: no description."""
        return cls.model_validate_json(body).model_copy(update={"description": None}).model_dump_json().encode()


@router.post(
    "/clearings/{case_id}/differences/{difference_id}/description",
    dependencies=[Depends(require(Role.SETTLEMENT_OFFICER))],
)
@refuses(commands.reveal_bank_description)
async def reveal_bank_description(command: CommandDep, case_id: UUID, difference_id: UUID) -> BankDescription:
    """Show the bank's description of a row about which the office is asked (step-up); each look is audited."""
    return BankDescription(description=await commands.reveal_bank_description(command, case_id, difference_id))


@router.get("/suspense", dependencies=[_READERS])
async def list_suspense(read: ReadingDep) -> SuspenseList:
    """What of payments has stood apart for more than an hour without a try, return, task or offer that is open."""
    rows = await storage.list_suspense(read.connection)
    return SuspenseList(
        items=[SuspenseOut.of_row(one, account_words=Words.of(_ACCOUNT_WORDS[one.account])) for one in rows],
        differences=[OtherDifference.of(one) for one in await storage.list_to_be_found(read.connection)],
    )


class ExplainDifference(Decision):
    """Nothing is to be booked, for a reason; another officer confirms it, unless it stands on another day."""

    kind: Literal["settle_difference"]
    decision: Literal["explain"]
    explanation: Explanation
    note: Note = Field(examples=["نامهٔ درگاه به شمارهٔ ۱۲"])

    @refuses(commands.explain_difference)
    async def decide(self, command: Command, task: Task) -> None:
        """Explain it."""
        await commands.explain_difference(command, task, self.explanation, self.note)


class ProposeBooking(Decision):
    """It is to be booked, once another officer has confirmed it."""

    kind: Literal["settle_difference"]
    decision: Literal["book"]
    note: Note = Field(examples=["به شبای پرداخت‌کننده برگشت"])
    paid_back: BankReference | None = Field(
        default=None,
        description="The bank's reference of what was paid back to the payer; where money came to light late",
        examples=["PAYA-14050830"],
    )
    settles: str | None = Field(
        default=None, max_length=40, description="The gateway whose pay-out a row of the bank is", examples=["zarinpal"]
    )

    @refuses(commands.propose_booking)
    async def decide(self, command: Command, task: Task) -> None:
        """Propose it."""
        await commands.propose_booking(command, task, self.note, paid_back=self.paid_back, settles=self.settles)


class CorrectDifference(Decision):
    """The ledger is to say what the gateway or the bank says, once another officer has confirmed it."""

    kind: Literal["settle_difference"]
    decision: Literal["correct"]
    against: Correction
    note: Note = Field(examples=["کارمزد ماهانهٔ حساب"])
    resolves: UUID | None = Field(
        default=None, description="One of `may_resolve` that is found in this one; against `clearing:differences`"
    )

    @refuses(commands.propose_correction)
    async def decide(self, command: Command, task: Task) -> None:
        """Propose it."""
        await commands.propose_correction(command, task, self.against, self.note, resolves=self.resolves)


class ConfirmProposal(Decision):
    """A second officer is sure of it."""

    kind: Literal["confirm_proposal"]
    decision: Literal["confirm"]

    @refuses(commands.confirm_proposal)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm it."""
        await commands.confirm_proposal(command, task)


class RejectProposal(Decision):
    """It is not to be so; the difference is settled anew."""

    kind: Literal["confirm_proposal"]
    decision: Literal["reject"]
    reason: Note = Field(examples=["شمارهٔ پیگیری نادرست است"])

    @refuses(commands.reject_proposal)
    async def decide(self, command: Command, task: Task) -> None:
        """Reject it."""
        await commands.reject_proposal(command, task, self.reason)


DECISIONS = (
    TaskDecisions(
        TaskKind.SETTLE_DIFFERENCE, (ExplainDifference, ProposeBooking, CorrectDifference), asks_another=True
    ),
    TaskDecisions(TaskKind.CONFIRM_PROPOSAL, (ConfirmProposal, RejectProposal), asks_another=True),
)


class ClearingSection(Out):
    """Of a case about a gateway's day."""

    clearing: ClearingDetail | None = Field(default=None, description="For those who read the ledger")


async def _read(view: CaseView) -> ClearingSection:
    if not view.visibility.actor.holds_any(SEES_LEDGER):
        return ClearingSection()
    return ClearingSection(clearing=await _detail(view.reading, view.visibility.case.id))


SECTION = Section(CaseKind.CLEARING, ClearingSection, _read, members=frozenset())
