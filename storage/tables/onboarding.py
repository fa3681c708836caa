"""Applications, certificates, guarantees and credit lines."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.base import Moment, metadata

applications = sa.Table(
    "applications",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("employment_id", sa.Uuid, nullable=False),
    sa.Column("programme", sa.Text, nullable=False),
    sa.Column("monthly", sa.BigInteger, nullable=False),
    sa.Column("instalments", sa.Integer, nullable=False),
    sa.Column("net_pay", sa.BigInteger, nullable=False),
    sa.Column("region_code", sa.Text, nullable=False),
    sa.Column("hire_date", sa.Date, nullable=False),
    sa.Column("mandate_version", sa.Integer, nullable=False),
    sa.Column("approved_monthly", sa.BigInteger),
    sa.Column("approved_instalments", sa.Integer),
    sa.Column("unit", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("approved_at", Moment),
    sa.Column("approved_by", sa.Uuid),
    sa.Column("activates_at", Moment),
    sa.Column("returned_at", Moment),
)

guarantees = sa.Table(
    "guarantees",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("credit_case_id", sa.Uuid, nullable=False),
    sa.Column("applicant_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("employment_id", sa.Uuid, nullable=False),
    sa.Column("monthly", sa.BigInteger, nullable=False),
    sa.Column("instalments", sa.Integer, nullable=False),
    sa.Column("unit", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("replaces_id", sa.Uuid),
    sa.Column("status", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("mandate_version", sa.Integer),
    sa.Column("named_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("accepted_at", Moment),
    sa.Column("ended_at", Moment),
)

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("organisation_id", sa.Uuid, nullable=False),
    sa.Column("monthly", sa.BigInteger, nullable=False),
    sa.Column("instalments", sa.Integer, nullable=False),
    sa.Column("unit", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("issued_by", sa.Uuid, nullable=False),
    sa.Column("issued_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("revoked_by", sa.Uuid),
    sa.Column("revoked_at", Moment),
    sa.Column("revoke_reason", sa.Text),
)

credit_lines = sa.Table(
    "credit_lines",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("organisation_id", sa.Uuid, nullable=False),
    sa.Column("programme", sa.Text, nullable=False),
    sa.Column("monthly", sa.BigInteger, nullable=False),
    sa.Column("instalments", sa.Integer, nullable=False),
    sa.Column("unit", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("card_index", sa.LargeBinary, nullable=False),
    sa.Column("card_sealed", sa.LargeBinary, nullable=False),
    sa.Column("opened_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("ends_on", sa.Date, nullable=False),
    sa.Column("purchases_stopped_at", Moment),
    sa.Column("closed_at", Moment),
)
