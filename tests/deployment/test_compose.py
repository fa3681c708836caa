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
# A mail server may ask for nobody.
_MAY_BE_EMPTY = {"AMANAT_MAIL_USER"}
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
    named = {name: re.sub(r"\$\{(\w+):.*", r"\1", service["image"]) for name, service in services.items()}
    example_images = example()
    tags = {name: example_images.get(variable, variable).partition("@")[0] for name, variable in named.items()}
    assert tags["postgres"] == "postgres:18"
    assert tags["temporal"] == "temporalio/server:1.32.0"
    assert tags["temporal-schema"] == tags["temporal-namespace"] == "temporalio/admin-tools:1.32.0"
    assert tags["temporal-ui"] == "temporalio/ui:2.54.1"
    assert {tags[name] for name in ("migrate", "api", "worker")} == {"amanat"}
    assert "auto-setup" not in _TEXT


def test_every_image_that_is_not_built_here_is_named_by_its_digest(services: dict[str, dict[str, Any]]) -> None:
    brought = {service["image"] for service in services.values() if "build" not in service}
    brought |= {service["build"]["args"]["PYTHON_IMAGE"] for service in services.values() if "build" in service}
    variables = {re.fullmatch(r"\$\{(\w+):\?see .env.example\}", image)[1] for image in brought}  # type: ignore[index]  # or it fails
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:", example()[variable]) for variable in variables)


def test_every_value_must_be_given_and_none_has_a_default() -> None:
    used = re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", _TEXT)
    assert used
    assert [name for name, rest in used if not rest.startswith("?" if name in _MAY_BE_EMPTY else ":?")] == []
    assert {name for name, _ in used} == set(example())


def test_secrets_are_files_and_stand_in_no_environment(services: dict[str, dict[str, Any]]) -> None:
    declared = {name: secret["file"] for name, secret in yaml.safe_load(_TEXT)["secrets"].items()}
    assert declared == {name: f"./secrets/{name}" for name in declared}
    assert {name for service in services.values() for name in service.get("secrets", [])} == set(declared)
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|PWD|SECRET|KEY|TOKEN|CERT|CA$|PEPPER|DATABASE_URL", name):
                assert str(value).startswith("/run/secrets/"), name
                assert value.removeprefix("/run/secrets/") in service["secrets"], name
    assert "secrets/" in (PROJECT / ".gitignore").read_text("utf-8").splitlines()
    assert "secrets" in (PROJECT / ".dockerignore").read_text("utf-8").splitlines()


def test_every_part_is_bounded_and_has_no_rights_to_spare(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["read_only"] is (name != "temporal-ui"), name
        assert not service.get("privileged"), name
        assert "network_mode" not in service, name
        assert set(service.get("cap_add", [])) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}, name
    assert {name for name, service in services.items() if "cap_add" in service} == {"postgres"}


def test_databases_and_processes_stand_in_networks_that_lead_nowhere(services: dict[str, dict[str, Any]]) -> None:
    networks = yaml.safe_load(_TEXT)["networks"]
    assert networks == {"data": {"internal": True}, "processes": {"internal": True}, "outside": None}
    stands = {name: set(service["networks"]) for name, service in services.items()}
    assert stands["postgres"] == stands["migrate"] == stands["temporal-schema"] == {"data"}
    assert stands["temporal"] == {"data", "processes"}
    assert {name for name, where in stands.items() if "outside" in where} == {"api", "worker", "temporal-ui"}
    assert {name for name, service in services.items() if "ports" in service} == {"api", "temporal-ui"}


def test_whoever_calls_temporal_proves_itself_and_its_pages_only_show(services: dict[str, dict[str, Any]]) -> None:
    server = services["temporal"]["environment"]
    assert server["TEMPORAL_TLS_REQUIRE_CLIENT_AUTH"] == "true"
    assert server["TEMPORAL_TLS_CLIENT1_CA_CERT"] == "/run/secrets/temporal_ca.crt"
    for name in ("api", "worker", "temporal-namespace"):
        client = services[name]["environment"]
        assert client["TEMPORAL_TLS_CLIENT_CERT_PATH"] == "/run/secrets/temporal_client.crt", name
        assert client["TEMPORAL_TLS_SERVER_NAME"] == "temporal", name
    assert not any("temporal_server.key" in service.get("secrets", []) for service in _all_but(services, "temporal"))
    assert services["temporal-ui"]["environment"]["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"


def _all_but(services: dict[str, dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [service for other, service in services.items() if other != name]


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


def test_keys_of_secrets_lie_on_a_volume_of_their_own_that_is_made_before_a_process_asks_for_it(
    services: dict[str, dict[str, Any]],
) -> None:
    with_keys = {name: one for name, one in services.items() if "vault-keys" in str(one.get("volumes"))}
    assert set(with_keys) == {"migrate", "api", "worker"}
    directory = services["api"]["environment"]["AMANAT_VAULT_DIRECTORY"]
    assert all(f"vault-keys:{directory}" in one["volumes"] for one in with_keys.values())
    # One that was lost is made anew, and refused by its id.
    assert services["migrate"]["command"][-1].startswith(f"python -m cli vault init {directory} && ")
    assert {"amanat_vault_keys", "vault_database_url"} <= set(services["api"]["secrets"])
    dockerfile = (PROJECT / "Dockerfile").read_text("utf-8")
    assert directory in re.findall(r"install --directory --owner=amanat --mode=0700 (.*)", dockerfile)[0].split()


def test_what_goes_on_is_restarted_and_checked_and_what_ends_is_retried(services: dict[str, dict[str, Any]]) -> None:
    assert {services[name]["restart"] for name in _LONG_RUNNING} == {"unless-stopped"}
    assert all(services[name]["restart"].startswith("on-failure:") for name in _ONE_SHOT)
    for name in _LONG_RUNNING:
        assert "start_period" in services[name]["healthcheck"], name


async def test_postgres_gets_the_settings_that_the_embedded_one_has(
    services: dict[str, dict[str, Any]], superuser: Superuser
) -> None:
    program, *options = services["postgres"]["command"]
    given = dict(option.split("=", 1) for option in options[1::2])
    assert (program, set(options[::2])) == ("postgres", {"-c"})
    assert set(given) == {"shared_buffers", "max_wal_size", "checkpoint_timeout", "jit", "log_error_verbosity"}
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
        assert not any("owner" in secret for secret in services[name]["secrets"])
        assert not any("OWNER" in key for key in services[name]["environment"])
    assert services["migrate"]["secrets"] == ["owner_database_url"]
    assert "environment" not in services["migrate"]


def test_processes_get_every_setting_that_has_no_default(services: dict[str, dict[str, Any]]) -> None:
    from settings import Settings  # noqa: PLC0415 - reads nothing until called

    required = {
        str(field.alias or f"AMANAT_{name.upper()}")
        for name, field in Settings.model_fields.items()
        if field.is_required()
    }
    given = {*services["api"]["environment"], *(secret.upper() for secret in services["api"]["secrets"])}
    assert required <= given
    assert services["api"]["environment"] == services["worker"]["environment"]
    assert services["api"]["secrets"] == services["worker"]["secrets"]


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
