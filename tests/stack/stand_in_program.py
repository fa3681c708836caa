"""A small program in the place of api and worker: answers over HTTP, and notes what it was given.

``stand_in_program.py NAME PORT``: it crashes at its start while ``var/crash-NAME`` exists.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Ready(BaseHTTPRequestHandler):
    """Answers everything with 200."""

    def do_GET(self) -> None:
        """Say yes."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Keep the log empty."""


def main() -> None:
    """Note the environment, then answer until stopped."""
    name, port = sys.argv[1], int(sys.argv[2])
    var = Path(os.environ["AMANAT_LOCAL_MESSAGES"]).parent
    if (var / f"crash-{name}").exists():
        sys.exit("crashed as told")
    server = HTTPServer(("127.0.0.1", port), Ready)
    noted = {key: value for key, value in os.environ.items() if "URL" in key or "AMANAT" in key or "TEMPORAL" in key}
    (var / f"{name}.environment.json").write_text(json.dumps(noted), "utf-8")
    server.serve_forever()


if __name__ == "__main__":
    main()
