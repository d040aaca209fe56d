"""Reads Label Studio JSON task by task: one sample for every annotation and every prediction.

`Sample.metadata` says `kind` (annotation or prediction), `by` (the annotator or the model) and the
size of an image. Results that share an id are one region: place, class, text and attributes.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from libs.formats import Broken, Doc, Fault, Sample, Unfit, shapes
from libs.formats.coco_reading import records
from libs.formats.labelstudio_regions import (
    GEOMETRIES,
    Task,
    beside,
    characters,
    class_of,
    object_of,
    own_id,
    texts_of,
)
from libs.formats.media import Pictures
from libs.formats.reading import formed, mapping, number, told, whole
from libs.formats.source import Source

LABEL, TEXT, SPEAKER = "label", "transcription", "speaker"
_SHAPE_OF = {"choice": "choices"}
_MEDIA = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".mp4", ".webm", ".mov", ".avi")


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    names = source.ending(".json")
    if not names:
        raise Broken("there is no .json file")
    pictures = Pictures(source, schema)
    for name in names:
        try:
            for place, task in enumerate(records(source, name, ""), 1):
                where = f"{name} task {place}"
                yield from told(where, _task(where, task, Task(name, schema, pictures)))
        except Unfit as unfit:
            yield Fault(name, f"{unfit}; what stands before is read")


def _task(where: str, task: Any, read: Task) -> Iterator[Sample | Fault]:
    try:
        read.data = mapping(mapping(task, "a task").get("data"), "data")
    except Unfit as unfit:
        yield Fault(where, str(unfit))
        return
    read.image = _image(read.data)
    labelled = False
    for kind, key in (("annotation", "annotations"), ("prediction", "predictions")):
        found = task.get(key) or (task.get("completions") if key == "annotations" else [])
        for place, one in enumerate(found if isinstance(found, list) else [], 1):
            labelled = True
            yield from _labelled(f"{where} {kind} {place}", kind, task, one, read)
    if not labelled:
        yield _sample(task, read, None, {})


def _labelled(where: str, kind: str, task: Doc, one: Any, read: Task) -> Iterator[Sample | Fault]:
    try:
        found = mapping(one, kind).get("result")
        results = [mapping(each, "a result") for each in found if each] if found else []
    except (Unfit, TypeError) as error:
        yield Fault(where, f"result is not a list of objects: {error}")
        return
    by = one.get("model_version") if kind == "prediction" else one.get("completed_by")
    about = {"kind": kind, "by": str(by.get("email", "") if isinstance(by, dict) else by or "")}
    if one.get("was_cancelled"):
        yield _sample(task, read, None, about, ["the annotation was cancelled"])
        return
    faults: list[Fault] = []
    left_out: list[str] = []
    value = _value(where, results, read, left_out, faults)
    size = next((r for r in results if r.get("original_width")), {})
    about |= {k: str(size[f"original_{k}"]) for k in ("width", "height") if size}
    yield _sample(task, read, value, about, left_out)
    yield from faults


def _sample(
    task: Doc, read: Task, value: Doc | None, about: Doc, left_out: list[str] | None = None
) -> Sample:
    image = read.pictures.find(read.image, read.file) if read.image else ""
    media = next((v for v in read.data.values() if _is_media(v)), "")
    return Sample(
        read.image or media or str(task.get("id", "")),
        value,
        data={k: v for k, v in read.data.items() if _is_text(v, read.image)},
        media=read.pictures.media(image),
        metadata={k: v for k, v in about.items() if v},
        left_out=tuple(dict.fromkeys(left_out or ())),
    )


def _value(
    where: str, results: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc | None:
    """The value of the template's shape, or else of the first shape that the results make."""
    regions: dict[str, list[Doc]] = defaultdict(list)
    for place, one in enumerate(results):
        key = str(one["id"]) if "id" in one else f"no id {place}"
        regions[key].append(one)
    parts: dict[str, list[Doc]] = defaultdict(list)
    for key, region in regions.items():
        parts[_family(region)].append({"key": key, "results": region})
    wanted = read.schema.get("shape", "")
    family = _SHAPE_OF.get(wanted, wanted) or next(
        (f for f in _MAKERS if parts.get(f)), "objects" if read.image and not parts else ""
    )
    family = "objects" if family == "boxes" else family
    for other, found in parts.items():
        if other != family and not (other == "relation" and family == "spans"):
            types = sorted({str(r.get("type", "?"))[:50] for one in found for r in one["results"]})
            left_out.append(f"{', '.join(types)}: another shape than {family or 'any of ours'}")
    if family not in _MAKERS:
        return None
    made = _MAKERS[family](where, parts.get(family, []), read, left_out, faults)
    if family == "spans":
        _relate(made["spans"], parts.get("relation", []), left_out)
    return made


def _family(region: list[Doc]) -> str:
    """What the results of one id are together."""
    types = {str(one.get("type", "")).removesuffix("labels") for one in region}
    if not types.isdisjoint(GEOMETRIES):
        return "objects"
    values = [v for one in region if isinstance(v := one.get("value"), dict)]
    if any("start" in v and "end" in v for v in values):
        return "spans" if any("text" in v and "start" in v and isinstance(v["text"], str)
                              for v in values) else "segments"  # fmt: skip
    if "relation" in types:
        return "relation"
    return {"choices": "choices", "taxonomy": "choices", "textarea": "text"}.get(
        next(iter(types), ""), "other"
    )


