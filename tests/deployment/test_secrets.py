"""The files with secrets: made once, read by a process, and by them Temporal and its clients know each other."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import ssl
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from assembly import seals_of, temporal_tls
from settings import Settings
from stack.places import PROJECT
from stack.ports import free_port
from stack.temporal import find_temporal
from tests.pipe import piped
from workflows.client import connect

_SCRIPT = PROJECT / "docker" / "secrets.sh"


def make(directory: Path) -> Path:
    """Run the script for a directory; returns that of the secrets."""
    subprocess.run([_SCRIPT, directory], check=True, capture_output=True)
    return directory / "secrets"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets of a deployment."""
    return make(tmp_path_factory.mktemp("deployment"))


@pytest.fixture
def settings(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What a process in a container reads: secrets from files alone, where they are from its environment."""
    for name in os.environ:
        if name.startswith(("AMANAT_", "TEMPORAL_", "DATABASE_URL", "VAULT_DATABASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AMANAT_VAULT_DIRECTORY", "/data/vault-keys")
    for name, file in (("SERVER_CA_CERT", "ca.crt"), ("CLIENT_CERT", "client.crt"), ("CLIENT_KEY", "client.key")):
        monkeypatch.setenv(f"TEMPORAL_TLS_{name}_PATH", str(secrets / f"temporal_{file}"))
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_NAME", "temporal")
    return Settings(_secrets_dir=secrets)


def test_they_are_made_once_and_only_their_owner_reaches_them(secrets: Path) -> None:
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    assert all(before.values())
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets.iterdir()} == {0o444}

    make(secrets.parent)

    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before


def test_a_new_authority_brings_new_certificates_and_changes_nothing_else(tmp_path: Path) -> None:
    secrets = make(tmp_path)
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    (secrets / "temporal_ca.crt").unlink()

    after = {file.name: file.read_bytes() for file in make(tmp_path).iterdir()}

    assert {name for name in before if after[name] != before[name]} == {
        name for name in before if name.endswith((".crt", ".key"))
    }


def test_a_process_reads_its_secrets_from_files(settings: Settings, secrets: Path) -> None:
    password = (secrets / "app_password").read_text("utf-8")
    assert settings.database_url.get_secret_value() == (
        f"postgresql+psycopg://amanat_app_login:{password}@postgres:5432/amanat"
    )
    opening = (secrets / "vault_password").read_text("utf-8")
    assert settings.vault_database_url.get_secret_value() == (
        f"postgresql+psycopg://amanat_vault_login:{opening}@postgres:5432/amanat"
    )
    rings = (settings.vault_keys, settings.field_keys, settings.codec_keys)
    assert len({ring.keys[ring.current].get_secret_value() for ring in rings}) == 3
    seals = seals_of(settings)
    assert seals.cipher.open_text(seals.cipher.seal_text("a", "test"), "test") == "a"
    assert seals.pepper == base64.b64decode((secrets / "amanat_code_pepper").read_text("utf-8"))


@pytest.mark.usefixtures("settings")
def test_what_others_give_is_read_from_files_too(secrets: Path, tmp_path: Path) -> None:
    given = tmp_path / "secrets"
    shutil.copytree(secrets, given)
    (given / "amanat_sms_api_key").write_text("key\n", "utf-8")
    (given / "amanat_mobile_registry_token").write_text("token\n", "utf-8")
    (given / "amanat_zarinpal_merchant_id").write_text("merchant\n", "utf-8")
    (given / "amanat_zarinpal_access_token").write_text("", "utf-8")
    (given / "amanat_account_registry_secret").write_text("secret\n", "utf-8")
    settings = Settings(_secrets_dir=given)
    assert settings.zarinpal_merchant_id.get_secret_value() == "merchant"
    assert not settings.zarinpal_access_token.get_secret_value()
    assert settings.sms_api_key.get_secret_value() == "key"
    assert settings.mobile_registry_token.get_secret_value() == "token"
    assert settings.account_registry_secret.get_secret_value() == "secret"


@pytest.mark.usefixtures("settings")
def test_a_certificate_without_its_key_is_refused(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEMPORAL_TLS_CLIENT_KEY_PATH")
    with pytest.raises(ValidationError, match="belong together"):
        Settings(_secrets_dir=secrets)


@contextlib.asynccontextmanager
async def asking_for_certificates(secrets: Path, server: str) -> AsyncIterator[str]:
    """A way to a Temporal server on which both sides have to prove themselves, as compose asks its server to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(secrets / "temporal_server.crt", secrets / "temporal_server.key")
    context.load_verify_locations(secrets / "temporal_ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    port = free_port()
    async with piped(port, server, tls=context):
        yield f"127.0.0.1:{port}"


async def test_a_client_with_our_certificate_reaches_temporal_and_no_other_does(
    settings: Settings, secrets: Path, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    cipher, namespace = seals_of(settings).cipher, temporal.client.namespace
    strangers = make(tmp_path)
    stranger = settings.model_copy(
        update={
            "temporal_certificate": strangers / "temporal_client.crt",
            "temporal_key": strangers / "temporal_client.key",
        }
    )
    deceived = settings.model_copy(update={"temporal_ca": strangers / "temporal_ca.crt"})
    target = temporal.client.service_client.config.target_host

    async with asking_for_certificates(secrets, target) as address:
        client: Client = await connect(address, namespace, cipher, tls=temporal_tls(settings))
        assert await client.service_client.check_health()
        for tls in (None, temporal_tls(stranger), temporal_tls(deceived)):
            with pytest.raises(RuntimeError):
                await asyncio.wait_for(connect(address, namespace, cipher, tls=tls), 20)


async def test_the_namespace_job_shows_its_certificate(
    settings: Settings, secrets: Path, temporal: WorkflowEnvironment
) -> None:
    target = temporal.client.service_client.config.target_host
    async with asking_for_certificates(secrets, target) as address:
        environment = {
            "PATH": f"{Path(find_temporal()).parent}:{os.environ['PATH']}",
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": "by-certificate",
            **{name: value for name, value in os.environ.items() if name.startswith("TEMPORAL_TLS_")},
        }
        script = str(PROJECT / "docker" / "temporal-namespace.sh")
        job = await asyncio.create_subprocess_exec("/bin/sh", script, env=environment)
        assert await asyncio.wait_for(job.wait(), 60) == 0
