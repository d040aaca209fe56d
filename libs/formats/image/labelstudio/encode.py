"""Label Studio JSON (labelstud.io, "Label Studio JSON format"): a list of tasks with annotations.

Places on images are per cent of width and height; a turned rectangle turns round its top left
corner. Machine labels stand in `predictions`, others in `annotations`. Control names: `label` for
classes, `transcription` for texts, and an attribute's own name for its per-region choice.

Key points become a rectangle with the object's class, and one region a point that names it as its
parent. Characters of spans are counted as JavaScript does (UTF-16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import RowEncoder
from libs.formats.image import shapes
from libs.formats.image.labelstudio.brush import to_brush
from libs.formats.image.labelstudio.decode import CHANNEL, LABEL, SPEAKER, TEXT, decode
from libs.formats.media import Picture, file_name, picture, references

_ATTRIBUTES = {"number": ("number", "number"), "text": ("textarea", "text")}


class LabelStudioEncoder(RowEncoder):
    format = "labelstudio"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._types = {a["name"]: a.get("type", "") for a in job.schema.get("attributes", [])}
        self._points: list[str] = job.schema.get("skeleton", {}).get("points", [])
        self._results: dict[str, Callable[[Doc, Doc], list[Doc]]] = {
            "objects": self._of_image,
            "boxes": self._of_image,
            "spans": self._of_spans,
            "segments": self._of_segments,
            "choices": self._of_choices,
            "text": self._of_text,
        }

    def begin(self) -> bytes:
        return b"["

    def encode(self, row: Doc) -> bytes:
        value = row["value"]
        shape = next(iter(value))
        if shape not in self._results:
            raise Unfit(f"Label Studio's regions have no place for {shape}")
        result = self._results[shape](row, value)
        number = self.job.first_label + self.labels + 1
        told = {"id": number, "result": result}
        task = {"id": number, "data": self._data(row), "meta": {"task": row["name"]}}
        if row["source"] == "MACHINE":
            task |= {"annotations": [], "predictions": [{**told, "score": row["score"]}]}
        else:
            task |= {"annotations": [told], "predictions": []}
        return (b",\n" if self.labels else b"\n") + orjson.dumps(task)

    def end(self) -> Iterator[bytes]:
        yield b"\n]\n"

    def _data(self, row: Doc) -> Doc:
        """The item's data; media by their file names, as their addresses lead nowhere outside."""
        data: Doc = orjson.loads(row["data"])
        for field in self.job.fields:
            if field["type"] in ("image", "audio", "video") and field["name"] in data:
                reference = references(self.job, row, field["type"])[0]
                data[field["name"]] = file_name(row, reference)
        return data

    def _of_image(self, row: Doc, value: Doc) -> list[Doc]:
        image = picture(self.job, row)
        made: list[Doc] = []
        for place, one in enumerate(shapes.objects_of(value), 1):
            made += self._object(row, one, image, one.get("id") or f"r{place}")
        return made

    def _object(self, row: Doc, one: Doc, image: Picture, key: str) -> list[Doc]:
        kind, shape = shapes.geometry(one)
        base = {
            "id": key,
            "to_name": self.job.field("image"),
            "original_width": image.width,
            "original_height": image.height,
            "image_rotation": 0,
        }
        if one.get("crowd") or one.get("order"):
            self.tell(row, "Label Studio has no place for crowds and reading order")
        made = self._regions(row, kind, shape, image, base, one.get("class", ""))
        if made and "score" in one:
            made[0]["score"] = one["score"]
        self.objects += bool(made)
        return made + self._beside(one, base) if made else []

    def _regions(
        self, row: Doc, kind: str, shape: Doc, image: Picture, base: Doc, name: str
    ) -> list[Doc]:
        if kind == "keypoints":
            return self._keypoints(row, shape, image, base, name)
        if kind == "mask":
            brush = {"format": "rle", "rle": to_brush(shape)}
            return [_region(base, "brushlabels", brush, name)]
        if kind in ("rect", "rotated"):
            turned = shape if kind == "rotated" else _centred(shape)
            return [_region(base, "rectanglelabels", _per_cent(turned, image), name)]
        if kind == "polygon":
            return self._polygon(row, shape, image, base, name)
        if kind == "quad":
            self.tell(row, "a quad is written as a polygon")
        closed = kind == "quad"
        return [_region(base, "polygonlabels", _points(shape["points"], image, closed), name)]

    def _polygon(self, row: Doc, shape: Doc, image: Picture, base: Doc, name: str) -> list[Doc]:
        outer = [ring for ring in shape["rings"] if not ring.get("hole")]
        if len(shape["rings"]) > 1:
            self.tell(row, "of a polygon with holes or parts the first ring alone is written")
        if not outer:
            raise Unfit("a polygon has no outer ring")
        return [_region(base, "polygonlabels", _points(outer[0]["points"], image, True), name)]

    def _keypoints(self, row: Doc, shape: Doc, image: Picture, base: Doc, name: str) -> list[Doc]:
        points = shape["points"]
        if len(points) != len(self._points):
            raise Unfit(
                f"{len(points)} key points; the template's skeleton has {len(self._points)}"
            )
        if any(shapes.visibility(p) == 1 for p in points):
            self.tell(row, "Label Studio does not tell hidden key points from visible ones")
        around = shapes.rect(*shapes.bounds({"keypoints": shape}))
        made = [_region(base, "rectanglelabels", _per_cent(_centred(around), image), name)]
        for label, point in zip(self._points, points, strict=True):
            if shapes.visibility(point):
                x, y = point.get("x", 0.0), point.get("y", 0.0)
                place = {"x": x / image.width * 100, "y": y / image.height * 100, "width": 0.5}
                own = {**base, "id": f"{base['id']}-{label}", "parentID": base["id"]}
                made.append(_region(own, "keypointlabels", place, label))
        return made

    def _of_spans(self, row: Doc, value: Doc) -> list[Doc]:
        name = self.job.field("text")
        text = orjson.loads(row["data"]).get(name, "")
        made: list[Doc] = []
        for place, span in enumerate(value["spans"].get("spans", []), 1):
            start, end = span.get("start", 0), span["end"]
            base = {"id": span.get("id") or f"r{place}", "to_name": name}
            marked = {"start": _utf16(text[:start]), "end": _utf16(text[:end])}
            region = _region(base, "labels", {**marked, "text": text[start:end]}, span["class"])
            if "score" in span:
                region["score"] = span["score"]
            made += [region, *self._beside(span, base)]
        return made + [_relation(one) for one in value["spans"].get("relations", [])]

    def _of_segments(self, row: Doc, value: Doc) -> list[Doc]:
        made: list[Doc] = []
        for place, one in enumerate(value["segments"].get("segments", []), 1):
            base = {"id": one.get("id") or f"r{place}", "to_name": self.job.field("audio")}
            one, channel = _with_channel(one)
            times = {"start": one.get("start", 0.0), "end": one["end"], "channel": channel}
            made.append(_region(base, "labels", times, one.get("class", "")))
            if "speaker" in one:
                speaker = {"choices": [one["speaker"]]}
                made.append({**base, "from_name": SPEAKER, "type": "choices", "value": speaker})
            made += self._beside(one, base)
            if "words" in one or "language" in one:
                self.tell(row, "Label Studio has no place for times of words and languages")
        return made

    def _of_choices(self, row: Doc, value: Doc) -> list[Doc]:
        chosen = {"choices": value["choices"].get("classes", [])}
        return [{**self._whole(), "from_name": LABEL, "type": "choices", "value": chosen}]

    def _of_text(self, row: Doc, value: Doc) -> list[Doc]:
        text = {"text": [value["text"].get("text", "")]}
        return [{**self._whole(), "from_name": TEXT, "type": "textarea", "value": text}]

    def _whole(self) -> Doc:
        """A result about the whole item."""
        return {"id": "whole", "to_name": self.job.fields[0]["name"] if self.job.fields else ""}

    def _beside(self, one: Doc, base: Doc) -> list[Doc]:
        """Text and attributes of a region."""
        made = []
        if "text" in one:
            text = {"text": [one["text"]]}
            made.append({**base, "from_name": TEXT, "type": "textarea", "value": text})
        for name, told in one.get("attributes", {}).items():
            type_, key = _ATTRIBUTES.get(self._types.get(name, ""), ("choices", "choices"))
            content: object = [told]
            if type_ == "number":
                content = shapes.typed({name: told}, self.job.schema)[name]
            made.append({**base, "from_name": name, "type": type_, "value": {key: content}})
        return made


