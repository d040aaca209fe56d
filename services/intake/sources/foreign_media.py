"""Kinds of media that people have and models do not read, as kinds that they do: nothing is lost
but what a still picture cannot hold.

AIFF (and AIFF-C of plain samples) becomes WAV; GIF, BMP and TIFF become PNG, of several pictures
the first; Argoverse 2's clouds (Feather) become PCD with the same columns.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from PIL import Image

from libs.formats.spatial.point_labels import pcd
from libs.sensor import point_clouds
from libs.untrusted.tables import TooLarge, check_feather
from services.intake.field_types import Refused

SUFFIXES = {
    **dict.fromkeys((".gif", ".bmp", ".tif", ".tiff"), "image"),
    **dict.fromkeys((".aif", ".aiff", ".aifc"), "audio"),
    ".feather": "cloud",
}
_PICTURES = {b"GIF8": "GIF", b"BM": "BMP", b"II*\x00": "TIFF", b"MM\x00*": "TIFF"}
_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
MAX_PIXELS = 100_000_000
_FEATHER = b"ARROW1\x00\x00"
# Columns that PCD holds as they are; halves of a float become whole ones.
_WORD = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_WIDTHS = {"f": (4, 8), "i": (1, 2, 4), "u": (1, 2, 4)}
# AIFF-C compressions whose samples are plain, and their order.
_PLAIN = {b"NONE": "big", b"twos": "big", b"sowt": "little"}


def as_known(kind: str, content: bytes, name: str) -> bytes:
    """Return the content of a file as a kind that models read; other kinds as they are. Raise
    `Refused` where it is damaged."""
    if kind == "audio" and content[:4] == b"FORM" and content[8:12] in (b"AIFF", b"AIFC"):
        return _wav(content, name)
    if kind == "cloud" and content.startswith(_FEATHER):
        return _pcd(content, name)
    form = next((form for start, form in _PICTURES.items() if content.startswith(start)), "")
    return _png(content, form, name) if kind == "image" and form else content


def _png(content: bytes, form: str, name: str) -> bytes:
    try:
        with Image.open(io.BytesIO(content), formats=(form,)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Refused(f"{name[-200:]}: more than {MAX_PIXELS} pixels")
            if image.mode not in _MODES:
                raise Refused(f"{name[-200:]}: {form} of mode {image.mode}; save it as PNG")
            file = io.BytesIO()
            # Pillow turns TIFF as it is loaded; what it noted of that must not be kept.
            image.load()
            picture = image.convert("RGBA") if image.mode in ("P", "LA") else image.copy()
            picture.info.clear()
            picture.save(file, "PNG", compress_level=1)
            return file.getvalue()
    except Refused:
        raise
    except Exception as error:
        # Pillow raises whatever its decoders do on hostile bytes.
        raise Refused(f"{name[-200:]}: not a readable {form} file") from error


def _wav(content: bytes, name: str) -> bytes:
    """After Apple's "Audio Interchange File Format" 1.3: COMM says what SSND holds."""
    chunks = dict(_chunks(content))
    comm, ssnd = chunks.get(b"COMM", b""), chunks.get(b"SSND", b"")
    if len(comm) < 18 or len(ssnd) < 8:
        raise Refused(f"{name[-200:]}: an AIFF file without samples")
    channels, _, bits = struct.unpack_from(">HIH", comm)
    rate = _extended(comm[8:18])
    order = _PLAIN.get(comm[18:22] or b"NONE") if content[8:12] == b"AIFC" else "big"
    if order is None or bits not in (8, 16, 24, 32) or not 1 <= channels <= 32 or rate < 1000:
        what = f"AIFF of {bits} bits, {channels} channels, {rate:.0f} Hz, {comm[18:22]!r}"
        raise Refused(f"{name[-200:]}: {what}; save it as WAV")
    samples = ssnd[8 + struct.unpack_from(">I", ssnd)[0] :]
    width = bits // 8
    samples = samples[: len(samples) // (width * channels) * width * channels]
    return _riff(_little(samples, width, order), channels, round(rate), bits)


def _pcd(content: bytes, name: str) -> bytes:
    """A cloud of a table with the columns x, y and z, one row a point."""
    try:
        check_feather(content)
        table = feather.read_table(io.BytesIO(content))
        if table.num_rows > point_clouds.MAX_POINTS:
            raise Refused(f"{name[-200:]}: more than {point_clouds.MAX_POINTS} points")
        names = [one for one in table.column_names if _WORD.fullmatch(one)]
        columns = {one: _column(table[one].to_numpy()) for one in names}
    except Refused:
        raise
    except (TooLarge, pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise Refused(f"{name[-200:]}: not a readable Feather file of a cloud") from error
    if lacking := [axis for axis in "xyz" if axis not in columns]:
        raise Refused(f"{name[-200:]}: the table has no column {', '.join(lacking)}; no cloud")
    return pcd(columns)


def _column(values: np.ndarray) -> np.ndarray:
    """As PCD holds it."""
    kind, width = values.dtype.kind, values.dtype.itemsize
    if kind == "f" and width == 2:
        return values.astype(np.float32)
    if width in _WIDTHS.get(kind, ()):
        return values
    return values.astype(np.float64)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(">4sI", content, at)
        yield kind, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _extended(raw: bytes) -> float:
    """A number of 80 bits (IEEE 754): sign and exponent, then 64 bits with the leading one."""
    exponent, mantissa = struct.unpack(">HQ", raw)
    power = exponent - 16_383 - 63
    return mantissa * 2.0**power if -200 < power < 0 else 0.0


def _little(samples: bytes, width: int, order: str) -> bytes:
    """Samples as WAV has them: little endian, those of 8 bits without sign."""
    if width == 1:
        return samples.translate(bytes((i + 128) % 256 for i in range(256)))
    if order == "little":
        return samples
    turned = bytearray(len(samples))
    for i in range(width):
        turned[i::width] = samples[width - 1 - i :: width]
    return bytes(turned)


def _riff(samples: bytes, channels: int, rate: int, bits: int) -> bytes:
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(body) + len(samples)) + body + samples
