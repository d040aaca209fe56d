"""Reads Label Studio JSON task by task: one sample for every annotation and every prediction.

`Sample.metadata` says `kind` (annotation or prediction), `by` (the annotator or the model) and the
size of an image. Results that share an id are one region: place, class, text and attributes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.decoding import formed, mapping, number, told
from libs.formats.image import shapes
from libs.formats.image.coco.decode import records
from libs.formats.image.labelstudio.pages import Page, Task, media_type
from libs.formats.image.labelstudio.regions import (
    GEOMETRIES,
    beside,
    class_of,
    object_of,
    own_id,
    texts_of,
)
from libs.formats.image.labelstudio.texts import is_span, plain, span
from libs.formats.image.labelstudio.videos import KIND, track
from libs.formats.media import Pictures
from libs.formats.records import files
from libs.formats.source import Source

LABEL, TEXT, SPEAKER, CHANNEL = "label", "transcription", "speaker", "channel"
_SHAPE_OF = {"choice": "choices"}
Parts = dict[str, list[Doc]]


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    names = files(source, ".json")
    pictures = Pictures(source, schema, lambda: _asked(source, names))
    for name in names:
        try:
            for place, task in enumerate(records(source, name, ""), 1):
                where = f"{name} task {place}"
                yield from told(where, _task(where, task, Task(name, source, schema, pictures)))
        except Unfit as unfit:
            yield Fault(name, f"{unfit}; what stands before is read")


def _asked(source: Source, names: list[str]) -> Iterator[str]:
    for name in names:
        with suppress(Unfit):
            for task in records(source, name, ""):
                data = task.get("data") if isinstance(task, dict) else None
                for value in data.values() if isinstance(data, dict) else ():
                    held = value if isinstance(value, list) else [value]
                    yield from (one for one in held if isinstance(one, str) and "\n" not in one)


def _task(where: str, task: Any, read: Task) -> Iterator[Sample | Fault]:
    try:
        read.begin(mapping(mapping(task, "a task").get("data"), "data"))
    except Unfit as unfit:
        yield Fault(where, str(unfit))
        return
    labelled = False
    for kind, key in (("annotation", "annotations"), ("prediction", "predictions")):
        found = task.get(key) or (task.get("completions") if key == "annotations" else [])
        for place, one in enumerate(found if isinstance(found, list) else [], 1):
            labelled = True
            there = f"{where} {kind} {place}"
            yield from told(there, _labelled(there, kind, task, one, read))
    if not labelled:
        yield from told(where, _pages(task, read, {}, []))


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
        yield from _pages(task, read, about, ["the annotation was cancelled"])
        return
    left_out: list[str] = []
    plain(read, results, left_out)
    regions = _regions(results)
    if len(read.pages) < 2:
        yield from _page(where, task, regions, read, about, left_out)
        return
    by_page: dict[Page, Parts] = {page: {} for page in read.pages}
    lost = False
    for key, region in regions.items():
        if region[0].get("type") == "relation":
            left_out.append("relation: another shape than objects")
            continue
        try:
            page = read.page_of(_drawn(region))
        except Unfit as unfit:
            lost = True
            yield Fault(f"{where} region {key[:50]}", str(unfit))
            continue
        if page is None:
            left_out.append(f"{region[0].get('type')} about all pictures of a task")
        else:
            by_page[page][key] = region
    for page, held in by_page.items():
        read.image = page.path
        yield from told(where, _page(where, task, held, read, about, list(left_out), lost))


def _regions(results: list[Doc]) -> Parts:
    """Results by the region they are of."""
    regions: Parts = defaultdict(list)
    for place, one in enumerate(results):
        key = str(one["id"]) if "id" in one else f"no id {place}"
        regions[key].append(one)
    return regions


def _drawn(region: list[Doc]) -> Doc:
    """The result that says where a region is."""
    return next((one for one in region if _is_drawn(one)), region[0])


def _is_drawn(one: Doc) -> bool:
    return str(one.get("type", "")).removesuffix("labels") in GEOMETRIES


def _page(
    where: str,
    task: Doc,
    regions: Parts,
    read: Task,
    about: Doc,
    left_out: list[str],
    lost: bool = False,
) -> Iterator[Sample | Fault]:
    """The sample of one picture, or of what else a task is about; where regions are `lost`, nothing
    says on which picture they were."""
    faults: list[Fault] = []
    value = _value(where, regions, read, left_out, faults)
    results = (one for region in regions.values() for one in region)
    size = next((r for r in results if r.get("original_width")), {})
    sides = {k: str(size[f"original_{k}"]) for k in ("width", "height") if size}
    made = _sample(task, read, value, about | sides, left_out)
    yield replace(made, partial=lost or bool(faults))
    yield from faults


def _pages(task: Doc, read: Task, about: Doc, left_out: list[str]) -> Iterator[Sample]:
    """Without labels."""
    for page in read.pages or [Page("", None, "")]:
        read.image = page.path
        yield _sample(task, read, None, about, left_out)


def _sample(task: Doc, read: Task, value: Doc | None, about: Doc, left_out: list[str]) -> Sample:
    found, type_ = read.found()
    path = read.image or read.recording()[0]
    shown = {page.path for page in read.pages}
    texts = {k: v for k, v in read.data.items() if isinstance(v, str) and v not in shown}
    return Sample(
        (read.pictures.key(path, found.name) if read.image else path) or str(task.get("id", "")),
        value,
        data={k: v for k, v in texts.items() if not media_type(v)},
        media=found.media(type_),
        metadata={k: v for k, v in about.items() if v},
        left_out=tuple(dict.fromkeys(left_out)),
        absent=found.why,
    )


def _value(
    where: str, regions: Parts, read: Task, left_out: list[str], faults: list[Fault]
) -> Doc | None:
    """The value of the template's shape, or else of the first shape that the results make."""
    parts: dict[str, list[Doc]] = defaultdict(list)
    for key, region in regions.items():
        parts[_family(region, read)].append({"key": key, "results": region})
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


