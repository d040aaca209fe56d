"""Media as they are probed: facts against known content, faults, hostile bytes."""

from __future__ import annotations

import contextlib
import io
import math
import struct
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from libs.imaging import orientation
from services.intake.cleaning import action
from services.intake.probing import Corrupt, probe
from services.intake.probing.audio import integrated, k_weighting

RATE = 16_000


def tone(seconds: float, level: float = 0.5, hertz: float = 1000.0, rate: int = RATE) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return level * np.sin(2 * math.pi * hertz * times)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def chirp(seed: int = 0) -> np.ndarray:
    """Two seconds that change, so that there is something to recognise."""
    draw = np.random.default_rng(seed)
    return np.concatenate([tone(0.25, 0.3, h) for h in draw.uniform(150, 5000, 8)])


def image(kind: str = "PNG", size: tuple[int, int] = (90, 60), **how: object) -> bytes:
    out = io.BytesIO()
    made = Image.radial_gradient("L").resize(size).convert("RGB")
    made.save(out, kind, **how)
    return out.getvalue()


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def mp4(
    frames: int = 50,
    seconds: float = 2.0,
    size: tuple[int, int] = (320, 240),
    sound: float = 0.0,
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1),
) -> bytes:
    tracks = [_track(b"vide", frames, seconds, size, matrix)]
    tracks += [_track(b"soun", 10, sound, size, matrix)] if sound else []
    moov = box(b"moov", *tracks)
    return box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", bytes(100)) + moov


def _track(
    kind: bytes,
    frames: int,
    seconds: float,
    size: tuple[int, int],
    matrix: tuple[int, int, int, int],
) -> bytes:
    scale = 12_800
    each = round(seconds * scale / frames)
    entry = bytes(24) + struct.pack(">HH", *size) + bytes(50)
    stsd = box(b"stsd", bytes(4), struct.pack(">I", 1), box(b"avc1", entry))
    stts = box(b"stts", bytes(4), struct.pack(">III", 1, frames, each))
    stsz = box(b"stsz", bytes(4), struct.pack(">II", 1, frames))
    stco = box(b"stco", bytes(4), struct.pack(">II", 1, 40))
    stbl = box(b"stbl", stsd, stts, stsz, stco)
    mdhd = box(b"mdhd", bytes(12), struct.pack(">II", scale, frames * each), bytes(4))
    hdlr = box(b"hdlr", bytes(8), kind, bytes(12))
    a, b, c, d = (v << 16 for v in matrix)
    turned = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    tkhd = box(b"tkhd", bytes(40), turned, struct.pack(">II", size[0] << 16, size[1] << 16))
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", stbl)))


def codes(content: bytes, kind: str) -> set[str]:
    return {found.code for found in probe(kind, content, "f").findings}


# -- images ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_images_tell_their_size_and_look_the_same_in_every_format(kind: str) -> None:
    seen = probe("image", image(kind), "f")
    assert (seen.facts["width"], seen.facts["height"], seen.findings) == (90, 60, ())
    other = probe("image", image(size=(180, 120)), "f")
    assert seen.print is not None and other.print is not None
    assert (seen.print ^ other.print).bit_count() <= 6


def test_orientation_frames_and_a_blank_image_are_told() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert probe("image", image("JPEG", exif=exif), "f").facts["orientation"] == 6
    flat = io.BytesIO()
    Image.new("RGB", (50, 50), "white").save(flat, "PNG")
    assert codes(flat.getvalue(), "image") == {"blank"}
    assert codes(image("JPEG", (600, 400))[:-900], "image") == {"truncated"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_size_shown_is_that_of_the_turned_picture(kind: str) -> None:
    exif = Image.Exif()
    exif[orientation.TAG] = 6
    with Image.open(io.BytesIO(image(kind, (64, 48), exif=exif))) as opened:
        assert orientation.shown_size(opened) == (48, 64)
        assert ImageOps.exif_transpose(opened).size == (48, 64)


def test_damaged_tags_turn_nothing() -> None:
    content = image("JPEG", (64, 48), exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xffbroken")
    with Image.open(io.BytesIO(content)) as opened:
        assert orientation.shown_size(opened) == (64, 48)


@pytest.mark.parametrize("kind", ["baseline", "progressive"])
@pytest.mark.parametrize("lacking", [1, 2])
def test_a_jpeg_without_its_last_bytes_is_whole(kind: str, lacking: int) -> None:
    """Cameras and transfers leave them; browsers and other tools show such pictures."""
    content = image("JPEG", (600, 400), progressive=kind == "progressive")[:-lacking]
    seen = probe("image", content, "f")
    assert [one.code for one in seen.findings] == ["unended"] and seen.print is not None
    assert action("unended", {}) == "FLAG"


@pytest.mark.parametrize("name", ["a.wav", "zero", "largest", "sox", "ffmpeg"])
def test_a_wav_of_unknown_length_is_as_long_as_it_is(name: str) -> None:
    sizes = {"zero": 0, "largest": 0x7FFFFFFF, "sox": 0x7FFFF000, "ffmpeg": 0xFFFFFFFF}
    content = bytearray(wav(tone(2.0)))
    if name in sizes:
        struct.pack_into("<I", content, 40, sizes[name])
        struct.pack_into("<I", content, 4, min(sizes[name] + 36, 0xFFFFFFFF))
    seen = probe("audio", bytes(content), "f")
    assert (seen.facts["duration"], seen.findings) == (2.0, ())
    assert codes(bytes(content[:-9000]), "audio") == (set() if name in sizes else {"truncated"})


def test_a_wav_with_nothing_in_it_holds_no_sound() -> None:
    with pytest.raises(Corrupt):
        probe("audio", wav(np.zeros(0)), "f")


def test_an_image_of_too_many_pixels_is_not_decoded() -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = bytearray(image())
    bomb[16:29] = head
    with pytest.raises(Corrupt):
        probe("image", bytes(bomb), "f")


# -- audio -----------------------------------------------------------------------------------


def test_a_tone_of_known_level_has_its_loudness() -> None:
    """EBU Tech 3341: a stereo sine of 1 kHz at -23 dBFS reads -23 LUFS; one channel 3 LU less."""
    seen = probe("audio", wav(tone(20, 10 ** (-23 / 20), rate=48_000), 48_000), "f")
    assert seen.facts["loudness"] == pytest.approx(-26.0, abs=0.1)
    assert (seen.facts["duration"], seen.facts["rate"], seen.facts["channels"]) == (20.0, 48_000, 1)


def test_the_filters_at_48_khz_are_those_of_the_standard() -> None:
    """Coefficients of the tables 1 and 2 of BS.1770."""
    shelf, high = k_weighting(48_000)
    assert shelf[:3] == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285])
    assert shelf[4:] == pytest.approx([-1.69065929318241, 0.73248077421585])
    assert high[4:] == pytest.approx([-1.99004745483398, 0.99007225036621])


