"""Puts the parts together from the settings: what api, worker and command line share. Entry points only."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx2
import uvloop
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import TLSConfig

from activities.bank_account import BankAccountCheck
from activities.invitation import InvitationSender
from activities.joining import JoiningCheck
from activities.mobile_change import MobileOwnerCheck
from activities.notice import NoticeSender
from activities.payout.settling import RecordSettling
from activities.transition import ActivityContext
from activities.turns import Turns
from activities.vault import SecretEraser
from activities.withdrawal import WithdrawalRelease
from commands.command import Context
from domain.notice import sms_texts
from gateways.account_owner import AccountOwners, LocalAccountOwners
from gateways.entry_keys import KeyDirectory
from gateways.files import Files
from gateways.finnotech import FinnotechAccountOwners
from gateways.mail import LocalMail, MailGateway, NoMail
from gateways.mobile_owner import LocalMobileOwners, MobileOwners, UidMobileOwners
from gateways.sms import Kavenegar, KavenegarTemplate, LocalSms, SmsGateway, SmsIr
from gateways.smtp import SEND_SECONDS, SmtpMail
from messages.bank_account import CheckBankAccount
from messages.invitation import SendInvitation
from messages.joining import CheckJoining
from messages.mobile_change import CheckMobileOwner
from messages.notice import MailCode, MailNotice, SendCode, SendNotice
from messages.payout import SettleRecord
from messages.vault import EraseSecrets
from messages.withdrawal import ReleaseWithdrawal
from payment_gateways import payment_gateways
from relay import Lane, Relay, Route, signal_route
from settings import KeyRing, Settings
from storage.database import create_engine
from storage.sealing import BlindIndex, Cipher, Seals
from storage.vault import Vault
from telemetry import configure_logging, serve_metrics, watch_outbox
from workflows.client import connect

T = TypeVar("T")
_log = logging.getLogger("amanat.assembly")
# Transactions that must commit whatever becomes of the command around them: tries of codes.
_SIDE_CONNECTIONS = 4
_VAULT_CONNECTIONS = 4
_SMS_SECONDS = 6.0
# A message that was handed over is marked as sent, too.
_MAIL_SECONDS = SEND_SECONDS + 10


class SmsNotSet(Exception):
    """The SMS gateway is not fully named in the settings."""


class MailNotSet(Exception):
    """The mail server is not fully named in the settings."""


class MobileOwnerNotSet(Exception):
    """The registry of mobiles is not fully named in the settings."""


class AccountOwnerNotSet(Exception):
    """The registry of bank accounts is not fully named in the settings."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A process's parts."""

    settings: Settings
    engine: AsyncEngine
    side: AsyncEngine
    context: Context
    activity_context: ActivityContext
    relay: Relay
    client: Client
    http: httpx2.AsyncClient
    vault: Vault
    eraser: SecretEraser

    @contextlib.asynccontextmanager
    async def at_work(self, *chores: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Relay, watch the outbox and do the process's own chores meanwhile; everything is given back at the end."""
        # What is there by now stays as long as the process: the collector need not walk through it again and again.
        gc.collect()
        gc.freeze()
        running = [
            asyncio.create_task(chore)
            for chore in (self.relay.run(), watch_outbox(self.engine), self.eraser.run(), *chores)
        ]
        try:
            yield
        finally:
            for chore in running:
                chore.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self.close()

    async def close(self) -> None:
        """Give connections back."""
        await self.http.aclose()
        await self.engine.dispose()
        await self.side.dispose()
        await self.vault.engine.dispose()


def run_process(serve: Callable[[Settings], Coroutine[Any, Any, None]]) -> NoReturn:
    """Be a process: settings, logs and metrics first, then ``serve`` on uvloop until it ends.

    Ends with ``os._exit``, because the Temporal SDK may abort at the interpreter's own end (sdk-python#300).
    """
    settings = Settings()
    configure_logging(settings.log_level)
    serve_metrics(settings.metrics_host, settings.metrics_port)
    uvloop.run(serve(settings))
    sys.stderr.flush()
    os._exit(0)


def cipher_of(ring: KeyRing) -> Cipher:
    """A cipher of a key ring from the settings."""
    return Cipher.from_ring(ring.current, {name: key.get_secret_value() for name, key in ring.keys.items()})


def seals_of(settings: Settings) -> Seals:
    """The keys for personal fields."""
    return Seals(
        cipher_of(settings.field_keys),
        BlindIndex.from_base64(settings.blind_index_key.get_secret_value()),
        base64.b64decode(settings.code_pepper.get_secret_value(), validate=True),
    )


async def assemble(settings: Settings, *, lazy: bool, runtime: Runtime | None = None) -> Assembly:
    """Build everything; nothing is started.

    Args:
        settings: of this process.
        lazy: connect to Temporal at the first call, so that the process can start without it.
        runtime: the Temporal SDK's runtime, for its metrics.

    Raises:
        RuntimeError: not lazy, and Temporal cannot be reached.
        KeysNotThere: the keys of the vault are not there, or another vault's.
    """
    url = settings.database_url.get_secret_value()
    engine, side = create_engine(url, pool=settings.database_pool), create_engine(url, pool=_SIDE_CONNECTIONS)
    seals = seals_of(settings)
    files = Files.at(settings.files_url, seals.cipher)
    keys = await open_keys(settings)
    http = httpx2.AsyncClient(timeout=_SMS_SECONDS)
    gateways = payment_gateways(settings, http)
    activity_context = ActivityContext(
        engine, seals, files, gateways, settings.app_link.rstrip("/"), Turns(settings.provider_at_once)
    )
    client = await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        cipher_of(settings.codec_keys),
        tls=temporal_tls(settings),
        lazy=lazy,
        runtime=runtime,
    )
    # After what may fail while a worker waits for Temporal: it opens a connection.
    vault = await open_vault(settings, keys)
    links = {"app_link": settings.app_link, "training_link": settings.training_link}
    sms = sms_gateway(settings, http)
    sender, invitations = (
        NoticeSender(activity_context, sms, links, mail_gateway(settings)),
        InvitationSender(activity_context, sms, links),
    )
    owners = mobile_owners(settings, http)
    check = JoiningCheck(activity_context, owners, lambda: relay.nudge())  # noqa: PLW0108 - the relay comes next
    owner_check = MobileOwnerCheck(activity_context, owners)
    account_check = BankAccountCheck(activity_context, account_owners(settings, http))
    withdrawals = WithdrawalRelease(activity_context)
    records = RecordSettling(activity_context)
    eraser = SecretEraser(engine, vault)
    routes = _routes(client, sender, check, owner_check, account_check, invitations, withdrawals, records)
    relay = Relay(engine, [*routes, Route(EraseSecrets, eraser.erase, Lane.SECRETS)])
    context = Context(engine, side, seals, files, relay.nudge, links, settings.contact, tuple(gateways), vault)
    return Assembly(settings, engine, side, context, activity_context, relay, client, http, vault, eraser)


