"""A demo in the foreground ends with its stack."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.children import wait_until
from stack.places import PROJECT, Places
from stack.postgres import EmbeddedPostgres
from stack.state import is_running, read_state

# What the demo does around its story.
_FOREGROUND = """
import sys
from demo.screen import Screen
from demo.story import stay_until_ended
from stack import control
from stack.places import Places
with control.running(command=[sys.executable, "-m", "tests.stack.stand_in_stack"]):
    stay_until_ended(Places(), Screen())
"""


@pytest.mark.long
def test_stopping_the_stack_from_elsewhere_ends_a_demo_in_the_foreground_and_it_says_so(tmp_path: Path) -> None:
    places = Places(tmp_path / "var")
    apart = ("AMANAT_", "TEMPORAL_", "DATABASE_URL", "OWNER_DATABASE_URL", "VAULT_DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(apart)}
    environment |= {"AMANAT_VAR": str(places.var), "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-P", "-c", _FOREGROUND]
    try:
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as demo:
            assert wait_until(lambda: (state := read_state(places)) is not None and state.phase == "ready", 60)
            down = [sys.executable, "-P", "-m", "cli", "down"]
            assert subprocess.run(down, env=environment, capture_output=True, check=False).returncode == 0
            said, _ = demo.communicate(timeout=30)
        assert demo.returncode == 0
        assert "stopped from elsewhere" in said
        assert not is_running(places)
    finally:
        EmbeddedPostgres(places.postgres).remove()
