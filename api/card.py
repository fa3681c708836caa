"""The card of a credit line: its whole number, shown once for a code of its own (C2, G1)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.answering import CodeRequest
from api.dependencies import CommandDep, require
from api.operation import Operation
from api.values import CodeText, Input, Out
from commands import card as commands
from commands.command import Command
from commands.refusals import refuses
from domain.account import card_binding
from domain.errors import Forbidden

router = APIRouter(prefix="/v1/credit-lines", tags=["credit"], route_class=Operation)


class CardSubject(Input):
    """Of which credit line the card is."""

    line_id: UUID


class CardCodeRequest(CodeRequest):
    """Asks for a code that shows the whole number of a card once."""

    purpose: Literal["show_card"]
    subject: CardSubject

    async def binding(self, command: Command) -> bytes:
        """The caller's own credit line.

        Raises:
            Forbidden: staff have no card.
            NotFound: missing, or another person's.
        """
        if command.actor.capacity != "member":
            raise Forbidden
        return card_binding((await commands.own_line(command, self.subject.line_id)).id)


CODES = (CardCodeRequest,)


class CardReveal(Input):
    """The code that came for it."""

    code_id: UUID
    code: CodeText


class CardNumber(Out):
    """The whole number of a card; shown here and not kept."""

    card_number: str | None = Field(
        description="Null in the repeated answer to a retry: then ask for another code", examples=["5022291012345678"]
    )

    @classmethod
    def kept(cls, body: bytes) -> bytes:
        """What is kept for a retry: no number."""
        return cls.model_validate_json(body).model_copy(update={"card_number": None}).model_dump_json().encode()


@router.post("/{line_id}/card-number", dependencies=[Depends(require(member=True))])
@refuses(commands.reveal_card)
async def reveal_card(command: CommandDep, line_id: UUID, reveal: CardReveal) -> CardNumber:
    """Show the whole number of the card of one's own credit line, once for each code."""
    return CardNumber(
        card_number=await commands.reveal_card(command, line_id, code_id=reveal.code_id, code=reveal.code)
    )