def _family(region: list[Doc], read: Task) -> str:
    """What the results of one id are together."""
    types = {str(one.get("type", "")).removesuffix("labels") for one in region}
    if not types.isdisjoint(GEOMETRIES):
        return "objects"
    if KIND in types:
        return "tracks"
    for one in region:
        value = one.get("value")
        if isinstance(value, dict) and "start" in value and "end" in value:
            return "spans" if is_span(one, read) else "segments"
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
            spans.append(span(part, read, left_out))
        except Unfit as unfit:
            faults.append(Fault(f"{where} region {part['key'][:50]}", str(unfit)))
    return {"spans": shapes.plain(spans=spans)}


def _tracks(
    where: str, parts: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc:
    tracks = []
    for part in parts:
        try:
            tracks.append(track(part, read, left_out))
        except Unfit as unfit:
            faults.append(Fault(f"{where} region {part['key'][:50]}", str(unfit)))
    return {"tracks": shapes.plain(tracks=tracks)}


def _segments(
    where: str, parts: list[Doc], read: Task, left_out: list[str], faults: list[Fault]
) -> Doc:
    segments = []
    channels = {_channel(part) for part in parts}
    for part in parts:
        try:
            made = _segment(part, read, left_out)
            if channels - {"0"}:
                made["attributes"] = {**made.get("attributes", {}), CHANNEL: _channel(part)}
            segments.append(made)
        except Unfit as unfit:
            faults.append(Fault(f"{where} region {part['key'][:50]}", str(unfit)))
    return {"segments": shapes.plain(segments=segments)}


def _channel(part: Doc) -> str:
    """Of a recording's channels the one that a region is in, from 0."""
    values = (one.get("value") or {} for one in part["results"])
    found = next((v["channel"] for v in values if v.get("channel") is not None), 0)
    return str(found)


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
    for one in spans.get("spans", []):
        if one["id"] not in named and not own_id(one["id"]):
            del one["id"]


Maker = Callable[[str, list[Doc], Task, list[str], list[Fault]], Doc]
# By what a region is; where the template has no shape, the first that the results make.
_MAKERS: dict[str, Maker] = {
    "objects": _objects,
    "tracks": _tracks,
    "spans": _spans,
    "segments": _segments,
    "choices": _choices,
    "text": _text,
}
