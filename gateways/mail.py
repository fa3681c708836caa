"""E-mail: the port, and the stand-alone stack's adapter, which writes files."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateways.local_messages import write_local_message
from gateways.sms import SendFailed


class MailGateway(Protocol):
    """Sends one e-mail."""

    async def send(self, address: str, subject: str, text: str) -> str:
        """Hand over the message and return the carrier's reference.

        Raises:
            SendFailed: it was not taken; see ``gateways.sms``.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalMail:
    """Writes each e-mail to a file."""

    directory: Path

    async def send(self, address: str, subject: str, text: str) -> str:
        """Store the message; returns its reference."""
        message = {"channel": "mail", "address": address, "subject": subject, "text": text}
        return await asyncio.to_thread(write_local_message, self.directory, message)


class NoMail:
    """Where no e-mail can be sent: that is said in the log, and nowhere else."""

    async def send(self, address: str, subject: str, text: str) -> str:  # noqa: ARG002 - nothing is sent
        """See ``MailGateway.send``."""
        raise SendFailed("no_mail", retryable=False)
