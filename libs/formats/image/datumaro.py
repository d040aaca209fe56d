"""Datumaro's own JSON (github.com/open-edge-platform/datumaro, "Datumaro format").

One zip a part: `annotations/default.json`, and `images/default/` where the delivery packs media.
Coordinates are pixels. Parts of a polygon share a group, and so do key points and their box. A
turned box is a `bbox` with the attribute `rotation`, as CVAT writes it; `score` and `is_crowd` are
attributes, too.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import orjson

from libs.formats import Doc, Fault, Format, Job, Sample, Unfit
from libs.formats.decoding import formed, mapping, mark, number, numbers, told, whole
from libs.formats.encoding import ZipEncoder, spool
from libs.formats.image import groups, masks, shapes
from libs.formats.image.coco.decode import records
from libs.formats.media import Picture, Pictures, content_of, picture
from libs.formats.paths import folders_of
from libs.formats.records import files
from libs.formats.source import Source

_UNHELD = ("text", "order", "source", "id")
_OWN = ("score", "is_crowd", "rotation")


class DatumaroEncoder(ZipEncoder):
    format = "datumaro"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._items = spool()
        head = {"infos": {}, "categories": _categories(job)}
        self._items.write(orjson.dumps(head)[:-1] + b',"items":[')

    def write(self, row: Doc) -> None:
        image = picture(self.job, row)
        annotations = self._annotations(row, image)
        item = {
            "id": image.file_name.rpartition(".")[0],
            "annotations": annotations,
            "attr": {"task": row["name"]},
            "image": {"path": image.file_name, "size": [image.height, image.width]},
        }
        if self.job.media:
            content = content_of(self.job, row, image.reference)
            self.zip.put(self.unique(f"images/default/{image.file_name}"), content)
        self._items.write((b"," if self.labels else b"") + orjson.dumps(item))

    def closing(self) -> Iterator[bytes]:
        self._items.write(b"]}\n")
        self._items.seek(0)
        yield from self.zip.put_file("annotations/default.json", self._items)
        self._items.close()

    def _annotations(self, row: Doc, image: Picture) -> list[Doc]:
        value = row["value"]
        if "choices" in value:
            classes = value["choices"].get("classes", [])
            return [self._annotation("label", name, {}) for name in classes]
        if "text" in value:
            return [{"id": 0, "type": "caption", "caption": value["text"].get("text", "")}]
        made: list[Doc] = []
        for group, one in enumerate(shapes.objects_of(value), 1):
            made += self._object(row, one, image, group)
        return made

    def _object(self, row: Doc, one: Doc, image: Picture, group: int) -> list[Doc]:
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"Datumaro has no place for {unheld}")
        attributes: Doc = shapes.typed(one.get("attributes", {}), self.job.schema)
        if "score" in one:
            attributes["score"] = one["score"]
        if one.get("crowd"):
            attributes["is_crowd"] = True
        kind, shape = shapes.geometry(one)
        if shape.get("angle"):
            attributes["rotation"] = shape["angle"]
        drawn = self._shapes(row, kind, shape, image)
        self.objects += 1
        shared = {"group": group if len(drawn) > 1 else 0, "attributes": attributes}
        name = one.get("class", "")
        return [self._annotation(type_, name, {**shared, **place}) for type_, place in drawn]

    def _shapes(self, row: Doc, kind: str, shape: Doc, image: Picture) -> list[tuple[str, Doc]]:
        if kind in ("rect", "rotated"):
            x, y, width, height = shapes.xywh(shape)
            if kind == "rotated":
                x, y = x - width / 2, y - height / 2
            return [("bbox", {"bbox": [x, y, width, height]})]
        if kind == "keypoints":
            return _keypoints(shape)
        if kind == "polyline":
            return [("polyline", {"points": shape["points"]})]
        if kind == "quad":
            self.tell(row, "a quad is written as a polygon")
            return [("polygon", {"points": shape["points"]})]
        if kind == "polygon" and not any(ring.get("hole") for ring in shape["rings"]):
            return [("polygon", {"points": ring["points"]}) for ring in shape["rings"]]
        if kind == "polygon":
            self.tell(row, "a polygon with holes is written as a mask, its corners are lost")
            shape = masks.of_polygon(shape, image.width, image.height)
        runs = {"size": [shape["height"], shape["width"]], "counts": shape.get("counts", "")}
        return [("mask", {"rle": runs})]

    def _annotation(self, type_: str, name: str, more: Doc) -> Doc:
        base = {"id": 0, "type": type_, "attributes": {}, "group": 0, "z_order": 0}
        return {**base, "label_id": self.class_index(name), **more}


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample an item; files are the subsets, and name the samples' group."""
    names = files(source, ".json")
    pictures = Pictures(source, schema, lambda: _asked(source, names))
    called = Counter(posixpath.basename(name) for name in names)
    for name in names:
        # Files of one name in several folders: their items are not each other's.
        folder = folders_of(name) if called[posixpath.basename(name)] > 1 else ""
        try:
            labels = [
                str(mapping(one, "a label").get("name", ""))
                for one in records(source, name, "categories.label.labels")
            ]
            for item in records(source, name, "items"):
                if not isinstance(item, dict):
                    yield Fault(f"{name} items", f"an item is no object: {str(item)[:50]!r}")
                    continue
                where = f"{name} item {str(item.get('id', '?'))[:200]}"
                yield from told(where, _item(name, folder, item, labels, schema, pictures))
        except Unfit as unfit:
            yield Fault(name, f"{unfit}; what stands before is read")


