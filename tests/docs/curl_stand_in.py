"""Stands in for curl where the walkthrough is tested: a bare machine may have none. Knows the options used there."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx2


def main(arguments: list[str]) -> int:
    """Send one request as curl would; an option that is not known here is an error."""
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-S", action="store_true")
    parser.add_argument("-N", action="store_true")
    parser.add_argument("-X", default="")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d", "--data-binary", dest="data")
    parser.add_argument("-o", type=Path)
    parser.add_argument("-w", default="")
    given = parser.parse_args(arguments)
    method = given.X or ("GET" if given.data is None else "POST")
    headers = dict(header.split(": ", 1) for header in given.H)
    try:
        with ExitStack() as stack:
            out = stack.enter_context(given.o.open("wb")) if given.o else sys.stdout.buffer
            answer = stack.enter_context(
                httpx2.stream(method, given.url, headers=headers, content=_content(given.data), timeout=None)
            )
            for part in answer.iter_raw():
                out.write(part)
                out.flush()
    except httpx2.TransportError as error:
        sys.stderr.write(f"curl: {error}\n")
        return 7
    sys.stdout.write(given.w.replace("%{http_code}", str(answer.status_code)).replace("\\n", "\n"))
    return 0


def _content(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    return Path(data[1:]).read_bytes()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
