"""A form with one file: the file is taken in and handed on; one that is far too large is left unread."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from starlette.datastructures import UploadFile

from web.forms import Form, empty
from web.page_request import PageRequest, authenticate

MEGABYTE: Final = 1024 * 1024
# What comes beside the file: its form's key, a code or a choice, and a little room.
_FIELDS: Final = 5
_FIELD_BYTES: Final = 1024
_CHUNK: Final = 256 * 1024


def most_of(file: int) -> int:
    """The largest form that is read: with a file of so many bytes, and the rest of the form around it."""
    return file + MEGABYTE


@contextlib.asynccontextmanager
async def taken_in(request: PageRequest, most: int) -> AsyncIterator[tuple[Form, UploadFile | None]]:
    """The form and its file, in the directory for temporary files; without one, the form says what is wrong.

    Args:
        request: whose body is the form.
        most: the largest one that is read, in bytes.
    """
    length = request.http.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        yield await _left_unread(request), None
        return
    try:
        form = await request.form(max_fields=_FIELDS, max_field_bytes=_FIELD_BYTES)
        file = (await request.http.form()).get("file")
        if isinstance(file, UploadFile) and file.filename:
            yield form, file
        else:
            form.errors["file"] = request.language.translate("Please choose a file.")
            yield form, None
    finally:
        await request.http.close()


async def _left_unread(request: PageRequest) -> Form:
    """A file far too large goes nowhere; its bytes are taken all the same, else browsers do not read the answer."""
    await request.api.end_reading()
    async for _part in request.http.stream():
        pass
    await authenticate(request)
    form = empty(request.language)
    form.errors["file"] = request.language.translate("What was sent is larger than allowed.")
    return form


async def parts_of(file: UploadFile) -> AsyncIterator[bytes]:
    """A file bit by bit."""
    while part := await file.read(_CHUNK):
        yield part
