"""Settings become parts, or say what is missing."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

import assembly
from assembly import (
    AccountOwnerNotSet,
    MailNotSet,
    MobileOwnerNotSet,
    SmsNotSet,
    account_owners,
    assemble,
    mail_gateway,
    mobile_owners,
    open_keys,
    open_vault,
    sms_gateway,
)
from domain.vault import KeysNotThere
from gateways.account_owner import LocalAccountOwners
from gateways.finnotech import FinnotechAccountOwners
from gateways.mail import LocalMail, NoMail
from gateways.mobile_owner import LocalMobileOwners, UidMobileOwners
from gateways.payment import LinkRequest
from gateways.sms import Kavenegar, LocalSms, SmsIr
from gateways.smtp import SmtpMail
from payment_gateways import local_bank
from settings import Settings
from stack.ports import LOOPBACK, free_port
from storage.database import create_engine
from storage.vault import Vault
from tests.conftest import Database

_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_RING = json.dumps({"current": "k", "keys": {"k": _KEY}})
_NEEDED = {
    "DATABASE_URL": "postgres://amanat@db/amanat",
    "AMANAT_FIELD_KEYS": _RING,
    "AMANAT_CODEC_KEYS": _RING,
    "AMANAT_VAULT_KEYS": _RING,
    "AMANAT_VAULT_DIRECTORY": "keys",
    "VAULT_DATABASE_URL": "postgres://vault@db/amanat",
    "AMANAT_BLIND_INDEX_KEY": _KEY,
    "AMANAT_CODE_PEPPER": _KEY,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in _NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AMANAT_LOCAL_MESSAGES", raising=False)
    return monkeypatch


def test_a_plain_postgres_address_gets_our_driver(environment: pytest.MonkeyPatch) -> None:
    assert Settings().database_url.get_secret_value() == "postgresql+psycopg://amanat@db/amanat"


def test_secrets_of_the_settings_are_not_printed(environment: pytest.MonkeyPatch) -> None:
    assert _KEY not in repr(Settings())


@pytest.mark.parametrize("damage", [_RING[:-1], f'{{"current": "k", "keys": "{_KEY}"}}', f'{{"k": "{_KEY}"}}'])
def test_what_is_wrong_in_a_ring_is_told_without_its_keys(environment: pytest.MonkeyPatch, damage: str) -> None:
    environment.setenv("AMANAT_VAULT_KEYS", damage)
    with pytest.raises(ValidationError) as told:
        Settings()
    assert "AMANAT_VAULT_KEYS" in str(told.value) or "vault_keys" in str(told.value)
    assert _KEY[-8:] not in str(told.value)


async def test_without_a_directory_there_is_no_local_gateway(environment: pytest.MonkeyPatch) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(SmsNotSet):
            sms_gateway(Settings(), http)


async def test_the_local_gateway_writes_where_it_is_told(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("AMANAT_LOCAL_MESSAGES", str(tmp_path))
    async with httpx2.AsyncClient() as http:
        assert sms_gateway(Settings(), http) == LocalSms(tmp_path)


_MAIL = {"PROVIDER": "smtp", "HOST": "mail.example", "FROM": "no-reply@amanat.example"}


def test_e_mail_goes_to_the_server_of_the_settings_to_a_directory_or_nowhere(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("AMANAT_MAIL_PROVIDER", "none")
    assert isinstance(mail_gateway(Settings()), NoMail)
    for name, value in {**_MAIL, "USER": "amanat", "PASSWORD": "correct-horse"}.items():
        environment.setenv(f"AMANAT_MAIL_{name}", value)
    server = mail_gateway(Settings())
    assert server == SmtpMail(
        "mail.example", 465, "tls", sender=_MAIL["FROM"], name="امانت", user="amanat", password="correct-horse"
    )
    assert "correct-horse" not in repr(Settings())
    environment.setenv("AMANAT_MAIL_PROVIDER", "local")
    environment.setenv("AMANAT_LOCAL_MESSAGES", str(tmp_path))
    assert mail_gateway(Settings()) == LocalMail(tmp_path)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"PROVIDER": "local"}, "AMANAT_LOCAL_MESSAGES"),
        ({**_MAIL, "HOST": ""}, "AMANAT_MAIL_HOST is needed"),
        ({**_MAIL, "USER": "amanat"}, "AMANAT_MAIL_PASSWORD or neither"),
        ({**_MAIL, "FROM": "amanat"}, "no e-mail address"),
        ({**_MAIL, "SECURITY": "plain", "USER": "amanat", "PASSWORD": "correct-horse"}, "by tls or starttls only"),
    ],
)
def test_a_mail_server_that_cannot_be_used_is_told_at_start(
    environment: pytest.MonkeyPatch, given: dict[str, str], told: str
) -> None:
    for name, value in given.items():
        environment.setenv(f"AMANAT_MAIL_{name}", value)
    with pytest.raises(MailNotSet, match=told) as refused:
        mail_gateway(Settings())
    assert "correct-horse" not in str(refused.value)


@pytest.mark.parametrize("provider", ["kavenegar", "smsir"])
async def test_a_carrier_needs_its_key_and_templates(environment: pytest.MonkeyPatch, provider: str) -> None:
    environment.setenv("AMANAT_SMS_PROVIDER", provider)
    async with httpx2.AsyncClient() as http:
        with pytest.raises(SmsNotSet):
            sms_gateway(Settings(), http)


async def test_each_carrier_is_made_from_its_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AMANAT_SMS_API_KEY", "key")
    async with httpx2.AsyncClient() as http:
        environment.setenv("AMANAT_SMS_PROVIDER", "smsir")
        environment.setenv("AMANAT_SMS_TEMPLATES", '{"code_sign_in": 123}')
        assert isinstance(sms_gateway(Settings(), http), SmsIr)
        environment.setenv("AMANAT_SMS_PROVIDER", "kavenegar")
        environment.setenv("AMANAT_SMS_TEMPLATES", '{"code_sign_in": {"name": "a", "tokens": {"code": "token"}}}')
        assert isinstance(sms_gateway(Settings(), http), Kavenegar)


@pytest.mark.parametrize(
    ("provider", "templates", "told"),
    [
        ("kavenegar", {"credit_activated": {"name": "a", "tokens": {"app_link": "token"}}}, "takes no link in a token"),
        ("kavenegar", {"code_join": {"name": "a", "tokens": {"code": "token4"}}}, "no token token4"),
        ("kavenegar", {"code_join": {"name": "a", "tokens": {"a": "token", "b": "token"}}}, "into one token"),
        ("kavenegar", {"code_join": {"name": "a"}}, "code_join.tokens"),
        ("kavenegar", {"code_join": 12}, "code_join"),
        ("smsir", {"code_join": "sign-in"}, "code_join"),
    ],
)
async def test_a_template_that_the_carrier_cannot_take_is_told_at_start(
    environment: pytest.MonkeyPatch, provider: str, templates: dict[str, object], told: str
) -> None:
    environment.setenv("AMANAT_SMS_API_KEY", "key")
    environment.setenv("AMANAT_SMS_PROVIDER", provider)
    environment.setenv("AMANAT_SMS_TEMPLATES", json.dumps(templates))
    async with httpx2.AsyncClient() as http:
        with pytest.raises(SmsNotSet, match=told):
            sms_gateway(Settings(), http)


async def test_messages_without_a_template_at_the_carrier_are_told_at_start(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("AMANAT_SMS_API_KEY", "key")
    environment.setenv("AMANAT_SMS_PROVIDER", "smsir")
    environment.setenv("AMANAT_SMS_TEMPLATES", '{"code_sign_in": 1, "code_signin": 2}')
    async with httpx2.AsyncClient() as http:
        sms_gateway(Settings(), http)
    unnamed, unknown = (vars(record)["templates"] for record in caplog.records)
    assert "credit_activated" in unnamed
    assert "code_sign_in" not in unnamed
    assert unknown == ["code_signin"]


async def test_the_registry_that_says_yes_to_everybody_works_in_a_stand_alone_stack_only(
    environment: pytest.MonkeyPatch,
) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(MobileOwnerNotSet):
            mobile_owners(Settings(), http)
        environment.setenv("AMANAT_STAND_ALONE", "1")
        assert isinstance(mobile_owners(Settings(), http), LocalMobileOwners)


async def test_there_is_a_local_bank_in_a_stand_alone_stack_with_a_directory_only(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = LinkRequest(10, "https://shop.test/back", "1", "x")
    for name, value in (("AMANAT_LOCAL_BANK", str(tmp_path)), ("AMANAT_STAND_ALONE", "1")):
        assert local_bank(Settings()) is None
        environment.setenv(name, value)
    environment.setenv("AMANAT_APP_LINK", "http://127.0.0.1:8080")
    bank = local_bank(Settings())
    assert bank is not None
    assert (await bank.request_link(request)).url.startswith("http://127.0.0.1:8080/bank/")


async def test_a_registry_outside_needs_its_id_and_token(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AMANAT_MOBILE_REGISTRY_PROVIDER", "uid")
    async with httpx2.AsyncClient() as http:
        with pytest.raises(MobileOwnerNotSet):
            mobile_owners(Settings(), http)
        environment.setenv("AMANAT_MOBILE_REGISTRY_BUSINESS_ID", "id")
        environment.setenv("AMANAT_MOBILE_REGISTRY_TOKEN", "token")
        assert mobile_owners(Settings(), http) == UidMobileOwners(http, "id", "token")


async def test_a_registry_of_accounts_that_says_yes_works_in_a_stand_alone_stack_only(
    environment: pytest.MonkeyPatch,
) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(AccountOwnerNotSet):
            account_owners(Settings(), http)
        environment.setenv("AMANAT_STAND_ALONE", "1")
        assert isinstance(account_owners(Settings(), http), LocalAccountOwners)


async def test_a_registry_of_accounts_outside_needs_client_national_id_and_secret(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("AMANAT_ACCOUNT_REGISTRY_PROVIDER", "finnotech")
    async with httpx2.AsyncClient() as http:
        for name in ("CLIENT_ID", "NATIONAL_ID", "SECRET"):
            with pytest.raises(AccountOwnerNotSet):
                account_owners(Settings(), http)
            environment.setenv(f"AMANAT_ACCOUNT_REGISTRY_{name}", "ours")
        owners = account_owners(Settings(), http)
    assert isinstance(owners, FinnotechAccountOwners)
    assert (owners.base, owners.client_id) == ("https://api.finnotech.ir", "ours")
    assert "secret" not in repr(owners)


async def test_each_registry_has_a_lane_of_its_own_so_one_that_hangs_holds_up_no_inquiry_at_the_other(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("AMANAT_STAND_ALONE", "true")
    environment.setenv("AMANAT_LOCAL_MESSAGES", str(tmp_path))
    environment.setenv("AMANAT_FILES_URL", "memory:///")
    environment.setenv("AMANAT_VAULT_DIRECTORY", str(tmp_path / "vault-keys"))
    environment.setenv("VAULT_DATABASE_URL", f"postgresql://nobody@{LOOPBACK}:{free_port()}/nothing")
    parts = await assemble(Settings(), lazy=True)
    lanes = {name: route.lane for name, route in parts.relay._routes.items()}
    await parts.close()
    assert lanes["CheckJoining"] == lanes["CheckMobileOwner"]
    assert [name for name, lane in lanes.items() if lane == lanes["EraseSecrets"]] == ["EraseSecrets"]
    assert [name for name, lane in lanes.items() if lane == lanes["CheckBankAccount"]] == ["CheckBankAccount"]


@pytest.fixture
async def opened(environment: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[pytest.MonkeyPatch]:
    """Settings that name a directory for keys; the engines of vaults that were refused are closed too."""
    made: list[AsyncEngine] = []

    def noting(url: str, **options: Any) -> AsyncEngine:
        made.append(create_engine(url, **options))
        return made[-1]

    environment.setattr(assembly, "create_engine", noting)
    environment.setenv("AMANAT_VAULT_DIRECTORY", str(tmp_path / "keys"))
    yield environment
    for engine in made:
        await engine.dispose()


def told_at_start(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of it."""
    return [record.getMessage() for record in caplog.records if record.name == "amanat.assembly"]


