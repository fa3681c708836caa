"""A module that is run apart and does what the name of its argument says: for tests of what becomes of it."""

from __future__ import annotations

import sys
from pathlib import Path


def main(wish: str) -> None:
    """Go on for ever, fail, or say that it is done."""
    while wish == "forever":
        pass
    if wish == "failure":
        raise ValueError(wish)
    sys.stdout.write("done")


if __name__ == "__main__":
    main(Path(sys.argv[1]).name)
