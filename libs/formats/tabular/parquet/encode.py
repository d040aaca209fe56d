"""Parquet: one label a row, typed columns that stay the same for all parts of a project.

`task`, `item`, `source_key`, `data` (JSON), `source`, `score`, `accept_time`, `lineage` (JSON),
`shape`, and the label in columns of its shape (`columns`): lists of structures where it is regular,
`value` (JSON) where it is not. Row groups go out as they are full, so that memory is flat.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from libs.formats import ANY, Doc, Format, Job, Problem
from libs.formats.tabular.columns import COMMON, label_columns
from libs.formats.tabular.parquet.decode import decode

_ROWS = 10_000
_BYTES = 64_000_000


class ParquetEncoder:
    def __init__(self, job: Job) -> None:
        self.labels = 0
        self.objects = job.first_object
        self.problems: list[Problem] = []
        shape = job.schema.get("shape", "")
        self._columns = [*COMMON, *label_columns("choices" if shape == "choice" else shape)]
        self._schema = pa.schema([pa.field(c.name, c.type) for c in self._columns])
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._rows: list[Doc] = []
        self._bytes = 0

    def begin(self) -> bytes:
        return b""

    def add(self, rows: Sequence[Doc]) -> bytes:
        for row in rows:
            self._rows.append(row)
            self._bytes += len(row["data"]) + len(row["lineage"])
            if len(self._rows) >= _ROWS or self._bytes >= _BYTES:
                self._flush()
        self.labels += len(rows)
        return self._sink.take()

    def end(self) -> Iterator[bytes]:
        self._flush()
        self._writer.close()
        yield self._sink.take()

    def _flush(self) -> None:
        if self._rows:
            arrays = [column.array(self._rows) for column in self._columns]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows, self._bytes = [], 0


class _Sink(io.RawIOBase):
    """What the writer made, until it is taken."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, content: object) -> int:
        data = memoryview(content)  # type: ignore[arg-type]
        self._kept += data
        self._place += data.nbytes
        return data.nbytes

    def take(self) -> bytes:
        taken = bytes(self._kept)
        self._kept.clear()
        return taken


FORMATS = {"parquet": Format("parquet", "labels-{:05}.parquet", ANY, ParquetEncoder, decode)}
