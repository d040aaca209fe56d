"""Labels that other tools wrote: samples become items with what was said of them.

The formats are those of `libs.formats` that can be read. What cannot be held or does not fit the
template is told with its file or record; the rest goes on.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, Any

from libs.common.blobs import Blobs
from libs.formats import Broken as NotOfFormat
from libs.formats import Fault, Sample, Unfit
from libs.formats.source import Source, Unreadable, of_file, of_zip
from libs.formats.table import MODULES, format_of
from services.intake.domain import Doc, Import, LabelsAs, NewItem, Project, Refused
from services.intake.fields import MEDIA
from services.intake.sources import archives, media
from services.intake.sources.entry import Broken, Entry
from services.intake.sources.manifests import read_value

MAX_FILE_BYTES = 500_000_000


def readable(name: str) -> bool:
    """Is it a format whose labels can be read?"""
    return name in MODULES and format_of(name).decode is not None


def label_entries(
    file: IO[bytes], import_: Import, project: Project, blobs: Blobs
) -> Iterator[Entry]:
    """Samples as entries; raises `Broken`."""
    decode = format_of(import_.format).decode
    if decode is None:
        raise Broken(f"labels cannot be read from {import_.format}")
    classes = [*project.label_schema.get("classes", []), *import_.classes]
    schema = {**project.label_schema, "classes": list(dict.fromkeys(classes))}
    try:
        source = _source(file, posixpath.basename(import_.blob))
        for found in decode(source, schema):
            if isinstance(found, Sample):
                found = _fitted(found, project.label_schema, import_.classes)
            yield _entry(found, source, project, blobs)
    except (NotOfFormat, Unfit, Unreadable) as error:
        raise Broken(str(error)) from error


def placed(item: NewItem, import_: Import) -> NewItem:
    """The item with its label where the request wants it, in the template's classes; raises
    `Refused` where the request does not say what labels are."""
    if item.label is None:
        return item
    if import_.labels_as is None:
        raise Refused("label: say what labels are: labels_as GOLD, PREDICTIONS or SETTLED")
    value = renamed(item.label, import_.classes)
    if import_.labels_as is LabelsAs.SETTLED:
        return replace(item, label=value)
    if import_.labels_as is LabelsAs.GOLD:
        return replace(item, label=None, gold=value)
    return replace(item, label=None, draft=value)


def renamed(value: Any, classes: Mapping[str, str]) -> Any:
    """A value with its classes called as the template calls them, at any depth."""
    if not classes:
        return value
    if isinstance(value, list):
        return [renamed(one, classes) for one in value]
    if not isinstance(value, dict):
        return value
    made = {k: renamed(v, classes) for k, v in value.items()}
    if isinstance(made.get("class"), str):
        made["class"] = classes.get(made["class"], made["class"])
    if isinstance(made.get("classes"), list):
        mapped = (classes.get(c, c) if isinstance(c, str) else c for c in made["classes"])
        made["classes"] = list(dict.fromkeys(mapped))
    return made


def _source(file: IO[bytes], name: str) -> Source:
    head = file.read(512)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return of_zip(file)
    if head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        members = {m.name: m for m in archives.of_tar(file).members if not m.fault}
        sizes = dict.fromkeys(members, 0)
        return Source(sizes, lambda one: archives.opened(members[one]))
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise Broken(f"larger than {MAX_FILE_BYTES} bytes; pack it as a zip file")
    return of_file(name, content)


def _entry(found: Sample | Fault, source: Source, project: Project, blobs: Blobs) -> Entry:
    if isinstance(found, Fault):
        return Entry(found.where[:500], reason=found.reason)
    try:
        return Entry(found.key[:500], _item(found, source, project, blobs))
    except (Refused, Unreadable) as refused:
        return Entry(found.key[:500], reason=str(refused))


def _item(sample: Sample, source: Source, project: Project, blobs: Blobs) -> NewItem:
    tenant = project.name.split("/")[1]
    data: Doc = {_field(project, name): value for name, value in sample.data.items()}
    for kind, named in sample.media.items():
        type_, _, camera = kind.partition("/")
        if kind == "frames":
            files = _frames(named, source)
            data[_field(project, kind)] = [_taken("image", f, source, tenant, blobs) for f in files]
        elif type_ == "cameras":
            image = _taken("image", named, source, tenant, blobs)
            sides = data.setdefault(_field(project, type_), [])
            sides.append({"name": camera, "image": image, "time": 0})
        else:
            data[_field(project, kind)] = _taken(kind, named, source, tenant, blobs)
    lacking = [f.name for f in project.data_fields if f.required and f.name not in data]
    if lacking:
        raise Refused(f"data.{lacking[0]}: put the file of {sample.key[:200]!r} beside the labels")
    metadata = {str(k): str(v) for k, v in sample.metadata.items()}
    if sample.left_out:
        metadata["import.left_out"] = "; ".join(sample.left_out)[:2000]
    return NewItem(
        json.dumps(data, ensure_ascii=False),
        source_key=sample.key[:500],
        metadata=metadata,
        group=sample.group[:200],
        label=None if sample.value is None else read_value(sample.value, "label"),
    )


def _fitted(sample: Sample, schema: Doc, classes: Mapping[str, str]) -> Sample:
    """Without attributes that the template does not have for a class, as it will be called:
    formats bring whatever somebody asked for."""
    if schema.get("shape") == "composite":
        return sample
    left_out: dict[str, None] = {}

    def known(value: Any, class_: str) -> Any:
        if isinstance(value, list):
            return [known(one, class_) for one in value]
        if not isinstance(value, dict):
            return value
        named = value.get("class")
        class_ = classes.get(named, named) if isinstance(named, str) else class_
        made = {name: known(held, class_) for name, held in value.items() if name != "attributes"}
        held = value.get("attributes") or {}
        rules = (
            r for r in schema.get("attributes", []) if class_ in (r.get("classes") or [class_])
        )
        names = {rule["name"] for rule in rules} & held.keys()
        left_out.update(dict.fromkeys(f"attribute {one[:100]}" for one in held if one not in names))
        return made | ({"attributes": {k: held[k] for k in held if k in names}} if names else {})

    value = known(sample.value, "")
    return replace(sample, value=value, left_out=(*sample.left_out, *left_out))


def _frames(first: str, source: Source) -> list[str]:
    """The images beside the first one, in the order of their names; raises `Refused`."""
    folder = posixpath.dirname(first)
    found = [n for n in source.names if posixpath.dirname(n) == folder]
    found = [n for n in found if media.kind_of(n) == "image"]
    if len(found) > archives.MAX_FRAMES:
        raise Refused(f"{folder[:200]}: more than {archives.MAX_FRAMES} frames; split it")
    return found


def _taken(kind: str, name: str, source: Source, tenant: str, blobs: Blobs) -> str:
    if kind not in MEDIA:
        raise Refused(f"{name[:200]}: files of type {kind[:50]!r} are no media of an item")
    return media.value_of(kind, source.read(name, media.MAX_BYTES), name, tenant, blobs)


def _field(project: Project, name: str) -> str:
    """The template's data field of that name, or the first of that type; raises `Refused`."""
    for field in project.data_fields:
        if field.name == name:
            return name
    for field in project.data_fields:
        if field.type == name:
            return field.name
    raise Refused(f"the template has no data field {name[:100]!r} and none of that type")
