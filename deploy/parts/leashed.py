"""Starts processes that die with this one, however this one ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from deploy.parts import leash


def start_leashed(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen` from a thread that lives as long as the process it starts.

    The kernel ends the process with the thread that started it, and the caller's may be a
    pool's, gone long before the work is over.
    """
    arguments = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command]
    started: Future[subprocess.Popen[bytes]] = Future()

    def run() -> None:
        try:
            process = subprocess.Popen(arguments, **options)
        except BaseException as fault:
            started.set_exception(fault)
            return
        started.set_result(process)
        process.wait()

    threading.Thread(target=run, name=f"leash of {command[0]}", daemon=True).start()
    return started.result()
