"""Point clouds of one file: PCD, KITTI and nuScenes `.bin`, LAS and LAZ, PLY, NPY. In metres.

`read` gives positions (n, 3) float64 in the sensor's or map's own frame and the other columns by
name. Sizes are checked against the bytes that are there before anything is made from them.

PCD after "The PCD file format" v0.7 (pointclouds.org): fields named `_` and fields of COUNT 0
are padding and left out; bytes behind the last point are ignored, as recorders leave some.
"""

from __future__ import annotations

import ast
import io
import re
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from libs.sensor import laz
from libs.sensor.laz import DamagedLaz

MAX_POINTS = 20_000_000
MAX_BYTES = 1_000_000_000
_HEADER_BYTES = 65_536
_KINDS = {"F": "f", "I": "i", "U": "u"}
_PLY_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
# Columns of raw float32 files, by the end of the name.
_COLUMNS = {
    ".pcd.bin": ("x", "y", "z", "intensity", "ring"),
    ".bin": ("x", "y", "z", "intensity"),
}


class Unreadable(Exception):
    """The bytes are no cloud that can be read; the message says what is wrong with them."""


@dataclass(frozen=True)
class Cloud:
    """`points` (n, 3) float64; `fields`: further columns (n,) by name, e.g. intensity, label."""

    points: np.ndarray
    fields: dict[str, np.ndarray] = field(default_factory=dict)


def read(content: bytes, name: str = "") -> Cloud:
    """The cloud of a file. Its kind is told by its first bytes, that of raw float32 files by the
    end of `name` (`.pcd.bin`: nuScenes, 5 columns; else KITTI, 4). Raises `Unreadable`."""
    if len(content) > MAX_BYTES:
        raise Unreadable(f"larger than {MAX_BYTES} bytes")
    try:
        # Hostile numbers become infinite places, which whoever reads them counts.
        with np.errstate(over="ignore", invalid="ignore"):
            return _reader(content, name)(content)
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError, struct.error) as error:
        raise Unreadable(f"damaged: {str(error)[:200]}") from error


def _reader(content: bytes, name: str) -> Callable[[bytes], Cloud]:
    head = content[:_HEADER_BYTES].lstrip()
    if head.startswith((b"# .PCD", b"VERSION", b"FIELDS")):
        return _pcd
    if head.startswith(b"#") and re.search(rb"^\s*FIELDS\s", head, re.MULTILINE):
        return _pcd
    if head.startswith(b"LASF"):
        return _las
    if head.startswith(b"ply"):
        return _ply
    if head.startswith(b"\x93NUMPY"):
        return _npy
    if name.lower().endswith((".pcd", ".las", ".laz", ".ply", ".npy")):
        raise Unreadable(f"named {name[-20:]}, but does not begin as such a file does")
    suffix = ".pcd.bin" if name.lower().endswith(".pcd.bin") else ".bin"
    return lambda raw: _raw(raw, _COLUMNS[suffix])


def _raw(content: bytes, columns: tuple[str, ...]) -> Cloud:
    width = 4 * len(columns)
    if not content or len(content) % width:
        raise Unreadable(
            f"{len(content)} bytes are no whole number of points of {len(columns)} float32"
            f" ({', '.join(columns)}); cut off?"
        )
    return _cloud(np.frombuffer(content, np.dtype([(c, "<f4") for c in columns])))


def _cloud(rows: np.ndarray) -> Cloud:
    names = rows.dtype.names or ()
    lacking = [axis for axis in "xyz" if axis not in names]
    if lacking:
        raise Unreadable(f"has no field {', '.join(lacking)}; there are {', '.join(names)[:200]}")
    if any(rows.dtype[axis].shape for axis in "xyz"):
        raise Unreadable("x, y and z must hold one number a point")
    points = np.stack([rows[axis].astype(np.float64) for axis in "xyz"], axis=1)
    others = {n: rows[n] for n in names if n not in ("x", "y", "z") and not n.startswith("_")}
    return Cloud(points, others)


