"""Becomes another program that dies with its parent: ``… SIGNAL PARENT UID GID -- PROGRAM ARGUMENT…``.

Run as a script between fork and exec, because a hook of ``subprocess`` there is unsafe with threads. It
keeps its process id. ``UID`` and ``GID`` are ``-`` for "unchanged". Only Linux sends the signal;
elsewhere the program outlives its parent.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Drop privileges, ask the kernel for the signal, then become the program."""
    signal, parent, user, group, dashes, *command = sys.argv[1:]
    if dashes != "--" or not command:
        sys.exit("run_with_pdeathsig: usage: SIGNAL PARENT UID GID -- PROGRAM [ARGUMENT…]")
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    if sys.platform == "linux":  # after setuid, which would clear it
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0)
    if os.getppid() != int(parent):  # the parent died before the request above
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - becoming the program is the purpose


if __name__ == "__main__":
    main()
