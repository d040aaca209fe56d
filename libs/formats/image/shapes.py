"""Objects on images as documents: making them, measuring them, fitting them into a template.

Documents leave defaults out, as `annotation.v1.Value` in its plain form does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from libs.formats import Doc, Unfit

GEOMETRIES = ("rect", "rotated", "polygon", "polyline", "mask", "keypoints", "quad")
# Relative coordinates come back as pixels with this many decimals.
DECIMALS = 6
# Of the polygon that stands for a circle or an ellipse, and what is said of it.
CORNERS = 64
ROUND = f"circles and ellipses: read as polygons of {CORNERS} corners"
_ROTATION = "rotation"
_OF_BOXES = ("class", "score", "attributes", "source", "id")


def plain(**fields: object) -> Doc:
    """A document without defaults: 0, nothing, and what is empty."""
    return {k: v for k, v in fields.items() if v}


def rect(x: float, y: float, width: float, height: float) -> Doc:
    """Raises `Unfit` for one without an area."""
    if width <= 0 or height <= 0:
        raise Unfit(f"a box of {width:g} x {height:g} pixels; both must be above zero")
    return plain(x=x, y=y, width=width, height=height)


def polygon(*rings: Sequence[float]) -> Doc:
    """Rings as flat lists; a last corner that is the first again is left away. Raises `Unfit`."""
    made = []
    for ring in rings:
        points = list(ring)
        if len(points) >= 8 and points[:2] == points[-2:]:
            points = points[:-2]
        if len(points) < 6 or len(points) % 2:
            raise Unfit(f"a polygon of {len(points)} coordinates; 3 corners of x, y at least")
        made.append({"points": points})
    return {"rings": made}


def polyline(points: Sequence[float]) -> Doc:
    """Raises `Unfit`."""
    if len(points) < 4 or len(points) % 2:
        raise Unfit(f"a line of {len(points)} coordinates; 2 points of x, y at least")
    return {"points": list(points)}


def keypoint(x: float, y: float, visibility: int) -> Doc:
    """`visibility` as COCO's v: 0 not labelled, 1 hidden, 2 visible."""
    if visibility == 0:
        return {}
    return plain(x=x, y=y, visibility="VISIBLE" if visibility == 2 else "HIDDEN")


def visibility(point: Doc) -> int:
    """COCO's v of a key point."""
    return {"VISIBLE": 2, "HIDDEN": 1}.get(point.get("visibility", ""), 0)


def geometry(one: Doc) -> tuple[str, Doc]:
    """Which geometry an object or key frame has; raises `Unfit`."""
    for name in GEOMETRIES:
        if name in one:
            return name, one[name]
    raise Unfit("an object has no geometry")


def xywh(box: Doc) -> tuple[float, float, float, float]:
    return (box.get("x", 0.0), box.get("y", 0.0), box.get("width", 0.0), box.get("height", 0.0))


def box_corners(box: Doc) -> list[float]:
    """The four corners of an upright rectangle, clockwise from the upper left."""
    x, y, width, height = xywh(box)
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def upright_box(points: Sequence[float], within: float = 0.0) -> Doc | None:
    """The rectangle that four corners in any order round it are, or None where they are not one
    within so many pixels."""
    if len(points) != 8:
        return None
    xs, ys = sorted(points[::2]), sorted(points[1::2])
    sides = (xs[1] - xs[0], xs[3] - xs[2], ys[1] - ys[0], ys[3] - ys[2])
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = pairs(points)
    steps = (ax - bx, cx - dx, by - cy, dy - ay), (ay - by, cy - dy, bx - cx, dx - ax)
    if max(sides) > within or not any(all(abs(one) <= within for one in s) for s in steps):
        return None
    width, height = rounded(xs[3] - xs[0]), rounded(ys[3] - ys[0])
    return plain(x=xs[0], y=ys[0], width=width, height=height) if width and height else None


def corners(rotated: Doc) -> list[float]:
    """The four corners of a rotated rectangle, clockwise from its own top left."""
    x, y, width, height = xywh(rotated)
    cos, sin = _turn(rotated.get("angle", 0.0))
    points = []
    for right, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        a, b = right * width / 2, down * height / 2
        points += [x + a * cos - b * sin, y + a * sin + b * cos]
    return points


