"""LabelMe JSON (github.com/wkentaro/labelme): one file an image, beside the image.

One zip a part: `a.json`, and `a.jpg` where the delivery packs media; `imageData` stays empty.
Coordinates are pixels. Shapes that share a `group_id` are one object: parts of a polygon, or a
rectangle with the points of a skeleton, each labelled with its name (`hidden` is a flag).
`attributes` and `score` are keys LabelMe passes over.
"""

from __future__ import annotations

import base64
import io
import posixpath

import numpy as np
import orjson
from PIL import Image

from libs.formats import Doc, Format, Unfit
from libs.formats.encoding import ZipEncoder
from libs.formats.image import masks, shapes
from libs.formats.image.labelme.decode import VERSION, decode
from libs.formats.media import content_of, picture

_UNHELD = ("order", "crowd", "source", "id")


class LabelmeEncoder(ZipEncoder):
    format = "labelme"

    def write(self, row: Doc) -> None:
        image = picture(self.job, row)
        flags: Doc = {}
        made: list[Doc] = []
        if "choices" in row["value"]:
            chosen = row["value"]["choices"].get("classes", [])
            flags = {name: name in chosen for name in self.job.classes or chosen}
        else:
            for number, one in enumerate(shapes.objects_of(row["value"]), 1):
                made += self._object(row, one, number)
        name = self.unique(f"{posixpath.splitext(image.file_name)[0]}.json")
        base = posixpath.splitext(name)[0] + posixpath.splitext(image.file_name)[1]
        doc = {
            "version": VERSION,
            "flags": flags,
            "shapes": made,
            "imagePath": posixpath.basename(base),
            "imageData": None,
            "imageHeight": image.height,
            "imageWidth": image.width,
        }
        content = content_of(self.job, row, image.reference) if self.job.media else b""
        self.zip.put(name, orjson.dumps(doc, option=orjson.OPT_INDENT_2))
        if self.job.media:
            self.zip.put(base, content)

    def _object(self, row: Doc, one: Doc, number: int) -> list[Doc]:
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"LabelMe has no place for {unheld}")
        drawn = self._shapes(row, one)
        self.objects += 1
        group = number if len(drawn) > 1 else None
        base = {"group_id": group, "description": one.get("text", ""), "mask": None, "flags": {}}
        made = [{"label": one.get("class", ""), **base, **shape} for shape in drawn]
        if "attributes" in one:
            made[0]["attributes"] = shapes.typed(one["attributes"], self.job.schema)
        if "score" in one:
            made[0]["score"] = one["score"]
        return made

    def _shapes(self, row: Doc, one: Doc) -> list[Doc]:
        kind, shape = shapes.geometry(one)
        if kind == "rect":
            return [_rectangle(shape)]
        if kind == "polyline":
            places = shapes.pairs(shape["points"])
            return [_shape("line" if len(places) == 2 else "linestrip", places)]
        if kind == "mask":
            return [_mask(shape)]
        if kind == "keypoints":
            return self._keypoints(shape)
        if kind != "polygon":
            self.tell(row, f"a {kind} is written as a polygon")
            points = shapes.corners(shape) if kind == "rotated" else shape["points"]
            return [_shape("polygon", shapes.pairs(points))]
        outer = [ring["points"] for ring in shape["rings"] if not ring.get("hole")]
        if len(outer) < len(shape["rings"]):
            self.tell(row, "holes of a polygon are left out")
        if not outer:
            raise Unfit("a polygon has no outer ring")
        return [_shape("polygon", shapes.pairs(points)) for points in outer]

    def _keypoints(self, shape: Doc) -> list[Doc]:
        points = shape["points"]
        names = self.job.schema.get("skeleton", {}).get("points", [])
        if len(points) == 1 and "rect" not in shape:
            return [_point(points[0])]
        if len(names) != len(points):
            raise Unfit(f"{len(points)} key points; the template's skeleton has {len(names)}")
        around = shapes.rect(*shapes.bounds({"keypoints": shape}))
        named = [
            {"label": name, **_point(point)}
            for name, point in zip(names, points, strict=True)
            if shapes.visibility(point)
        ]
        return [_rectangle(around), *named]


def _shape(type_: str, points: list[tuple[float, float]]) -> Doc:
    return {"points": [list(point) for point in points], "shape_type": type_}


def _rectangle(shape: Doc) -> Doc:
    x, y, width, height = shapes.xywh(shape)
    return _shape("rectangle", [(x, y), (x + width, y + height)])


def _point(point: Doc) -> Doc:
    flags = {"hidden": True} if shapes.visibility(point) == 1 else {}
    return {**_shape("point", [(point.get("x", 0.0), point.get("y", 0.0))]), "flags": flags}


def _mask(shape: Doc) -> Doc:
    """The pixels of the box around it as a PNG; both corners belong to the box."""
    left, top, width, height = (int(one) for one in masks.bounds(shape))
    if not width:
        raise Unfit("an empty mask")
    inside = masks.pixels(shape)[top : top + height, left : left + width]
    out = io.BytesIO()
    Image.fromarray(inside.astype(np.uint8) * 255).save(out, "PNG")
    corners = [(float(left), float(top)), (float(left + width - 1), float(top + height - 1))]
    return {**_shape("mask", corners), "mask": base64.b64encode(out.getvalue()).decode()}


FORMATS = {
    "labelme": Format(
        "labelme",
        "labelme-{:05}.zip",
        frozenset({"boxes", "objects", "choices"}),
        LabelmeEncoder,
        decode,
    )
}
