"""Secrets that are made once: whole or not at all, the same for all, their owner's alone."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from libs.common.config import kept_secret
from libs.common.files import create_once


def test_all_that_start_at_once_read_one_whole_secret(tmp_path: Path) -> None:
    path, ready = tmp_path / "keys" / "secret", threading.Barrier(12)
    found: list[str] = []

    def start(number: int) -> None:
        ready.wait()
        found.append(kept_secret(path, f"{number:02}" * 50_000))

    threads = [threading.Thread(target=start, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12 and len(set(found)) == 1 and len(found[0]) == 100_000
    assert [p.name for p in path.parent.iterdir()] == ["secret"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_secret_has_no_name_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dies while writing leaves no half of a secret that all later starts would read."""

    def die(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        create_once(tmp_path / "secret", "whole")
    assert list(tmp_path.iterdir()) == []


def test_it_is_made_where_files_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    assert create_once(tmp_path / "secret", "one") == "one"
    assert create_once(tmp_path / "secret", "two") == "one"


def test_an_empty_secret_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(RuntimeError, match="secret is empty: put it back"):
        kept_secret(tmp_path / "secret", "fresh")
