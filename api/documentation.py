"""The interactive documentation of the API, served from this process: no CDN."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Amanat API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});\n'
# Swagger UI writes style attributes; nothing else is loosened.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
async def show_documentation() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/start.js")
async def start_documentation() -> Response:
    return Response(_START, media_type="text/javascript")


def install(app: FastAPI) -> None:
    """Serve the page and Swagger UI's own files from the installed package."""
    app.include_router(router)
    # Found, not imported: only its files are wanted, not its code and what that needs.
    package = find_spec("swagger_ui")
    if package is None or not package.submodule_search_locations:
        raise LookupError("the package swagger-ui-py is not installed")
    static = Path(package.submodule_search_locations[0]) / "static"
    app.mount("/docs/assets", StaticFiles(directory=static), name="documentation")
