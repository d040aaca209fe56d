"""LAZ: the points of LAS, and files whose numbers promise what is not there."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
from functools import cache
from pathlib import Path

import laspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.blobs import Blobs
from libs.formats import Sample
from libs.formats.source import of_file
from libs.formats.spatial.point_labels import decode_las
from libs.sensor.point_clouds import Unreadable, read
from services.intake.field_types import DataField, Refused, check
from services.intake.probing import probe
from services.intake.probing.finding import Corrupt
from services.intake.sources.media import value_of

COUNT = 120_000


@cache
def las(point_format: int, count: int = COUNT, packed: bool = True, extra: bool = False) -> bytes:
    header = laspy.LasHeader(point_format=point_format, version="1.4")
    header.scales = [0.001] * 3
    if extra:
        header.add_extra_dim(laspy.ExtraBytesParams(name="object", type=np.uint32))
    cloud = laspy.LasData(header)
    rng = np.random.default_rng(7)
    cloud.xyz = rng.normal(size=(count, 3)) * 20
    cloud.classification = rng.choice([1, 2, 5, 6], count)
    if extra:
        cloud["object"] = rng.integers(0, 9, count)
    file = io.BytesIO()
    cloud.write(file, do_compress=packed, laz_backend=laspy.LazBackend.Lazrs)
    return file.getvalue()


def changed(content: bytes, at: int, code: str, value: int) -> bytes:
    hostile = bytearray(content)
    struct.pack_into(code, hostile, at, value)
    return bytes(hostile)


def points_at(content: bytes) -> int:
    return int(struct.unpack_from("<I", content, 96)[0])


def record_at(content: bytes) -> int:
    """Return where the data of the LASzip record begins, behind its head of 54 bytes."""
    return content.index(b"laszip encoded") - 2 + 54


@pytest.mark.parametrize(
    ("point_format", "extra"), [(0, False), (3, True), (6, False), (7, True), (8, True)]
)
def test_laz_gives_what_las_gives(point_format: int, extra: bool) -> None:
    packed = las(point_format, extra=extra)
    plain = las(point_format, packed=False, extra=extra)
    assert len(packed) < len(plain)
    cloud, expected = read(packed, "a.laz"), read(plain, "a.las")
    assert np.array_equal(cloud.points, expected.points)
    assert cloud.fields.keys() == expected.fields.keys()
    for name, column in expected.fields.items():
        assert np.array_equal(cloud.fields[name], column), name


def test_laz_is_probed() -> None:
    facts = probe("cloud", las(6, 50), "a.laz").facts
    assert facts["points"] == 50 and "extent" in facts


def test_an_item_in_laz_keeps_its_kind(tmp_path: Path) -> None:
    content = las(6, 50)
    blobs = Blobs(tmp_path.as_uri())
    value = value_of("cloud", content, "a.laz", "acme", blobs)
    assert value.startswith("data:application/x-laz;base64,")
    check(DataField("cloud", "cloud"), value, "acme")
    plain = value_of("cloud", las(6, 50, packed=False), "a.las", "acme", blobs)
    assert plain.startswith("data:application/x-las;base64,")
    with pytest.raises(Refused, match="not of the type"):
        check(DataField("cloud", "cloud"), plain.replace("x-las", "x-laz"), "acme")


def test_labels_of_points_are_read_from_laz() -> None:
    (sample,) = decode_las(of_file("scans/a.laz", las(6, 50)), {})
    (plain,) = decode_las(of_file("scans/a.las", las(6, 50, packed=False)), {})
    assert isinstance(sample, Sample) and isinstance(plain, Sample)
    assert sample.value == plain.value and sample.media == {"cloud": "scans/a.laz"}


@pytest.mark.parametrize("point_format", [1, 6])
@pytest.mark.parametrize("count", [10**9, 19_000_000])
def test_more_points_than_the_file_can_hold_take_no_memory(point_format: int, count: int) -> None:
    content = las(point_format, 50)
    # Both counts of LAS 1.4; the chunk is said to be as large.
    content = changed(changed(content, 247, "<Q", count), 107, "<I", 0)
    content = changed(content, record_at(content) + 12, "<I", 2**31)
    assert len(content) < 4_000
    tracemalloc.start()
    with pytest.raises(Unreadable, match=f"says {count} points"):
        read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("point_format", [1, 6])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_file_cut_off_is_told(point_format: int, share: float) -> None:
    content = las(point_format)
    with pytest.raises(Corrupt, match=r"a LAZ file, and its table of chunks .* cut off"):
        probe("cloud", content[: int(len(content) * share)], "a.laz")


@pytest.mark.parametrize(
    ("field", "code", "value", "words"),
    [
        ("record", "<H", 7, r"packed in a way \(7\)"),
        ("record", "<H", 2, r"packed in a way \(2\)"),
        ("chunk points", "<I", 0, "a chunk has no points"),
        ("chunk points", "<I", 9, "chunks hold 27"),
        ("items", "<H", 9_999, "LASzip record is cut off"),
        ("item size", "<H", 65_535, "other points than its header"),
        ("table", "<q", 2**62, "cut off"),
        ("chunks", "<I", 2**32 - 1, "says 4294967295 chunks"),
        ("layer", "<I", 2**32 - 1, "the layers of chunk 1 have"),
    ],
)
def test_hostile_numbers_are_told_before_memory_is_taken(
    field: str, code: str, value: int, words: str
) -> None:
    content = las(6)
    table = struct.unpack_from("<q", content, points_at(content))[0]
    places = {
        "record": record_at(content),
        "chunk points": record_at(content) + 12,
        "items": record_at(content) + 32,
        "item size": record_at(content) + 36,
        "table": points_at(content),
        "chunks": table + 4,
        "layer": points_at(content) + 8 + 30 + 4,
    }
    with pytest.raises(Unreadable, match=words):
        read(changed(content, places[field], code, value))


def test_compressed_points_without_their_record_are_told() -> None:
    with pytest.raises(Unreadable, match="no LASzip record"):
        read(las(6, 50).replace(b"laszip encoded", b"laszip removed"))


@settings(max_examples=150)
@given(st.sampled_from([0, 3, 6, 8]), st.data())
def test_hostile_bytes_give_a_cloud_or_a_reason(point_format: int, data: st.DataObject) -> None:
    content = bytearray(las(point_format, 60, extra=True))
    low = data.draw(st.sampled_from([0, record_at(content), points_at(content)]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(low, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for hostile in (bytes(content), bytes(content[:cut])):
        with contextlib.suppress(Unreadable):
            assert read(hostile).points.shape[1] == 3
