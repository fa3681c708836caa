"""The docker-compose file, read as data, and by docker-compose itself where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.places import PROJECT
from tests.books import Superuser

_TEXT = (PROJECT / "docker-compose.yml").read_text("utf-8")
_LONG_RUNNING = {"postgres", "temporal", "temporal-ui", "api", "worker"}
_ONE_SHOT = {"temporal-schema", "temporal-namespace", "migrate"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Return the services with their anchors resolved."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(_TEXT)["services"]
    return found


def example() -> dict[str, str]:
    """Return the variables of ``.env.example``."""
    lines = (PROJECT / ".env.example").read_text("utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {pair[0]: pair[1] for pair in pairs}


def test_it_consists_of_the_parts_that_are_promised(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == _LONG_RUNNING | _ONE_SHOT
    images = {name: service["image"] for name, service in services.items()}
    assert images["postgres"] == "postgres:18"
    assert images["temporal"] == "temporalio/server:1.32.0"
    assert images["temporal-schema"] == images["temporal-namespace"] == "temporalio/admin-tools:1.32.0"
    assert images["temporal-ui"] == "temporalio/ui:2.54.1"
    assert "auto-setup" not in _TEXT


def test_every_secret_must_be_given_and_none_has_a_default() -> None:
    used = re.findall(r"\$\{(\w+)([^}]*)\}", _TEXT)
    assert used
    assert [name for name, rest in used if not rest.startswith(":?")] == []
    assert {name for name, _ in used} == set(example())
    assert set(example().values()) == {"", '{"current":"k1","keys":{"k1":""}}', '{"code_sign_in":0}'}


def test_no_password_stands_in_the_file(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|PWD|KEY|PEPPER|DATABASE_URL", name):
                assert "${" in value, name


def test_api_and_worker_can_be_scaled(services: dict[str, dict[str, Any]]) -> None:
    assert all("container_name" not in service for service in services.values())
    assert services["api"]["ports"] == ["127.0.0.1:8080-8089:8080"]
    assert "ports" not in services["worker"]


def test_only_this_machine_reaches_what_is_published(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert "ports" not in services["postgres"]
    assert "ports" not in services["temporal"]


def test_data_lives_in_named_volumes(services: dict[str, dict[str, Any]]) -> None:
    named = set(yaml.safe_load(_TEXT)["volumes"])
    assert "postgres:/var/lib/postgresql" in services["postgres"]["volumes"]
    mounted = {mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])}
    assert {name for name in mounted if not name.startswith("./")} == named
    assert all((PROJECT / name).is_file() for name in mounted if name.startswith("./"))
    assert services["api"]["volumes"] == services["worker"]["volumes"]


def test_files_on_their_way_in_lie_on_a_disk_that_their_user_may_write_to(services: dict[str, dict[str, Any]]) -> None:
    directory = services["api"]["environment"]["TMPDIR"]
    assert f"uploads:{directory}" in services["api"]["volumes"]
    assert not any(directory.startswith(memory) for memory in services["api"]["tmpfs"])
    # A named volume takes its owner from the image's directory.
    dockerfile = (PROJECT / "Dockerfile").read_text("utf-8")
    assert directory in re.findall(r"install --directory --owner=amanat --mode=0700 (.*)", dockerfile)[0].split()


def test_what_goes_on_is_restarted_and_checked_and_what_ends_is_retried(services: dict[str, dict[str, Any]]) -> None:
    assert {services[name]["restart"] for name in _LONG_RUNNING} == {"unless-stopped"}
    assert all(services[name]["restart"].startswith("on-failure:") for name in _ONE_SHOT)
    for name in _LONG_RUNNING - {"temporal-ui"}:
        assert "start_period" in services[name]["healthcheck"], name


async def test_postgres_gets_the_settings_that_the_embedded_one_has(
    services: dict[str, dict[str, Any]], superuser: Superuser
) -> None:
    program, *options = services["postgres"]["command"]
    given = dict(option.split("=", 1) for option in options[1::2])
    assert (program, set(options[::2])) == ("postgres", {"-c"})
    assert set(given) == {"shared_buffers", "max_wal_size", "checkpoint_timeout", "jit"}
    assert given == {name: await superuser.value(f"SHOW {name}") for name in given}


def test_each_part_waits_for_what_it_needs(services: dict[str, dict[str, Any]]) -> None:
    needs = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    done, healthy = "service_completed_successfully", "service_healthy"
    assert needs["temporal"] == {"postgres": healthy, "temporal-schema": done}
    assert needs["temporal-namespace"] == {"temporal": healthy}
    assert needs["migrate"] == {"postgres": healthy}
    assert needs["api"] == {"migrate": done}  # it answers without Temporal, and connects when that comes
    assert needs["worker"] == {"migrate": done, "temporal-namespace": done}


def test_running_processes_never_get_the_owners_password(services: dict[str, dict[str, Any]]) -> None:
    for name in ("api", "worker"):
        environment = services[name]["environment"]
        assert "amanat_app_login:" in environment["DATABASE_URL"]
        assert not any("OWNER" in str(value) for value in environment.values())
        assert not any("OWNER" in key for key in environment)
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"] is True
    assert set(services["migrate"]["environment"]) == {"OWNER_DATABASE_URL"}


def test_processes_get_every_setting_that_has_no_default(services: dict[str, dict[str, Any]]) -> None:
    from settings import Settings  # noqa: PLC0415 - reads nothing until called

    required = {
        str(field.alias or f"AMANAT_{name.upper()}")
        for name, field in Settings.model_fields.items()
        if field.is_required()
    }
    assert required <= set(services["api"]["environment"])
    assert services["api"]["environment"] == services["worker"]["environment"]


def test_the_proxy_that_is_believed_must_be_named(services: dict[str, dict[str, Any]]) -> None:
    # Behind Docker's gateway all clients look alike: the limits of one would be the limits of all.
    assert services["api"]["environment"]["AMANAT_TRUSTED_PROXIES"].startswith("${AMANAT_TRUSTED_PROXIES:?")
    assert "AMANAT_TRUSTED_PROXIES" in example()


def test_docker_compose_accepts_the_file_and_refuses_to_start_without_secrets(tmp_path: Path) -> None:
    if shutil.which("docker-compose") is None:  # then the tests above, which read the same file, are all there is
        assert yaml.safe_load(_TEXT)["services"]
        return
    filled, empty = tmp_path / "filled", tmp_path / "empty"
    filled.write_text("".join(f"{name}={value or 'x'}\n" for name, value in example().items()), "utf-8")
    empty.touch()
    accepted = docker_compose_config(filled)
    assert accepted.returncode == 0, accepted.stderr
    assert set(yaml.safe_load(accepted.stdout)["services"]) == _LONG_RUNNING | _ONE_SHOT
    refused = docker_compose_config(empty)
    assert refused.returncode != 0
    assert ".env.example" in refused.stderr


def docker_compose_config(variables: Path) -> subprocess.CompletedProcess[str]:
    """Let docker-compose read the file with these variables and no others."""
    file = ["--project-directory", str(PROJECT), "--file", str(PROJECT / "docker-compose.yml")]
    command = ["docker-compose", *file, "--env-file", str(variables), "config"]
    return subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
