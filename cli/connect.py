"""Connects a command line to the running stack, or to what DATABASE_URL and the keys in the environment name."""

from __future__ import annotations

import os

from assembly import Assembly, assemble
from cli.places import CliError
from cli.stack import running_environment
from commands.command import Context
from settings import Settings


async def assembly() -> Assembly:
    """The parts of a process on the running stack; it relays nothing itself: api and worker do.

    Raises:
        CliError: no stack runs and the environment names none.
    """
    try:
        os.environ.update(running_environment())
    except CliError:
        if "AMANAT_FIELD_KEYS" not in os.environ or "DATABASE_URL" not in os.environ:
            raise
    return await assemble(Settings(), lazy=True)


async def context() -> Context:
    """What commands work with, on the running stack."""
    return (await assembly()).context
