"""Stretches of a recording as recordings of their own, for a model that writes what is said."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence

import miniaudio

RATE = 16_000
# Seconds: a stretch that somebody waits for, and how far into a recording one may lie.
LONGEST, FURTHEST = 60.0, 4 * 3600.0
_BLOCK = RATE


class Unclippable(Exception):
    """No stretch can be had of it; the message says why."""


def clips(content: bytes, stretches: Sequence[tuple[float, float]]) -> list[bytes]:
    """WAV files (16 kHz, one channel, 16 bit) of stretches (start, end) in seconds. Decoded as a
    stream, no further than the last of them. Raises `Unclippable`."""
    for start, end in stretches:
        if not 0 <= start < end <= FURTHEST or end - start > LONGEST:
            words = f"from {start:g} to {end:g} s; at most {LONGEST:g} s at once"
            raise Unclippable(f"a stretch {words}")
    parts: list[list[bytes]] = [[] for _ in stretches]
    last, at = max((end for _, end in stretches), default=0.0), 0
    try:
        stream = miniaudio.stream_memory(
            content, miniaudio.SampleFormat.SIGNED16, 1, RATE, frames_to_read=_BLOCK
        )
        for block in stream:
            samples = memoryview(block)
            for part, (start, end) in zip(parts, stretches, strict=True):
                first, stop = round(start * RATE) - at, round(end * RATE) - at
                if first < len(samples) and stop > 0:
                    part.append(samples[max(0, first) : stop].tobytes())
            at += len(samples)
            if at >= last * RATE:
                break
    except miniaudio.MiniaudioError as error:
        raise Unclippable(f"the recording cannot be read: {error}") from error
    for part, (start, end) in zip(parts, stretches, strict=True):
        if not part:
            raise Unclippable(f"the recording ends before the stretch from {start:g} to {end:g} s")
    return [_wav(b"".join(part)) for part in parts]


def _wav(samples: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples)
    return file.getvalue()
