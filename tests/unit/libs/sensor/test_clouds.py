"""Point clouds: every kind of file, and hostile ones."""

from __future__ import annotations

import contextlib
import io
import struct

import laspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.sensor.point_clouds import Unreadable, lzf_unpack, read

XYZ = np.array([[1, 2, 3], [4, 5, 6.5], [-7, 8, 9]], np.float32)
HEAD = (
    "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z _ intensity _ none\nSIZE 4 4 4 1 4 1 4\n"
    "TYPE F F F U F U F\nCOUNT 1 1 1 4 1 3 0\nWIDTH 3\nHEIGHT 1\nPOINTS 3\nDATA "
)


def pcd(kind: str, head: str = HEAD) -> bytes:
    rows = [(*p, 0, 0, 0, 0, i / 2, 0, 0, 0) for i, p in enumerate(XYZ.tolist())]
    if kind == "ascii":
        body = "\n".join(" ".join(map(str, row)) for row in rows).encode()
    elif kind == "binary":
        body = b"".join(struct.pack("<3f4Bf3B", *row) for row in rows) + b"left by the recorder"
    else:
        plain = b"".join(np.float32(column).tobytes() for column in XYZ.T)
        plain += bytes(12) + np.float32([0, 0.5, 1]).tobytes() + bytes(9)
        packed = literals(plain)
        body = struct.pack("<II", len(packed), len(plain)) + packed
    return head.encode() + kind.encode() + b"\n" + body


def literals(plain: bytes) -> bytes:
    pieces = (plain[i : i + 32] for i in range(0, len(plain), 32))
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def las() -> bytes:
    file = laspy.create(point_format=3, file_version="1.2")
    file.x, file.y, file.z = XYZ.T.astype(np.float64)
    file.intensity = [1, 2, 3]
    out = io.BytesIO()
    file.write(out)
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def ply(kind: str) -> bytes:
    head = f"ply\nformat {kind} 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    head += "property float z\nproperty uchar red\nelement face 0\nend_header\n"
    if kind == "ascii":
        return (head + "1 2 3 9\n4 5 6.5 9\n-7 8 9 9\n").encode()
    return head.encode() + b"".join(struct.pack("<3fB", *p, 9) for p in XYZ)


@pytest.mark.parametrize(
    ("content", "name", "fields"),
    [
        (pcd("ascii"), "a.pcd", {"intensity"}),
        (pcd("binary"), "", {"intensity"}),
        (pcd("binary_compressed"), "", {"intensity"}),
        (np.c_[XYZ, [0, 0, 0]].astype("<f4").tobytes(), "a.bin", {"intensity"}),
        (np.c_[XYZ, XYZ[:, :2]].astype("<f4").tobytes(), "a.pcd.bin", {"intensity", "ring"}),
        (npy(XYZ), "", set()),
        (npy(np.c_[XYZ, [1, 2, 3]]), "a.npy", {"intensity"}),
        (ply("ascii"), "", {"red"}),
        (ply("binary_little_endian"), "", {"red"}),
    ],
)
def test_every_kind_of_file_gives_the_same_points(
    content: bytes, name: str, fields: set[str]
) -> None:
    cloud = read(content, name)
    assert np.array_equal(cloud.points, XYZ.astype(np.float64))
    assert set(cloud.fields) == fields
    assert all(len(column) == 3 for column in cloud.fields.values())


def test_las_keeps_scaled_positions_and_columns() -> None:
    cloud = read(las(), "a.las")
    assert np.allclose(cloud.points, XYZ, atol=0.01)
    assert cloud.fields["intensity"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (HEAD.replace("3\nDATA", "9\nDATA").encode() + b"binary\n1234", "", "cut off"),
        (HEAD.replace("POINTS 3", "POINTS 99999999999").encode() + b"binary\n", "", "must be 1"),
        (HEAD.replace("FIELDS x", "FIELDS u").encode() + b"binary\n" + bytes(99), "", "no field x"),
        (HEAD.replace("COUNT 1 ", "COUNT ").encode() + b"binary\n", "", "as many entries"),
        (HEAD.encode() + b"zip\n", "", "DATA 'zip'"),
        (pcd("ascii").replace(b"6.5", b"6,5"), "", "not a number"),
        (HEAD.encode()[:-5], "", "no line DATA"),
        (b"123", "a.bin", "whole number of points"),
        (b"123", "a.las", "does not begin"),
        (las()[:-10], "", "cut off"),
        (las()[:100] + b"\xff" * 4 + las()[104:], "", "records, more than the file can hold"),
        (npy(np.zeros((3, 2))), "", "3 or more"),
        (HEAD.encode() + b"binary_compressed\n" + struct.pack("<II", 9, 10**9), "", "unpack"),
    ],
)
def test_a_broken_file_is_told_with_its_reason(content: bytes, name: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(content, name)


def test_copies_of_lzf_repeat_themselves() -> None:
    # Three literals, then eight bytes from three back: the copy reaches into itself.
    assert lzf_unpack(b"\x02abc" + bytes([(6 << 5), 2]), 11) == b"abcabcabcab"
    with pytest.raises(Unreadable, match="before their start"):
        lzf_unpack(b"\x00a" + bytes([(1 << 5), 9]), 4)


@given(st.sampled_from(["ascii", "binary", "binary_compressed", "las", "npy", "ply"]), st.data())
def test_hostile_bytes_give_a_cloud_or_a_reason(kind: str, data: st.DataObject) -> None:
    made = {"las": las, "npy": lambda: npy(XYZ), "ply": lambda: ply("ascii")}
    content = bytearray(made[kind]() if kind in made else pcd(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for hostile in (bytes(content), bytes(content[:cut])):
        with contextlib.suppress(Unreadable):
            assert read(hostile).points.shape[1] == 3
