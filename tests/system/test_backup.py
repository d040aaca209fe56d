"""Backup and restore as docs/operations.md writes them, while the platform is written to."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from libs.cli.client import Client
from services.__main__ import SERVICES as ALL
from tests.system.line import add_items, make_project, until
from tools.platform import ROOT, Platform

SERVICES = ("gateway", "template", "intake", "task_dispatch")
WITHOUT = [name.replace("_", "-") for name in ALL if name not in SERVICES]


def written(number: int) -> list[str]:
    """Commands of the page's shell block of that number."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.S)
    return [line for line in blocks[number].splitlines() if line]


def typed(commands: list[str], home: Path) -> str:
    """What they print, typed in a folder with `labelmill` installed."""
    program = home / "bin" / "labelmill"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m libs.cli.main "$@"\n')
    program.chmod(0o755)
    paths = f"{ROOT}{os.pathsep}{ROOT / 'libs' / 'gen'}"
    env = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": paths}
    script = "\n".join(["set -e", *commands])
    done = subprocess.run(
        ["sh", "-c", script], cwd=home, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_backup_taken_while_it_runs_is_whole_and_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Platform(data, processes=[SERVICES], without=WITHOUT) as platform:
        operator_key = platform.operator_key()
        operator = Client(platform.url, operator_key)
        key = operator.post("tenants", {"tenant_id": "acme"})["api_key"]
        owner = Client(platform.url, key)
        project = make_project(owner, "acme", pre_label=False)
        (tmp_path / "a.csv").write_text("text\nx\n")
        owner.upload("tenants/acme", tmp_path / "a.csv")
        stop, acknowledged = threading.Event(), [0]

        def write() -> None:
            mine = Client(platform.url, key)
            while not stop.is_set():
                texts = [f"text {acknowledged[0]} {i}" for i in range(5)]
                add_items(mine, project, texts, first=acknowledged[0])
                acknowledged[0] += 5

        writer = threading.Thread(target=write)
        writer.start()
        until(lambda: acknowledged[0] >= 50, "the line runs")
        known = acknowledged[0]
        said = typed(written(0), tmp_path)
        assert "backed up backups/monday" in said
        after = acknowledged[0]
        until(lambda: acknowledged[0] > after, "writing goes on")
        stop.set()
        writer.join()
    assert "restored" in typed(written(1), tmp_path)
    assert (tmp_path / "data.before").is_dir()
    (blob,) = (data / "blobs" / "blobs" / "acme").iterdir()
    assert blob.read_text() == "text\nx\n"
    files = [*data.rglob("*"), *(tmp_path / "backups").rglob("*")]
    modes = {p.stat().st_mode & 0o077 for p in files}
    assert modes == {0}, "for its owner only"
    with Platform(data, processes=[SERVICES], without=WITHOUT) as platform:
        assert platform.operator_key() == operator_key
        owner = Client(platform.url, key)
        items = names(owner, project, "items")
        assert known <= len(items) < acknowledged[0], "of the moment of the backup"
        until(lambda: names(owner, project, "tasks") == items, "each item has its one task")


def names(owner: Client, project: str, what: str) -> set[str]:
    return {one["name"].rsplit("/", 1)[-1] for one in owner.pages(f"{project}/{what}", what)}


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path) -> None:
    def run(*words: str, **env: str) -> str:
        paths = f"{ROOT}{os.pathsep}{ROOT / 'libs' / 'gen'}"
        command = [sys.executable, "-m", "libs.cli.main", *words]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1 and "Traceback" not in done.stderr
        return done.stderr

    assert "there is no data in data; set DATA_DIR" in run("backup", "b")
    assert "BUS_URL is no file here" in run("backup", "b", BUS_URL="kafka://127.0.0.1:1")
    assert "is no whole backup" in run("restore", "b")
    (tmp_path / "b").mkdir()
    broken: dict[str, Any] = {
        "format": 1,
        "time": "",
        "files": [{"path": "keys/a", "bytes": 1, "sha256": "0"}],
    }
    (tmp_path / "b" / "backup.json").write_text(json.dumps(broken))
    assert "keys/a is missing in the backup" in run("restore", "b")
    (tmp_path / "b" / "keys").mkdir()
    (tmp_path / "b" / "keys" / "a").write_text("x")
    assert "keys/a is not what was backed up" in run("restore", "b")
    assert not (tmp_path / "data" / "keys").exists()
