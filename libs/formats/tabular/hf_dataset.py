"""A folder as Hugging Face's `datasets` reads it, as a zip: `data/train-00000.parquet` with the
columns of `parquet`, and a card, `README.md`, whose YAML head names the files.

Unpack it and `datasets.load_dataset("FOLDER")`. Reading takes such folders with Parquet, JSON Lines
or CSV files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from libs.formats import ANY, Doc, Fault, Format, Job, Sample
from libs.formats.encoding import spool
from libs.formats.records import files
from libs.formats.source import Source
from libs.formats.tabular import csv_format, jsonl
from libs.formats.tabular.parquet import decode as parquet_reading
from libs.formats.tabular.parquet.encode import ParquetEncoder
from libs.formats.zip_writer import ZipStream

_FILE = "data/train-00000.parquet"
_CARD = """---
pretty_name: {name}
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---

# {title}

Labels of the project `{project}`, template `{template}`, one a row: {labels} in this part.

| column | holds |
|---|---|
| task, item, source_key | names within the project, and the key the item came with |
| data | the item's data fields, JSON |
| source, score, accept_time | who settled the label, how sure, when |
| lineage | what made the label, JSON |
| shape | which of the further columns holds the label; `value` is JSON |
"""


class HfDatasetEncoder(ParquetEncoder):
    """Keeps the table in a file on disk, as its length stands before it in the archive."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._job, self._file = job, spool()

    def add(self, rows: Sequence[Doc]) -> bytes:
        self._file.write(super().add(rows))
        return b""

    def end(self) -> Iterator[bytes]:
        for block in super().end():
            self._file.write(block)
        self._file.seek(0)
        # The columns are compressed already.
        archive = ZipStream(compress=False)
        archive.put("README.md", self._card().encode())
        yield from archive.put_file(_FILE, self._file)
        yield archive.close()
        self._file.close()

    def _card(self) -> str:
        title = self._job.name.rpartition("/")[2] or "labels"
        return _CARD.format(
            name=json.dumps(title, ensure_ascii=False),
            title=title,
            project=self._job.name,
            template=self._job.template,
            labels=self.labels,
        )


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for suffix, read in (
        (".parquet", parquet_reading.decode),
        (".jsonl", jsonl.decode),
        (".csv", csv_format.decode),
    ):
        if source.ending(suffix):
            yield from read(source, schema)
            return
    files(source, ".parquet", ".jsonl", ".csv")


FORMATS = {
    "hf-dataset": Format("hf-dataset", "hf-dataset-{:05}.zip", ANY, HfDatasetEncoder, decode)
}
