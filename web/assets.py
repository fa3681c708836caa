"""What pages load: our files and what npm brought, each under an address that changes with its content."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_WEB: Final = Path(__file__).parent
_MODULES: Final = _WEB / "node_modules"
# By the name that pages call it; whatever else they load lies in static/ under its own name.
_FROM_NPM: Final = {
    "bootstrap.css": "bootstrap/dist/css/bootstrap.min.css",
    "bootstrap.rtl.css": "bootstrap/dist/css/bootstrap.rtl.min.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "vazirmatn.woff2": "vazirmatn/fonts/webfonts/Vazirmatn[wght].woff2",
}
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".woff2": "font/woff2",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
# Where a file of ours names another asset: url(asset:vazirmatn.woff2).
_NAMED: Final = re.compile(r"asset:([a-z0-9.-]+)")
# Maps are for those who debug the library; a browser would ask for a file that is not served.
_SOURCE_MAP: Final = re.compile(rb"/[*/]# sourceMappingURL=\S+(?: \*/)?\s*$")
PREFIX: Final = "/assets/"


class AssetMissing(Exception):
    """A file that npm brings is not there: the set-up was not finished."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; ``packed`` is its gzip form, None where that saves nothing."""

    address: str
    media_type: str
    body: bytes
    packed: bytes | None

    @classmethod
    def of(cls, name: str, body: bytes) -> Asset:
        """A file under an address that holds the hash of its content."""
        stem, suffix = name.rsplit(".", 1)
        digest = hashlib.sha256(body).hexdigest()[:12]
        packed = None if suffix == "woff2" else gzip.compress(body, mtime=0)
        return cls(f"{PREFIX}{stem}.{digest}.{suffix}", _TYPES[f".{suffix}"], body, packed)

    def answer(self, request: Request) -> Response:
        """The file, packed for clients that understand that."""
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if self.packed is None or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.body, headers=headers, media_type=self.media_type)
        return Response(self.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=self.media_type)


class Assets:
    """Every file that pages load, read once."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._by_name: dict[str, Asset] = {}
        # What is named by others comes first.
        for name in sorted(files, key=lambda name: bool(_NAMED.search(_text(files[name], name)))):
            body = files[name]
            if name.endswith((".css", ".js")):
                body = _NAMED.sub(lambda match: self.address(match[1]), _text(body, name)).encode()
            self._by_name[name] = Asset.of(name, body)
        self._by_address = {asset.address: asset for asset in self._by_name.values()}

    @classmethod
    def load(cls) -> Assets:
        """All files of ``static/`` and of npm.

        Raises:
            AssetMissing: npm has not brought its own.
        """
        files = {path.name: path.read_bytes() for path in sorted((_WEB / "static").iterdir())}
        for name, place in _FROM_NPM.items():
            try:
                files[name] = _SOURCE_MAP.sub(b"", (_MODULES / place).read_bytes())
            except FileNotFoundError:
                raise AssetMissing(f"web/node_modules lacks {place}: run npm ci in web/, or ./amanat") from None
        return cls(files)

    def address(self, name: str) -> str:
        """Where a file is served."""
        return self._by_name[name].address

    def find(self, address: str) -> Asset | None:
        """The file of an address."""
        return self._by_address.get(address)


def _text(body: bytes, name: str) -> str:
    return "" if name.endswith(".woff2") else body.decode()