async def open_keys(settings: Settings) -> KeyDirectory:
    """The keys outside the database that the settings name; a stand-alone stack makes them at its first start.

    Raises:
        KeysNotThere: they are not there.
    """
    if settings.stand_alone:
        await asyncio.to_thread(KeyDirectory.make, settings.vault_directory)
    return await asyncio.to_thread(KeyDirectory.at, settings.vault_directory, cipher_of(settings.vault_keys))


async def open_vault(settings: Settings, keys: KeyDirectory) -> Vault:
    """The vault that the settings name.

    Raises:
        KeysNotThere: the keys are another vault's; no process starts with them.
    """
    vault = Vault(create_engine(settings.vault_database_url.get_secret_value(), pool=_VAULT_CONNECTIONS), keys)
    try:
        await vault.recognise()
    except (OperationalError, PoolTimeout, OSError) as error:
        # A process starts without Postgres; whose keys these are is asked again before each use of them.
        _log.warning("vault_waits_for_database", extra={"error": type(error).__name__})
    except BaseException:
        await vault.engine.dispose()
        raise
    return vault


def temporal_tls(settings: Settings) -> TLSConfig | None:
    """How this process and Temporal prove themselves to each other; None where the settings name no certificate."""
    if settings.temporal_ca is None and settings.temporal_certificate is None:
        return None
    return TLSConfig(
        server_root_ca_cert=_content(settings.temporal_ca),
        domain=settings.temporal_name,
        client_cert=_content(settings.temporal_certificate),
        client_private_key=_content(settings.temporal_key),
    )


