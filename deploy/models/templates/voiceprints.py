"""Vectors of voices: the GE2E encoder (Wan et al. 2018; weights of Resemblyzer, Apache-2.0), three
LSTM layers over mel spectrograms, in numpy."""

import numpy as np

RATE, SIZE, HOP, MELS, CELLS = 16000, 400, 160, 40, 256
# Frames of a window: 1.6 s.
FRAMES = 160
# Quieter recordings are made this loud, dB of full scale.
LOUD = -30.0


class Encoder:
    def __init__(self, path):
        weights = dict(np.load(path))
        self._layers = [
            (
                weights[f"lstm.weight_ih_l{i}"].T.copy(),
                weights[f"lstm.weight_hh_l{i}"].T.copy(),
                weights[f"lstm.bias_ih_l{i}"] + weights[f"lstm.bias_hh_l{i}"],
            )
            for i in range(3)
        ]
        self._out, self._bias = weights["linear.weight"].T.copy(), weights["linear.bias"]
        self._filters, self._window = filters(), np.hanning(SIZE + 1)[:-1].astype(np.float32)

    def spectrogram(self, samples):
        """(frames, 40) float32 of (n,) samples, 10 ms a frame."""
        rms = np.sqrt(np.mean(samples**2) + 1e-12)
        louder = max(1.0, 10 ** (LOUD / 20) / rms)
        padded = np.pad(samples * np.float32(louder), SIZE // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP]
        found = np.empty((len(frames), MELS), np.float32)
        for i in range(0, len(frames), 6000):
            power = np.abs(np.fft.rfft(frames[i : i + 6000] * self._window)) ** 2
            found[i : i + 6000] = power @ self._filters
        return found

    def __call__(self, windows):
        """(n, 256) unit vectors of spectrograms (n, frames, 40)."""
        given = windows.transpose(1, 0, 2)
        for into, back, bias in self._layers:
            steps, count, size = given.shape
            gates = given.reshape(-1, size) @ into + bias
            given = _lstm(gates.reshape(steps, count, -1), back)
        found = np.maximum(given[-1] @ self._out + self._bias, 0)
        return found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-9)


def _lstm(gates, back):
    """(steps, n, cells) hidden states; `gates` (steps, n, 4 cells) is the input's part."""
    steps, count, _ = gates.shape
    hidden, cell = np.zeros((2, count, CELLS), np.float32)
    states = np.empty((steps, count, CELLS), np.float32)
    for step in range(steps):
        given = gates[step] + hidden @ back
        enter, forget, leave = (
            1 / (1 + np.exp(-given[:, i * CELLS : (i + 1) * CELLS].clip(-50, 50))) for i in (0, 1, 3)
        )
        cell = forget * cell + enter * np.tanh(given[:, 2 * CELLS : 3 * CELLS])
        hidden = leave * np.tanh(cell)
        states[step] = hidden
    return states


def filters():
    """(201, 40) triangles on Slaney's mel scale up to 8 kHz, each of unit area."""
    top = _mel(RATE / 2)
    edges = _hertz(np.linspace(0, top, MELS + 2))
    bins = np.linspace(0, RATE / 2, SIZE // 2 + 1)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    triangles = np.minimum(rising, falling).clip(0)
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


# Linear below 1 kHz, logarithmic above.
_STEP, _BEND = 200 / 3, 1000.0
_RATIO = np.log(6.4) / 27


def _mel(hertz):
    return hertz / _STEP if hertz < _BEND else _BEND / _STEP + np.log(hertz / _BEND) / _RATIO


def _hertz(mels):
    bend = _BEND / _STEP
    return np.where(mels < bend, mels * _STEP, _BEND * np.exp(_RATIO * (mels - bend)))
