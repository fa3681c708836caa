"""Where cases and processes disagree, and who compares them."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.base import Moment, metadata

reconciliation_findings = sa.Table(
    "reconciliation_findings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("found_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("seen_again_at", Moment),
    sa.Column("times", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("settled_at", Moment),
)

reconciliation_rounds = sa.Table(
    "reconciliation_rounds",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("started_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("claimed_until", Moment),
    sa.Column("kind", sa.Text),
    sa.Column("after_id", sa.Uuid),
)