def _check_count(count: int) -> None:
    if not 0 < count <= MAX_POINTS:
        raise Unreadable(f"says {count} points; there must be 1 to {MAX_POINTS}")


def _checked(count: int, there: int, width: int) -> int:
    _check_count(count)
    if width <= 0 or count * width > there:
        raise Unreadable(f"says {count} points of {width} bytes, and {there} bytes follow; cut off")
    return count


# -- PCD -------------------------------------------------------------------------------------


def _pcd(content: bytes) -> Cloud:
    header, start = _pcd_header(content)
    dtype = _pcd_dtype(header)
    declared = header.get("POINTS") or [str(_whole(header, "WIDTH") * _whole(header, "HEIGHT"))]
    count = _whole({"POINTS": declared}, "POINTS")
    body = memoryview(content)[start:]
    kind = header["DATA"][0].lower()
    if kind == "ascii":
        return _cloud(_pcd_ascii(bytes(body), dtype, count))
    if kind == "binary":
        _checked(count, len(body), dtype.itemsize)
        return _cloud(np.frombuffer(body, dtype, count))
    if kind == "binary_compressed":
        return _cloud(_pcd_compressed(body, dtype, count))
    raise Unreadable(f"DATA {kind[:50]!r}; it must be ascii, binary or binary_compressed")


def _pcd_header(content: bytes) -> tuple[dict[str, list[str]], int]:
    """Words by keyword, and where the points begin."""
    header: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in header:
        end = content.find(b"\n", at, _HEADER_BYTES)
        if end < 0:
            raise Unreadable("the PCD header has no line DATA")
        words = content[at:end].decode("ascii", "replace").partition("#")[0].split()
        at = end + 1
        if words:
            header[words[0].upper()] = words[1:]
    for key in ("FIELDS", "SIZE", "TYPE"):
        if not header.get(key):
            raise Unreadable(f"the PCD header has no {key}")
    if not header["DATA"]:
        raise Unreadable("the PCD header's DATA is empty")
    return header, at


def _whole(header: dict[str, list[str]], key: str) -> int:
    words = header.get(key) or [""]
    if not re.fullmatch(r"[0-9]{1,12}", words[0]):
        raise Unreadable(f"{key} {words[0][:50]!r} is not a whole number")
    return int(words[0])


def _pcd_dtype(header: dict[str, list[str]]) -> np.dtype:
    names, sizes, types = header["FIELDS"], header["SIZE"], header["TYPE"]
    counts = header.get("COUNT") or ["1"] * len(names)
    if not len(names) == len(sizes) == len(types) == len(counts):
        raise Unreadable("FIELDS, SIZE, TYPE and COUNT must have as many entries as each other")
    columns: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    for i, (name, size, type_, count) in enumerate(zip(names, sizes, types, counts, strict=True)):
        many = _whole({"COUNT": [count]}, "COUNT")
        if type_ not in _KINDS or size not in ("1", "2", "4", "8") or many > 65_536:
            raise Unreadable(f"field {name[:50]!r}: SIZE {size} TYPE {type_} COUNT {count}")
        if type_ + size == "F1" or many == 0:
            if many == 0:
                continue
            raise Unreadable(f"field {name[:50]!r}: there is no float of one byte")
        unique = f"_{i}" if name == "_" else name
        code = f"<{_KINDS[type_]}{size}"
        columns.append((unique, code) if many == 1 else (unique, code, (many,)))
    return np.dtype(columns)


