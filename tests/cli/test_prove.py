"""``./amanat prove`` says in one sentence what was proved, and only what was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cli.checks import KEPT, Outcome
from cli.prove import sentence
from stack.places import PROJECT

_ALL = Outcome(0, Counter(passed=3412))


def test_what_was_proved_is_one_sentence_with_counts_time_and_commit() -> None:
    assert sentence(_ALL, None, 843, "abcdef0") == (
        "proved: 3,412 tests passed, 0 failed, 0 skipped; demo green; 14 min 3 s (commit abcdef0)"
    )


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (Outcome(1, Counter(passed=9, failed=1)), None),
        (Outcome(0, Counter(passed=9, skipped=1)), None),
        (Outcome(2, Counter(passed=9)), None),
        (_ALL, "ledger check"),
    ],
    ids=["a test failed", "a test was skipped", "tests could not be collected", "the books are not whole"],
)
def test_nothing_is_called_proved_that_was_not(outcome: Outcome, failed: str | None) -> None:
    assert sentence(outcome, failed, 60, "abcdef0").startswith("not proved: ")


_RUN = """
import sys
from cli.checks import run_suite
outcome = run_suite(sys.argv[1:])
print(outcome.counts, outcome.code, outcome.is_clean)
"""
_SLOW = """
import time
import pytest

def test_slow():
    time.sleep(0.2)

@pytest.mark.skip
def test_never():
    pass
"""


_CONFTEST = """
from cli.checks import kept_outcomes

def pytest_collection_modifyitems(items):
    before = kept_outcomes()
    items[:] = [item for item in items if item.nodeid not in before]
"""
_DIES = """
import os
from pathlib import Path

def test_right():
    pass

def test_wrong():
    assert False

def test_killed():
    again = Path(__file__).with_name("again")
    if not again.exists():
        again.touch()
        os._exit(9)
"""


def test_a_run_that_was_broken_off_is_gone_on_with_and_forgets_no_failure(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST, "utf-8")
    (tmp_path / "test_some.py").write_text(_DIES, "utf-8")
    command = [sys.executable, "-P", "-c", _RUN, "test_some.py", "-q", "-pno:cacheprovider", f"--rootdir={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), KEPT: str(tmp_path / "kept")}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert run().returncode == 9
    done = run()

    assert "2 tests passed, 1 failed, 0 skipped 0 False\n" in done.stdout, done.stdout + done.stderr
    assert "test_wrong" not in done.stdout, "it was run again"


def test_tests_are_counted_once_and_the_slowest_files_named(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(_SLOW, "utf-8")
    (tmp_path / "test_quick.py").write_text("def test_quick(): ...\n\ndef test_wrong():\n    assert False\n", "utf-8")
    command = [sys.executable, "-P", "-c", _RUN, ".", "-q", "-pno:cacheprovider", f"--rootdir={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [*command, "--noconftest"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert "2 tests passed, 1 failed, 1 skipped 1 False\n" in done.stdout, done.stdout + done.stderr
    assert "\ncall failed: test_quick.py::test_wrong\n" in done.stdout, "it was not told at once"
    slowest = done.stdout.partition("slowest files:\n")[2].splitlines()[:2]
    assert [Path(line.split()[-1]).name for line in slowest] == ["test_slow.py", "test_quick.py"]
