"""The stand-alone stack, run for real."""
