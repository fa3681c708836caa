"""Policies, cases and all that hangs on them, promises, notices, audit."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.base import Moment, metadata

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("value", JSONB, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("proposed_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("approved_by", sa.Text),
    sa.Column("approved_at", Moment),
    sa.Column("rejected_at", Moment),
)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("variant", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("person_id", sa.Uuid),
    sa.Column("organisation_id", sa.Uuid),
    sa.Column("region_code", sa.Text),
    sa.Column("next_actor", sa.Text),
    sa.Column("due_at", Moment),
    sa.Column("policy_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("opened_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("changed_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("closed_at", Moment),
)

case_people = sa.Table(
    "case_people",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("since", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("until", Moment),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("actor_id", sa.Uuid),
    sa.Column("capacity", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("person_id", sa.Uuid),
    sa.Column("role", sa.Text),
    sa.Column("scope_kind", sa.Text),
    sa.Column("scope", sa.Text),
    sa.Column("subject_id", sa.Uuid),
    sa.Column("details", JSONB, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("status", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("outcome", sa.Text),
    sa.Column("opened_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("remind_at", Moment, nullable=False),
    sa.Column("reminded_at", Moment),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("claimed_by", sa.Uuid),
    sa.Column("claimed_at", Moment),
    sa.Column("decided_by", sa.Uuid),
    sa.Column("closed_at", Moment),
    sa.Column("fact_id", sa.Uuid),
    sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.FetchedValue()),
)

deadlines = sa.Table(
    "deadlines",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("due_at", Moment, nullable=False),
)

transitions = sa.Table(
    "transitions",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("result", JSONB, nullable=False),
    sa.Column("at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

timeline = sa.Table(
    "timeline",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("params", JSONB, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("actor", sa.Text, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("due_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("claimed_until", Moment),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("last_error", sa.Text),
    sa.Column("sent_at", Moment),
    sa.Column("case_id", sa.Uuid, server_default=sa.FetchedValue()),
    sa.Column("notice_id", sa.Uuid, server_default=sa.FetchedValue()),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("case_id", sa.Uuid),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("mobile_sealed", sa.LargeBinary),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("params", JSONB, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("provider_ref", sa.Text),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("sent_at", Moment),
    sa.Column("failure", sa.Text),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("actor_id", sa.Uuid, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer_sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
)
