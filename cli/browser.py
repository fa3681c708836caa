"""The browser that the pages' tests use: an installed Chromium; on Debian, root may have it installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Final

# Where the tests find it; empty where there is none.
VARIABLE: Final = "AMANAT_TEST_BROWSER"
# The shell has no windows to draw: the pages' tests take half the time in it.
_SHELL: Final = "chromium-headless-shell"
_NAMES: Final = (_SHELL, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_INSTALL_SECONDS: Final = 300


def find_browser() -> str | None:
    """The program of an installed Chromium."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def provide_browser() -> str | None:
    """An installed Chromium, installing Debian's where that is possible; None where it is not."""
    found = find_browser()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print(
            "amanat: Chromium, for the tests of the pages, is being installed from Debian's packages", file=sys.stderr
        )
        _install()
        found = find_browser()
    return found


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "--yes", "--no-install-recommends"]
    # An older Debian has no shell of its own.
    for command in (["update"], [*install, _SHELL], [*install, "chromium"]):
        if find_browser() is not None:
            return
        try:
            done = subprocess.run(
                ["apt-get", "--quiet", "--quiet", *command],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return
        if done.returncode:
            print("\n".join(done.stderr.splitlines()[-3:]), file=sys.stderr)
