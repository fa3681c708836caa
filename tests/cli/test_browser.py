"""The browser for the tests of the pages: found, brought, or done without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli import browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with nothing on it but a shell."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(programs: Path, name: str, script: str) -> Path:
    """A program."""
    path = programs / name
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return path


def test_an_installed_browser_is_used_and_nothing_is_installed(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    put(programs, "apt-get", f"echo called >{programs}/called")
    installed = put(programs, "chromium", "exit 0")
    assert browser.provide_browser() == str(installed)
    quicker = put(programs, "chromium-headless-shell", "exit 0")
    assert browser.provide_browser() == str(quicker)
    assert not (programs / "called").exists()


@pytest.mark.parametrize("package", ["chromium-headless-shell", "chromium"])
def test_root_on_debian_gets_one(programs: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    gotten = programs / package
    put(programs, "apt-get", f'case "$*" in *install*" {package}") : >{gotten}; /bin/chmod 755 {gotten} ;; esac')
    assert browser.provide_browser() == str(gotten)


@pytest.mark.parametrize(("user", "apt"), [(1000, "exit 0"), (0, "echo no network >&2; exit 100")])
def test_where_none_can_be_had_there_is_none(
    programs: Path, monkeypatch: pytest.MonkeyPatch, user: int, apt: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    put(programs, "apt-get", apt)
    assert browser.provide_browser() is None
