"""COCO (cocodataset.org, "Data format"): detection, objects with outlines or masks, key points.

Categories are the template's classes in their order, ids from 1. The size of an image is read
from its own header. Ids of images and annotations go on over the parts, so that parts can be
joined by appending their lists. Coordinates are pixels; `bbox` is [x, y, width, height].

What COCO does not name is held in further keys of an annotation, which other readers pass over:
`attributes` and `score` (as CVAT, Datumaro and results files have them), `source`, `object_id`,
`text`, `order`.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import RowEncoder, spool
from libs.formats.image import masks, shapes
from libs.formats.image.coco.decode import decode, decode_keypoints, decode_objects
from libs.formats.media import Picture, picture

_COPY = 1_000_000


class CocoEncoder(RowEncoder):
    """One `coco-NNNNN.json`: images as they come, annotations spooled to the end."""

    format = "coco"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._ids = {name: i for i, name in enumerate(job.classes, 1)}
        self._spool = spool()
        self._seen = 0

    def begin(self) -> bytes:
        head = {
            "info": {"description": self.job.name, "version": self.job.template},
            "licenses": [],
            "categories": [self._category(i, name) for name, i in self._ids.items()],
        }
        return orjson.dumps(head)[:-1] + b',"images":['

    def encode(self, row: Doc) -> bytes:
        self._seen += 1
        objects = shapes.objects_of(row["value"])
        image = picture(self.job, row)
        number = self.job.first_label + self._seen
        made = [self._annotation(row, one, image) for one in objects]
        for annotation in made:
            if annotation is not None:
                self._put(annotation, number)
        head = {
            "id": number,
            "file_name": image.file_name,
            "width": image.width,
            "height": image.height,
            "task": row["name"],
        }
        return (b"," if self.labels else b"") + orjson.dumps(head)

    def end(self) -> Iterator[bytes]:
        yield b'],"annotations":['
        self._spool.seek(0)
        while block := self._spool.read(_COPY):
            yield block
        self._spool.close()
        yield b"]}\n"

    def _category(self, number: int, name: str) -> Doc:
        return {"id": number, "name": name, "supercategory": ""}

    def _shape(self, row: Doc, one: Doc, image: Picture) -> Doc | None:
        """Place, outline and area of an object; None where the format has no place for it."""
        kind, shape = shapes.geometry(one)
        if kind != "rect":
            self.tell(row, f"a {kind} is not a box; use coco-objects or coco-keypoints")
            return None
        return _box(shape)

    def _annotation(self, row: Doc, one: Doc, image: Picture) -> Doc | None:
        name = one.get("class", "")
        if name not in self._ids:
            raise Unfit(f"class {name[:100]!r} is not one of the template's")
        shape = self._shape(row, one, image)
        if shape is None:
            return None
        crowd = {"iscrowd": int(one.get("crowd", False))}
        return {"category_id": self._ids[name], **shape, **crowd, **self._extras(one)}

    def _put(self, annotation: Doc, image: int) -> None:
        first = self.objects == self.job.first_object
        self.objects += 1
        made = {"id": self.objects, "image_id": image, **annotation}
        self._spool.write((b"" if first else b",") + orjson.dumps(made))

    def _extras(self, one: Doc) -> Doc:
        kept: Doc = {k: one[k] for k in ("score", "source", "text", "order") if k in one}
        if "id" in one:
            kept["object_id"] = one["id"]
        if "attributes" in one:
            kept["attributes"] = shapes.typed(one["attributes"], self.job.schema)
        return kept


class CocoObjectsEncoder(CocoEncoder):
    """Polygons as lists of rings, masks as compressed runs, crowds; a box is four corners."""

    format = "coco-objects"

    def _shape(self, row: Doc, one: Doc, image: Picture) -> Doc | None:
        kind, shape = shapes.geometry(one)
        if kind == "rect":
            return {**_box(shape), "segmentation": [shapes.box_corners(shape)]}
        if kind == "mask":
            return _mask(shape)
        if kind == "polygon" and any(ring.get("hole") for ring in shape["rings"]):
            self.tell(row, "a polygon with holes is written as a mask, its corners are lost")
            return _mask(masks.of_polygon(shape, image.width, image.height))
        if kind in ("rotated", "quad"):
            self.tell(row, f"a {kind} is written as a polygon of four corners")
            points = shapes.corners(shape) if kind == "rotated" else shape["points"]
            return _rings([points], shapes.bounds(one))
        if kind == "polygon":
            return _rings([ring["points"] for ring in shape["rings"]], shapes.bounds(one))
        self.tell(row, f"COCO has no place for a {kind}")
        return None


class CocoKeypointsEncoder(CocoEncoder):
    """The template's skeleton in every category; `bbox` is the object's, or what points span."""

    format = "coco-keypoints"

    def _category(self, number: int, name: str) -> Doc:
        skeleton = self.job.schema.get("skeleton", {})
        edges = skeleton.get("edges", [])
        return {
            **super()._category(number, name),
            "keypoints": skeleton.get("points", []),
            "skeleton": [[a + 1, b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)],
        }

    def _shape(self, row: Doc, one: Doc, image: Picture) -> Doc | None:
        kind, shape = shapes.geometry(one)
        if kind != "keypoints":
            self.tell(row, f"a {kind} has no key points; use coco-objects")
            return None
        points = []
        for point in shape["points"]:
            seen = shapes.visibility(point)
            place = (point.get("x", 0.0), point.get("y", 0.0)) if seen else (0, 0)
            points += [*place, seen]
        labelled = sum(v > 0 for v in points[2::3])
        bbox = shapes.bounds(one) if labelled or "rect" in shape else (0.0, 0.0, 0.0, 0.0)
        return {
            "keypoints": points,
            "num_keypoints": labelled,
            "bbox": list(bbox),
            "area": bbox[2] * bbox[3],
        }


def _box(shape: Doc) -> Doc:
    x, y, width, height = shapes.xywh(shape)
    return {"bbox": [x, y, width, height], "area": width * height}


def _rings(rings: list[list[float]], bounds: tuple[float, float, float, float]) -> Doc:
    area = sum(shapes.area(ring) for ring in rings)
    return {"segmentation": rings, "bbox": list(bounds), "area": area}


def _mask(mask: Doc) -> Doc:
    runs = {"size": [mask["height"], mask["width"]], "counts": mask.get("counts", "")}
    return {"segmentation": runs, "bbox": masks.bounds(mask), "area": masks.area(mask)}


FORMATS = {
    "coco": Format("coco", "coco-{:05}.json", frozenset({"boxes"}), CocoEncoder, decode),
    "coco-objects": Format(
        "coco-objects",
        "coco-objects-{:05}.json",
        frozenset({"boxes", "objects"}),
        CocoObjectsEncoder,
        decode_objects,
    ),
    "coco-keypoints": Format(
        "coco-keypoints",
        "coco-keypoints-{:05}.json",
        frozenset({"objects"}),
        CocoKeypointsEncoder,
        decode_keypoints,
    ),
}
