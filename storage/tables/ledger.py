"""The ledger; only storage/ledger reads it."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.base import Moment, metadata

account_kinds = sa.Table(
    "account_kinds",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("sign", sa.SmallInteger, nullable=False),
    sa.Column("floor", sa.BigInteger),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("sign", sa.SmallInteger, nullable=False),
    sa.Column("floor", sa.BigInteger),
    sa.Column("balance", sa.BigInteger, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("held", sa.BigInteger, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("owner_person", sa.Uuid),
    sa.Column("organisation_id", sa.Uuid),
    sa.Column("frozen_at", Moment),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

journals = sa.Table(
    "journals",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("case_id", sa.Uuid),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("event_at", Moment, nullable=False),
    sa.Column("corrects", sa.Uuid),
    sa.Column("tx", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True)),
    sa.Column("journal_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("balance_after", sa.BigInteger),
    sa.Column("tx", sa.Text, nullable=False, server_default=sa.FetchedValue()),
)

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("case_id", sa.Uuid),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("posted_amount", sa.BigInteger),
    sa.Column("journal_id", sa.Uuid),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("resolved_at", Moment),
)

balance_snapshots = sa.Table(
    "balance_snapshots",
    metadata,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("server", sa.BigInteger, primary_key=True),
    sa.Column("horizon", sa.Text, primary_key=True),
    sa.Column("balance", sa.Numeric, nullable=False),
    sa.Column("taken_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

kind_sums = sa.Table(
    "kind_sums",
    metadata,
    sa.Column("server", sa.BigInteger, primary_key=True),
    sa.Column("horizon", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("total", sa.Numeric, nullable=False),
    sa.Column("taken_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)
