"""The demo, run for real."""
