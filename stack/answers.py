"""Whether a server answers: for the supervisor, and as ``python -m stack.answers URL`` for health checks."""

from __future__ import annotations

import http.client
import sys
from http import HTTPStatus
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 2


def answers(url: str) -> bool:
    """Tell whether a GET of the address is answered with 200 (asked directly, whatever proxy is set)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not answers(sys.argv[1]))
