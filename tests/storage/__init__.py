"""Tests of storage: constraints and races, on a real Postgres."""
