"""Errors as RFC 9457 problem details in Persian and English (H3)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from domain import errors
from domain.wording import Sentence

_FIELDS_TOLD = 20
_log = logging.getLogger("amanat.api")
# Classes of SQLSTATE: connections, resources, locks, operators, conflicts; and time-outs of a transaction that was
# begun by a process which then stood still.
_UNAVAILABLE = frozenset({"08", "53", "55", "57", "40"})
_IDLE_TOO_LONG = frozenset({"25P03", "25P04"})

STATUS: dict[type[errors.Refusal], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.VersionMissing: 428,
    errors.TooLarge: 413,
    errors.InvalidInput: 422,
    errors.TooMany: 429,
    errors.Away: 503,
}
MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One field at fault."""

    field: str = Field(examples=["monthly_amount.amount"])
    code: str = Field(examples=["greater_than"])
    en: str = Field(examples=["Input should be greater than 0"])
    limit: int | None = Field(default=None, description="The bound that it passed, where there is one", examples=[0])


class Problem(BaseModel):
    """Why a request was refused; nothing has changed."""

    type: str = Field(description="Permanent identifier of the error", examples=["urn:amanat:error:not_found"])
    title: str = Field(description="Permanent code", examples=["not_found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["not_found"])
    detail: str = Field(description="Persian", examples=["چنین موردی پیدا نشد."])
    detail_en: str = Field(examples=["Nothing was found here."])
    params: dict[str, Any] = Field(default_factory=dict, description="The values in the sentences, by name")
    field: str | None = Field(default=None, description="The input field at fault")
    tries_left: int | None = Field(default=None, description="How often a code may be tried yet", examples=[4])
    retry_after: int | None = Field(default=None, description="Seconds, as in Retry-After", examples=[23])
    until: datetime | None = Field(default=None, description="When that is over")
    errors: list[FieldProblem] = Field(default_factory=list)
    request_id: str


class Unavailable(errors.Refusal):
    """Postgres cannot be reached or is overloaded; nothing has changed as far as is known."""

    code = "temporarily_unavailable"
    fa = "سامانه چند لحظه در دسترس نیست؛ کمی بعد دوباره تلاش کنید. درخواست با همان کلید دو بار ثبت نمی‌شود."
    en = "The system is unavailable for a moment; try again with the same key, it will not be done twice."


class Unexpected(errors.Refusal):
    """A fault of ours."""

    code = "internal_error"
    fa = "خطایی در سامانه رخ داد؛ آن را ثبت کردیم. اگر تکرار شد با پشتیبانی تماس بگیرید."
    en = "Something went wrong on our side; it was recorded."


class NoSuchOperation(errors.NotFound):
    """No operation at this address or with this method."""

    code = "no_such_operation"
    fa = "چنین نشانی یا عملی وجود ندارد."
    en = "There is no such operation."


class Malformed(errors.InvalidInput):
    """The request is no HTTP as we read it; the connection is closed."""

    code = "malformed_request"
    fa = "این درخواست به شکلی که باید نوشته نشده است."
    en = "The request is not written as it must be."


class TooSlow(errors.InvalidInput):
    """The request came too slowly; the connection is closed and nothing has changed."""

    code = "request_too_slow"
    fa = "درخواست در زمان مجاز نرسید؛ اتصال اینترنت را بررسی کنید و دوباره بفرستید."
    en = "The request did not arrive in time; please check your connection and send it again."


class UnknownHost(errors.InvalidInput):
    """``Host`` is no name of ours (AMANAT_ALLOWED_HOSTS)."""

    code = "unknown_host"
    fa = "این نشانی از نشانی‌های این سامانه نیست."
    en = "This is not an address of this system."


STATUS |= {Malformed: 400, TooSlow: 408, UnknownHost: 421}

# What the framework itself refuses.
_BY_STATUS: dict[int, type[errors.Refusal]] = {
    404: NoSuchOperation,
    405: NoSuchOperation,
    413: errors.TooLarge,
}


def status_of(refusal: type[errors.Refusal]) -> int:
    """The HTTP status of an error class, from its nearest listed ancestor."""
    if issubclass(refusal, Unavailable):
        return 503
    return next((STATUS[base] for base in refusal.__mro__ if base in STATUS), 500)


def responses(*refusals: type[errors.Refusal]) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for OpenAPI; every operation may also answer 422, 429 and 503."""
    declared: dict[int | str, dict[str, Any]] = {}
    for refusal in (*refusals, errors.InvalidInput, errors.TooMany, Unavailable):
        _declare(declared.setdefault(status_of(refusal), {}), refusal)
    return declared


def _declare(entry: dict[str, Any], refusal: type[errors.Refusal]) -> None:
    """Add an error to the answer of its status, with a body as callers get it."""
    content = entry.setdefault("content", {}).setdefault(MEDIA_TYPE, {"schema": _SCHEMA, "examples": {}})
    placeholders = {name for _, name, _, _ in Formatter().parse(refusal.en + refusal.fa) if name}
    shown = refusal(**{name: _SAMPLES.get(name, "…") for name in placeholders})
    content["examples"][refusal.code] = {
        "summary": (refusal.__doc__ or "").strip(),
        "value": _body(shown, "0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11").model_dump(mode="json"),
    }
    entry["description"] = ", ".join(sorted(content["examples"]))


def share_examples(document: dict[str, Any]) -> None:
    """Keep each error's body once, among the document's components: many operations may answer it."""
    shared = document["components"].setdefault("examples", {})
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                examples = answer.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
                for code, example in examples.items():
                    shared.setdefault(code, example)
                    examples[code] = {"$ref": f"#/components/examples/{code}"}


_SCHEMA = {"$ref": "#/components/schemas/Problem"}
# What stands in the sentences of the examples.
_SAMPLES: dict[str, Any] = {
    "limit": "۱۰٬۰۰۰٬۰۰۰ تومان",
    "limit_en": "10,000,000 toman",
    "frozen": Sentence("۱۰٬۰۰۰٬۰۰۰ تومان", "10,000,000 toman"),
    "most": 24,
    "missing": Sentence("نشانی ایمیل تأییدشده", "a confirmed e-mail address"),
    "age": 18,
    "why": "instalments_max",
    "findings": "قرارداد سازمان برقرار نیست",
    "findings_en": "the organisation's contract is not in force",
    "count": 1,
    "ended_at": datetime(2026, 11, 29, 11, 30, tzinfo=UTC),
    "cause": Sentence("متقاضی درخواست را پس گرفت.", "The applicant withdrew."),
    "by": Sentence("امور مالی", "the finance office"),
    "outcome": Sentence("این درخواست را تأیید کرد", "approved this application"),
    "wait": "۲۳ ثانیهٔ دیگر",
    "wait_en": "in 23 s",
}


def problem(request: Request, refusal: errors.Refusal) -> JSONResponse:
    """The answer to a refused request."""
    body = _body(refusal, request_id(request))
    status = body.status
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body.model_dump(mode="json"), status, headers, MEDIA_TYPE)


def encoded(refusal: errors.Refusal) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer to what never became a request: status, headers, body; the connection is closed after it."""
    body = _body(refusal, str(uuid4()))
    content = body.model_dump_json().encode()
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(content))), ("Connection", "close")]
    return body.status, headers, content


