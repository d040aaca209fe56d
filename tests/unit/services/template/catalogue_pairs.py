"""Every entry of the catalogue with every format that can hold its labels, by intake."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from libs import label_validation
from libs.cli import answers
from libs.cli.reading_back import compared
from libs.common.blobs import Blobs
from libs.formats import Doc, Job
from libs.formats import media as files_of
from libs.formats.registry import MODULES, format_of
from services.intake import domain
from services.intake.domain import DataField, Import, ImportState, LabelsAs, Project, Refused
from services.intake.sources import Broken, entries
from services.template.label_shapes import KINDS
from services.template.main import Definitions

PROJECT = "tenants/t/projects/p"
_SUFFIXES = {"image": ".png", "audio": ".wav", "cloud": ".pcd", "video": ".mp4"}


@cache
def catalogue() -> dict[str, Any]:
    parse = Definitions().parse
    return {name: parse(text) for name, text in Definitions.catalogue().items()}


def pairs() -> list[tuple[str, str]]:
    """Return (entry, format) where the format takes labels of the entry's shape and can be read."""
    return [
        (entry, name)
        for entry, template in catalogue().items()
        for name in MODULES
        if KINDS[template["label_schema"]["shape"]].value in format_of(name).shapes
        and format_of(name).encoder is not None
        and format_of(name).decode is not None
    ]


@dataclass(frozen=True)
class Written:
    content: bytes
    labels: int
    reasons: list[str]


def written(entry: str, format_: str) -> Written:
    """Return the example of an entry as a delivery of the format, its media beside it."""
    template = catalogue()[entry]
    example = answers.example_of({"example": json.dumps(template["example"])})
    fields = tuple(dict(one) for one in template["data_fields"])
    job = Job("p", "t", template["label_schema"], fields, _no_blob, media=True)
    row = _row(template, example)
    made = format_of(format_).encoder
    assert made is not None
    encoder = made(job)
    content = encoder.begin() + encoder.add([row]) + b"".join(encoder.end())
    reasons = [one.reason for one in encoder.problems]
    pattern = format_of(format_).pattern
    beside = dict(_media(job, row))
    if beside:
        content = _zipped(beside | _members(content, pattern))
    return Written(content, encoder.labels, reasons)


def _row(template: Doc, example: Doc) -> Doc:
    types = [one["type"] for one in template["data_fields"] if one["name"] in example["data"]]
    suffix = next((_SUFFIXES[one] for one in types if one in _SUFFIXES), "")
    line = {"task": "t", "value": example["label"]}
    return {
        **{"name": f"{PROJECT}/tasks/t-1", "item": f"{PROJECT}/items/i-1", "project": PROJECT},
        **{"source_key": f"example{suffix}", "data": json.dumps(example["data"])},
        **{"value": _plain(line["value"]), "source": "HUMAN", "score": 1.0},
        **{"accept_time": "2026-01-01T00:00:00Z", "lineage": "{}"},
    }


def _plain(value: Any) -> Any:
    """Without defaults, and names of enumerations short, as labels are handed to formats."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v not in (0, "", [], {}, None, False)}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _media(job: Job, row: Doc) -> Iterator[tuple[str, bytes]]:
    for type_ in _SUFFIXES:
        if job.field(type_):
            (reference, *_) = files_of.references(job, row, type_)
            yield files_of.file_name(row, reference), files_of.content_of(job, row, reference)
    if job.field("frames"):
        for place, reference in enumerate(files_of.references(job, row, "frames")):
            yield f"example/img1/{place + 1:06}.png", files_of.content_of(job, row, reference)

    sides = json.loads(row["data"]).get(job.field("cameras"), [])
    for one in sides:
        # As nuScenes' tables call them, and as KITTI's folders do.
        for name in (f"example/{one['name']}/000000.jpg", "image_2/example.jpg"):
            yield name, files_of.content_of(job, row, one["image"])
    if job.field("sweeps"):
        sweeps = json.loads(row["data"])[job.field("sweeps")]
        for place, sweep in enumerate(sweeps):
            yield f"example/{place:06}.pcd", files_of.content_of(job, row, sweep["cloud"])


def _members(content: bytes, pattern: str) -> dict[str, bytes]:
    if not pattern.endswith(".zip"):
        return {pattern.format(1): content}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return out.getvalue()


def _no_blob(path: str) -> IO[bytes]:
    raise FileNotFoundError(path)


def imported(entry: str, format_: str, content: bytes, folder: Path) -> tuple[str, Doc | None]:
    """Return what came in by the door, in words where it is not one item with a label, and the
    label."""
    template = catalogue()[entry]
    fields = tuple(
        DataField(one["name"], one["type"], required=bool(one.get("required")))
        for one in template["data_fields"]
    )
    project = Project(PROJECT, 1, fields, template["label_schema"])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    asked = Import(PROJECT, "", "b", format_, ImportState.RUNNING, now, now)
    asked = replace(asked, labels_as=LabelsAs.SETTLED, filename=_name(format_, content))
    blobs = Blobs(f"file://{folder}")
    try:
        found = list(entries(io.BytesIO(content), asked, project, blobs))
    except Broken as broken:
        return f"broken: {broken}", None
    told = [one.reason for one in found if one.item is None]
    items = [one.item for one in found if one.item is not None]
    if told or len(items) != 1 or items[0].label is None:
        return f"{len(items)} items, told {told}", None
    try:
        data = domain.check_item(project, items[0], json.loads, "t")
        text, ids = project.text_of(data), project.candidates_of(data)
        label_validation.check(items[0].label, template["label_schema"], "label", text, ids)
    except (Refused, label_validation.Misfit) as error:
        return f"refused: {error}", None
    return "", items[0].label


def _name(format_: str, content: bytes) -> str:
    packed = content.startswith(b"PK\x03\x04")
    return "f.zip" if packed else format_of(format_).pattern.format(1)


def difference(entry: str, label: Doc, reasons: list[str]) -> str:
    """Return in words what is other than the example and was not told."""
    said = compared(catalogue()[entry]["example"]["label"], label, reasons)
    return said if said.startswith("untold") else ""
