"""Sealed values open only with their key, for their purpose, unaltered."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sealing import BlindIndex, Cipher, SealBroken

OLD, NEW = (base64.b64encode(bytes([fill]) * 32).decode() for fill in (1, 2))
CIPHER = Cipher.from_ring("old", {"old": OLD})
ROTATED = Cipher.from_ring("new", {"old": OLD, "new": NEW})


@given(st.binary(max_size=300))
def test_what_was_sealed_opens_for_its_purpose(plain: bytes) -> None:
    assert CIPHER.open(CIPHER.seal(plain, "person.mobile"), "person.mobile") == plain


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert CIPHER.seal_text("0912", "person.mobile") != CIPHER.seal_text("0912", "person.mobile")


def test_a_value_does_not_open_for_another_purpose() -> None:
    with pytest.raises(SealBroken):
        CIPHER.open(CIPHER.seal(b"x", "person.mobile"), "person.national_id")


@given(st.integers(min_value=0, max_value=40), st.integers(min_value=1, max_value=255))
def test_an_altered_value_does_not_open(place: int, change: int) -> None:
    sealed = bytearray(CIPHER.seal(b"0123456789", "p"))
    sealed[place % len(sealed)] ^= change

    with pytest.raises(SealBroken):
        CIPHER.open(bytes(sealed), "p")


@given(st.binary(max_size=60))
def test_bytes_that_were_never_sealed_are_refused(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        CIPHER.open(noise, "p")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    old = CIPHER.seal_text("قدیم", "p")
    new = ROTATED.seal_text("تازه", "p")

    assert ROTATED.open_text(old, "p") == "قدیم"
    assert ROTATED.open_text(new, "p") == "تازه"
    with pytest.raises(SealBroken):
        CIPHER.open(new, "p")


def test_an_index_is_equal_for_equal_values_of_one_kind_only() -> None:
    index = BlindIndex.from_base64(OLD)

    assert index.of("mobile", "1") == index.of("mobile", "1")
    assert len({index.of("mobile", "1"), index.of("national_id", "1"), index.of("mobile", "2")}) == 3
    assert index.of("mobile", "1") != BlindIndex.from_base64(NEW).of("mobile", "1")


@pytest.mark.parametrize("key", ["", base64.b64encode(bytes(16)).decode(), "not base64!"])
def test_a_key_of_another_length_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|base64|padding|Invalid|Only"):
        BlindIndex.from_base64(key)
    with pytest.raises(ValueError, match="no key named"):
        Cipher.from_ring("missing", {"old": OLD})


def test_keys_never_show_in_texts() -> None:
    assert OLD not in repr(CIPHER)
    assert "AESGCM" not in repr(CIPHER)
    assert repr(BlindIndex.from_base64(OLD)) == "BlindIndex()"
