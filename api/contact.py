"""Where people find help (G8): for everybody, signed in or not."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from api.dependencies import VisitorDep
from api.operation import Operation
from api.values import Out, Words
from domain.contact import ContactLine, Device
from domain.errors import NotFound

router = APIRouter(prefix="/v1", tags=["contact"], route_class=Operation)


class LineOut(Out):
    """Whom to call, and when they answer."""

    telephone: str = Field(examples=["021-12345678"])
    extension: str = Field(examples=["1"])
    dialled: str = Field(description="The same as an address that devices dial", examples=["tel:02112345678,1"])
    hours: Words
    email: str = Field(examples=["help@amanat.example"])


class ServiceLineOut(LineOut):
    """The line of one programme or service."""

    title: Words


class ContactOut(LineOut):
    """The line for everything that has none of its own, and how else to reach us."""

    address: Words | None
    apps: dict[Device, str] = Field(description="Where the application is, by what it runs on")
    services: list[ServiceLineOut]


@router.get("/contact")
async def read_contact(visitor: VisitorDep) -> ContactOut:
    """Where people find help. 404 where the installation names nothing."""
    contact = visitor.context.contact
    if contact is None:
        raise NotFound
    return ContactOut.of_row(
        contact,
        hours=Words.of(contact.hours),
        address=contact.address and Words.of(contact.address),
        services=[ServiceLineOut.of_row(line, **_words(line), title=Words.of(line.title)) for line in contact.services],
    )


def _words(line: ContactLine) -> dict[str, Words]:
    return {"hours": Words.of(line.hours)}
