"""What is said in English: Moonshine base (Jeffries et al. 2024, MIT) over the stretches in which
Silero VAD hears somebody.

{"value": {"segments": ...}} with times of the stretches, their text, and as score the geometric
mean of the tokens' probabilities.
"""

from pathlib import Path

import numpy as np
import runtime
import sound

LAYERS, HEADS, SIZE = 8, 8, 52
BEGIN_TOKEN, END_TOKEN = 1, 2
# The model writes less than this per second of speech; what goes on longer goes round in circles.
TOKENS_A_SECOND = 6.5
# Stretches with shorter pauses are read together, up to the length the model was trained with.
PAUSE, LONGEST = 1.0, 20.0
# More speech in one recording is not answered within the time a draft has.
MOST_SPEECH = 300.0


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._voices = sound.Voices(folder)
        self._encoder = runtime.session_of(folder, "encoder.ort")
        self._decoder = runtime.session_of(folder, "decoder.ort")
        self._wanted = [i.name for i in self._decoder.get_inputs()]
        self._given = [o.name for o in self._decoder.get_outputs()]
        self._tokens = tokens_of((folder / "tokenizer.bin").read_bytes())

    def execute(self, requests):
        return runtime.documents(requests, self._segments)

    def _segments(self, row):
        samples = sound.mono(row)
        stretches = together(self._voices(samples))
        speech = sum(end - start for start, end in stretches)
        if speech > MOST_SPEECH:
            words = f"{speech:.0f} s of speech are more than the {MOST_SPEECH:.0f} s of one draft"
            raise runtime.Unreadable(words)
        segments = []
        for start, end in stretches:
            text, score = self._text(samples[int(start * sound.RATE) : int(end * sound.RATE)])
            if text:
                found = {"class": "speech", "start": runtime.rounded(start, 3)}
                found |= {"end": runtime.rounded(end, 3), "text": text, "language": "en"}
                segments.append({**found, "score": runtime.rounded(score, 4)})
        return {"value": {"segments": {"segments": segments}}}

    def _text(self, samples):
        """(text, geometric mean of the tokens' probabilities), greedy."""
        (hidden,) = self._encoder.run(None, {"input_values": samples[None]})
        past = {
            name: np.zeros((1, HEADS, 0, SIZE), np.float32)
            for name in self._wanted
            if name.startswith("past_key_values")
        }
        most = max(4, int(len(samples) / sound.RATE * TOKENS_A_SECOND))
        tokens, logs, last = [], [], BEGIN_TOKEN
        for step in range(most):
            given = {"input_ids": np.array([[last]], np.int64), "encoder_hidden_states": hidden}
            given |= past | {"use_cache_branch": np.array([step > 0])}
            found = dict(zip(self._given, self._decoder.run(None, given)))
            probabilities = runtime.softmax(found["logits"][0, -1].astype(np.float64))
            last = int(probabilities.argmax())
            logs.append(np.log(probabilities[last]))
            if last == END_TOKEN:
                break
            tokens.append(last)
            for name in past:
                # What was made of the sound is made once.
                if step == 0 or ".decoder." in name:
                    past[name] = found[name.replace("past_key_values", "present")]
        return written(tokens, self._tokens), float(np.exp(np.mean(logs)))


def together(stretches):
    """[(start, end)]: stretches with short pauses joined, long ones parted."""
    found = []
    for start, end, _ in stretches:
        if found and start - found[-1][1] < PAUSE and end - found[-1][0] <= LONGEST:
            found[-1][1] = end
        else:
            parts = max(1, int(np.ceil((end - start) / LONGEST)))
            cuts = np.linspace(start, end, parts + 1)
            found += [[float(a), float(b)] for a, b in zip(cuts, cuts[1:])]
    return [(start, end) for start, end in found]


def tokens_of(content):
    """The vocabulary: each token with its length before it, in one byte or two."""
    tokens, at = [], 0
    while at < len(content):
        size, at = content[at], at + 1
        if size >= 128:
            size, at = content[at] * 128 + size - 128, at + 1
        tokens.append(content[at : at + size])
        at += size
    return tokens


def written(tokens, vocabulary):
    """Text of token numbers: SentencePiece pieces, with raw bytes among them."""
    pieces = b"".join(vocabulary[t] for t in tokens if 2 < t < len(vocabulary))
    return pieces.decode("utf-8", "replace").replace("\u2581", " ").strip()
