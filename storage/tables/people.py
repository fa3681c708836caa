"""Regions, organisations, persons and where they work."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.base import Moment, metadata

regions = sa.Table(
    "regions",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

organisations = sa.Table(
    "organisations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("monthly_cap", sa.BigInteger),
    sa.Column("unit", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

contracts = sa.Table(
    "contracts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("organisation_id", sa.Uuid, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

persons = sa.Table(
    "persons",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("national_id_index", sa.LargeBinary, nullable=False),
    sa.Column("national_id_sealed", sa.LargeBinary, nullable=False),
    sa.Column("mobile_index", sa.LargeBinary),
    sa.Column("mobile_sealed", sa.LargeBinary),
    sa.Column("mobile_confirmed_at", Moment),
    sa.Column("money_paused_until", Moment),
    sa.Column("first_name", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("last_name", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

employments = sa.Table(
    "employments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("organisation_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("region_code", sa.Text, nullable=False),
    sa.Column("hire_date", sa.Date, nullable=False),
    sa.Column("net_pay", sa.BigInteger, nullable=False),
    sa.Column("unit", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("sheba_index", sa.LargeBinary, nullable=False),
    sa.Column("sheba_sealed", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("updated_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)
