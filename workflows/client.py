"""The Temporal client: every payload sealed, plaintext refused, failures' texts sealed too."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)
from temporalio.runtime import Runtime

TASK_QUEUE = "amanat"
_ENCODING = b"binary/amanat-sealed"
_PURPOSE = "temporal.payload"


class SealsPayloads(Protocol):
    """What encrypts payloads."""

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt for one purpose."""

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what was sealed for this purpose."""


class PlaintextRefused(Exception):
    """A payload came unsealed; nothing of ours writes such."""


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
        """Open each.

        Raises:
            PlaintextRefused: one was not sealed.
        """
        return [self._open(payload) for payload in payloads]

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            raise PlaintextRefused
        return Payload.FromString(self._cipher.open(payload.data, self._purpose))


def data_converter(cipher: SealsPayloads, namespace: str) -> DataConverter:
    """The converter that client, worker and replayer share."""
    return dataclasses.replace(
        DataConverter.default,
        payload_codec=SealingCodec(cipher, namespace),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(
    address: str, namespace: str, cipher: SealsPayloads, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """Connect to Temporal.

    Args:
        address: host and port.
        namespace: where the processes live.
        cipher: seals payloads.
        lazy: connect at the first call; for the api, which must start while Temporal is down.
        runtime: the SDK's runtime, for metrics.

    Raises:
        RuntimeError: not lazy, and Temporal cannot be reached.
    """
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=data_converter(cipher, namespace),
        lazy=lazy,
        runtime=runtime,
    )
