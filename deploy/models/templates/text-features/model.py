"""Embedding of short English texts: two small sentence encoders side by side.

all-MiniLM-L6-v2 (mean of its tokens, unit length) and bge-small-en-v1.5 (its first token, twice
unit length: its cosines lie close together, and would hardly count beside the other's), 8-bit
weights.
"""

from pathlib import Path

import numpy as np
import onnxruntime
import runtime
from tokenizers import Tokenizer

MOST_TOKENS = 256
BLOCK = 32
ENCODERS = {"minilm": 1.0, "bge": 2.0}


class Encoder:
    def __init__(self, folder, name, length):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._first, self._length = name == "bge", length
        self._session = onnxruntime.InferenceSession(
            str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._wanted = {i.name for i in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(folder / f"{name}.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.no_padding()

    def encode(self, texts):
        """(n, d) float32 of the encoder's length."""
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        ids = np.zeros((len(texts), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        given = {name: array for name, array in given.items() if name in self._wanted}
        hidden = self._session.run(None, given)[0]
        if self._first:
            pooled = hidden[:, 0]
        else:
            pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return pooled * (self._length / (np.linalg.norm(pooled, axis=1, keepdims=True) + 1e-9))


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._encoders = [Encoder(folder, *encoder) for encoder in ENCODERS.items()]

    def execute(self, requests):
        return runtime.answer_all(requests, "TEXT", self._run)

    def _run(self, rows):
        texts = [row.decode("utf-8", "replace") for row in rows]
        # Texts of like length share a block, so that little is computed for padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = [None] * len(texts)
        for start in range(0, len(order), BLOCK):
            block = order[start : start + BLOCK]
            part = np.concatenate([e.encode([texts[i] for i in block]) for e in self._encoders], 1)
            for i, row in zip(block, part):
                found[i] = row
        return {"EMBEDDING": np.stack(found).astype(np.float32)}
