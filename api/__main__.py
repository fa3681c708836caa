"""The api process: ``python -m api``. Serves HTTP and runs a relay of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import uvicorn
from temporalio.client import Client
from temporalio.service import RPCError

from api.app import create_app
from assembly import assemble
from settings import Settings
from telemetry import configure_logging, serve_metrics, watch_outbox

_GRACE_SECONDS = 20
_PROBE_LIMIT = timedelta(seconds=1)


class Probe:
    """Asks whether Temporal answers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self) -> bool:
        """One short question."""
        try:
            return await self._client.service_client.check_health(timeout=_PROBE_LIMIT)
        except (RPCError, RuntimeError):
            return False


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in hand are finished."""
    assembly = await assemble(settings, lazy=True)
    app = create_app(
        assembly.context,
        local_messages=Path(settings.local_messages) if settings.stand_alone else None,
        allowed_origins=settings.allowed_origins,
        temporal_answers=Probe(assembly.client),
    )
    helpers = [asyncio.create_task(assembly.relay.run()), asyncio.create_task(watch_outbox(assembly.engine))]
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    await uvicorn.Server(config).serve()
    for helper in helpers:
        helper.cancel()
    await asyncio.gather(*helpers, return_exceptions=True)
    await assembly.close()


def main() -> None:
    """Start from the environment; ends with ``os._exit`` because the SDK may abort at exit (sdk-python#300)."""
    settings = Settings()
    configure_logging(settings.log_level)
    serve_metrics(settings.metrics_host, settings.metrics_port)
    asyncio.run(serve(settings))
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
