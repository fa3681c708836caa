"""The Temporal client: every payload sealed, failures' texts too; what cannot be opened is never believed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    EncodingPayloadConverter,
    PayloadCodec,
)
from temporalio.runtime import Runtime
from temporalio.service import TLSConfig

_ENCODING = b"binary/amanat-sealed"
_UNREADABLE = "binary/amanat-unreadable"
_PURPOSE = "temporal.payload"


class SealsPayloads(Protocol):
    """What encrypts payloads."""

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt for one purpose."""

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what was sealed for this purpose."""


class Unreadable(Exception):
    """A value that is needed came unsealed, or sealed with a key that is not known here."""


class SealingCodec(PayloadCodec):
    """Seals payloads for one namespace, so that one cannot be replayed into another."""

    def __init__(self, cipher: SealsPayloads, namespace: str) -> None:
        self._cipher = cipher
        self._purpose = f"{_PURPOSE}:{namespace}"

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal each."""
        return [
            Payload(
                metadata={"encoding": _ENCODING}, data=self._cipher.seal(payload.SerializeToString(), self._purpose)
            )
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open each; one that cannot be opened is handed on as unreadable, its bytes left out.

        Raising here would fail the whole workflow task, for ever: one signal from a stranger would stop a case.
        """
        return [self._open(payload) for payload in payloads]

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") == _ENCODING:
            try:
                return Payload.FromString(self._cipher.open(payload.data, self._purpose))
            except Exception:  # noqa: BLE001 - whatever is wrong with it, it is unreadable
                return _unreadable()
        return _unreadable()


def _unreadable() -> Payload:
    return Payload(metadata={"encoding": _UNREADABLE.encode()})


class UnreadableConverter(EncodingPayloadConverter):
    """Takes an unreadable payload where nobody asks what it says: a signal's arrival is all that counts."""

    @property
    def encoding(self) -> str:
        """What the codec calls such a payload."""
        return _UNREADABLE

    def to_payload(self, value: Any) -> Payload | None:
        """Leave every value to the other converters."""
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Nothing, where no type is asked for.

        Raises:
            Unreadable: one is; the task that needs it fails and is tried again, until the key is there.
        """
        if type_hint is not None:
            raise Unreadable


class LenientPayloadConverter(CompositePayloadConverter):
    """The SDK's converters, and the one for what cannot be read."""

    def __init__(self) -> None:
        super().__init__(*DefaultPayloadConverter.default_encoding_payload_converters, UnreadableConverter())


def data_converter(cipher: SealsPayloads, namespace: str) -> DataConverter:
    """The converter that client, worker and replayer share."""
    return dataclasses.replace(
        DataConverter.default,
        payload_converter_class=LenientPayloadConverter,
        payload_codec=SealingCodec(cipher, namespace),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(
    address: str,
    namespace: str,
    cipher: SealsPayloads,
    *,
    tls: TLSConfig | None = None,
    lazy: bool = False,
    runtime: Runtime | None = None,
) -> Client:
    """Connect to Temporal.

    Args:
        address: host and port.
        namespace: where the processes live.
        cipher: seals payloads.
        tls: how the two prove themselves to each other; None: the connection is plain.
        lazy: connect at the first call; for the api, which must start while Temporal is down.
        runtime: the SDK's runtime, for metrics.

    Raises:
        RuntimeError: not lazy, and Temporal cannot be reached.
    """
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=data_converter(cipher, namespace),
        tls=tls or False,
        lazy=lazy,
        runtime=runtime,
    )
