"""Kinds of media that people have become kinds that models read, sample for sample."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from libs.imaging import orientation
from libs.sensor import point_clouds
from services.intake.field_types import Refused
from services.intake.probing import probe
from services.intake.sources.foreign_media import as_known

RATE_80 = struct.pack(">HQ", 16_383 + 13, 8_000 << 50)


def aiff(samples: np.ndarray, bits: int, kind: bytes = b"") -> bytes:
    """(frames, channels) whole numbers as AIFF, or AIFF-C of a compression."""
    order = "<" if kind == b"sowt" else ">"
    raw = samples.astype(f"{order}i4").tobytes()
    width = bits // 8
    cut = slice(0, width) if kind == b"sowt" else slice(4 - width, 4)
    raw = b"".join(raw[i : i + 4][cut] for i in range(0, len(raw), 4))
    comm = struct.pack(">HIH", samples.shape[1], len(samples), bits) + RATE_80
    comm += kind + b"\x00\x00" if kind else b""
    parts = [(b"COMM", comm), (b"ANNO", b"odd"), (b"SSND", bytes(8) + raw)]
    body = b"".join(
        name + struct.pack(">I", len(part)) + part + bytes(len(part) % 2) for name, part in parts
    )
    form = b"AIFC" if kind else b"AIFF"
    return b"FORM" + struct.pack(">I", 4 + len(body)) + form + body


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("kind", [b"", b"NONE", b"twos", b"sowt"])
def test_aiff_is_wav_sample_by_sample(bits: int, kind: bytes) -> None:
    draw = np.random.default_rng(bits)
    samples = draw.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (800, 2))
    content = as_known("audio", aiff(samples, bits, kind), "a.aiff")
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8_000, 2, 800)
        raw = file.readframes(800)
    width = bits // 8
    found = [
        int.from_bytes(raw[i : i + width], "little", signed=width > 1) - (128 if width == 1 else 0)
        for i in range(0, len(raw), width)
    ]
    assert np.array_equal(np.reshape(found, (800, 2)), samples)
    assert probe("audio", content, "a")


@pytest.mark.parametrize("kind", [b"ima4", b"alaw", b"fl32"])
def test_compressed_aiff_is_told(kind: bytes) -> None:
    with pytest.raises(Refused, match="save it as WAV"):
        as_known("audio", aiff(np.zeros((9, 1), int), 16, kind), "a.aifc")


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF"])
def test_other_pictures_are_png_pixel_by_pixel(form: str) -> None:
    picture = Image.radial_gradient("L").resize((40, 30)).convert("RGB")
    file = io.BytesIO()
    more = {"save_all": True, "append_images": [picture.rotate(90)]} if form == "GIF" else {}
    picture.save(file, form, **more)
    content = as_known("image", file.getvalue(), "a")
    with Image.open(io.BytesIO(content)) as found, Image.open(file) as first:
        assert found.format == "PNG" and getattr(found, "n_frames", 1) == 1
        assert np.array_equal(np.asarray(found.convert("RGB")), np.asarray(first.convert("RGB")))


def test_a_turned_tiff_is_upright_once() -> None:
    exif = Image.Exif()
    exif[orientation.TAG] = 6
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "TIFF", exif=exif)
    with Image.open(io.BytesIO(as_known("image", file.getvalue(), "a"))) as found:
        assert found.size == (48, 64) == orientation.shown_size(found)


def test_known_kinds_are_left_alone_and_damaged_ones_told() -> None:
    assert as_known("image", b"\x89PNG", "a") == b"\x89PNG"
    assert as_known("cloud", b"BM", "a") == b"BM"
    for kind, content in (("image", b"GIF89a"), ("audio", b"FORM1234AIFF"), ("image", b"II*\x00")):
        with pytest.raises(Refused):
            as_known(kind, content, "a")


@given(
    st.sampled_from([b"GIF89a", b"BM", b"II*\x00", b"FORM\x00\x00\x00\x10AIFFCOMM"]), st.binary()
)
def test_hostile_media_are_refused_in_words(start: bytes, rest: bytes) -> None:
    kind = "audio" if start.startswith(b"FORM") else "image"
    try:
        as_known(kind, start + rest, "a")
    except Refused as error:
        assert str(error)


# -- comments in headers of clouds -----------------------------------------------------------------

PCD = b"""VERSION 0.7
FIELDS x y z
SIZE 4 4 4
TYPE F F F
COUNT 1 1 1
WIDTH 2
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 2
DATA ascii
1 2 3
4 5 6
"""
PLY = b"""ply
format ascii 1.0
element vertex 2
property float x
property float y
property float z
end_header
1 2 3
4 5 6
"""


@pytest.mark.parametrize("line", range(10))
def test_comments_may_stand_anywhere_in_a_pcd_file(line: int) -> None:
    lines = PCD.splitlines()
    lines.insert(line, b"# DATA made by FIELDS of POINTS 9")
    content = (
        b"\n\n#first\n".join([b"", b"\n".join(lines) + b"\n"]) if line % 2 else b"\n".join(lines)
    )
    assert point_clouds.read(content, "a.pcd").points.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_comments_may_stand_behind_and_among_numbers() -> None:
    content = PCD.replace(b"POINTS 2", b"POINTS 2 # two").replace(
        b"1 2 3", b"1 2 3 # first\n# 7 8 9"
    )
    assert point_clouds.read(content, "a.pcd").points.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    "comment", [b"comment end_header", b"comment", b"obj_info element vertex 9"]
)
@pytest.mark.parametrize("line", range(1, 6))
def test_comments_may_stand_anywhere_in_a_ply_header(line: int, comment: bytes) -> None:
    lines = PLY.splitlines()
    lines.insert(line, comment)
    for newline in (b"\n", b"\r\n"):
        found = point_clouds.read(newline.join(lines) + newline, "a.ply")
        assert found.points.tolist() == [[1, 2, 3], [4, 5, 6]]