def _pcd_ascii(body: bytes, dtype: np.dtype, count: int) -> np.ndarray:
    if b"#" in body:
        body = b"\n".join(line.partition(b"#")[0] for line in body.splitlines())
    width = sum(int(np.prod(dtype[n].shape)) or 1 for n in dtype.names or ())
    # Two characters a number at least: what is promised cannot be more than what is there.
    _checked(count, len(body) + 1, 2 * width)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            numbers = np.fromstring(body, np.float64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise Unreadable("a point of the ascii data is not a number") from error
    if len(numbers) < count * width:
        raise Unreadable(f"says {count} points of {width} numbers; there are {len(numbers)} in all")
    table = numbers[: count * width].reshape(count, width)
    rows = np.zeros(count, dtype)
    at = 0
    for name in dtype.names or ():
        many = int(np.prod(dtype[name].shape)) or 1
        rows[name] = table[:, at] if many == 1 else table[:, at : at + many]
        at += many
    return rows


def _pcd_compressed(body: memoryview, dtype: np.dtype, count: int) -> np.ndarray:
    """Two sizes, then LZF; unpacked it holds one field after the other."""
    packed, whole = struct.unpack_from("<II", body)
    if whole < count * dtype.itemsize or whole > MAX_BYTES or packed > len(body) - 8:
        raise Unreadable(f"says {packed} bytes that unpack to {whole}; {len(body) - 8} follow")
    _checked(count, whole, dtype.itemsize)
    plain = lzf_unpack(bytes(body[8 : 8 + packed]), whole)
    rows = np.zeros(count, dtype)
    at = 0
    for name in dtype.names or ():
        base, shape = dtype[name].base, dtype[name].shape
        many = int(np.prod(shape)) or 1
        column = np.frombuffer(plain, base, count * many, at)
        rows[name] = column.reshape(count, *shape)
        at += column.nbytes
    return rows


def lzf_unpack(packed: bytes, size: int) -> bytes:
    """LibLZF's format: a control byte below 32 is followed by that many literals and one, another
    is a copy of what was unpacked before. Raises `Unreadable` unless it gives `size` bytes."""
    out = bytearray()
    at, end = 0, len(packed)
    while at < end:
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at : at + control + 1]
            at += control + 1
        else:
            length = control >> 5
            if length == 7:
                length += packed[at] if at < end else 0
                at += 1
            back = ((control & 31) << 8) + (packed[at] if at < end else 0) + 1
            at += 1
            _copy(out, back, length + 2)
        if len(out) > size:
            raise Unreadable(f"the compressed points unpack to more than {size} bytes")
    if len(out) != size or at != end:
        raise Unreadable(f"the compressed points unpack to {len(out)} of {size} bytes; damaged")
    return bytes(out)


