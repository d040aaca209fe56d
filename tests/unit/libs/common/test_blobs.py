"""The blob store while several processes write to and remove the same folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libs.common.blobs import Blobs
from libs.common.errors import Unavailable


async def test_a_folder_goes_whole_while_others_remove_what_is_theirs(tmp_path: Path) -> None:
    blobs = Blobs(f"file://{tmp_path}/blobs")
    paths = [f"chunks/acme/{i:03}" for i in range(120)]
    for _ in range(5):
        for path in paths:
            blobs.put_now(path, b"x")
        await asyncio.gather(
            *(blobs.delete(path) for path in paths[::2]),
            blobs.delete("chunks/acme"),
            *(blobs.delete(path) for path in paths[1::3]),
        )
        assert await blobs.list("chunks") == []


async def test_a_folder_goes_whole_also_where_a_file_of_it_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another one removed between the listing and the removal is no end of it."""
    blobs = Blobs(f"file://{tmp_path}/blobs")
    for name in "abc":
        blobs.put_now(f"chunks/{name}", b"x")
    rm, gone = blobs._fs.rm, []

    def first_another(path: str, **more: object) -> None:
        if not gone:
            gone.append(path)
            rm(blobs._full("chunks/a"))
            raise FileNotFoundError(blobs._full("chunks/a"))
        rm(path, **more)

    monkeypatch.setattr(blobs._fs, "rm", first_another, raising=False)
    await blobs.delete("chunks")
    assert gone and await blobs.list("chunks") == []


def test_a_folder_that_goes_while_it_is_written_to_is_told_as_to_be_tried_again(
    tmp_path: Path,
) -> None:
    blobs = Blobs(f"file://{tmp_path}/blobs")
    writing = blobs.write("chunks/a/1")
    with pytest.raises(Unavailable, match="send it again"), writing as file:
        file.write(b"x")
        blobs._fs.rm(blobs._full("chunks"), recursive=True)
    blobs.put_now("chunks/a/1", b"y")
    assert blobs.get_now("chunks/a/1") == b"y"


def test_what_a_writer_misses_itself_is_no_fault_of_the_store(tmp_path: Path) -> None:
    blobs = Blobs(f"file://{tmp_path}/blobs")
    with pytest.raises(FileNotFoundError), blobs.write("a/1"):
        (tmp_path / "missing").read_bytes()
