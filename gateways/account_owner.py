"""Whose bank account it is: the port, and the stand-alone stack's adapter (docs/rules.md, E3, F4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class AccountUnknown(Exception):
    """The inquiry gave no answer; that is never a yes.

    Args:
        reason: a short code fit for logs; never a key, a national id, a name or a number.
        retryable: whether a later inquiry can succeed without anybody mending anything.
    """

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Holder:
    """Who says that an account is theirs; ``name`` is the full name."""

    national_id: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ownership:
    """What the bank said: whether the account is the holder's, and whether it takes money. Its names are forgotten."""

    is_owner: bool
    is_active: bool = True


class AccountOwners(Protocol):
    """Says whether a bank account belongs to somebody. Asking again changes nothing, and costs money again."""

    async def owns_card(self, holder: Holder, card: str) -> Ownership:
        """Whether the card with these 16 digits belongs to the holder.

        Raises:
            AccountUnknown: no answer, or one that is neither yes nor no.
        """
        ...

    async def owns_sheba(self, holder: Holder, sheba: str) -> Ownership:
        """Whether the account with this sheba (IR and 24 digits) belongs to the holder, alone or with others.

        Raises:
            AccountUnknown: no answer, or one that is neither yes nor no.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalAccountOwners:
    """Says yes, so that invented people can pay and be paid.

    To a number that ends in 4040 it says that it is another's, in 6060 that it takes no money, and nothing to one in
    5050.
    """

    async def owns_card(self, holder: Holder, card: str) -> Ownership:
        """See ``AccountOwners.owns_card``."""
        return await self.owns_sheba(holder, card)

    async def owns_sheba(self, holder: Holder, sheba: str) -> Ownership:  # noqa: ARG002 - nobody has an account anywhere
        """See ``AccountOwners.owns_sheba``."""
        if sheba.endswith("5050"):
            raise AccountUnknown("local_unknown", retryable=True)
        return Ownership(is_owner=not sheba.endswith("4040"), is_active=not sheba.endswith("6060"))
