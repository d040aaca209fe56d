"""The folder models are built in: cleared of what a killed build left, one build at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.models.workshop import workshop

BUILD = """
import sys, time
from pathlib import Path
from deploy.models.workshop import workshop
with workshop(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    print("building", flush=True)
    sys.stdin.read()
"""


def building(out: Path) -> subprocess.Popen[str]:
    made = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return made


def test_a_killed_build_leaves_nothing_that_the_next_one_does_not_clear(tmp_path: Path) -> None:
    out = tmp_path / "models"
    killed = building(out)
    assert killed.stdout is not None and killed.stdout.readline() == "building\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with workshop(out) as folder:
        assert list(folder.iterdir()) == []
    assert [p.name for p in tmp_path.iterdir()] == [".models.building"]
    assert [p.name for p in (tmp_path / ".models.building").iterdir()] == ["lock"]


def test_a_second_build_waits_for_the_first(tmp_path: Path) -> None:
    out = tmp_path / "models"
    with workshop(out) as folder:
        (folder / "mine").write_text("x")
        other = building(out)
        assert other.stderr is not None and "waiting" in other.stderr.readline()
        assert (folder / "mine").exists() and not (folder / "half").exists()
    assert other.stdout is not None and other.stdout.readline() == "building\n"
    other.communicate("")
    assert other.returncode == 0
