"""People, organizations, places and dates in Chinese text: LAC (Jiao, Sun and Sun 2018,
Apache-2.0), a character network with a conditional random field.

{"value": {"spans": ...}}: places count code points.
"""

import re
from pathlib import Path

import numpy as np
import runtime

NAMES = {"PER": "person", "ORG": "organization", "LOC": "place", "TIME": "date"}
MOST = 200
PIECE = re.compile(rf"[^\n。！？!?；;]{{1,{MOST}}}[\n。！？!?；;]*|[\n。！？!?；;]+")


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._session = runtime.session_of(folder)
        self._steps = np.load(folder / "transitions.npy")
        self._tags = {int(number): tag for number, tag in _pairs(folder / "tag.dic")}
        self._ids = {character: int(number) for number, character in _pairs(folder / "word.dic")}
        self._plain = dict(_pairs(folder / "q2b.dic"))
        self._unknown = self._ids.get("OOV", 0)

    def execute(self, requests):
        return runtime.documents(requests, self._spans)

    def _spans(self, row):
        text = row.decode("utf-8", "replace")
        spans = [
            {**span, "start": span["start"] + piece.start(), "end": span["end"] + piece.start()}
            for piece in PIECE.finditer(text)
            if not piece[0].isspace()
            for span in self._found(piece[0])
        ]
        return {"value": {"spans": {"spans": spans}}}

    def _found(self, text):
        """Spans of one sentence."""
        known = [self._ids.get(self._plain.get(c, c), self._unknown) for c in text]
        given = {"token_ids": np.array([known]), "length": np.array([len(text)])}
        emissions = self._session.run(None, given)[0][0]
        chances = runtime.softmax(emissions)
        spans, at = [], None
        for i, tag in enumerate(best_path(emissions, self._steps)):
            kind, _, place = self._tags.get(tag, "O").rpartition("-")
            if place == "I" and at is not None:
                at["end"], at["score"] = i + 1, min(at["score"], chances[i, tag])
                continue
            at = None
            if kind in NAMES:
                at = {"start": i, "end": i + 1, "class": NAMES[kind], "score": chances[i, tag]}
                spans.append(at)
        return [{**span, "score": runtime.rounded(span["score"], 4)} for span in spans]


def best_path(emissions, steps):
    """The likeliest tags (n,) of scores (n, tags) and steps between tags (tags, tags): Viterbi."""
    score, back = emissions[0], []
    for row in emissions[1:]:
        options = score[:, None] + steps
        back.append(options.argmax(0))
        score = options.max(0) + row
    path = [int(score.argmax())]
    for row in reversed(back):
        path.append(int(row[path[-1]]))
    return path[::-1]


def _pairs(path):
    """(key, value) of lines with a tab; a later line holds against an earlier one."""
    for line in path.read_text("utf-8").split("\n"):
        key, tab, value = line.partition("\t")
        if tab:
            yield key, value
