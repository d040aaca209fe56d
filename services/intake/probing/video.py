"""Video in MP4 (ISO/IEC 14496-12): the tables in its header, no picture is decoded.

Frames are those of the first video track: the sample sizes (`stsz`) say how many pictures there
are, the times (`stts`) how long each lasts. The film lasts as long as its longest track: what is
said may go on behind the last picture.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.probing.finding import Corrupt, Finding, Probe

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
MAX_BOXES = 100_000
MAX_TABLE = 5_000_000


def probe(content: bytes, name: str) -> Probe:
    """duration (s), frames, fps, width and height (as stored), codec, whether there is sound;
    rotation (degrees clockwise, where players turn it)."""
    if content[4:8] != b"ftyp":
        raise Corrupt("not an MP4 file: it does not begin with ftyp")
    boxes = _Boxes(content)
    try:
        tracks = [_track(boxes, *span) for span in boxes.inside(0, len(content), b"moov", b"trak")]
    except (struct.error, IndexError, OverflowError) as error:
        raise Corrupt("the MP4 header is damaged") from error
    seen = next((t for t in tracks if t.kind == b"vide" and t.frames and t.duration > 0), None)
    if seen is None:
        raise Corrupt("the MP4 file has no header of a video track (fragmented files have none)")
    facts: dict[str, float | int | str] = {
        "duration": round(max(track.duration for track in tracks), 3),
        "frames": seen.frames,
        "fps": round(seen.frames / seen.duration, 4),
        "width": seen.width,
        "height": seen.height,
        "codec": seen.codec,
        "sound": int(any(t.kind == b"soun" for t in tracks)),
    }
    if seen.rotation:
        facts["rotation"] = seen.rotation
    cut = boxes.cut or (seen.end > len(content))
    words = "the file ends before the last picture"
    return Probe(facts, (Finding("truncated", words),) if cut else ())


@dataclass(frozen=True)
class _Track:
    kind: bytes
    duration: float = 0.0
    frames: int = 0
    width: int = 0
    height: int = 0
    codec: str = ""
    # Where its last chunk begins: beyond the file where that is cut off.
    end: int = 0
    rotation: int = 0


class _Boxes:
    """Boxes of a file: a size, a name of four letters, content."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.cut = False
        self._count = 0

    def each(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """(name, first byte, byte after the last) of the boxes between two places."""
        while start + 8 <= end:
            self._count += 1
            if self._count > MAX_BOXES:
                raise Corrupt(f"more than {MAX_BOXES} boxes in the MP4 file")
            size, name = struct.unpack_from(">I4s", self.content, start)
            head = 8
            if size == 1:
                size, head = struct.unpack_from(">Q", self.content, start + 8)[0], 16
            stop = end if size == 0 else start + size
            if size and size < head:
                raise Corrupt(f"a box of {size} bytes in the MP4 file")
            self.cut |= stop > end
            yield name, start + head, min(stop, end)
            start = stop

    def inside(self, start: int, end: int, *path: bytes) -> Iterator[tuple[int, int]]:
        """Spans of the boxes at a path."""
        for name, first, stop in self.each(start, end):
            if name == path[0]:
                if len(path) == 1:
                    yield first, stop
                else:
                    yield from self.inside(first, stop, *path[1:])

    def first(self, start: int, end: int, *path: bytes) -> tuple[int, int] | None:
        return next(self.inside(start, end, *path), None)


def _track(boxes: _Boxes, start: int, end: int) -> _Track:
    raw = boxes.content
    handler = boxes.first(start, end, b"mdia", b"hdlr")
    kind = raw[handler[0] + 8 : handler[0] + 12] if handler else b""
    if kind != b"vide":
        return _Track(kind, _told_seconds(boxes, start, end) if kind == b"soun" else 0.0)
    table = boxes.first(start, end, b"mdia", b"minf", b"stbl")
    times = boxes.first(start, end, b"mdia", b"mdhd")
    if table is None or times is None:
        return _Track(kind)
    scale = _number(raw, times[0] + (20 if raw[times[0]] == 1 else 12))
    sizes = boxes.first(*table, b"stsz")
    codec, width, height = _sample_entry(raw, boxes.first(*table, b"stsd"))
    return _Track(
        kind,
        _ticks(raw, boxes.first(*table, b"stts")) / scale if scale else 0.0,
        _number(raw, sizes[0] + 8) if sizes else 0,
        width,
        height,
        codec,
        _last_chunk(boxes, table),
        _rotation(raw, boxes.first(start, end, b"tkhd")),
    )


def _rotation(raw: bytes, span: tuple[int, int] | None) -> int:
    """Degrees clockwise that the track header's matrix turns pictures by; 0 for anything but a
    quarter of a turn or two (ISO/IEC 14496-12, 8.3.2)."""
    if span is None or span[0] == span[1]:
        return 0
    at = span[0] + (52 if raw[span[0]] == 1 else 40)
    if at + 20 > span[1]:
        return 0
    a, b, _, c, d = struct.unpack_from(">5i", raw, at)
    signs = tuple((v > 0) - (v < 0) for v in (a, b, c, d))
    return {(0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}.get(signs, 0)


def _told_seconds(boxes: _Boxes, start: int, end: int) -> float:
    """How long a track says that it is (`mdhd`)."""
    times = boxes.first(start, end, b"mdia", b"mdhd")
    if times is None:
        return 0.0
    code, at = (">IQ", times[0] + 20) if boxes.content[times[0]] == 1 else (">II", times[0] + 12)
    scale, ticks = struct.unpack_from(code, boxes.content, at)
    return float(ticks / scale) if scale else 0.0


def _number(raw: bytes, at: int) -> int:
    return int(struct.unpack_from(">I", raw, at)[0])


def _ticks(raw: bytes, span: tuple[int, int] | None) -> int:
    if span is None:
        return 0
    count = _number(raw, span[0] + 4)
    if count > MAX_TABLE or span[0] + 8 + 8 * count > span[1]:
        raise Corrupt(f"the MP4 file says {count} times of pictures, more than there are")
    pairs = struct.unpack_from(f">{2 * count}I", raw, span[0] + 8)
    return sum(n * ticks for n, ticks in zip(pairs[::2], pairs[1::2], strict=True))


def _sample_entry(raw: bytes, span: tuple[int, int] | None) -> tuple[str, int, int]:
    if span is None:
        return "", 0, 0
    codec = raw[span[0] + 12 : span[0] + 16].decode("ascii", "replace")
    width, height = struct.unpack_from(">HH", raw, span[0] + 40)
    return codec if codec.isprintable() else "", width, height


def _last_chunk(boxes: _Boxes, table: tuple[int, int]) -> int:
    for name, code in ((b"stco", ">I"), (b"co64", ">Q")):
        span = boxes.first(*table, name)
        if span is not None:
            count, width = _number(boxes.content, span[0] + 4), struct.calcsize(code)
            if not count:
                return 0
            return int(
                struct.unpack_from(code, boxes.content, span[0] + 8 + width * (count - 1))[0]
            )
    return 0
