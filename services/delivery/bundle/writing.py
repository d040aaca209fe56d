"""Writes one part of a delivery in all its formats at once, block by block.

Every call blocks and is made in a thread. A file appears whole when the part ends, so that a
part that was cut off leaves nothing behind but is simply written again, byte for byte the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any

import orjson
from labelmill.annotation.v1.annotation_pb2 import Value

from libs.bundle.label_set import LabelSet
from libs.common.blobs import Blobs
from libs.common.explicit import explicit
from libs.formats import Encoder, Format, Job, Problem
from libs.formats.registry import MODULES, format_of
from services.delivery.domain import EXAMPLES, Delivery, Doc, File, Project, Written

FORMATS = tuple(MODULES)
_REPORT = "report-{:05}.jsonl"


class HashedFile:
    """A file that knows its size and SHA-256."""

    def __init__(self, path: str, file: IO[bytes]) -> None:
        self.path, self._file = path, file
        self._sha, self._size = hashlib.sha256(), 0

    def write(self, content: bytes) -> None:
        self._file.write(content)
        self._sha.update(content)
        self._size += len(content)

    def file(self, format_: str, labels: int) -> File:
        return File(self.path, self._size, self._sha.hexdigest(), format_, labels)


class PartWriter:
    """Part `delivery.part_count + 1`, in the order the rows are handed in."""

    def __init__(self, blobs: Blobs, delivery: Delivery, project: Project) -> None:
        self._blobs, self._delivery = blobs, delivery
        self._number = delivery.part_count + 1
        self._stack = ExitStack()
        job = Job(
            name=project.name,
            template=project.template,
            schema=project.label_schema,
            fields=project.data_fields,
            open_blob=blobs.read,
            first_label=delivery.written_count,
            first_object=delivery.object_count,
        )
        self._encoders = [_encoder(format_of(f), job) for f in delivery.formats]
        self._files: list[HashedFile] = []
        self._report: HashedFile | None = None
        self._count, self._position = 0, delivery.position
        self._left_out: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._examples: list[Doc] = []
        self._labels = LabelSet(delivery.label_set_sha256)

    def open(self) -> None:
        for format_, encoder in self._encoders:
            file = self._open(format_of(format_).pattern)
            file.write(encoder.begin())
            self._files.append(file)

    def add(self, rows: Sequence[Doc]) -> None:
        """One block of labels into every file."""
        for (_, encoder), file in zip(self._encoders, self._files, strict=True):
            file.write(encoder.add(rows))
            self._tell(encoder.problems)
            encoder.problems.clear()
        for row in rows:
            self._labels.add(row["name"], explicit(row["value"], Value))
        self._count += len(rows)
        self._position = rows[-1]["name"]

    def close(self) -> Written:
        """All files of the part are in their place when it returns."""
        files = []
        for (format_, encoder), file in zip(self._encoders, self._files, strict=True):
            for block in encoder.end():
                file.write(block)
            files.append(file.file(format_, encoder.labels))
        if self._report is not None:
            files.append(self._report.file("report", 0))
        self._stack.close()
        return Written(
            files=tuple(files),
            count=self._count,
            position=self._position,
            object_count=max(encoder.objects for _, encoder in self._encoders),
            left_out=dict(self._left_out),
            problems=dict(self._problems),
            examples=tuple(self._examples),
            label_set_sha256=self._labels.sha256,
        )

    def abort(self, error: BaseException) -> None:
        """Nothing of the part stays."""
        self._stack.__exit__(type(error), error, None)

    def _open(self, pattern: str) -> HashedFile:
        path = pattern.format(self._number)
        target: Any = self._blobs.write(f"{self._delivery.blob}/{path}")
        return HashedFile(path, self._stack.enter_context(target))

    def _tell(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            doc = {"format": problem.format, "task": problem.task, "reason": problem.reason}
            if self._report is None:
                self._report = self._open(_REPORT)
            self._report.write(orjson.dumps(doc, option=orjson.OPT_APPEND_NEWLINE))
            self._problems[f"{problem.format}: {problem.reason}"] += 1
            self._left_out[problem.format] += problem.whole
            if len(self._examples) < EXAMPLES:
                self._examples.append(doc)


def _encoder(format_: Format, job: Job) -> tuple[str, Encoder]:
    assert format_.encoder is not None, f"{format_.name} is only read"
    return format_.name, format_.encoder(job)
