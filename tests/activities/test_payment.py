"""Transitions of a payment."""
