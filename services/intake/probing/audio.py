"""Audio: WAV, FLAC, MP3, Ogg Vorbis, decoded second by second, so that memory stays flat.

Loudness is the integrated loudness of ITU-R BS.1770-4 (LUFS): K-weighting, blocks of 400 ms that
overlap by three quarters, gates at -70 LUFS and 10 LU below the mean. Silence is the share of
100 ms below -50 dBFS. The fingerprint is the difference hash of 9 times 8 energies: nine
stretches of what is not silent, eight bands of a third of a decade from 100 Hz.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import miniaudio
import numpy as np
from scipy.signal import sosfilt

from libs.untrusted import unfinished_media
from services.intake.probing.finding import Corrupt, Finding, Probe
from services.intake.probing.image import difference_hash

MAX_SECONDS = 12 * 3600.0
_STEP = 0.1
_SILENCE = 10 ** (-50 / 10)
_CLIPPED = 0.9995
_EDGES = [100 * 10 ** (i / 4.5) for i in range(9)]
_FORMATS = (
    (b"fLaC", miniaudio.flac_get_info),
    (b"OggS", miniaudio.vorbis_get_info),
    (b"RIFF", miniaudio.wav_get_info),
    (b"", miniaudio.mp3_get_info),
)


def probe(content: bytes, name: str) -> Probe:
    """duration (s), rate (Hz), channels, loudness (LUFS), silence and clipping (shares)."""
    content = unfinished_media.whole_wav(content)
    rate, channels, promised = _header(content)
    meter = _Meter(rate, channels)
    try:
        for block in _blocks(content, rate, channels):
            meter.add(block)
            if meter.frames > MAX_SECONDS * rate:
                raise Corrupt(f"longer than {MAX_SECONDS / 3600:.0f} hours; split it")
    except miniaudio.MiniaudioError as error:
        raise Corrupt(f"not decodable as audio: {str(error)[:100]}") from error
    if not meter.frames:
        raise Corrupt("holds no sound")
    return meter.result(promised)


def _header(content: bytes) -> tuple[int, int, int]:
    """Rate, channels, frames promised (0: unknown)."""
    info = next(read for start, read in _FORMATS if content.startswith(start))
    try:
        found = info(content)
    except miniaudio.MiniaudioError as error:
        raise Corrupt(f"not readable as audio: {str(error)[:100]}") from error
    rate, channels, frames = found.sample_rate, found.nchannels, found.num_frames
    if not 1000 <= rate <= 768_000 or not 1 <= channels <= 32:
        raise Corrupt(f"{rate} samples a second on {channels} channels")
    if content.startswith(b"RIFF"):
        frames = _wav_frames(content) or frames
    return rate, channels, frames


def _wav_frames(content: bytes) -> int:
    """Frames the data chunk says it has, however many follow; 0 where that is not said."""
    _, size, width = unfinished_media.data_chunk(content)
    return size // width if width else 0


def _blocks(content: bytes, rate: int, channels: int) -> Iterator[np.ndarray]:
    """(frames, channels) float32, about a second each."""
    stream = miniaudio.stream_memory(
        content, miniaudio.SampleFormat.FLOAT32, channels, rate, frames_to_read=rate
    )
    for block in stream:
        samples = np.frombuffer(block, np.float32)
        yield samples[: len(samples) // channels * channels].reshape(-1, channels)


class _Meter:
    """Energies of steps of 100 ms, taken block by block."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._step = rate, max(1, round(rate * _STEP))
        self._sos = k_weighting(rate)
        self._state = np.zeros((len(self._sos), 2, channels))
        self._rest = np.zeros((0, channels), np.float32)
        self._loud: list[np.ndarray] = []
        self._plain: list[np.ndarray] = []
        self._bands: list[np.ndarray] = []
        self._clipped = 0
        self.frames = 0

    def add(self, block: np.ndarray) -> None:
        block = np.nan_to_num(block)
        self.frames += len(block)
        self._clipped += int((np.abs(block).max(axis=1) >= _CLIPPED).sum())
        whole = np.concatenate([self._rest, block])
        count = len(whole) // self._step
        taken, self._rest = whole[: count * self._step], whole[count * self._step :]
        if not count:
            return
        heard, self._state = sosfilt(self._sos, taken, axis=0, zi=self._state)
        self._loud.append(self._energy(heard).sum(axis=1))
        self._plain.append(self._energy(taken).mean(axis=1))
        self._bands.append(self._spectrum(taken.mean(axis=1).reshape(count, self._step)))

    def _energy(self, samples: np.ndarray) -> np.ndarray:
        squares = np.square(samples, dtype=np.float64)
        return squares.reshape(-1, self._step, samples.shape[1]).mean(axis=1)

    def _spectrum(self, steps: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(steps, axis=1)) ** 2
        places = np.fft.rfftfreq(self._step, 1 / self._rate)
        starts = np.minimum(np.searchsorted(places, _EDGES), power.shape[1] - 1)
        sums = np.concatenate([np.zeros((len(power), 1)), power.cumsum(axis=1)], axis=1)
        return sums[:, starts[1:]] - sums[:, starts[:-1]]

    def result(self, promised: int) -> Probe:
        plain = _joined(self._plain)
        seconds = self.frames / self._rate
        silence = float((plain < _SILENCE).mean()) if len(plain) else 0.0
        loudness = integrated(_joined(self._loud))
        facts: dict[str, float | int | str] = {
            "duration": round(seconds, 3),
            "rate": self._rate,
            "channels": self._state.shape[2],
            "silence": round(silence, 4),
            "clipping": round(self._clipped / self.frames, 6),
        }
        if loudness is not None:
            facts["loudness"] = round(loudness, 2)
        return Probe(facts, tuple(self._findings(promised, silence)), self._print(plain))

    def _findings(self, promised: int, silence: float) -> Iterator[Finding]:
        if promised > self.frames + self._rate // 100:
            words = f"{self.frames / self._rate:.2f} of {promised / self._rate:.2f} seconds"
            yield Finding("truncated", words)
        if silence >= 0.999:
            yield Finding("blank", "silent throughout")
        if self._clipped > 0.001 * self.frames:
            yield Finding("clipped", f"{self._clipped / self.frames:.2%} of the samples are full")

    def _print(self, plain: np.ndarray) -> int | None:
        sounding = np.flatnonzero(plain >= _SILENCE)
        if len(sounding) < 9:
            return None
        bands = np.concatenate(self._bands)[sounding[0] : sounding[-1] + 1]
        stretches = np.array_split(bands, 9)
        return difference_hash(np.array([s.mean(axis=0) for s in stretches]).T)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


