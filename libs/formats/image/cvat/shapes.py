"""Shapes of CVAT 1.1 XML as geometry, of images and of tracks alike."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from libs.formats import Doc, Unfit
from libs.formats.decoding import mark, number
from libs.formats.image import masks, shapes

SHAPES = ("box", "polygon", "polyline", "points", "mask", "skeleton", "ellipse")


def geometry(shape: Element, size: dict[str, str], order: list[str]) -> Doc:
    """Raise `Unfit`. `order` names the points of a skeleton."""
    if shape.tag == "box":
        return _box(shape)
    if shape.tag == "ellipse":
        x, y, across, down = (number(shape.get(k, ""), k) for k in ("cx", "cy", "rx", "ry"))
        angle = number(shape.get("rotation") or 0, "rotation")
        return {"polygon": shapes.ellipse(x, y, across, down, angle)}
    if shape.tag == "mask":
        return {"mask": masks.of_cvat(shape.attrib, size)}
    if shape.tag == "skeleton":
        return {"keypoints": {"points": _skeleton(shape, order)}}
    points = _points(shape.get("points", ""))
    if shape.tag == "polygon":
        return {"polygon": shapes.polygon(points)}
    if shape.tag == "polyline":
        return {"polyline": shapes.polyline(points)}
    if not points:
        raise Unfit("no points")
    return {"keypoints": {"points": [shapes.keypoint(x, y, 2) for x, y in shapes.pairs(points)]}}


def _box(shape: Element) -> Doc:
    left, top, right, low = (number(shape.get(k, ""), k) for k in ("xtl", "ytl", "xbr", "ybr"))
    width, height = shapes.rounded(right - left), shapes.rounded(low - top)
    angle = number(shape.get("rotation") or 0, "rotation")
    if angle:
        x, y = left + width / 2, top + height / 2
        return {"rotated": shapes.rotated(x, y, width, height, angle)}
    return {"rect": shapes.rect(left, top, width, height)}


def _skeleton(shape: Element, order: list[str]) -> list[Doc]:
    by_label = {p.get("label", ""): p for p in shape.findall("points")}
    if not by_label:
        raise Unfit("a skeleton without points")
    return [point(by_label.get(name)) for name in order or by_label]


def point(element: Element | None) -> Doc:
    """A point of a skeleton; raise `Unfit`."""
    if element is None or flag(element, "outside"):
        return {}
    points = _points(element.get("points", ""))
    if len(points) != 2:
        raise Unfit(f"a point of a skeleton has {len(points)} coordinates")
    return shapes.keypoint(points[0], points[1], 1 if flag(element, "occluded") else 2)


def _points(text: str) -> list[float]:
    """`x,y;x,y` as a flat list."""
    flat: list[float] = []
    for pair in filter(None, (one.strip() for one in text.split(";"))):
        x, found, y = pair.partition(",")
        if not found or "," in y:
            raise Unfit(f"point {pair[:50]!r}: x,y wanted, with decimal points")
        flat += [number(x, "x"), number(y, "y")]
    return flat


def flag(element: Element, name: str, default: str = "0") -> bool:
    """A mark of a shape; raise `Unfit` for what is none."""
    return mark(element.get(name) or default, name)


def label_of(element: Element) -> str:
    """Raise `Unfit`."""
    label = element.get("label", "")
    if not label:
        raise Unfit("no label; give it a class")
    return label


def attributes_of(shape: Element) -> dict[str, str]:
    found = shape.findall("attribute")
    return {one.get("name", ""): one.text or "" for one in found if one.get("name")}


def tell(shape: Element, left_out: list[str]) -> None:
    """What of a shape has no place here."""
    if shape.get("z_order", "0") != "0":
        left_out.append("z_order of shapes")
    if shape.tag == "ellipse":
        left_out.append(shapes.ROUND)
    if shape.get("group_id", "0") != "0":
        left_out.append("group_id of shapes")
