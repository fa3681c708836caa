"""Postgres: tables, queries, ledger, outbox, audit, sealed fields."""