def test_gates_leave_silence_out() -> None:
    loud, nothing = np.full(100, 0.01), np.zeros(300)
    assert integrated(np.concatenate([loud, nothing])) == pytest.approx(
        integrated(loud) or 0, abs=0.1
    )
    assert integrated(nothing) is None


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (np.zeros(RATE), {"blank"}),
        (np.sign(tone(1, hertz=100)), {"clipped"}),
        (chirp(), set()),
    ],
)
def test_silence_and_clipping_are_told(samples: np.ndarray, found: set[str]) -> None:
    assert codes(wav(samples), "audio") == found


def test_a_file_that_ends_early_is_told_with_its_seconds() -> None:
    seen = probe("audio", wav(chirp())[:-RATE], "f")
    assert {f.code: f.detail for f in seen.findings} == {"truncated": "1.50 of 2.00 seconds"}


def test_a_fingerprint_survives_level_rate_and_silence_and_tells_sounds_apart() -> None:
    first = probe("audio", wav(chirp()), "f").print
    padded = np.concatenate([np.zeros(RATE // 2), 0.5 * chirp(), np.zeros(RATE)])
    again = probe("audio", wav(padded), "f").print
    other = probe("audio", wav(chirp(7)), "f").print
    assert first is not None and again is not None and other is not None
    assert (first ^ again).bit_count() <= 4 < (first ^ other).bit_count()


# -- video and clouds ------------------------------------------------------------------------

# The entry of `stts` as it is, to be made a lie.
ONE_TIME = struct.pack(">III", 1, 50, 512)


@pytest.mark.parametrize(
    ("matrix", "degrees"),
    [((0, 1, -1, 0), 90), ((-1, 0, 0, -1), 180), ((0, -1, 1, 0), 270), ((1, 0, 0, 1), None)],
)
def test_a_film_of_a_phone_tells_how_it_is_turned(
    matrix: tuple[int, int, int, int], degrees: int | None
) -> None:
    assert probe("video", mp4(matrix=matrix), "f").facts.get("rotation") == degrees


def test_a_video_tells_its_pictures_and_their_pace() -> None:
    seen = probe("video", mp4(), "f")
    assert seen.facts == {
        "duration": 2.0,
        "frames": 50,
        "fps": 25.0,
        "width": 320,
        "height": 240,
        "codec": "avc1",
        "sound": 0,
    }
    assert not seen.findings
    spoken = probe("video", mp4(sound=2.5), "f").facts
    assert (spoken["duration"], spoken["fps"], spoken["sound"]) == (2.5, 25.0, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no video", "ftyp"),
        (box(b"ftyp", b"isom"), "no header of a video track"),
        (
            mp4().replace(struct.pack(">III", 1, 50, 512), struct.pack(">III", 10**9, 50, 512)),
            "times",
        ),
    ],
)
def test_a_video_that_is_none_is_told_why(content: bytes, words: str) -> None:
    with pytest.raises(Corrupt, match=words):
        probe("video", content, "f")


def test_points_without_a_place_are_told() -> None:
    points = np.ones((10, 4), "<f4")
    points[0, 0] = np.nan
    seen = probe("cloud", points.tobytes(), "a.bin")
    assert (seen.facts["points"], seen.facts["nan"]) == (10, 0.1)
    assert [f.code for f in seen.findings] == ["nan_points"]
    assert codes(np.full((4, 4), np.nan, "<f4").tobytes(), "cloud") == {"blank"}


GOOD = {"image": image("JPEG"), "audio": wav(chirp()), "video": mp4(), "cloud": bytes(160)}


@settings(max_examples=150)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_hostile_bytes_are_probed_or_corrupt(kind: str, data: st.DataObject) -> None:
    content = bytearray(GOOD[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, min(len(content) - 1, 600)))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for hostile in (bytes(content), bytes(content[:cut])):
        with contextlib.suppress(Corrupt):
            probe(kind, hostile, "f")