def rotated_of(points: Sequence[float], tolerance: float = 0.5) -> Doc | None:
    """The rotated rectangle with these four corners (its top left one first, clockwise), or None
    where they are not one within `tolerance` pixels and a hundredth of the longer side."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = pairs(points)
    width = (math.dist((ax, ay), (bx, by)) + math.dist((dx, dy), (cx, cy))) / 2
    height = (math.dist((bx, by), (cx, cy)) + math.dist((ax, ay), (dx, dy))) / 2
    if width <= 0 or height <= 0:
        return None
    angle = math.degrees(math.atan2(by + cy - ay - dy, bx + cx - ax - dx))
    made = rotated((ax + bx + cx + dx) / 4, (ay + by + cy + dy) / 4, width, height, angle)
    allowed = tolerance + max(width, height) / 100
    far = (math.dist(p, q) for p, q in zip(pairs(points), pairs(corners(made)), strict=True))
    return made if max(far) <= allowed else None


def rotated(x: float, y: float, width: float, height: float, angle: float) -> Doc:
    """Centre, sides, degrees clockwise; raises `Unfit` for one without an area."""
    rect(x, y, width, height)
    turned = (angle + 180.0) % 360.0 - 180.0
    return plain(x=x, y=y, width=width, height=height, angle=rounded(turned))


def ellipse(x: float, y: float, across: float, down: float, angle: float = 0.0) -> Doc:
    """The polygon of CORNERS that stands for an ellipse: centre, radii, degrees clockwise; raises
    `Unfit`."""
    if across <= 0 or down <= 0:
        raise Unfit(f"an ellipse of the radii {across:g} and {down:g}; both must be above zero")
    cos, sin = _turn(angle)
    points: list[float] = []
    for step in range(CORNERS):
        turn = 2 * math.pi * step / CORNERS
        a, b = across * math.cos(turn), down * math.sin(turn)
        points += [x + a * cos - b * sin, y + a * sin + b * cos]
    return polygon(points)


def turned(box: Doc, attributes: Doc, schema: Doc) -> Doc:
    """Geometry of a box whose turn other tools (CVAT, Datumaro) keep in its attribute `rotation`:
    degrees clockwise about its centre. It is taken out of the attributes, unless the template has
    an attribute of that name. Raises `Unfit`."""
    if _ROTATION not in attributes:
        return {"rect": box}
    own = any(one["name"] == _ROTATION for one in schema.get("attributes", []))
    try:
        angle = 0.0 if own else float(attributes.get(_ROTATION, 0.0))
    except ValueError:
        return {"rect": box}
    if not own:
        attributes.pop(_ROTATION, None)
    if not math.isfinite(angle):
        raise Unfit(f"rotation {angle} is not finite")
    if not angle % 360:
        return {"rect": box}
    x, y, width, height = xywh(box)
    return {"rotated": rotated(x + width / 2, y + height / 2, width, height, angle)}


def pairs(points: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(points[::2], points[1::2], strict=True))


def flat(points: Iterable[Sequence[float]]) -> list[float]:
    return [one for point in points for one in point]


def rounded(value: float) -> float:
    """Pixels without the noise of going to relative coordinates and back."""
    return round(value, DECIMALS) + 0.0


def bounds(one: Doc) -> tuple[float, float, float, float]:
    """x, y, width, height around any geometry but a mask; raises `Unfit`."""
    kind, shape = geometry(one)
    if kind == "rect":
        return xywh(shape)
    if kind == "keypoints" and "rect" in shape:
        return xywh(shape["rect"])
    points = pairs(_outline(kind, shape))
    if not points:
        raise Unfit("an object has no labelled point")
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def area(points: Sequence[float]) -> float:
    """Of one ring, by the shoelace formula."""
    corner = pairs(points)
    turned = zip(corner, [*corner[1:], *corner[:1]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in turned)) / 2


def objects_of(value: Doc) -> list[Doc]:
    """Boxes or objects of a value, all as objects; raises `Unfit` for another shape."""
    if "boxes" in value:
        return [_object(box) for box in value["boxes"].get("boxes", [])]
    if "objects" in value:
        found: list[Doc] = value["objects"].get("objects", [])
        return found
    raise Unfit("the label has no objects on an image")


def value_of(objects: list[Doc], schema: Doc, left_out: list[str]) -> Doc:
    """The value of a template of this schema; without a shape there, objects. What a box cannot
    be is told in `left_out`."""
    if schema.get("shape", "objects") != "boxes":
        return {"objects": plain(objects=objects)}
    boxes = []
    for one in objects:
        box = _box(one, left_out)
        if box is not None:
            boxes.append(box)
    return {"boxes": plain(boxes=boxes)}


def typed(attributes: Doc, schema: Doc) -> Doc:
    """Attributes as JSON values, numbers and booleans where the template's schema says so."""
    types = {a["name"]: a.get("type", "") for a in schema.get("attributes", [])}
    return {name: _typed(text, types.get(name, "")) for name, text in attributes.items()}


def texts(attributes: object, left_out: list[str]) -> dict[str, str]:
    """Attributes of a foreign JSON object as ours; what is no plain value is told."""
    made = {}
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        if isinstance(value, bool):
            made[name] = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            made[name] = str(value)
        elif value is not None:
            left_out.append(f"attribute {name[:100]}: it is a list or an object")
    return made


def _typed(text: str, type_: str) -> object:
    if type_ == "boolean" and text in ("true", "false"):
        return text == "true"
    if type_ == "number":
        try:
            value = float(text)
        except ValueError:
            return text
        return int(text) if text.lstrip("-").isdigit() else value
    return text


def _outline(kind: str, shape: Doc) -> list[float]:
    if kind == "rotated":
        return corners(shape)
    if kind == "polygon":
        return [p for ring in shape["rings"] if not ring.get("hole") for p in ring["points"]]
    if kind in ("polyline", "quad"):
        points: list[float] = shape["points"]
        return points
    if kind == "keypoints":
        seen = [p for p in shape["points"] if visibility(p)]
        return flat((p.get("x", 0.0), p.get("y", 0.0)) for p in seen)
    raise Unfit(f"bounds of a {kind} are in its pixels")


def _object(box: Doc) -> Doc:
    kept = {k: v for k, v in box.items() if k not in ("x", "y", "width", "height")}
    return {**kept, "rect": {k: box[k] for k in ("x", "y", "width", "height") if k in box}}


def _box(one: Doc, left_out: list[str]) -> Doc | None:
    kind, shape = geometry(one)
    if one.get("crowd"):
        left_out.append("a crowd, which a box cannot be")
        return None
    if kind == "rotated" and not shape.get("angle"):
        x, y, width, height = xywh(shape)
        kind, shape = "rect", rect(x - width / 2, y - height / 2, width, height)
    if kind != "rect":
        left_out.append(f"a {kind}; the template labels boxes")
        return None
    for name in ("text", "order"):
        if name in one:
            left_out.append(f"{name} of a box")
    return {**{k: one[k] for k in _OF_BOXES if k in one}, **shape}


def _turn(angle: float) -> tuple[float, float]:
    return math.cos(math.radians(angle)), math.sin(math.radians(angle))
