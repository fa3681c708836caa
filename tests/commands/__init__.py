"""Tests of commands: what people may do, on a real Postgres."""
