"""Papers (G9): one's own as PDF, and the check of one by anybody who holds it."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.responses import Response

from api.dependencies import CallerDep, CommandDep, Reading, ReadingDep, VisitorDep, require
from api.operation import Operation
from api.values import Amount, IdCursor, Limit, Moment, Out, Page, Words
from commands import paper as commands
from commands.refusals import refuses
from domain.catalogue import words
from domain.dates import format_weekday, tehran_day
from domain.paper import PaperKind, PaperState
from domain.persian import persian_digits
from gateways.pdf import render_pdf
from storage.paper import Paper, papers_of, read_paper

router = APIRouter(prefix="/v1", tags=["papers"], route_class=Operation)

_Member = Depends(require(member=True))
_PDF: Final = "application/pdf"
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


class PaperOut(Out):
    """A paper that was issued to the caller."""

    id: UUID
    kind: PaperKind = Field(examples=["credit_confirmation"])
    words: Words
    number: str = Field(examples=["481027360"])
    case_id: UUID | None = Field(description="What it is about; null where that is no case of the caller's")
    amount: Amount
    issued: Moment

    @classmethod
    def of(cls, paper: Paper) -> PaperOut:
        """A paper."""
        said = Words.of(words.term(PaperKind, paper.kind))
        case_id = paper.case_id if paper.subject_id is None else None
        return cls.of_row(paper, words=said, case_id=case_id, amount=paper.content.amount, issued=paper.issued_at)


class CheckedPaperOut(Out):
    """A paper that is genuine: it names nobody."""

    kind: PaperKind = Field(examples=["credit_confirmation"])
    words: Words
    number: str = Field(examples=["481027360"])
    amount: Amount
    issued: Moment
    state: PaperState = Field(description="Now, not when it was issued", examples=["usable"])
    state_words: Words


@router.post("/credit-lines/{line_id}/confirmation", status_code=201, dependencies=[_Member])
@refuses(commands.issue_credit_confirmation)
async def issue_credit_confirmation(command: CommandDep, line_id: UUID) -> PaperOut:
    """Issue the confirmation of one of the member's own credits; one that was issued stays as it is."""
    return PaperOut.of(await commands.issue_credit_confirmation(command, line_id))


@router.post("/escrow/rulings/{ruling_id}/paper", status_code=201, dependencies=[_Member])
@refuses(commands.issue_ruling)
async def issue_ruling(command: CommandDep, ruling_id: UUID) -> PaperOut:
    """Issue a ruling to one of its two sides, with its reasons; one that was issued stays as it is."""
    return PaperOut.of(await commands.issue_ruling(command, ruling_id))


@router.post("/escrow/moves/{move_id}/invoice", status_code=201, dependencies=[_Member])
@refuses(commands.issue_escrow_invoice)
async def issue_escrow_invoice(command: CommandDep, move_id: UUID) -> PaperOut:
    """Print the invoice of the fee of what a safe payment brought the member as contractor."""
    return PaperOut.of(await commands.issue_escrow_invoice(command, move_id))


@router.get("/papers", dependencies=[_Member])
async def list_papers(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Page[PaperOut]:
    """The papers that were issued to the member, newest first."""
    found = await papers_of(read.connection, read.seals, read.actor.person_id, before=before, limit=limit + 1)
    return Page.of(found, limit, lambda paper: (paper.id,), PaperOut.of)


@router.get(
    "/papers/{paper_id}",
    dependencies=[_Member],
    response_class=Response,
    responses={200: {"description": "The paper", "content": {_PDF: _BINARY}}},
)
async def download_paper(caller: CallerDep, paper_id: UUID) -> Response:
    """One of the member's own papers as PDF, in Persian; the same each time."""

    async def query(read: Reading) -> Paper | None:
        return await read_paper(read.connection, read.seals, paper_id, of=read.actor.person_id)

    paper = await caller.read(query)
    shown = {
        "number": persian_digits(paper.number),
        "issued": format_weekday(tehran_day(paper.issued_at)),
        "content": paper.content.printed(),
    }
    check = f"{caller.context.links.get('app_link', '').rstrip('/')}/check/{paper.token}"
    # Browsers write another sign for a half-space in the name of a file.
    title = words.term(PaperKind, paper.kind).fa.replace("\u200c", " ")
    name = quote(f"{title} {shown['number']}.pdf")
    headers = {
        "Content-Disposition": f"attachment; filename=\"{paper.kind}-{paper.number}.pdf\"; filename*=UTF-8''{name}",
        "Cache-Control": "no-store",
    }
    return Response(await render_pdf(paper.kind, shown, check=check), media_type=_PDF, headers=headers)


@router.get("/papers/checks/{token}")
@refuses(commands.check_paper)
async def check_paper(
    visitor: VisitorDep,
    token: Annotated[str, Path(max_length=64, description="The end of the address on the paper")],
) -> CheckedPaperOut:
    """Whether a paper is genuine and how it stands now, for anybody who holds it; it names nobody."""
    visitor.response.headers["Cache-Control"] = "no-store"
    checked = await commands.check_paper(visitor.context, token=token, origin=visitor.origin)
    return CheckedPaperOut.of_row(
        checked,
        words=Words.of(words.term(PaperKind, checked.kind)),
        issued=checked.issued_at,
        state_words=Words.of(words.term(PaperState, checked.state)),
    )
