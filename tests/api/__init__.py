"""Tests of api: shapes, errors, and who may do what."""