def _copy(out: bytearray, back: int, length: int) -> None:
    start = len(out) - back
    if start < 0:
        raise Unreadable("the compressed points refer to bytes before their start; damaged")
    piece = out[start : start + length]
    # A copy may reach into itself: it then repeats.
    out += (piece * (length // len(piece) + 1))[:length]


# -- other files -----------------------------------------------------------------------------


def _las(content: bytes) -> Cloud:
    _check_las_records(content)
    import laspy  # loads an HTTP client besides; few clouds are LAS

    try:
        with laspy.open(io.BytesIO(content)) as file:
            header = file.header
            if header.are_points_compressed:
                _check_count(header.point_count)
                rows = laspy.ScaleAwarePointRecord(
                    laz.unpack(content, header), header.point_format, header.scales, header.offsets
                )
                points = laspy.LasData(header, rows)
            else:
                there = len(content) - header.offset_to_point_data
                _checked(header.point_count, there, header.point_format.size)
                points = file.read()
    except Unreadable:
        raise
    except DamagedLaz as error:
        raise Unreadable(f"a LAZ file, and {error}") from error
    except Exception as error:
        # laspy raises whatever its structures do on hostile bytes.
        raise Unreadable(f"not a readable LAS file: {str(error)[:200]}") from error
    names = [n for n in points.point_format.dimension_names if n not in ("X", "Y", "Z")]
    return Cloud(np.asarray(points.xyz, np.float64), {n: np.asarray(points[n]) for n in names})


def _check_las_records(content: bytes) -> None:
    """laspy makes as many variable length records as the header says, whatever follows. One has 54
    bytes at least, an extended one (LAS 1.4) 60."""
    if len(content) < 227:
        raise Unreadable("cut off within the LAS header")
    minor, header_size = content[25], struct.unpack_from("<H", content, 94)[0]
    records = struct.unpack_from("<I", content, 100)[0]
    extended = 0
    if minor >= 4 and len(content) >= 247:
        extended = struct.unpack_from("<I", content, 243)[0]
    if header_size + 54 * records + 60 * extended > len(content):
        raise Unreadable(f"says {records + extended} records, more than the file can hold")


def _npy(content: bytes) -> Cloud:
    """An array (n, 3 or more) of numbers: x, y, z, intensity, ...; or structured by name."""
    dtype, shape, start = _npy_header(content)
    _checked(shape[0], len(content) - start, dtype.itemsize * int(np.prod(shape[1:], dtype=object)))
    if dtype.names:
        return _cloud(np.frombuffer(content, dtype, shape[0], start))
    if len(shape) != 2 or shape[1] < 3 or dtype.kind not in "fiu":
        raise Unreadable(f"an array {shape} of {dtype}; (points, 3 or more) numbers wanted")
    table = np.frombuffer(content, dtype, shape[0] * shape[1], start).reshape(shape)
    names = ["intensity", *(f"column{i}" for i in range(4, shape[1]))]
    columns = {name: table[:, 3 + i] for i, name in enumerate(names[: shape[1] - 3])}
    return Cloud(table[:, :3].astype(np.float64), columns)


def _npy_header(content: bytes) -> tuple[np.dtype, tuple[int, ...], int]:
    wide = content[6:7] != b"\x01"
    length = struct.unpack_from("<I" if wide else "<H", content, 8)[0]
    start = (12 if wide else 10) + length
    if length > _HEADER_BYTES or start > len(content):
        raise Unreadable("the NPY header is longer than the file")
    try:
        head = ast.literal_eval(content[start - length : start].decode("latin-1").strip())
        dtype, shape = np.dtype(head["descr"]), tuple(head["shape"])
    except (SyntaxError, RecursionError, ValueError, TypeError, KeyError) as error:
        raise Unreadable("the NPY header is not readable") from error
    whole = all(isinstance(n, int) and n >= 0 for n in shape)
    if not shape or not whole or dtype.hasobject or head.get("fortran_order"):
        raise Unreadable(f"an array {shape} of {dtype}; rows of plain numbers wanted")
    return dtype, shape, start


def _ply(content: bytes) -> Cloud:
    """The element `vertex`, which must come first, ascii or little endian."""
    # A line of its own: comments may hold the word.
    last = re.search(rb"^end_header[ \t]*\r?\n", content[:_HEADER_BYTES], re.MULTILINE)
    if last is None:
        raise Unreadable("the PLY header does not end")
    end, start = last.span()
    lines = [line.split() for line in content[:end].decode("ascii", "replace").splitlines()]
    form = next((w[1] for w in lines if w[:1] == ["format"] and len(w) > 1), "")
    dtype, count = _ply_vertex(lines)
    body = content[start:]
    if form == "ascii":
        return _cloud(_pcd_ascii(body, dtype, count))
    if form != "binary_little_endian":
        raise Unreadable(f"PLY format {form[:50]!r}; ascii or binary_little_endian wanted")
    _checked(count, len(body), dtype.itemsize)
    return _cloud(np.frombuffer(body, dtype, count))


def _ply_vertex(lines: list[list[str]]) -> tuple[np.dtype, int]:
    elements = [i for i, words in enumerate(lines) if words[:1] == ["element"]]
    if not elements or lines[elements[0]][1:2] != ["vertex"]:
        raise Unreadable("the first element of a PLY file must be vertex")
    first, last = elements[0], (elements[1:] or [len(lines)])[0]
    columns = []
    for words in lines[first + 1 : last]:
        if words[:1] != ["property"]:
            continue
        if len(words) != 3 or words[1] not in _PLY_TYPES:
            raise Unreadable(f"property {' '.join(words[1:])[:80]!r} of a vertex is no number")
        columns.append((words[2], f"<{_PLY_TYPES[words[1]]}"))
    return np.dtype(columns), _whole({"vertex": lines[first][2:3]}, "vertex")
