"""People, organizations and places in English text: a two-layer BERT with BIO tags (Apache-2.0).

{"value": {"spans": ...}}: places count code points. The model knows single sentences, so texts are
read sentence by sentence.
"""

import re
from pathlib import Path

import numpy as np
import runtime
from tokenizers import Tokenizer

MOST_TOKENS, BATCH = 256, 16
SENTENCE = re.compile(r"(?:[^\n.!?。！？]|[.!?](?!\s|$)){1,1000}[.!?。！？]*\s*|[\s.!?。！？]+")
TAGS = ("", "person", "person", "organization", "organization", "place", "place", "misc", "misc")


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._session = runtime.session_of(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.no_padding()

    def execute(self, requests):
        return runtime.documents(requests, self._spans)

    def _spans(self, row):
        text = row.decode("utf-8", "replace")
        spans = spans_of(text, self._tagged(text))
        return {"value": {"spans": {"spans": spans}}}

    def _tagged(self, text):
        """[(start, end, tag number, probability, whether it goes on within a word)], by place."""
        sentences = [match for match in SENTENCE.finditer(text) if not match[0].isspace()]
        found = []
        for i in range(0, len(sentences), BATCH):
            some = sentences[i : i + BATCH]
            read = [self._tokenizer.encode(match[0]) for match in some]
            for match, tokens, probs in zip(some, read, self._probabilities(read)):
                found += [
                    (match.start() + start, match.start() + end, int(row.argmax()), row.max(),
                     token.startswith("##"))
                    for token, (start, end), row in zip(tokens.tokens, tokens.offsets, probs)
                    if end > start
                ]
        return found

    def _probabilities(self, read):
        """(sentences, longest, tags) of encoded sentences."""
        ids = np.zeros((len(read), max(len(one.ids) for one in read)), np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(read):
            ids[row, : len(one.ids)], mask[row, : len(one.ids)] = one.ids, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return runtime.softmax(self._session.run(None, given)[0])


def spans_of(text, tagged):
    """Spans of one class each: pieces of a word follow its first piece, and words of one class
    with nothing but a space between are one name: names that follow each other without a comma
    are rarer than this small model's doubts where a name begins."""
    spans = []
    for start, end, tag, score, inner in tagged:
        name = TAGS[tag]
        last = spans[-1] if spans else None
        if inner and last and start == last["end"]:
            last["end"] = end
        elif inner or not name or not any(c.isalnum() for c in text[start:end]):
            continue
        elif last and last["class"] == name and text[last["end"] : start] in ("", " ", "-"):
            last["end"], last["score"] = end, min(last["score"], score)
        else:
            spans.append({"start": start, "end": end, "class": name, "score": score})
    return [{**span, "score": runtime.rounded(span["score"], 4)} for span in spans]
