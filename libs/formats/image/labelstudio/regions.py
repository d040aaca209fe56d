"""One region of Label Studio: the results that share an id, as place, class, text, attributes."""

from __future__ import annotations

import math

from libs.formats import Doc, Unfit
from libs.formats.decoding import formed, mapping, number
from libs.formats.image import shapes
from libs.formats.image.labelstudio.brush import of_brush
from libs.formats.image.labelstudio.pages import Task

GEOMETRIES = frozenset(("rectangle", "polygon", "brush", "keypoint", "ellipse"))
_STRETCHES = ("labels", "paragraph", "hypertext", "videorectangle", "")
_r = shapes.rounded


@formed
def object_of(part: Doc, read: Task, left_out: list[str]) -> tuple[Doc, str]:
    """An object, and the region it is a point of."""
    results = part["results"]
    drawn, kind = next(
        (r, k) for r in results
        if (k := str(r.get("type", "")).removesuffix("labels")) in GEOMETRIES
    )  # fmt: skip
    value = mapping(drawn.get("value"), "value")
    if kind == "ellipse":
        left_out.append(shapes.ROUND)
    made = {
        "class": class_of(results, left_out),
        **beside(results, read, left_out),
        **_geometry(kind, value, *read.size(drawn)),
        "id": part["key"],
    }
    if not made["class"]:
        raise Unfit("a region without a label; give it a class")
    return made, str(drawn.get("parentID") or "") if "keypoints" in made else ""


def _geometry(kind: str, value: Doc, width: int, height: int) -> Doc:
    """Per cent to pixels; raises `Unfit`."""
    if kind == "brush":
        if value.get("format", "rle") != "rle":
            raise Unfit(f"a brush of format {str(value.get('format'))[:50]!r}; rle is read")
        return {"mask": of_brush(value.get("rle"), width, height)}
    if kind == "polygon":
        return _polygon(value, width, height)
    if kind == "rectangle":
        return box_of(value, width, height)
    x = number(value.get("x"), "x") * width / 100
    y = number(value.get("y"), "y") * height / 100
    if kind == "keypoint":
        return {"keypoints": {"points": [shapes.keypoint(_r(x), _r(y), 2)]}}
    across = number(value.get("radiusX"), "radiusX") * width / 100
    down = number(value.get("radiusY"), "radiusY") * height / 100
    angle = number(value.get("rotation") or 0, "rotation")
    return {"polygon": shapes.ellipse(x, y, across, down, angle)}


def box_of(value: Doc, width: int, height: int) -> Doc:
    """A rectangle in per cent, turned about its top left corner, as geometry; raise `Unfit`."""
    x, w = (number(value.get(k), k) * width / 100 for k in ("x", "width"))
    y, h = (number(value.get(k), k) * height / 100 for k in ("y", "height"))
    angle = number(value.get("rotation") or 0, "rotation")
    if not angle:
        return {"rect": shapes.rect(_r(x), _r(y), _r(w), _r(h))}
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    centre = x + (w * cos - h * sin) / 2, y + (w * sin + h * cos) / 2
    return {"rotated": shapes.rotated(_r(centre[0]), _r(centre[1]), _r(w), _r(h), angle)}


def _polygon(value: Doc, width: int, height: int) -> Doc:
    flat: list[float] = []
    for point in value.get("points") or []:
        if not isinstance(point, list) or len(point) != 2:
            raise Unfit("a point of a polygon is not [x, y]")
        flat += [_r(number(point[0], "x") * width / 100), _r(number(point[1], "y") * height / 100)]
    if value.get("closed", True):
        return {"polygon": shapes.polygon(flat)}
    return {"polyline": shapes.polyline(flat)}


def class_of(results: list[Doc], left_out: list[str]) -> str:
    for one in results:
        value, type_ = one.get("value") or {}, str(one.get("type", ""))
        labels = value.get(type_) if type_.endswith("labels") else None
        if isinstance(labels, list) and labels:
            left_out += ["labels of a region after the first one"] if len(labels) > 1 else []
            return str(labels[0])
    return ""


def beside(results: list[Doc], read: Task, left_out: list[str]) -> Doc:
    """Score, text and attributes of a region."""
    attributes: dict[str, str] = {}
    texts: list[str] = []
    score = 0.0
    for one in results:
        name, type_ = str(one.get("from_name", "")), str(one.get("type", ""))
        if not score and one.get("score"):
            score = number(one["score"], "score")
        value = one.get("value") or {}
        if type_ == "textarea":
            found = texts_of(one)
            if name in read.attributes:
                attributes[name] = "\n".join(found)
            else:
                texts += found
        elif type_ in ("choices", "number", "rating"):
            told = value.get(type_)
            attributes[name] = ";".join(map(str, told)) if isinstance(told, list) else str(told)
        elif type_ not in _STRETCHES and type_.removesuffix("labels") not in (
            *GEOMETRIES,
            *_STRETCHES,
        ):
            left_out.append(f"{type_[:50]} of a region")
    return shapes.plain(attributes=attributes, text="\n".join(texts), score=score)


def texts_of(result: Doc) -> list[str]:
    found = (result.get("value") or {}).get("text", [])
    return [found] if isinstance(found, str) else [str(one) for one in found]


def own_id(key: str) -> str:
    """The id of a region, but for those that our encoder makes up where an object has none."""
    return "" if key[:1] == "r" and key[1:].isdigit() else key
