"""JSON Lines: one label a line, nothing left out, lineage included.

Reading takes these lines, and simple ones of other tools (`rows`): a text and its class or classes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

import orjson
from labelmill.annotation.v1.annotation_pb2 import Value

from libs.common.explicit import explicit
from libs.formats import ANY, Doc, Fault, Format, Job, Problem, Sample
from libs.formats.decoding import mapping
from libs.formats.records import Record, each_record, files
from libs.formats.source import Source
from libs.formats.tabular import rows


class JsonlEncoder:
    """`{task, item, source_key, data, value, label, lineage}` a line, UTF-8."""

    def __init__(self, job: Job) -> None:
        self.labels = 0
        self.objects = job.first_object
        self.problems: list[Problem] = []

    def begin(self) -> bytes:
        return b""

    def add(self, rows: Sequence[Doc]) -> bytes:
        self.labels += len(rows)
        return b"".join([line(row) for row in rows])

    def end(self) -> Iterator[bytes]:
        return iter(())


def line(row: Doc) -> bytes:
    # Data and lineage are JSON text already: parsing them again would double the cost.
    return orjson.dumps(
        {
            "task": row["name"],
            "item": row["item"],
            "source_key": row["source_key"],
            "data": orjson.Fragment(row["data"]),
            "value": explicit(row["value"], Value),
            "label": {
                "source": row["source"],
                "score": row["score"],
                "accept_time": row["accept_time"],
            },
            "lineage": orjson.Fragment(row["lineage"]),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    def read(record: Record) -> list[Sample]:
        doc, near = mapping(record.doc, "line"), posixpath.dirname(record.key)
        return [rows.sample(doc, record.key, schema, source, near)]

    return each_record(source, files(source, ".jsonl", ".json", ".ndjson"), read)


FORMATS = {"jsonl": Format("jsonl", "labels-{:05}.jsonl", ANY, JsonlEncoder, decode)}
