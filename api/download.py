"""A file that is made to be saved, not shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from gateways.workplace import workplace


class MadeFile(FileResponse):
    """A file that is there only while it is sent: written anew each time, so never sent in parts.

    Args:
        write: writes it; what it refuses is answered in place of the file.
        media_type: of its content.
        name: under which it is saved.
        headers: besides those of each file.
    """

    def __init__(
        self,
        write: Callable[[Path], Awaitable[None]],
        *,
        media_type: str,
        name: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("", media_type=media_type, filename=name, headers={"Accept-Ranges": "none", **(headers or {})})
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write it, and send it."""
        whole = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        async with workplace("amanat-download-") as directory:
            self.path = directory / "file"
            await self._write(self.path)
            await super().__call__(whole, receive, send)
