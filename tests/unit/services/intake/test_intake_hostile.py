"""Hostile files of every source: entries with reasons, or `Broken`, and nothing else."""

from __future__ import annotations

import contextlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.common.blobs import Blobs
from services.intake.domain import DataField, Import, ImportState, LabelsAs, Project
from services.intake.sources import Broken, entries

NAME = "tenants/acme/projects/p"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = Project(
    NAME,
    1,
    (DataField("text", "text"), DataField("image", "image")),
    {"shape": "choice", "classes": ["a"]},
)
LINE = b'{"data": {"text": "hello"}, "label": {"choices": {"classes": ["a"]}}}\n'


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "hello " * 20)
        archive.writestr("manifest.jsonl", LINE)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["hello", "there"], "label": ["", "{"]}), out)
    return out.getvalue()


MADE: dict[str, Callable[[], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "parquet": parquet,
    "jsonl": lambda: LINE * 3,
    "csv": lambda: b'text,label\nhello,\n"quo""ted",{}\n',
    "coco": lambda: b'{"images": [], "categories": [], "annotations": []}',
    "voc": zipped,
}


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    folder: Path = tmp_path_factory.mktemp("blobs")
    return Blobs(f"file://{folder}")


@pytest.mark.fuzz
@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kind=st.sampled_from(sorted(MADE)), data=st.data())
def test_hostile_files_end_in_entries_or_words(
    kind: str, data: st.DataObject, blobs: Blobs
) -> None:
    content = bytearray(MADE[kind]())
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    state, settled = ImportState.RUNNING, LabelsAs.SETTLED
    asked = Import(f"{NAME}/imports/i", "", "u/f", kind, state, NOW, NOW, labels_as=settled)
    for hostile in (bytes(content), bytes(content[:cut])):
        with contextlib.suppress(Broken):
            for entry in entries(io.BytesIO(hostile), asked, PROJECT, blobs):
                assert (entry.item is None) == bool(entry.reason)
