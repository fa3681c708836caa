"""SMS: the port, two Iranian carriers, and the stand-alone stack's adapter, which writes files.

Carriers deliver service messages only from templates that they approved beforehand, so a message is a template's name
and its values; ``text`` is the same message in full, for the local adapter and for a carrier without templates. The
links of the settings stand in the text of the carrier's template: as a value no carrier takes them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import httpx2

from gateways.local_messages import read_local_messages, write_local_message

__all__ = [
    "Kavenegar",
    "KavenegarTemplate",
    "LocalSms",
    "SendFailed",
    "SmsGateway",
    "SmsIr",
    "read_local_messages",
]

_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_TIMEOUT: Final = httpx2.Timeout(10.0, connect=5.0)
LINKS: Final = frozenset({"app_link", "training_link"})


class SendFailed(Exception):
    """A message was not taken.

    Args:
        reason: a short code fit for logs; never a key, an address or a number.
        retryable: whether a later try can succeed without anybody mending anything.
    """

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class SmsGateway(Protocol):
    """Sends one SMS."""

    async def send(self, mobile: str, template: str, values: Mapping[str, str], text: str) -> str:
        """Hand over a message to a mobile in E.164 and return the carrier's reference.

        Raises:
            SendFailed: it was not taken. After a time-out it may have been taken all the same.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalSms:
    """Writes each SMS to a file."""

    directory: Path

    async def send(self, mobile: str, template: str, values: Mapping[str, str], text: str) -> str:
        """Store the message; returns its reference."""
        message = {"channel": "sms", "mobile": mobile, "template": template, "values": dict(values), "text": text}
        return await asyncio.to_thread(write_local_message, self.directory, message)


@dataclass(frozen=True, slots=True)
class KavenegarTemplate:
    """A template's name at Kavenegar, and which of our values goes into which of its tokens.

    Kavenegar takes no space in token, token2, token3, up to four in token10 and up to eight in token20; no colon,
    slash, underscore or sign between thousands in any (431).

    Raises:
        ValueError: a token is none of theirs or named twice, or a link is to go into one.
    """

    name: str
    tokens: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse at start what every message would be refused for."""
        if unknown := sorted(set(self.tokens.values()) - set(_KAVENEGAR_TOKENS)):
            raise ValueError(f"Kavenegar has no token {', '.join(unknown)}; it has {', '.join(_KAVENEGAR_TOKENS)}")
        if len(set(self.tokens.values())) < len(self.tokens):
            raise ValueError("two values are to go into one token")
        if links := sorted(LINKS & set(self.tokens)):
            raise ValueError(f"Kavenegar takes no link in a token: write {', '.join(links)} into the template's text")


_KAVENEGAR_TOKENS: Final = {"token": 0, "token2": 0, "token3": 0, "token10": 4, "token20": 8}
_KAVENEGAR_REFUSES: Final = str.maketrans({"٬": "", "_": "-", "/": "-", ":": "-"})
# 402: it failed, they do not say why; 409: their server could not answer just now; 418: their account ran dry, which a
# top-up ends; 451: too many calls in a while.
_KAVENEGAR_LATER: Final = frozenset({402, 409, 418, 451})
# Only messages to the owner of the account are allowed: no fault of the server, though the number looks like one.
_KAVENEGAR_NEVER: Final = frozenset({501})


@dataclass(frozen=True, slots=True)
class Kavenegar:
    """Kavenegar's ``verify/lookup``.

    Args:
        client: carries the calls; the caller closes it.
        key: the API key. It is part of the address, so addresses are kept out of logs and errors.
        templates: by our template names.
    """

    client: httpx2.AsyncClient
    key: str = field(repr=False)
    templates: Mapping[str, KavenegarTemplate]
    base: str = "https://api.kavenegar.com"

    def __post_init__(self) -> None:
        """Keep the client's own log line, which holds the whole address, from being written."""
        logging.getLogger("httpx2").addFilter(_without_lookup_address)

    async def send(self, mobile: str, template: str, values: Mapping[str, str], text: str) -> str:  # noqa: ARG002 - the carrier has the text
        """Send through the approved template; see ``SmsGateway.send``."""
        known = self.templates.get(template)
        if known is None:
            raise SendFailed("no_such_template", retryable=False)
        form = {"receptor": _national(mobile), "template": known.name}
        for name, token in known.tokens.items():
            form[token] = _fit(values.get(name, ""), _KAVENEGAR_TOKENS[token])
        address = f"{self.base}/v1/{self.key}/verify/lookup.json"
        response = await _post(self.client, address, data=form)
        body = _json_object(response)
        status = _number(body.get("return"), "status", response.status_code)
        if status == _OK:
            return _kavenegar_reference(body.get("entries"))
        later = status in _KAVENEGAR_LATER or (_http_later(response.status_code) and status not in _KAVENEGAR_NEVER)
        raise SendFailed(f"kavenegar_{status}", retryable=later)


