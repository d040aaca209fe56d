"""The platform of tests and benches leaves no process behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PARENT = """
import sys, threading, time
from pathlib import Path
from tools.platform import Platform
platform = Platform(Path(sys.argv[1]), processes=[["template"]])
thread = threading.Thread(target=platform.start_process, args=(["template"],))
thread.start()
thread.join()
time.sleep(0.5)
print(*platform.pids(), flush=True)
time.sleep(60)
"""


def _lives(pid: int) -> bool:
    """Does the process run? One that ended and waits to be fetched does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_killed_parent_takes_its_platform_along(tmp_path: Path) -> None:
    """The parent is killed outright and had started it in a thread that ended long ago."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'libs' / 'gen'}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    command = (Path("/proc") / str(child) / "cmdline").read_text().split("\0")
    assert _lives(child) and "services" in command, "the program itself, not its leash"
    parent.kill()
    parent.communicate()
    assert _until(lambda: not _lives(child))