def _with_channel(one: Doc) -> tuple[Doc, int]:
    """The segment without its attribute `channel` where that is a number, which has a place of its
    own."""
    attributes = one.get("attributes", {})
    told = attributes.get(CHANNEL, "")
    if not told.isdigit() or not int(told):
        return one, 0
    return {**one, "attributes": {k: v for k, v in attributes.items() if k != CHANNEL}}, int(told)


def _region(base: Doc, type_: str, value: Doc, name: str) -> Doc:
    labels = {type_: [name]} if name else {}
    return {**base, "from_name": LABEL, "type": type_, "value": {**value, **labels}}


def _relation(one: Doc) -> Doc:
    return {
        "type": "relation",
        "from_id": one["head"],
        "to_id": one["tail"],
        "direction": "right",
        "labels": [one["class"]],
    }


def _centred(shape: Doc) -> Doc:
    x, y, width, height = shapes.xywh(shape)
    return {"x": x + width / 2, "y": y + height / 2, "width": width, "height": height}


def _per_cent(turned: Doc, image: Picture) -> Doc:
    """A rotated rectangle by the corner it turns round."""
    corner = shapes.corners(turned)
    return {
        "x": corner[0] / image.width * 100,
        "y": corner[1] / image.height * 100,
        "width": turned["width"] / image.width * 100,
        "height": turned["height"] / image.height * 100,
        "rotation": turned.get("angle", 0.0) % 360,
    }


def _points(flat: list[float], image: Picture, closed: bool) -> Doc:
    points = [[x / image.width * 100, y / image.height * 100] for x, y in shapes.pairs(flat)]
    return {"points": points, "closed": closed}


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


FORMATS = {
    "labelstudio": Format(
        "labelstudio",
        "labelstudio-{:05}.json",
        frozenset({"boxes", "objects", "spans", "segments", "choices", "text"}),
        LabelStudioEncoder,
        decode,
    )
}
