"""The digest of a set of labels: the same of every edition of a delivery, whatever its formats."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

Doc = dict[str, Any]


class LabelSet:
    """SHA-256 over labels in order of their tasks, label by label, so that it does not depend on
    where a part of the delivery ends.

    Each step hashes the hex digest so far and that of the label: JSON of `task` and `value`,
    keys sorted, no spaces, as a line of JSONL has them."""

    def __init__(self, sha256: str = "") -> None:
        self.sha256 = sha256

    def add(self, task: Any, value: Any) -> None:
        """One more label; `value` with its zeros told (`libs.common.codec.explicit`)."""
        label = orjson.dumps({"task": task, "value": value}, option=orjson.OPT_SORT_KEYS)
        own = hashlib.sha256(label).hexdigest()
        self.sha256 = hashlib.sha256((self.sha256 + own).encode()).hexdigest()
