"""A file that comes as the body of a request: its content as a stream, and what its sender calls it."""

from __future__ import annotations

import email.message
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from starlette.requests import ClientDisconnect

from domain import errors

BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}


def _file_name(
    content_disposition: Annotated[
        str,
        Header(
            description="The file's name: attachment; filename*=UTF-8''%D8%A2%D8%B0%D8%B1.csv (RFC 6266)",
            max_length=1024,
        ),
    ] = "",
) -> str:
    """What the sender calls the file. It stands in no address, for addresses are logged."""
    header = email.message.Message()
    try:
        # Some programs send the letters as they are; header fields are read byte by byte.
        header["Content-Disposition"] = content_disposition.encode("latin-1").decode("utf-8")
        return header.get_filename("")
    except ValueError:
        # No text, or in an encoding that is for none: a file may well have no name.
        return ""


FileName = Annotated[str, Depends(_file_name)]


def content_within(limit: int) -> Callable[[Request], AsyncIterator[bytes]]:
    """A dependency: the file as it comes in; refused unread if it is announced to have more bytes than the limit."""

    def content(request: Request) -> AsyncIterator[bytes]:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise errors.TooLarge
        return _parts(request)

    return content


async def _parts(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect:
        raise errors.InvalidInput(field="body") from None
