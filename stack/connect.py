"""Connects a command line to the running stack, or to what DATABASE_URL and the keys in the environment name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from assembly import Assembly, assemble
from settings import Settings
from stack.control import running_environment
from stack.places import CliError


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[Assembly]:
    """The parts of a process on the running stack, given back at the end; nothing is relayed: api and worker do.

    Raises:
        CliError: no stack runs and the environment names none.
    """
    try:
        os.environ.update(running_environment())
    except CliError:
        if "AMANAT_FIELD_KEYS" not in os.environ or "DATABASE_URL" not in os.environ:
            raise
    assembly = await assemble(Settings(), lazy=True)
    try:
        yield assembly
    finally:
        await assembly.close()
