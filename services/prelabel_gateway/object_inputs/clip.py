"""Stretches of a recording as recordings of their own, for a model that hears one alone."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping, Sequence

import miniaudio

from libs.untrusted import unfinished_media
from services.prelabel_gateway.domain import Doc

RATE = 16_000
# Seconds: a stretch that somebody waits for, and how far into a recording one may lie.
LONGEST, FURTHEST = 60.0, 4 * 3600.0
_BLOCK = RATE


def clips(content: bytes, segments: Sequence[Doc]) -> list[bytes | str]:
    """A WAV file (16 kHz, one channel, 16 bit) of each segment, or why there is none. Decoded as a
    stream once, no further than the last of them."""
    stretches = [(one.get("start", 0.0), one.get("end", 0.0)) for one in segments]
    wrong = [_wrong(*stretch) for stretch in stretches]
    try:
        parts = _samples(content, {i: s for i, s in enumerate(stretches) if not wrong[i]})
    except miniaudio.MiniaudioError as error:
        return [f"the recording cannot be read: {error}"] * len(segments)
    return [
        reason or (_wav(b"".join(parts[i])) if parts[i] else _beyond(*stretches[i]))
        for i, reason in enumerate(wrong)
    ]


def _samples(
    content: bytes, stretches: Mapping[int, tuple[float, float]]
) -> dict[int, list[bytes]]:
    """Samples of each stretch, by its number."""
    parts: dict[int, list[bytes]] = {i: [] for i in stretches}
    last, at = max((end for _, end in stretches.values()), default=0.0), 0
    content = unfinished_media.whole_wav(content)
    stream = miniaudio.stream_memory(
        content, miniaudio.SampleFormat.SIGNED16, 1, RATE, frames_to_read=_BLOCK
    )
    for block in stream:
        samples = memoryview(block)
        for i, stretch in stretches.items():
            first, stop = (round(seconds * RATE) - at for seconds in stretch)
            if first < len(samples) and stop > 0:
                parts[i].append(samples[max(0, first) : stop].tobytes())
        at += len(samples)
        if at >= last * RATE:
            break
    return parts


def _wrong(start: float, end: float) -> str:
    """Why a stretch is none that is cut; empty where it is."""
    if 0 <= start < end <= FURTHEST and end - start <= LONGEST:
        return ""
    return f"a stretch from {start:g} to {end:g} s; at most {LONGEST:g} s at once"


def _beyond(start: float, end: float) -> str:
    return f"the recording ends before the stretch from {start:g} to {end:g} s"


def _wav(samples: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples)
    return file.getvalue()
