"""Media whose writers could not go back to the start, or did not come to the end.

A stream cannot know how long it will be, so that SoX, ffmpeg and recorders that stop leave a WAV
file's sizes at 0 or at a large number; cameras and transfers leave JPEG files without their end
marker. Both are whole for whoever looks at what is there, and decoders get them so.
"""

from __future__ import annotations

import struct

# Sizes of a data chunk that say nothing (Kaldi's wave-reader.cc lists them): unknown, the largest
# number, that less a header's length.
_HEADERS = (0, 36, 37, 44, 45, 68, 69)
UNKNOWN = frozenset(
    [0, 0x7FFFF000, *(most - head for most in (0x7FFFFFFF, 0xFFFFFFFF) for head in _HEADERS)]
)
_END = b"\xff\xd9"


def data_chunk(content: bytes) -> tuple[int, int, int]:
    """Return where the size of a WAV file's data chunk stands, that size, and bytes per frame as
    its format says; zeros where there is no data chunk."""
    at, width = 12, 0
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        if name == b"fmt " and at + 22 <= len(content):
            width = struct.unpack_from("<H", content, at + 20)[0]
        if name == b"data":
            return at + 4, size, width
        at += 8 + size + size % 2
    return 0, 0, 0


def whole_wav(content: bytes) -> bytes:
    """Return a WAV file with the sizes that its bytes have, where it says none; others as they
    are."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return content
    at, size, width = data_chunk(content)
    there = len(content) - at - 4
    if not at or size not in UNKNOWN or there <= 0:
        return content
    there -= there % (width or 1)
    mended = bytearray(content)
    struct.pack_into("<I", mended, 4, min(at + there - 4, 0xFFFFFFFF))
    struct.pack_into("<I", mended, at, min(there, 0xFFFFFFFF))
    return bytes(mended)


def whole_jpeg(content: bytes) -> bytes:
    """Return a JPEG file with an end marker, where it has none; others as they are. What lacks of
    its last lines decoders fill with grey."""
    if not content.startswith(b"\xff\xd8\xff") or _END in content[-64:]:
        return content
    return content.rstrip(b"\x00").removesuffix(b"\xff") + _END
