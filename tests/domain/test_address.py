"""Which addresses are one network."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Limit
from domain.address import WIDER, from_network, networks, origin_of

PEPPER = b"pepper"


@pytest.mark.parametrize(
    ("address", "wide", "near"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:0207", "192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::", "2001:db8:1::/48", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/48", "fe80::/64"),
        (" 192.0.2.7 ", "192.0.2.7", "192.0.2.7"),
    ],
)
def test_an_address_of_ipv6_stands_for_its_64_and_48_and_one_of_ipv4_for_itself(
    address: str, wide: str, near: str
) -> None:
    assert networks(address) == (wide, near)


@pytest.mark.parametrize("address", ["", "testclient", "192.0.2.7:80", "999.1.1.1", "\x00", "۱۹۲.۰.۲.۷"])
def test_what_is_no_address_is_one_network(address: str) -> None:
    assert networks(address) == ("", "")


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**16 - 1))
def test_all_addresses_of_a_network_are_one_origin(host: int, subnet: int) -> None:
    prefix = 0x20010DB8_0001 << 80
    one, other = (origin_of(PEPPER, _ipv6(prefix | (subnet << 64) | each)) for each in (host, 1))
    assert one == other
    elsewhere = origin_of(PEPPER, _ipv6(prefix | ((subnet ^ 1) << 64) | host))
    assert (one[:16] == elsewhere[:16], one == elsewhere) == (True, False)


def test_a_wide_network_has_the_allowance_of_several_near_ones() -> None:
    limit = Limit("tries", 10, timedelta(hours=1))
    origin = origin_of(PEPPER, "2001:db8::1")
    (near, near_key), (wide, wide_key) = from_network(limit, origin, "maryam")
    assert (near, wide.allowed, wide.window) == (limit, 10 * WIDER, limit.window)
    assert near_key.startswith(wide_key)
    assert wide.name != near.name


def _ipv6(number: int) -> str:
    return ":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))
