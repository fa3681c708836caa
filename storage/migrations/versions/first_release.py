"""The first release: every area in the order of its dependencies, and the data that ships.

A later capability brings a version of its own, with its own area and its own policy.
"""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy, ship_regions

revision = "first_release"
down_revision = None

AREAS = (
    "foundation",
    "people",
    "account",
    "policy",
    "process",
    "working_hours",
    "ledger",
    "personnel",
    "onboarding",
    "certificate",
    "guarantor",
    "substitution",
    "reconciliation",
)
# The sha256 of each file, which never changes once it shipped: what comes after version 1 is proposed by people.
POLICIES = {
    "personnel": "5c632ead6271ba913c514c9d041061902b2d7bec4298ee835550e8da2703b118",
    "programme:minipay": "2ed70845c69310597b20f392ad5dd410234a1a50ae959f308a9deb0292c8671a",
    "programme:tavana": "afcae04c821696fe539aee0f7d14ceca5693d768284396c5cddcb005d7e3a972",
    "working_hours": "532d62cee7046e0dab7abc8cf51a36ef4a5308d72e091b2b32b72311049bbbbd",
}
REGIONS = "81d235eade2cb7b7813ebb194a3c64bd44d958552a456b4a74b4a705d6a97550"


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    for area in AREAS:
        create_area(connection, area)
    ship_regions(connection, REGIONS)
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
