"""The command line and the stand-alone stack, run for real."""