_SMSIR_DONE: Final = 1
# 0: a fault of theirs; 20: too many requests; 102: their account ran dry.
_SMSIR_LATER: Final = frozenset({0, 20, 102})
# A longer value is refused (114).
_SMSIR_LONGEST: Final = 25


@dataclass(frozen=True, slots=True)
class SmsIr:
    """SMS.ir's ``send/verify``.

    Args:
        client: carries the calls; the caller closes it.
        key: the API key, sent as a header.
        templates: template ids by our template names; parameters have our values' names in capitals.
    """

    client: httpx2.AsyncClient
    key: str = field(repr=False)
    templates: Mapping[str, int]
    base: str = "https://api.sms.ir"

    async def send(self, mobile: str, template: str, values: Mapping[str, str], text: str) -> str:  # noqa: ARG002 - the carrier has the text
        """Send through the approved template; see ``SmsGateway.send``."""
        template_id = self.templates.get(template)
        if template_id is None:
            raise SendFailed("no_such_template", retryable=False)
        message = {
            "mobile": _national(mobile),
            "templateId": template_id,
            "parameters": [
                {"name": name.upper(), "value": value[:_SMSIR_LONGEST]}
                for name, value in values.items()
                if name not in LINKS
            ],
        }
        response = await _post(
            self.client, f"{self.base}/v1/send/verify", json=message, headers={"X-API-KEY": self.key}
        )
        body = _json_object(response)
        status = _number(body, "status", -1)
        if response.status_code == _OK and status == _SMSIR_DONE:
            return str(_number(body.get("data"), "messageId", 0))
        # Their status, where the body has one, tells more than HTTP's.
        later = status in _SMSIR_LATER or _http_later(response.status_code)
        reason = f"smsir_{status}" if status >= 0 else f"smsir_http_{response.status_code}"
        raise SendFailed(reason, retryable=later)


def _without_lookup_address(record: logging.LogRecord) -> bool:
    return "/verify/lookup.json" not in record.getMessage()


async def _post(client: httpx2.AsyncClient, address: str, **content: Any) -> httpx2.Response:
    try:
        return await client.post(address, timeout=_TIMEOUT, **content)
    except httpx2.TransportError as error:
        # Without the cause: it holds the request, and with it the key.
        raise SendFailed(f"unreachable_{type(error).__name__}", retryable=True) from None


def _json_object(response: httpx2.Response) -> dict[str, Any]:
    """A carrier in trouble answers with a page of HTML; that is an empty object here."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _number(holder: object, name: str, otherwise: int) -> int:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, int) else otherwise


def _kavenegar_reference(entries: object) -> str:
    """``entries`` is a list of one, or that one itself."""
    entry = entries[0] if isinstance(entries, list) and entries else entries
    return str(_number(entry, "messageid", 0))


def _http_later(status: int) -> bool:
    return status == _TOO_MANY or status >= _SERVER_ERROR


def _national(mobile: str) -> str:
    return f"0{mobile[3:]}" if mobile.startswith("+98") else mobile


def _fit(value: str, spaces: int) -> str:
    """Keep the first spaces a token may have; the others become a half-space, which reads the same."""
    words = value.translate(_KAVENEGAR_REFUSES).split()
    head, tail = words[: spaces + 1], words[spaces + 1 :]
    return "\u200c".join([" ".join(head), *tail]) if words else "-"
