"""Rows, jobs and pictures for tests of formats, made in code."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import IO, Any

from PIL import Image

from libs.formats import Doc, Fault, Job, Problem, Sample
from libs.formats.registry import format_of
from libs.formats.source import Source, of_file, of_zip

PROJECT = "tenants/t/projects/p"
WIDTH, HEIGHT = 64, 48
SKELETON = {"points": ["nose", "left", "right"], "edges": [0, 1, 0, 2]}
SCHEMA: Doc = {
    "classes": ["cat", "dog", "a b"],
    "skeleton": SKELETON,
    "attributes": [
        {"name": "colour", "type": "choice", "choices": ["red", "blue"]},
        {"name": "count", "type": "number"},
        {"name": "wet", "type": "boolean"},
    ],
}


def png(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


def job(schema: Doc = SCHEMA, type_: str = "image", media: bool = False) -> Job:
    fields = ({"name": type_, "type": type_},)
    return Job(PROJECT, "t", schema, fields, open_png, media=media)


def open_png(path: str) -> IO[bytes]:
    if "missing" in path:
        raise FileNotFoundError(path)
    return io.BytesIO(png())


def row(number: int, value: Doc, data: Any = None, key: str | None = None) -> Doc:
    return {
        "name": f"{PROJECT}/tasks/t-{number}",
        "item": f"{PROJECT}/items/i-{number}",
        "project": PROJECT,
        "source_key": f"a/{number}.png" if key is None else key,
        "data": json.dumps(data or {"image": f"blob:blobs/t/{number}.png"}),
        "value": value,
        "source": "HUMAN",
        "score": 1.0,
        "accept_time": "2026-01-01T00:00:00Z",
        "lineage": "{}",
    }


def written(
    format_: str, values: Sequence[Doc], schema: Doc = SCHEMA, **options: Any
) -> tuple[bytes, list[Problem]]:
    """A part of these values, and what it could not hold."""
    data, type_ = options.pop("data", None), options.pop("type_", "image")
    encoder_of = format_of(format_).encoder
    assert encoder_of is not None
    encoder = encoder_of(job(schema, type_, **options))
    rows = [row(i, value, data) for i, value in enumerate(values, 1)]
    content = encoder.begin() + encoder.add(rows) + b"".join(encoder.end())
    return content, list(encoder.problems)


def source_of(format_: str, content: bytes) -> Source:
    pattern = format_of(format_).pattern
    if pattern.endswith(".zip"):
        return of_zip(io.BytesIO(content))
    return of_file(pattern.format(1), content)


def read(format_: str, source: Source, schema: Doc = SCHEMA) -> tuple[list[Sample], list[Fault]]:
    decode = format_of(format_).decode
    assert decode is not None
    found = list(decode(source, schema))
    samples = [one for one in found if isinstance(one, Sample)]
    return samples, [one for one in found if isinstance(one, Fault)]


def files(**contents: str | bytes) -> Source:
    """A source of small files; `__` in a name stands for a slash, `_dot_` for a dot."""
    named = {k.replace("__", "/").replace("_dot_", "."): v for k, v in contents.items()}
    held = {k: v.encode() if isinstance(v, str) else v for k, v in named.items()}
    return Source({k: len(v) for k, v in held.items()}, lambda name: io.BytesIO(held[name]))
