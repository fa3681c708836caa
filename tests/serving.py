"""An application on a real socket: streams and browsers need one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.arrange import eventually


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    """The application's address while it is served; the options are uvicorn's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        usual = {"log_config": None, "ws": "none", "lifespan": "on", "timeout_graceful_shutdown": 1}
        config = uvicorn.Config(app, **usual | options)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))

        async def started() -> bool:
            return server.started

        await eventually(started, "the server")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task
