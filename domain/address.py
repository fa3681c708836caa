"""What a caller's address says of their network, and how often a network may try something (G1).

Whoever has one address of IPv6 has all 2^64 of its network, and often 2^16 such networks: limits count networks, a near
one and the wide one around it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from domain.account import Limit

# What one organisation or one household is given at the most.
_WIDE_BITS: Final = 48
_NEAR_BITS: Final = 64
# How many near networks' allowances a wide one has.
WIDER: Final = 8
_HALF: Final = 16

Uses = tuple[tuple[Limit, str], ...]


def networks(address: str) -> tuple[str, str]:
    """The wide and the near network of an address: /48 and /64 of IPv6; of IPv4 both are the address.

    What cannot be read as an address is one network: nobody can have many of them.
    """
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return "", ""
    mapped: IPv4Address | IPv6Address = (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
    if isinstance(mapped, IPv4Address):
        return str(mapped), str(mapped)
    wide, near = (str(ip_network((mapped, bits), strict=False)) for bits in (_WIDE_BITS, _NEAR_BITS))
    return wide, near


def origin_of(pepper: bytes, address: str) -> str:
    """What is kept of an address: keyed hashes of its networks, the wide one first, readable by nobody.

    Equal for addresses of one near network; equal in the first half for those of one wide network.
    """
    return "".join(
        hmac.digest(pepper, b"origin\x00" + network.encode(), hashlib.sha256).hex()[:_HALF]
        for network in networks(address)
    )


def from_network(limit: Limit, origin: str, about: str = "") -> Uses:
    """The uses to count for a caller from somewhere: of the near network, then of the wide one around it.

    Args:
        limit: how often a near network may; a wide one ``WIDER`` times as often.
        origin: as ``origin_of`` makes it.
        about: what it is counted for, such as a user name; empty for all together.
    """
    wide = replace(limit, name=f"{limit.name}_wide", allowed=limit.allowed * WIDER)
    return (limit, f"{about}/{origin}"), (wide, f"{about}/{origin[:_HALF]}")
