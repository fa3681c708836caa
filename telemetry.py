"""JSON logs and metrics of a process: one line an event, nothing personal; Prometheus on a port of its own."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import ledger, vault
from storage.chores import every, repeat
from storage.database import SERVICE, transaction
from storage.outbox import backlog
from storage.reconciliation import count_open_findings

_WATCH_SECONDS = 10.0
_LATE_COUNTED = 1_000


def configure_logging(level: str) -> None:
    """Log JSON lines to standard error, from our loggers and from libraries alike."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Never the locals of a frame: passwords, codes and national ids stand there.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            _without_rows,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Access lines carry addresses and are the proxy's business; httpx2 would log URLs with keys in them, and SQLAlchemy
    # what queries found.
    for noisy in ("uvicorn.access", "httpx2", "httpcore2", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _without_rows(_: Any, __: str, event: Any) -> Any:
    """Leave out of an error what Postgres quotes of rows: names stand there."""
    for told in event.get("exception", ()):
        told["exc_value"] = told["exc_value"].partition("\nDETAIL:")[0]
    return event


def serve_metrics(host: str, port: int) -> int:
    """Serve Prometheus metrics at ``/metrics`` on a port of their own, and return it; once in a process.

    Counts are kept from then on. With port 0 it is one that is free.
    """
    metrics.set_meter_provider(MeterProvider(metric_readers=[PrometheusMetricReader()]))
    server, _ = start_http_server(port, host)
    return server.server_port


async def watch_outbox(engine: AsyncEngine) -> None:
    """Keep the gauges of waiting and failing messages, lost processes and the ledger's sums; until cancelled."""
    meter = metrics.get_meter("amanat")
    waiting = meter.create_gauge("amanat_outbox_waiting", description="Messages not sent yet")
    failing = meter.create_gauge("amanat_outbox_failing", description="Messages that failed repeatedly or are too old")
    findings = meter.create_gauge(
        "amanat_reconciliation_findings_open",
        description="Cases and processes that disagree or are stuck, and gateways in trouble (H8)",
    )
    late = meter.create_gauge("amanat_erasures_late", description="Cases with a secret that should be erased by now")
    sums = meter.create_gauge("amanat_ledger_sums_age_seconds", description="How long entries wait to be summed up")

    async def look() -> None:
        async with transaction(engine, SERVICE) as connection:
            now_waiting, now_failing = await backlog(connection)
            now_open = await count_open_findings(connection)
            now_old = await ledger.sums_age(connection)
            now_late = len(await vault.late_cases(connection, _LATE_COUNTED))
        waiting.set(now_waiting)
        failing.set(now_failing)
        for kind, count in now_open.items():
            findings.set(count, {"kind": kind.value})
        sums.set(now_old)
        late.set(now_late)

    await repeat("metrics", look, every(_WATCH_SECONDS))