def _item(
    name: str, folder: str, item: Doc, labels: list[str], schema: Doc, pictures: Pictures
) -> Iterator[Sample | Fault]:
    left_out: list[str] = []
    found: list[tuple[object, Doc]] = []
    image = item.get("image") or item.get("media") or {}
    path = str(image.get("path") or item.get("id", ""))
    subset = name.rpartition("/")[2].removesuffix(".json")
    key = path if subset == "default" else posixpath.join(subset, path)
    found_image = pictures.find(key, name)
    own = pictures.key(key, found_image.name) if subset == "default" else key
    partial = False
    for place, one in enumerate(item.get("annotations") or [], 1):
        try:
            one = mapping(one, "an annotation")
            if made := _read(one, labels, left_out):
                found.append((one.get("group"), made))
        except Unfit as unfit:
            partial = True
            yield Fault(f"{name} item {key[:200]} annotation {place}", str(unfit))
    yield Sample(
        posixpath.join(folder, own) if own == key else own,
        _value(found, schema, left_out),
        media=found_image.media("image"),
        group="" if subset == "default" else subset,
        metadata=_size(image.get("size")),
        left_out=tuple(dict.fromkeys(left_out)),
        absent=found_image.why,
        partial=partial,
    )


def _asked(source: Source, names: list[str]) -> Iterator[str]:
    for name in names:
        subset = name.rpartition("/")[2].removesuffix(".json")
        with suppress(Unfit):
            for item in records(source, name, "items"):
                if isinstance(item, dict):
                    image = item.get("image") or item.get("media") or {}
                    path = image.get("path") if isinstance(image, dict) else ""
                    yield posixpath.join("" if subset == "default" else subset, str(path or ""))


def _value(found: list[tuple[object, Doc]], schema: Doc, left_out: list[str]) -> Doc:
    classes = [one["label"] for _, one in found if "label" in one]
    captions = [one["caption"] for _, one in found if "caption" in one]
    drawn = [(g, one) for g, one in found if "label" not in one and "caption" not in one]
    shape = schema.get("shape") or ("choices" if classes and not drawn else "")
    told = {
        "classes of the whole item": classes and shape not in ("choice", "choices"),
        "captions": (captions and shape != "text") or len(captions) > 1,
        "shapes": drawn and shape in ("choice", "choices", "text"),
    }
    left_out += [what for what, yes in told.items() if yes]
    if shape in ("choice", "choices"):
        return {"choices": shapes.plain(classes=classes)}
    if shape == "text":
        return {"text": shapes.plain(text=captions[0] if captions else "")}
    return shapes.value_of(groups.joined(drawn, left_out), schema, left_out)


