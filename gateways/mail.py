"""E-mail: the port, what a message is, and the stand-alone stack's adapter, which writes files."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID

from domain.notice import Language
from gateways.local_messages import write_local_message
from gateways.sms import SendFailed


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail to one person.

    ``id`` is the notice's or the code's: a reader who gets the message twice recognises it. A line of ``text`` is a
    paragraph.
    """

    id: UUID
    address: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    language: Language = "fa"


class MailGateway(Protocol):
    """Sends one e-mail."""

    async def send(self, mail: Mail) -> str:
        """Hand over the message and return the reference by which it is found at the carrier.

        Raises:
            SendFailed: it was not taken; see ``gateways.sms``. After a time-out it may have been taken all the same.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalMail:
    """Writes each e-mail to a file."""

    directory: Path

    async def send(self, mail: Mail) -> str:
        """Store the message; returns its reference."""
        said = {"address": mail.address, "subject": mail.subject, "text": mail.text, "language": mail.language}
        return await asyncio.to_thread(write_local_message, self.directory, {"channel": "mail", **said})


class NoMail:
    """Where no e-mail can be sent: each fails for good, which the log and the operations desk tell."""

    async def send(self, mail: Mail) -> str:  # noqa: ARG002 - nothing is sent
        """See ``MailGateway.send``."""
        raise SendFailed("no_mail", retryable=False)