def integrated(steps: np.ndarray) -> float | None:
    """LUFS of K-weighted energies of 100 ms; None where nothing is above the gate."""
    if len(steps) < 4:
        return None
    blocks = np.convolve(steps, np.ones(4) / 4, "valid")
    heard = blocks[blocks > _energy_at(-70.0)]
    if not len(heard):
        return None
    heard = heard[heard > heard.mean() / 10]
    return -0.691 + 10 * math.log10(heard.mean())


def _energy_at(loudness: float) -> float:
    return 10 ** ((loudness + 0.691) / 10)


def k_weighting(rate: int) -> np.ndarray:
    """The two filters of BS.1770 as second-order sections, for any rate."""
    shelf, q = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    a0 = 1 + shelf / q + shelf**2
    first = [
        (high + middle * shelf / q + shelf**2) / a0,
        2 * (shelf**2 - high) / a0,
        (high - middle * shelf / q + shelf**2) / a0,
        1.0,
        2 * (shelf**2 - 1) / a0,
        (1 - shelf / q + shelf**2) / a0,
    ]
    low, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a0 = 1 + low / q + low**2
    second = [1.0, -2.0, 1.0, 1.0, 2 * (low**2 - 1) / a0, (1 - low / q + low**2) / a0]
    return np.array([first, second])
