"""Where somebody speaks in a recording: Silero VAD.

{"value": {"segments": ...}}, class "speech", seconds.
"""

from pathlib import Path

import runtime
import sound


class TritonPythonModel:
    def initialize(self, args):
        self._voices = sound.Voices(Path(__file__).parent)

    def execute(self, requests):
        return runtime.documents(requests, self._segments)

    def _segments(self, row):
        segments = [
            {
                "class": "speech",
                "start": runtime.rounded(start, 3),
                "end": runtime.rounded(end, 3),
                "score": runtime.rounded(score, 4),
            }
            for start, end, score in self._voices(sound.mono(row))
        ]
        return {"value": {"segments": {"segments": segments}}}