async def open_all() -> Vault:
    """As a process does at its start."""
    settings = Settings()
    return await open_vault(settings, await open_keys(settings))


async def test_without_the_directory_of_keys_no_process_starts_and_none_is_made_but_in_a_stand_alone_stack(
    opened: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(KeysNotThere, match="keys holds no keys of a vault: FileNotFoundError"):
        await open_keys(Settings())
    assert not (tmp_path / "keys").exists()

    opened.setenv("AMANAT_STAND_ALONE", "1")
    first, again = [(await open_keys(Settings())).vault_id for _ in range(2)]
    assert first == again
    (tmp_path / "keys" / "vault.json").write_text("{}", "utf-8")
    with pytest.raises(KeysNotThere, match="holds no keys of a vault: KeyError"):
        await open_keys(Settings())


async def test_no_process_starts_with_the_keys_of_another_vault(
    opened: pytest.MonkeyPatch, database: Database, tmp_path: Path
) -> None:
    opened.setenv("VAULT_DATABASE_URL", database.vault_url)
    opened.setenv("AMANAT_STAND_ALONE", "1")
    vault = await open_all()
    await (await open_all()).recognise()
    opened.setenv("AMANAT_VAULT_DIRECTORY", str(tmp_path / "other"))

    with pytest.raises(KeysNotThere, match=f"the entries are of {vault.keys.vault_id}"):
        await open_all()


async def test_a_login_that_may_not_enter_the_vault_is_told_at_start_and_not_taken_for_a_database_that_is_away(
    opened: pytest.MonkeyPatch, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "amanat.assembly")
    opened.setenv("AMANAT_STAND_ALONE", "1")
    opened.setenv("VAULT_DATABASE_URL", database.app_url)
    with pytest.raises(ProgrammingError, match="permission denied for schema vault"):
        await open_all()
    assert told_at_start(caplog) == []


async def test_a_process_starts_while_the_database_of_the_vault_is_away_and_asks_whose_keys_it_has_later(
    opened: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "amanat.assembly")
    opened.setenv("AMANAT_STAND_ALONE", "1")
    opened.setenv("VAULT_DATABASE_URL", f"postgresql://nobody@{LOOPBACK}:{free_port()}/nothing")
    await open_all()
    assert told_at_start(caplog) == ["vault_waits_for_database"]


def test_names_under_localhost_lead_into_a_stand_alone_stack_only(environment: pytest.MonkeyPatch) -> None:
    assert "*.localhost" not in Settings().hosts
    environment.setenv("AMANAT_ALLOWED_HOSTS", '["amanat.example"]')
    environment.setenv("AMANAT_STAND_ALONE", "1")
    assert Settings().hosts == ["amanat.example", "127.0.0.1", "*.localhost"]
