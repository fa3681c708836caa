"""One's own papers, and the page that confirms one to anybody who holds it (G9)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.paper import check_paper, download_paper, issue_credit_confirmation, list_papers
from api.values import IdCursor
from domain.errors import InvalidInput, NotFound
from web.language import noop as _
from web.page_request import AnyRequest, SignedIn, recognise

router = APIRouter()

NOTES: Final = {"paper_issued": _("The paper stands below; you can download it as often as you like.")}


@router.get("/papers")
async def show_papers(request: SignedIn, before: IdCursor) -> Response:
    """The papers that were issued to a member, newest first."""
    page = await request.api.read(list_papers, before)
    return request.render("papers.html", papers=page.items, next=page.next)


@router.get("/papers/{paper_id}")
async def download(request: SignedIn, paper_id: UUID) -> Response:
    """A paper as a file."""
    return await request.api.call(download_paper, paper_id)


@router.post("/credit/{line_id}/confirmation")
async def confirm_credit(request: SignedIn, line_id: UUID) -> Response:
    """Issue the confirmation of a credit; sent again it leads to the same paper."""
    form = await request.form()
    await request.api.perform(issue_credit_confirmation, form.key, line_id)
    return request.redirect("/papers", done="paper_issued")


@router.get("/check/{token}")
async def check(request: AnyRequest, token: str) -> Response:
    """Whether a paper is genuine, for anybody who holds it; no search engine keeps the page."""
    await recognise(request)
    try:
        paper, status = await request.api.call(check_paper, token), HTTPStatus.OK
    except (NotFound, InvalidInput):
        paper, status = None, HTTPStatus.NOT_FOUND
    answer = request.render("paper_check.html", status=status, paper=paper)
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
