"""Label Studio's run lengths of brushed masks: bits of an RGBA image, row by row.

A head of 32 bits for the number of values, 5 for the bits of one value less 1, four times 4 for the
bits of a run's length less 1; then runs: one bit (repeated or not), 2 bits that choose the size of
the length, the length less 1, and one value, or as many as the run is long.
"""

from __future__ import annotations

import numpy as np

from libs.formats import Doc, Unfit
from libs.formats.image import masks

_CHANNELS = 4
_SIZES = (3, 4, 8, 16)
_VALUE_BITS = 8
_OPAQUE = 255


def of_brush(values: object, width: int, height: int) -> Doc:
    """The mask of a list of bytes: pixels that are not wholly transparent. Raises `Unfit`."""
    if not isinstance(values, list) or not all(isinstance(v, int) and 0 <= v < 256 for v in values):
        raise Unfit("rle of a brush is not a list of bytes")
    bits = _Bits(bytes(values))
    count = bits.take(32)
    if count != width * height * _CHANNELS:
        raise Unfit(f"a brush of {count // _CHANNELS} pixels on an image of {width} x {height}")
    flat = np.zeros(count, dtype=np.uint8)
    value_bits = bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    at = 0
    while at < count:
        repeated = bits.take(1)
        end = at + bits.take(sizes[bits.take(2)]) + 1
        if end > count:
            raise Unfit("a run of a brush goes beyond its image")
        if repeated:
            flat[at:end] = bits.take(value_bits) & 0xFF
        else:
            flat[at:end] = [bits.take(value_bits) & 0xFF for _ in range(at, end)]
        at = end
    return masks.of_pixels(flat.reshape(height, width, _CHANNELS)[:, :, 3] > 0)


def to_brush(mask: Doc) -> list[int]:
    """The list of bytes of a mask; raises `Unfit`."""
    flat = masks.pixels(mask).ravel()
    bits = [f"{flat.size * _CHANNELS:032b}", f"{_VALUE_BITS - 1:05b}"]
    bits += [f"{size - 1:04b}" for size in _SIZES]
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate(([0], changes)).tolist()
    ends = [*changes.tolist(), flat.size]
    for start, end in zip(starts, ends, strict=True):
        bits += _run((end - start) * _CHANNELS, _OPAQUE if flat[start] else 0)
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def _run(length: int, value: int) -> list[str]:
    """Runs of one value, each as long as 16 bits allow."""
    made = []
    while length:
        part = min(length, 1 << _SIZES[-1])
        choice = next(i for i, size in enumerate(_SIZES) if part <= 1 << size)
        made.append(f"1{choice:02b}{part - 1:0{_SIZES[choice]}b}{value:0{_VALUE_BITS}b}")
        length -= part
    return made


class _Bits:
    """Numbers of any width from a row of bytes, high bits first."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, width: int) -> int:
        first, last = self._at // 8, (self._at + width + 7) // 8
        if last > len(self._content):
            raise Unfit("the run lengths of a brush are cut off")
        value = int.from_bytes(self._content[first:last], "big")
        self._at += width
        return (value >> (last * 8 - self._at)) & ((1 << width) - 1)
