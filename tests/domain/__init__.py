"""Tests of domain: rules, without I/O."""