def _objects(
    where: str, parts: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc:
    objects: list[Doc] = []
    points: dict[str, dict[str, Doc]] = defaultdict(dict)
    for part in parts:
        try:
            made, parent = object_of(part, read, left_out)
        except Unfit as unfit:
            faults.append(Fault(f"{where} region {part['key'][:50]}", str(unfit)))
            continue
        if parent:
            points[parent][made["class"]] = made["keypoints"]["points"][0]
        else:
            objects.append(made)
    order = read.schema.get("skeleton", {}).get("points", [])
    for one in objects:
        named = points.pop(one.get("id", ""), None)
        if named and "rect" in one:
            places = [named.get(name, {}) for name in order or named]
            one["keypoints"] = {"points": places, "rect": one.pop("rect")}
    if points:
        left_out.append("key points whose parent region is not there")
    for one in objects:
        if key := own_id(one.pop("id")):
            one["id"] = key
    return shapes.value_of(objects, read.schema, left_out)


def _spans(
    where: str, parts: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc:
    spans = []
    for part in parts:
        try:
            spans.append(_span(part, read, left_out))
        except Unfit as unfit:
            faults.append(Fault(f"{where} region {part['key'][:50]}", str(unfit)))
    return {"spans": shapes.plain(spans=spans)}


@formed
def _span(part: Doc, read: Task, left_out: list[str]) -> Doc:
    marked = next(r for r in part["results"] if "start" in (r.get("value") or {}))
    value = marked["value"]
    field = str(marked.get("to_name", ""))
    text = read.data.get(field, read.data.get("text"))
    start, end = whole(value["start"], "start"), whole(value["end"], "end")
    start, end = characters(text, start, end, value.get("text"))
    name = class_of(part["results"], left_out)
    if not name or not 0 <= start < end:
        raise Unfit("a span without a label" if not name else f"a span from {start} to {end}")
    more = beside(part["results"], read, left_out)
    return shapes.plain(start=start, end=end, **{"class": name}, id=part["key"], **more)


def _segments(
    where: str, parts: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc:
    segments = []
    for part in parts:
        try:
            segments.append(_segment(part, read, left_out))
        except Unfit as unfit:
            faults.append(Fault(f"{where} region {part['key'][:50]}", str(unfit)))
    return {"segments": shapes.plain(segments=segments)}


@formed
def _segment(part: Doc, read: Task, left_out: list[str]) -> Doc:
    value = next(r["value"] for r in part["results"] if "start" in (r.get("value") or {}))
    start, end = number(value["start"], "start"), number(value["end"], "end")
    if not 0 <= start < end:
        raise Unfit(f"a segment from {start:g} to {end:g} seconds")
    more = beside(part["results"], read, left_out)
    speaker = more.get("attributes", {}).pop(SPEAKER, "")
    name, key = class_of(part["results"], left_out), own_id(part["key"])
    return shapes.plain(
        **{"class": name}, id=key, **shapes.plain(**more), speaker=speaker, start=start, end=end
    )


def _choices(
    where: str, parts: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc:
    classes: list[str] = []
    for result in (r for part in parts for r in part["results"]):
        value = result.get("value") or {}
        paths = ["/".join(map(str, p)) for p in value.get("taxonomy", []) if isinstance(p, list)]
        classes += [str(c) for c in value.get("choices", [])] + paths
    return {"choices": shapes.plain(classes=list(dict.fromkeys(classes)))}


def _text(
    where: str, parts: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc:
    found = [t for part in parts for r in part["results"] for t in texts_of(r)]
    if len(found) > 1:
        left_out.append("texts after the first one")
    return {"text": shapes.plain(text=found[0] if found else "")}


def _relate(spans: Doc, parts: list[Doc], left_out: list[str]) -> None:
    """Adds relations between spans; ids that nothing names and our encoder gave go away."""
    relations = []
    for one in (r for part in parts for r in part["results"]):
        labels = one.get("labels") or []
        if not labels:
            left_out.append("a relation without a label")
            continue
        head, tail = str(one.get("from_id", "")), str(one.get("to_id", ""))
        if one.get("direction") == "left":
            head, tail = tail, head
        relations.append({"class": str(labels[0]), "head": head, "tail": tail})
    if relations:
        spans["relations"] = relations
    named = {one[end] for one in relations for end in ("head", "tail")}
    for span in spans.get("spans", []):
        if span["id"] not in named and not own_id(span["id"]):
            del span["id"]


def _image(data: Doc) -> str:
    """The value of the data that names an image."""
    texts = {k: v for k, v in data.items() if isinstance(v, str)}
    for key, value in texts.items():
        path = value.partition("?")[0].lower()
        if key == "image" or path.endswith((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif")):
            return value
    return ""


def _is_text(value: object, image: str) -> bool:
    return isinstance(value, str) and value != image and not _is_media(value)


def _is_media(value: object) -> bool:
    if not isinstance(value, str) or "\n" in value:
        return False
    return posixpath.splitext(value.partition("?")[0])[1].lower() in _MEDIA


Maker = Callable[[str, list[Doc], Task, list[str], list[Fault]], Doc]
# By what a region is; where the template has no shape, the first that the results make.
_MAKERS: dict[str, Maker] = {
    "objects": _objects,
    "spans": _spans,
    "segments": _segments,
    "choices": _choices,
    "text": _text,
}