def _body(refusal: errors.Refusal, request_id: str) -> Problem:
    wait = refusal.retry_after
    return Problem(
        type=f"urn:amanat:error:{refusal.code}",
        title=refusal.code,
        status=status_of(type(refusal)),
        code=refusal.code,
        detail=refusal.sentence("fa"),
        detail_en=refusal.sentence("en"),
        params=refusal.params,
        field=refusal.field,
        tries_left=refusal.tries_left,
        retry_after=wait,
        until=None if wait is None else datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=wait),
        errors=refusal.found if isinstance(refusal, InvalidFields) else [],
        request_id=request_id,
    )


def request_id(request: Request) -> str:
    """The id under which this request stands in the logs."""
    return str(getattr(request.state, "request_id", "") or uuid4())


class InvalidFields(errors.InvalidInput):
    """Fields of a request are malformed or out of their range; ``found`` are they."""

    def __init__(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Of pydantic's errors, at their places in the request; only so many are told."""
        self.found = [
            FieldProblem(
                field=".".join(str(part) for part in item["loc"][1:]),
                code=item["type"],
                en=item["msg"],
                limit=next((bound for bound in item.get("ctx", {}).values() if isinstance(bound, int)), None),
            )
            for item in found[:_FIELDS_TOLD]
        ]
        super().__init__(field=self.found[0].field if self.found else None)


def refusal_of(error: Exception) -> errors.Refusal:
    """What is answered to a failure: itself if it is a refusal; a fault of ours is logged with its trace."""
    match error:
        case errors.Refusal():
            return error
        case RequestValidationError():
            return InvalidFields(error.errors())
        case HTTPException():
            return _BY_STATUS.get(error.status_code, errors.InvalidInput)()
        case DataError():
            return errors.InvalidInput()
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    is_away = isinstance(error, OperationalError | PoolTimeout) or getattr(error, "connection_invalidated", False)
    if is_away or state[:2] in _UNAVAILABLE or state in _IDLE_TOO_LONG:
        _log.warning("database_unavailable", extra={"sqlstate": state})
        return Unavailable(retry_after=2)
    _log.error("unexpected_error", exc_info=error)
    return Unexpected()


def install(app: FastAPI) -> None:
    """Answer every failure with a problem."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        return problem(request, refusal_of(error))

    for kind in (errors.Refusal, RequestValidationError, HTTPException, DBAPIError, PoolTimeout, Exception):
        app.add_exception_handler(kind, refused)
