"""Becomes the program named after the parent's process id, and dies when that parent dies.

Run as a script between parent and server, since code between fork and exec is unsafe once the
parent has threads. Linux sends the signal when the parent's *thread* ends: see `leashed.py`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        raise SystemExit(f"the parent {parent} is gone")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
