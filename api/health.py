"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from api.dependencies import ContextDep
from storage.database import SERVICE, transaction
from storage.migrate import current, head

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The state of the process; ``checks`` says what is wrong."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = Field(examples=[{"database": "ok", "migrations": "ok", "temporal": "ok"}])


@router.get("/livez", operation_id="read_liveness")
async def read_liveness() -> Health:
    """The process answers."""
    return Health(status="ok", checks={})


@router.get(
    "/readyz",
    operation_id="read_readiness",
    responses={503: {"model": Health, "description": "Postgres cannot be reached, or its schema is another"}},
)
async def read_readiness(request: Request, context: ContextDep) -> JSONResponse:
    """The process can answer commands. Temporal being away is told but does no harm: commands are kept."""
    checks = {"temporal": "ok" if await request.app.state.temporal_answers() else "away; commands are kept"}
    try:
        async with transaction(context.engine, SERVICE) as connection:
            await connection.execute(sa.select(1))
            checks["database"] = "ok"
            at = await connection.run_sync(current)
            checks["migrations"] = "ok" if at == head() else f"at {at}, needs {head()}"
    except (SQLAlchemyError, OSError):
        checks["database"] = "unreachable"
    ready = checks.get("database") == "ok" and checks.get("migrations") == "ok"
    health = Health(status="ok" if ready else "unavailable", checks=checks)
    return JSONResponse(health.model_dump(), 200 if ready else 503)
