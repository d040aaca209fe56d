"""Labels that other tools wrote: samples become items with what was said of them.

The formats are those of `libs.formats` that can be read. What cannot be held or does not fit the
template is told with its file or record; the rest goes on.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import IO, Any

from libs.common.blobs import Blobs
from libs.formats import Broken as NotOfFormat
from libs.formats import Fault, Sample, Unfit
from libs.formats.media import otherwise_framed
from libs.formats.paths import LAYOUT, Files
from libs.formats.registry import MODULES, format_of
from libs.formats.source import Source, Unreadable, of_file, of_tar, of_zip
from libs.untrusted.archives import is_tar
from services.intake.domain import DataField, Doc, Import, LabelsAs, NewItem, Project, Refused
from services.intake.field_types import MEDIA
from services.intake.sources import archives, media
from services.intake.sources.entry import Broken, Entry, entry_of
from services.intake.sources.fitting import fitted, renamed
from services.intake.sources.manifests import read_value
from services.intake.sources.scenes import OF_SCENE, Scene

MAX_FILE_BYTES = 500_000_000
_TABLE = ".feather"
_PARTIAL = "what of the label could not be read (see the refusals): no known answer"


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
    fields = [{"name": one.name, "type": one.type} for one in project.data_fields]
    own = project.label_schema.get("classes", [])
    schema = {**project.label_schema, "fields": fields, "encoding": import_.encoding}
    schema["file_classes"] = [one for one in import_.classes if one and one not in own]
    try:
        source = _source(file, posixpath.basename(import_.file_name), import_.encoding)
        for found in decode(source, schema):
            if isinstance(found, Sample):
                found = fitted(found, project.label_schema, import_.classes)
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
    if item.partial and import_.labels_as is not LabelsAs.PREDICTIONS:
        # People label it, with what could be read to begin with.
        return replace(item, label=None, prediction=value)
    if import_.labels_as is LabelsAs.SETTLED:
        return replace(item, label=value)
    if import_.labels_as is LabelsAs.GOLD:
        return replace(item, label=None, gold=value)
    return replace(item, label=None, prediction=value)


def has_label(item: NewItem) -> bool:
    """Did a label come with the item?"""
    return not (item.label is item.prediction is item.gold is None)


def _source(file: IO[bytes], name: str, encoding: str) -> Source:
    head = file.read(512)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return of_zip(file, encoding)
    if is_tar(head):
        return of_tar(file, encoding)
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise Broken(f"larger than {MAX_FILE_BYTES} bytes; pack it as a zip file")
    return of_file(name, content)


def _entry(found: Sample | Fault, source: Source, project: Project, blobs: Blobs) -> Entry:
    if isinstance(found, Fault):
        return Entry(found.where[:500], reason=found.reason)
    return entry_of(found.key, lambda: _item(found, source, project, blobs))


def _item(sample: Sample, source: Source, project: Project, blobs: Blobs) -> NewItem:
    tenant = project.name.split("/")[1]
    scene = Scene(
        sample, project, partial(_taken, source=source, tenant=tenant, blobs=blobs, inline=False)
    )
    data: Doc = scene.data()
    for name, value in sample.data.items():
        if name not in OF_SCENE:
            field = _field(project, name)
            data[field] = _carried(field, value, project, sample.key, blobs)
    for kind, named in sample.media.items():
        type_, _, camera = kind.partition("/")
        if kind == "frames":
            files = _frames(named, source)
            data[_field(project, kind)] = [_taken("image", f, source, tenant, blobs) for f in files]
        elif type_ == "cameras":
            image = _taken("image", named, source, tenant, blobs)
            sides = data.setdefault(_field(project, type_), [])
            sides.append({"name": camera, "image": image, "time": scene.time_of(camera)})
        else:
            said = sample.metadata if kind == "image" else {}
            data[_field(project, kind)] = _taken(kind, named, source, tenant, blobs, said)
    for one in project.data_fields:
        if one.required and one.name not in data and not sample.absent:
            data |= _beside(one, sample.key, source, tenant, blobs)
    lacking = [f.name for f in project.data_fields if f.required and f.name not in data]
    if lacking:
        hint = sample.absent or f"put the file of {sample.key[:200]!r} beside the labels"
        raise Refused(f"data.{lacking[0]}: {hint}")
    metadata = {str(k): str(v) for k, v in sample.metadata.items()}
    left_out = [*sample.left_out, *([sample.absent] if sample.absent else []), *scene.left_out]
    left_out += [_PARTIAL] if sample.partial else []
    if left_out:
        metadata["import.left_out"] = "; ".join(left_out)[:2000]
    return NewItem(
        json.dumps(data, ensure_ascii=False),
        source_key=sample.key,
        metadata=metadata,
        group=sample.group,
        label=None if sample.value is None else read_value(sample.value, "label"),
        partial=sample.partial,
    )


def _beside(field: DataField, key: str, source: Source, tenant: str, blobs: Blobs) -> Doc:
    """Return the media of a label that names none: what is called as its own file is."""
    stem = posixpath.splitext(key)[0]
    if kind := {"frames": "image", "sweeps": "cloud"}.get(field.type):
        folders = {posixpath.dirname(n) for n in source.names if _loose(n) == kind}
        found = [one for one in folders if _called(one, stem) or _called(one, key)]
        if len(found) != 1:
            return {}
        files = _frames(f"{found[0]}/", source, kind)
        if field.type == "frames":
            return {field.name: [_taken(kind, one, source, tenant, blobs) for one in files]}
        clouds = (_taken(kind, one, source, tenant, blobs, inline=False) for one in files)
        return {field.name: [{"cloud": one} for one in clouds]}
    suffixes = tuple(
        suffix for suffix, kind in media.KINDS.items() if kind == field.type and suffix != _TABLE
    )
    if not suffixes:
        return {}
    try:
        name = Files.of(source, suffixes).find(stem, key).name
    except Unfit as unfit:
        raise Refused(f"data.{field.name}: {unfit}") from unfit
    return {field.name: _taken(field.type, name, source, tenant, blobs)} if name else {}


def _loose(name: str) -> str:
    """Return the kind of media of a file that no label names: tables are none, whose clouds their
    format names itself."""
    return "" if name.lower().endswith(_TABLE) else media.kind_of(name)


def _called(folder: str, name: str) -> bool:
    """Is it the folder of that name? Folders that only say what is in them do not count."""
    parts = [one for one in folder.split("/") if one.lower() not in LAYOUT]
    wanted = name.split("/")
    return bool(parts) and parts[-len(wanted) :] == wanted


def _frames(first: str, source: Source, kind: str = "image") -> list[str]:
    """The images (or clouds) beside the first one, in the order of their names; raises
    `Refused`."""
    folder = posixpath.dirname(first)
    found = [n for n in source.names if posixpath.dirname(n) == folder]
    found = [n for n in found if _loose(n) == kind]
    if len(found) > archives.MAX_FRAMES:
        raise Refused(f"{folder[:200]}: more than {archives.MAX_FRAMES} frames; split it")
    return found


def _carried(field: str, value: Any, project: Project, key: str, blobs: Blobs) -> Any:
    """Return the value of a data field; media that a label file carries are kept as others are."""
    kind = next((one.type for one in project.data_fields if one.name == field), "")
    if kind not in MEDIA or not isinstance(value, str) or not value.startswith("data:"):
        return value
    try:
        content = base64.b64decode(value.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise Refused(f"data.{field}: not base64") from error
    return media.value_of(kind, content, key, project.name.split("/")[1], blobs)


def _taken(
    kind: str,
    name: str,
    source: Source,
    tenant: str,
    blobs: Blobs,
    said: Mapping[str, str] = MappingProxyType({}),
    inline: bool = True,
) -> str:
    """A reference to a file of the source; `said` is what the labels say of a picture, `inline`
    whether a small file may be part of the item."""
    if kind not in MEDIA:
        raise Refused(f"{name[:200]}: files of type {kind[:50]!r} are no media of an item")
    try:
        content = source.read(name, media.MAX_BYTES)
    except Unreadable as error:
        raise Refused(str(error)) from error
    if said and (words := otherwise_framed(content, said)):
        raise Refused(f"{name[:200]}: {words}")
    return media.value_of(kind, content, name, tenant, blobs, inline)


def _field(project: Project, name: str) -> str:
    """The template's data field of that name, or the first of that type; raises `Refused`."""
    for field in project.data_fields:
        if field.name == name:
            return name
    for field in project.data_fields:
        if field.type == name:
            return field.name
    raise Refused(f"the template has no data field {name[:100]!r} and none of that type")
