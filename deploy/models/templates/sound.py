"""Recordings as numbers, and where somebody speaks in them: shared by the models that hear.

`Voices` is Silero VAD (MIT), the variant that reads a whole series of windows in one call.
"""

import miniaudio
import numpy as np
import runtime

RATE = 16000
# A longer recording would keep others waiting for minutes.
MOST_SECONDS = 3600
# Samples of a window, and of the one before that it is given to see.
WINDOW, CONTEXT = 512, 64
# Speech begins at the first and ends below the second probability.
BEGIN, END = 0.5, 0.35
# Shorter pauses are part of the speech, shorter speech is a click; seconds left at both ends.
LEAST_PAUSE, LEAST_SPEECH, PAD = 0.5, 0.2, 0.05


def mono(content):
    """(samples,) float32 in -1..1 at 16 kHz of an encoded recording (wav, flac, mp3, ogg)."""
    kind, most = miniaudio.SampleFormat.FLOAT32, MOST_SECONDS * RATE
    parts, count = [], 0
    try:
        for part in miniaudio.stream_memory(bytes(content), kind, 1, RATE, RATE):
            parts.append(np.frombuffer(part, np.float32))
            count += len(part)
            if count > most:
                raise runtime.Unreadable(f"the recording is longer than {MOST_SECONDS} s")
    except miniaudio.MiniaudioError as error:
        words = "the recording cannot be read: it is no wav, flac, mp3 or ogg file, or damaged"
        raise runtime.Unreadable(words) from error
    if not count:
        raise runtime.Unreadable("the recording is empty")
    samples = np.concatenate(parts)
    if not np.isfinite(samples).all():
        raise runtime.Unreadable("the recording holds NaN or infinity")
    return samples


class Voices:
    """Where somebody speaks."""

    def __init__(self, folder):
        self._session = runtime.session_of(folder, "vad.onnx")

    def __call__(self, samples):
        """[(start, end, mean probability)] in seconds, by rising time."""
        return stretches(self._probabilities(samples), len(samples) / RATE)

    def _probabilities(self, samples):
        """(windows,) of speech, 32 ms each."""
        count = -(-len(samples) // WINDOW)
        padded = np.zeros(CONTEXT + count * WINDOW, np.float32)
        padded[CONTEXT : CONTEXT + len(samples)] = samples
        windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + WINDOW)[::WINDOW]
        state = np.zeros((2, 1, 1, 128), np.float32)
        given = {"input": np.ascontiguousarray(windows), "h": state[0], "c": state[1]}
        return self._session.run(None, given)[0].reshape(-1)


def stretches(probabilities, seconds):
    """[(start, end, mean probability)] of windows' probabilities, with two thresholds."""
    step = WINDOW / RATE
    runs, began = [], None
    for i, value in enumerate(probabilities):
        if began is None and value >= BEGIN:
            began = i
        elif began is not None and value < END:
            runs.append([began, i])
            began = None
    if began is not None:
        runs.append([began, len(probabilities)])
    joined = []
    for run in runs:
        if joined and (run[0] - joined[-1][1]) * step < LEAST_PAUSE:
            joined[-1][1] = run[1]
        else:
            joined.append(run)
    return [
        (max(0.0, a * step - PAD), min(seconds, b * step + PAD), float(probabilities[a:b].mean()))
        for a, b in joined
        if (b - a) * step >= LEAST_SPEECH
    ]
