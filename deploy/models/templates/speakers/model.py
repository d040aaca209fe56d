"""Who speaks when: Silero VAD, a vector of the voice every 0.4 s (GE2E), and average-linkage
clustering of the vectors by their cosines.

{"value": {"segments": ...}}, class "speech", speakers S1, S2, ... by first appearance. Two voices
at once are one to it.
"""

from pathlib import Path

import numpy as np
import runtime
import sound
import voiceprints
from scipy.cluster.hierarchy import fcluster, linkage

# Seconds between two vectors, at the least; and how many a recording may have.
STEP, MOST_WINDOWS, BATCH = 0.4, 3000, 64
# Distance (1 - cosine) of two clusters that are still one voice.
SAME = 0.36
# A shorter turn within somebody else's speech is a doubt, not a turn; seconds.
LEAST_TURN = 0.6


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._voices = sound.Voices(folder)
        self._encoder = voiceprints.Encoder(folder / "ge2e.npz")

    def execute(self, requests):
        return runtime.documents(requests, self._segments)

    def _segments(self, row):
        samples = sound.mono(row)
        stretches = self._voices(samples)
        if not stretches:
            return {"value": {"segments": {"segments": []}}}
        places, vectors = self._vectors(samples, stretches)
        speakers, closeness = clusters(vectors)
        turns = []
        for number, (start, end, score) in enumerate(stretches):
            own = [(at, speakers[i]) for i, (n, at) in enumerate(places) if n == number]
            turns += [(*turn, score) for turn in turns_of(start, end, own)]
        names = {}
        for _, _, speaker, _ in turns:
            names.setdefault(speaker, f"S{len(names) + 1}")
        segments = [
            {
                "class": "speech",
                "start": runtime.rounded(start, 3),
                "end": runtime.rounded(end, 3),
                "speaker": names[speaker],
                "score": runtime.rounded(score * closeness[speaker], 4),
            }
            for start, end, speaker, score in turns
        ]
        return {"value": {"segments": {"segments": segments}}}

    def _vectors(self, samples, stretches):
        """([(stretch, middle of the window in seconds)], (n, 256) vectors)."""
        mels = self._encoder.spectrogram(samples)
        speech = sum(end - start for start, end, _ in stretches)
        step = max(1, round(max(STEP, speech / MOST_WINDOWS) * 100))
        places, windows = [], []
        for number, (start, end, _) in enumerate(stretches):
            first, last = int(start * 100), min(len(mels), max(int(end * 100), int(start * 100) + 1))
            frames = mels[first:last]
            if len(frames) < voiceprints.FRAMES:
                # A short stretch is heard again and again.
                frames = np.resize(frames, (voiceprints.FRAMES, frames.shape[1]))
                last = first + voiceprints.FRAMES
            for at in range(0, len(frames) - voiceprints.FRAMES + 1, step):
                places.append((number, (first + at) / 100 + 0.8))
                windows.append(frames[at : at + voiceprints.FRAMES])
        vectors = [
            self._encoder(np.stack(windows[i : i + BATCH])) for i in range(0, len(windows), BATCH)
        ]
        return places, np.concatenate(vectors)


def clusters(vectors):
    """((n,) number of the voice of each vector, {voice: mean cosine to its middle})."""
    if len(vectors) < 2:
        return np.ones(len(vectors), int), {1: 1.0}
    voices = fcluster(linkage(vectors, "average", metric="cosine"), SAME, "distance")
    closeness = {}
    for voice in np.unique(voices):
        own = vectors[voices == voice]
        middle = own.mean(0) / (np.linalg.norm(own.mean(0)) + 1e-9)
        closeness[voice] = float((own @ middle).mean().clip(0, 1))
    return voices, closeness


def turns_of(start, end, own):
    """[(start, end, speaker)] of one stretch: a turn changes half way between two windows of
    different voices; a turn too short falls to the one before it."""
    turns = []
    for i, (at, speaker) in enumerate(own):
        until = end if i + 1 == len(own) else min(end, (at + own[i + 1][0]) / 2)
        begin = turns[-1][1] if turns else start
        if turns and turns[-1][2] == speaker:
            turns[-1][1] = until
        else:
            turns.append([begin, until, speaker])
    kept = []
    for turn in turns:
        if kept and (turn[2] == kept[-1][2] or turn[1] - turn[0] < LEAST_TURN):
            kept[-1][1] = turn[1]
        elif turn[1] > turn[0]:
            kept.append(turn)
    return kept
