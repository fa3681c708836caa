"""A way to a server that a test opens and closes."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def piped(port: int, server: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """A port that leads to the server for a while, encrypted if asked; its users are cut off when it closes."""
    host, _, target = server.rpartition(":")
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while data := await reader.read(65_536):
                writer.write(data)

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, out = await asyncio.open_connection(host, int(target))
        tasks.update({asyncio.create_task(pass_on(reader, out)), asyncio.create_task(pass_on(inside, writer))})

    listening = await asyncio.start_server(enter, "127.0.0.1", port, ssl=tls)
    try:
        yield
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
