"""The platform on a disk that is full: writes answer 503 with the cause, reads go on, nothing
acknowledged is lost, and everything goes on once there is room."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import httpx2
import pytest

from libs.cli.client import Client
from services.__main__ import SERVICES as ALL
from tests.system.line import add_items, make_project, until
from tools.platform import Platform

SERVICES = ("gateway", "template", "intake", "task_dispatch")
WITHOUT = [name.replace("_", "-") for name in ALL if name not in SERVICES]
Stop = Callable[[Platform], AbstractContextManager[None]]


@contextmanager
def files_may_not_grow(platform: Platform) -> Iterator[None]:
    """No file takes a byte more, whoever runs the tests: every write fails as on a bad disk."""
    (pid,) = platform.pids()
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def the_disk_is_filled(platform: Platform) -> Iterator[None]:
    ballast = platform.data / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 65536):
                pass
        except OSError:
            pass
    yield
    ballast.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"SKIPPED LOUDLY: no small disk without root: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=False)


@pytest.mark.parametrize("kind", ["small disk", "files that do not grow"])
def test_a_full_disk_stops_writes_and_nothing_else(tmp_path: Path, kind: str) -> None:
    small = kind == "small disk"
    full: Stop = the_disk_is_filled if small else files_may_not_grow
    platform = Platform(tmp_path / "data", processes=[SERVICES], without=WITHOUT)
    with small_disk(tmp_path) if small else nullcontext(), platform:
        operator = Client(platform.url, platform.operator_key())
        owner_key = operator.post("tenants", {"tenant_id": "acme"})["api_key"]
        owner = Client(platform.url, owner_key)
        project = make_project(owner, "acme", pre_label=False)
        assert add_items(owner, project, ["kept"])["admitted_count"] == 1
        until(lambda: bool(tasks(owner, project)), "a task of the first item")
        with full(platform):
            answers = [write(platform, owner_key, project, f"x{i}" * 20_000) for i in range(3)]
            assert {a.status_code for a in answers} == {503}, answers
            assert all("nothing was written" in a.json()["detail"] for a in answers)
            assert len(tasks(owner, project)) == 1, "reads go on"
            assert owner.get(project)["name"] == project
        assert write(platform, owner_key, project, "after").status_code == 200
        until(lambda: len(tasks(owner, project)) == 2, "the line goes on")
        (child,) = platform.children.values()
        assert child.poll() is None, "the same process all the while"


def tasks(owner: Client, project: str) -> list[object]:
    return list(owner.get(f"{project}/tasks")["tasks"])


def write(platform: Platform, key: str, project: str, text: str) -> httpx2.Response:
    """The answer to one item; `Client` would try again for ten seconds."""
    return httpx2.post(
        f"{platform.url}/v1/{project}/items:batchCreate",
        json={"items": [{"data": {"text": text}}]},
        headers={"authorization": f"Bearer {key}"},
        timeout=60,
    )