def _content(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()


def _routes(
    client: Client,
    sender: NoticeSender,
    check: JoiningCheck,
    owner_check: MobileOwnerCheck,
    account_check: BankAccountCheck,
    invitations: InvitationSender,
    withdrawals: WithdrawalRelease,
    records: RecordSettling,
) -> list[Route]:
    return [
        signal_route(client),
        Route(SendNotice, sender.send_notice, Lane.NOTICES),
        Route(SendCode, sender.send_code, Lane.CODES),
        Route(MailNotice, sender.send_notice, Lane.MAIL, _MAIL_SECONDS),
        Route(MailCode, sender.send_code, Lane.MAIL_CODES, _MAIL_SECONDS),
        Route(CheckJoining, check.check, Lane.INQUIRIES),
        Route(CheckMobileOwner, owner_check.check, Lane.INQUIRIES),
        Route(CheckBankAccount, account_check.check, Lane.ACCOUNT_INQUIRIES),
        Route(ReleaseWithdrawal, withdrawals.release),
        Route(SettleRecord, records.settle),
        Route(SendInvitation, invitations.send, Lane.NOTICES),
    ]


def mobile_owners(settings: Settings, http: httpx2.AsyncClient) -> MobileOwners:
    """The registry that the settings name; the local one, which says yes, belongs to a stand-alone stack alone.

    Raises:
        MobileOwnerNotSet: none is named, or its id or token is missing.
    """
    if settings.mobile_registry_provider == "local":
        if not settings.stand_alone:
            raise MobileOwnerNotSet(
                "set AMANAT_MOBILE_REGISTRY_PROVIDER, or AMANAT_STAND_ALONE for a stand-alone stack"
            )
        return LocalMobileOwners()
    token = settings.mobile_registry_token.get_secret_value()
    if not settings.mobile_registry_business_id or not token:
        raise MobileOwnerNotSet("AMANAT_MOBILE_REGISTRY_BUSINESS_ID and AMANAT_MOBILE_REGISTRY_TOKEN are needed")
    return UidMobileOwners(http, settings.mobile_registry_business_id, token)


def account_owners(settings: Settings, http: httpx2.AsyncClient) -> AccountOwners:
    """The registry of bank accounts that the settings name; the local one belongs to a stand-alone stack alone.

    Raises:
        AccountOwnerNotSet: none is named, or its client, national id or secret is missing.
    """
    if settings.account_registry_provider == "local":
        if not settings.stand_alone:
            raise AccountOwnerNotSet(
                "set AMANAT_ACCOUNT_REGISTRY_PROVIDER, or AMANAT_STAND_ALONE for a stand-alone stack"
            )
        return LocalAccountOwners()
    client, national_id = settings.account_registry_client_id, settings.account_registry_national_id
    secret = settings.account_registry_secret.get_secret_value()
    if not (client and national_id and secret):
        raise AccountOwnerNotSet("AMANAT_ACCOUNT_REGISTRY_CLIENT_ID, _NATIONAL_ID and _SECRET are needed")
    return FinnotechAccountOwners(http, client, national_id, secret, settings.account_registry_url)


def mail_gateway(settings: Settings) -> MailGateway:
    """Where e-mail goes.

    Raises:
        MailNotSet: the local directory is missing, or something of the server is missing or malformed.
    """
    if settings.mail_provider == "none":
        return NoMail()
    if settings.mail_provider == "local":
        if not settings.local_messages:
            raise MailNotSet("set AMANAT_MAIL_PROVIDER, or AMANAT_LOCAL_MESSAGES for a stand-alone stack")
        return LocalMail(Path(settings.local_messages))
    password = settings.mail_password.get_secret_value()
    if not settings.mail_host or bool(settings.mail_user) != bool(password):
        raise MailNotSet("AMANAT_MAIL_HOST is needed, and AMANAT_MAIL_USER with AMANAT_MAIL_PASSWORD or neither")
    try:
        return SmtpMail(
            settings.mail_host,
            settings.mail_port,
            settings.mail_security,
            sender=settings.mail_from,
            name=settings.mail_name,
            user=settings.mail_user,
            password=password,
        )
    except ValueError as error:
        raise MailNotSet(f"AMANAT_MAIL_*: {error}") from None


def sms_gateway(settings: Settings, http: httpx2.AsyncClient) -> SmsGateway:
    """The gateway that the settings name.

    Raises:
        SmsNotSet: a key, the templates, or the local directory is missing, or the carrier takes no such template.
    """
    if settings.sms_provider == "local":
        if not settings.local_messages:
            raise SmsNotSet("set AMANAT_SMS_PROVIDER, or AMANAT_LOCAL_MESSAGES for a stand-alone stack")
        return LocalSms(Path(settings.local_messages))
    key = settings.sms_api_key.get_secret_value()
    if not key or not settings.sms_templates:
        raise SmsNotSet("AMANAT_SMS_API_KEY and AMANAT_SMS_TEMPLATES are needed")
    _tell_unnamed(settings.sms_templates)
    if settings.sms_provider == "smsir":
        return SmsIr(http, key, _named(dict[str, int], settings))
    return Kavenegar(http, key, _named(dict[str, KavenegarTemplate], settings))


def _named(form: type[T], settings: Settings) -> T:
    """The carrier's templates by our names, in the carrier's form."""
    try:
        return TypeAdapter(form).validate_python(settings.sms_templates)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise SmsNotSet(f"AMANAT_SMS_TEMPLATES: {'; '.join(faults)}") from None


def _tell_unnamed(templates: Collection[str]) -> None:
    """Say at start which messages the carrier will not be asked to send, and which names are none of ours."""
    ours = set(sms_texts())
    if unnamed := sorted(ours - set(templates)):
        _log.error("sms_templates_unnamed", extra={"templates": unnamed})
    if unknown := sorted(set(templates) - ours):
        _log.error("sms_templates_unknown", extra={"templates": unknown})
