"""The api process: ``python -m api``. Serves the API and the pages, and runs a relay of its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import uvicorn
from temporalio.client import Client
from temporalio.service import RPCError

from api.app import create_app
from api.connections import limited
from api.door import Door
from assembly import assemble, run_process
from payment_gateways import local_bank
from settings import Settings
from web.app import create_site

_GRACE_SECONDS = 20
_PROBE_LIMIT = timedelta(seconds=1)


class ContactNotSet(Exception):
    """The settings do not say where people find help (G8)."""


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


def _processes(settings: Settings) -> str:
    """Where Temporal shows our processes to staff; empty if it shows them nowhere."""
    pages = settings.temporal_ui.rstrip("/")
    return f"{pages}/namespaces/{settings.temporal_namespace}" if pages else ""


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in hand are finished.

    Raises:
        ContactNotSet: outside a stand-alone stack.
    """
    if settings.contact is None and not settings.stand_alone:
        raise ContactNotSet("set AMANAT_CONTACT: people read on every page whom to call")
    assembly = await assemble(settings, lazy=True)
    app = create_app(
        assembly.context,
        local_messages=Path(settings.local_messages) if settings.stand_alone else None,
        local_bank=local_bank(settings),
        allowed_origins=settings.allowed_origins,
        temporal_answers=Probe(assembly.client),
    )
    site = create_site(app, stand_alone=settings.stand_alone, temporal_ui=_processes(settings))
    config = uvicorn.Config(
        Door(site, hosts=settings.hosts),
        http=limited(),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    async with assembly.at_work():
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    run_process(serve)