@formed
def _read(one: Doc, labels: list[str], left_out: list[str]) -> Doc:
    """A shape as an object, `label` or `caption`; nothing where it is left out. Raises `Unfit`."""
    type_ = str(one.get("type"))
    if type_ == "caption":
        return {"caption": str(one.get("caption", ""))}
    index = whole(one.get("label_id"), "label_id")
    if not 0 <= index < len(labels):
        raise Unfit(f"label_id {index}; there are {len(labels)} labels, from 0")
    if type_ == "label":
        return {"label": labels[index]}
    attributes = dict(one.get("attributes") or {})
    own = {k: attributes.pop(k) for k in _OWN if k in attributes}
    geometry = _geometry(type_, one, number(own.get("rotation") or 0, "rotation"))
    if not geometry:
        left_out.append(f"{type_[:50]}: no shape of ours")
        return {}
    left_out += [shapes.ROUND] if type_ == "ellipse" else []
    if one.get("z_order"):
        left_out.append("z_order of shapes")
    return shapes.plain(
        **{"class": labels[index]},
        attributes=shapes.texts(attributes, left_out),
        score=number(own.get("score") or 0, "score"),
        crowd=mark(own.get("is_crowd") or 0, "is_crowd"),
        **geometry,
    )


def _geometry(type_: str, one: Doc, angle: float) -> Doc:
    if type_ == "bbox":
        x, y, width, height = numbers(one.get("bbox"), "bbox", 4)
        if not angle:
            return {"rect": shapes.rect(x, y, width, height)}
        return {"rotated": shapes.rotated(x + width / 2, y + height / 2, width, height, angle)}
    if type_ == "mask":
        return {"mask": masks.of_coco(mapping(one.get("rle"), "rle"))}
    if type_ == "ellipse":
        left, top, right, low = numbers(one.get("points"), "points", 4)
        across, down = (right - left) / 2, (low - top) / 2
        return {"polygon": shapes.ellipse(left + across, top + down, across, down, angle)}
    if type_ not in ("polygon", "polyline", "points"):
        return {}
    flat = numbers(one.get("points"), "points")
    if type_ == "polygon":
        return {"polygon": shapes.polygon(flat)}
    if type_ == "polyline":
        return {"polyline": shapes.polyline(flat)}
    seen = one.get("visibility") or [2] * (len(flat) // 2)
    if len(flat) != 2 * len(seen) or not set(seen) <= {0, 1, 2}:
        raise Unfit("points: x, y and a visibility of 0, 1 or 2 each wanted")
    places = zip(shapes.pairs(flat), seen, strict=True)
    return {"keypoints": {"points": [shapes.keypoint(x, y, v) for (x, y), v in places]}}


def _keypoints(shape: Doc) -> list[tuple[str, Doc]]:
    places = shapes.flat((p.get("x", 0.0), p.get("y", 0.0)) for p in shape["points"])
    seen = [shapes.visibility(p) for p in shape["points"]]
    drawn: list[tuple[str, Doc]] = [("points", {"points": places, "visibility": seen})]
    if "rect" in shape:
        drawn.append(("bbox", {"bbox": list(shapes.xywh(shape["rect"]))}))
    return drawn


def _categories(job: Job) -> Doc:
    labels = [{"name": name, "parent": "", "attributes": []} for name in job.classes]
    made: Doc = {"label": {"label_groups": [], "labels": labels, "attributes": []}}
    skeleton = job.schema.get("skeleton", {})
    if skeleton.get("points"):
        edges = skeleton.get("edges", [])
        joints = [[a + 1, b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]
        point = {"labels": skeleton["points"], "joints": joints, "positions": []}
        made["points"] = {"items": [{"label_id": i, **point} for i in range(len(labels))]}
    return made


def _size(size: object) -> dict[str, str]:
    if not isinstance(size, list) or len(size) != 2:
        return {}
    return {"width": str(size[1]), "height": str(size[0])}


FORMATS = {
    "datumaro": Format(
        "datumaro",
        "datumaro-{:05}.zip",
        frozenset({"boxes", "objects", "choices", "text"}),
        DatumaroEncoder,
        decode,
    )
}
