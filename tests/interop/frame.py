"""Rows of the table, and reading, writing and comparing for their checks."""

from __future__ import annotations

import io
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from PIL import Image

from libs.formats import Doc, Fault, Job, Problem, Sample
from libs.formats.registry import format_of
from libs.formats.source import Source, of_file, of_folder, of_zip

_PROJECT = "tenants/t/projects/p"


@dataclass
class Result:
    """What one row found. `wrong` empty means that all agreed."""

    files: int = 0
    ours: int = 0
    judged: str = "-"
    lost: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def read(self, files: int, samples: Sequence[Sample], faults: Sequence[Fault]) -> None:
        """Counts what was read; every fault is wrong."""
        self.files += files
        self.ours += files if not faults else 0
        self.wrong += [f"{one.where}: {one.reason}" for one in faults]
        self.left_out.update(reason for one in samples for reason in one.left_out)

    def same(self, what: str, left: object, right: object, tolerance: float = 1e-6) -> bool:
        """Are they equal, numbers within the tolerance? If not, it is wrong."""
        apart = difference(left, right, tolerance)
        if apart:
            self.wrong.append(f"{what}: {apart}")
        return not apart


@dataclass(frozen=True)
class Row:
    name: str
    needs: tuple[str, ...]
    check: Callable[[Path], Result]


@dataclass
class Written:
    """One part in a format: its bytes, and what it could not hold."""

    content: bytes
    labels: int
    problems: list[Problem]

    def source(self, pattern: str) -> Source:
        if pattern.endswith(".zip"):
            return of_zip(io.BytesIO(self.content))
        return of_file(pattern.format(1), self.content)

    def put(self, folder: Path, name: str) -> Path:
        path = folder / name
        path.write_bytes(self.content)
        return path


def read(
    format_: str, source: Source | Path, schema: Doc | None = None
) -> tuple[list[Sample], list[Fault]]:
    """Samples and faults of a folder, a file or a source."""
    if isinstance(source, Path):
        one = not source.is_dir()
        source = of_file(source.name, source.read_bytes()) if one else of_folder(source)
    decode = format_of(format_).decode
    assert decode is not None, f"{format_} is only written"
    found = list(decode(source, schema or {}))
    samples = [one for one in found if isinstance(one, Sample)]
    return samples, [one for one in found if isinstance(one, Fault)]


def write(
    format_: str,
    samples: Iterable[Sample],
    schema: Doc,
    fields: Sequence[Doc] = ({"name": "image", "type": "image"},),
    source: Source | None = None,
    media: bool = False,
) -> Written:
    """The samples as a part of a delivery. An image that the source lacks is made, blank, in the
    size the sample says."""
    encoder = format_of(format_).encoder
    assert encoder is not None, f"{format_} is only read"
    rows = [_row(number, one, fields, source) for number, one in enumerate(samples, 1)]
    job = Job(_PROJECT, "t", schema, tuple(fields), _opener(source), media=media)
    made = encoder(job)
    content = made.begin() + made.add(rows) + b"".join(made.end())
    return Written(content, made.labels, list(made.problems))


def round_trip(
    result: Result,
    format_: str,
    samples: Sequence[Sample],
    schema: Doc,
    source: Source | None = None,
    fields: Sequence[Doc] = ({"name": "image", "type": "image"},),
    media: bool = True,
    tolerance: float = 1e-6,
) -> Written:
    """Writes and reads again; counts labels that came back otherwise, problems as said."""
    written = write(format_, samples, schema, fields, source, media)
    again, faults = read(format_, written.source(format_of(format_).pattern), schema)
    result.wrong += [f"round trip: {one.where}: {one.reason}" for one in faults]
    result.left_out.update(one.reason for one in written.problems)
    back: dict[str, list[Doc | None]] = defaultdict(list)
    for found in again:
        back[stem(found.key)].append(found.value)
    for one in samples:
        values = back[stem(one.key)]
        apart = difference(one.value, values.pop(0) if values else None, tolerance)
        if apart:
            result.lost += 1
            if not written.problems:
                result.wrong.append(f"round trip of {one.key}: {apart}")
    return written


def stem(key: str) -> str:
    """A key without folders and suffix: formats differ in whether they keep those."""
    return Path(key).stem


def difference(left: object, right: object, tolerance: float = 1e-6, path: str = "") -> str:
    """Where two documents differ first; empty if nowhere. What a document leaves out has its
    usual value: 0, false, or an empty text, list or map."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        close = math.isclose(left, right, rel_tol=0, abs_tol=tolerance)
        return "" if close else f"{path}: {left} and {right}"
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return _first(
            difference(left.get(k, 0), right.get(k, 0), tolerance, f"{path}.{k}")
            for k in sorted({*left, *right}, key=str)
            if left.get(k) or right.get(k)
        )
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) != len(right):
            return f"{path}: {len(left)} and {len(right)} entries"
        places = enumerate(zip(left, right, strict=True))
        return _first(difference(a, b, tolerance, f"{path}[{i}]") for i, (a, b) in places)
    return "" if left == right else f"{path}: {str(left)[:200]} and {str(right)[:200]}"


def _first(found: Iterable[str]) -> str:
    return next((one for one in found if one), "")


def _row(number: int, sample: Sample, fields: Sequence[Doc], source: Source | None) -> Doc:
    data = dict(sample.data)
    for field_ in fields:
        if field_["name"] not in data:
            data[field_["name"]] = _reference(sample, field_["type"], source)
    name = f"{_PROJECT}/tasks/t-{number:06}"
    return {
        "name": name,
        "item": f"{_PROJECT}/items/i-{number:06}",
        "project": _PROJECT,
        "source_key": sample.key,
        "data": json.dumps(data),
        "value": sample.value,
        "source": "HUMAN",
        "score": 1.0,
        "accept_time": "2026-01-01T00:00:00Z",
        "lineage": "{}",
    }


def _reference(sample: Sample, type_: str, source: Source | None) -> str:
    named = sample.media.get(type_, "")
    if source is not None and named in source:
        return f"blob:blobs/t/{named}"
    size = sample.metadata.get("width", "1"), sample.metadata.get("height", "1")
    return f"blob:blobs/t/blank-{size[0]}x{size[1]}.png"


def _opener(source: Source | None) -> Callable[[str], IO[bytes]]:
    def open_blob(path: str) -> IO[bytes]:
        name = path.removeprefix("blobs/t/")
        if source is not None and name in source:
            return source.open(name)
        width, height = name.removeprefix("blank-").removesuffix(".png").split("x")
        out = io.BytesIO()
        Image.new("1", (int(width), int(height))).save(out, "PNG")
        out.seek(0)
        return out

    return open_blob
