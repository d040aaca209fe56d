"""OpenLABEL's elements as ours: geometry, attributes, and coordinate systems with the ways between
them. What raises, raises `Unfit`."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from libs.formats import Doc, Unfit
from libs.formats.decoding import formed, mapping, number, numbers, whole
from libs.formats.image import masks, shapes
from libs.formats.spatial import boxes3d
from libs.sensor import boxes, poses, rotations

Array = np.ndarray
ABSOLUTE, RELATIVE = "MODE_POLY2D_ABSOLUTE", "MODE_POLY2D_RELATIVE"
SAME = "sameAs"
MASK = "mask"
# Attributes that are fields of ours.
OWN = frozenset(("score", "occluded", "crowd", "velocity", "point_count", "order", "text"))
_ATTRIBUTES = ("num", "text", "boolean", "vec")
_SHAPES = ("bbox", "rbbox", "poly2d", "point2d", "image", "cuboid", "poly3d")
_MOST_PIXELS = 100_000_000
_OFF = 1e-3
# KITTI's ways to say that there is no 3D box.
_NONE = ([-1.0] * 3, [-1000.0] * 3)


def png(pixels: Array) -> str:
    """Base64 of a black and white image."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def attributes_of(held: Doc, told: Counter[str]) -> Doc:
    """Fields of ours from {"num": [...], "text": ...}: `attributes` and those of `OWN`."""
    found: dict[str, str] = {}
    own: Doc = {}
    for kind in _ATTRIBUTES:
        for one in held.get(kind) or []:
            name, value = str(mapping(one, kind).get("name", ""))[:200], one.get("val")
            if not name:
                told[f"{kind} without a name"] += 1
            elif name in OWN and _fits(name, value):
                own[name] = boxes.vector_doc(value) if name == "velocity" else value
            elif kind == "vec":
                told["lists as attributes"] += 1
            else:
                found[name] = _text(value)
    return shapes.plain(**own, attributes=found)


def elements(data: Doc, told: Counter[str], joints: int = 0) -> Iterator[tuple[str, str, Doc]]:
    """(`flat`, `cuboid` or `ground`, coordinate system, fields of ours) of an `object_data`;
    `joints` is how many points the template's skeleton has."""
    for kind in data:
        if kind not in _SHAPES and kind not in _ATTRIBUTES:
            told[f"{str(kind)[:50]}: no shape of ours"] += len(data[kind] or ())
    yield from _flat(data, told, joints)
    for one in data.get("cuboid") or []:
        made = _cuboid(one, told)
        if made is not None:
            yield "cuboid", *_common(one, told, made)
    yield from _ground(data.get("poly3d") or [], told)


def _flat(data: Doc, told: Counter[str], joints: int) -> Iterator[tuple[str, str, Doc]]:
    points = data.get("point2d") or []
    for one in data.get("bbox") or []:
        if not points:
            yield "flat", *_common(one, told, {"rect": _rect(one)})
    for one in data.get("rbbox") or []:
        x, y, width, height, angle = numbers(one.get("val"), "rbbox", 5)
        shape = {"rotated": shapes.rotated(x, y, width, height, math.degrees(angle))}
        yield "flat", *_common(one, told, shape)
    yield from _outlines(data.get("poly2d") or [], told)
    if points:
        yield "flat", *_common(points[0], told, _keypoints(points, data.get("bbox") or [], joints))
    for one in data.get("image") or []:
        if one.get("name") == MASK:
            yield "flat", *_common(one, told, {"mask": _mask(one)})
        else:
            told["images of objects"] += 1


def _common(one: Doc, told: Counter[str], shape: Doc) -> tuple[str, Doc]:
    held = mapping(one.get("attributes") or {}, "attributes")
    known = {} if "keypoints" in shape else attributes_of(held, told)
    return str(one.get("coordinate_system", "")), {**known, **shape}


def _rect(one: Doc) -> Doc:
    x, y, width, height = numbers(one.get("val"), "bbox", 4)
    return shapes.rect(x - width / 2, y - height / 2, width, height)


def _outlines(found: list[Doc], told: Counter[str]) -> Iterator[tuple[str, str, Doc]]:
    """Closed ones of an object and system are rings of one polygon; a parent makes a hole."""
    rings: dict[str, list[tuple[Doc, Doc]]] = {}
    for one in found:
        mode = one.get("mode", ABSOLUTE)
        if mode not in (ABSOLUTE, RELATIVE):
            told[f"poly2d in {str(mode)[:50]}"] += 1
            continue
        points = numbers(one.get("val"), "poly2d")
        if mode == RELATIVE:
            steps = np.array(points[: len(points) // 2 * 2]).reshape(-1, 2)
            points = np.cumsum(steps, axis=0).ravel().tolist()
        if not one.get("closed"):
            yield "flat", *_common(one, told, {"polyline": shapes.polyline(points)})
            continue
        ring = shapes.polygon(points)["rings"][0]
        parent = (one.get("hierarchy") or [-1])[-1]
        made = {**ring, "hole": True} if parent >= 0 else ring
        rings.setdefault(str(one.get("coordinate_system", "")), []).append((one, made))
    for some in rings.values():
        shape = {"polygon": {"rings": [ring for _, ring in some]}}
        yield "flat", *_common(some[0][0], told, shape)


def _keypoints(points: list[Doc], around: list[Doc], joints: int) -> Doc:
    """By their `id`, which is the number in the skeleton, else in their order."""
    placed: dict[int, Doc] = {}
    for place, one in enumerate(points):
        x, y = numbers(one.get("val"), "point2d", 2)
        key = whole(one.get("id", place), "id of a point2d")
        if not 0 <= key < 1000 or key in placed:
            raise Unfit(f"id {key} of a point2d; 0 to 999 wanted, each once")
        flags = (one.get("attributes") or {}).get("boolean") or []
        hidden = any(f.get("name") == "visible" and f.get("val") is False for f in flags)
        placed[key] = shapes.keypoint(x, y, 1 if hidden else 2)
    held: Doc = {"points": [placed.get(i, {}) for i in range(max(*placed, joints - 1) + 1)]}
    if around:
        held["rect"] = _rect(around[0])
    return {"keypoints": held}


def _mask(one: Doc) -> Doc:
    try:
        content = base64.b64decode(str(one.get("val", "")), validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise Unfit(f"a mask of {image.width} x {image.height} pixels")
            return masks.of_pixels(np.asarray(image.convert("1"), dtype=bool))
    except (binascii.Error, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise Unfit(f"a mask that is no PNG in base64: {type(error).__name__}") from error


def _cuboid(one: Doc, told: Counter[str]) -> Doc | None:
    """A `Cuboid` without class: 10 numbers with a quaternion x y z w, or 9 with angles about x, y
    and z, turned in this order. None where the file says there is none."""
    val = one.get("val")
    if val is None:
        told["cuboids without val"] += 1
        return None
    found = numbers(val, "cuboid")
    if len(found) == 10:
        x, y, z, w = found[3:7]
        turn = [w, x, y, z]
    elif len(found) == 9:
        turn = _turned(*found[3:6])
    else:
        raise Unfit(f"a cuboid of {len(found)} numbers; 9 or 10 wanted")
    size = found[-3:]
    if size in _NONE:
        told["cuboids that are none (sides of -1 or -1000)"] += 1
        return None
    if size[2] == 0:
        # Flat on the ground: a box of a map.
        yaw = float(rotations.yaw(turn))
        shapes.rect(0, 0, size[0], size[1])
        box = shapes.plain(x=found[0], y=found[1], length=size[0], width=size[1], yaw=yaw)
        return {"box": box}
    return boxes3d.cuboid(found[:3], size, turn)


def _turned(x: float, y: float, z: float) -> list[float]:
    """w x y z of angles about the fixed axes x, then y, then z."""
    about = [[math.cos(a / 2), *(math.sin(a / 2) * np.eye(3)[i])] for i, a in enumerate((x, y, z))]
    turn = rotations.multiply(about[2], rotations.multiply(about[1], about[0]))
    return [float(one) for one in turn]


def _ground(found: list[Doc], told: Counter[str]) -> Iterator[tuple[str, str, Doc]]:
    """Lines and areas; closed ones behind the first of an object, called holes, are its holes."""
    area: tuple[Doc, Doc] | None = None
    for one in found:
        points = numbers(one.get("val"), "poly3d")
        least = 9 if one.get("closed") else 6
        if len(points) < least or len(points) % 3:
            raise Unfit(
                f"a poly3d of {len(points)} numbers; x, y, z of {least // 3} points at least"
            )
        if not one.get("closed"):
            yield "ground", *_common(one, told, {"line": {"points": points}})
            continue
        if len(points) >= 12 and points[:3] == points[-3:]:
            points = points[:-3]
        if area is not None and str(one.get("name", "")).startswith("hole"):
            area[1].setdefault("holes", []).append({"points": points})
            continue
        if area is not None:
            yield "ground", *_common(area[0], told, {"area": area[1]})
        area = (one, {"points": points})
    if area is not None:
        yield "ground", *_common(area[0], told, {"area": area[1]})


def _fits(name: str, value: Any) -> bool:
    if name in ("occluded", "crowd"):
        return isinstance(value, bool)
    if name == "text":
        return isinstance(value, str)
    if name == "velocity":
        return isinstance(value, list) and len(value) == 3 and all(map(_number, value))
    if not _number(value):
        return False
    return 0 <= value <= 1 if name == "score" else value >= 0 and value == int(value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Systems:
    """Coordinate systems by name: what frame of ours each is, and the ways between them."""

    def __init__(self, doc: Doc) -> None:
        self._known = mapping(doc.get("coordinate_systems") or {}, "coordinate_systems")
        self._streams = mapping(doc.get("streams") or {}, "streams")

    def frame(self, name: str) -> str:
        """Our name of its frame; raises `Unfit` for one that is not declared."""
        if name in ("lidar", "ego", "world") or name.startswith("camera:"):
            return name
        if name not in self._known:
            raise Unfit(f"the coordinate system {name[:100]!r} is not declared")
        type_ = str(mapping(self._known[name], "a coordinate system").get("type", ""))
        sensor = str((self._streams.get(name) or {}).get("type", ""))
        if type_.startswith(("scene", "geo")):
            return "world"
        if type_.startswith("local"):
            return "ego"
        if sensor == "camera" or (not sensor and "CAM" in name.upper()):
            return f"camera:{name}"
        return "lidar"

    def way(self, name: str, frame: str, moment: Doc) -> Array | None:
        """(4, 4) from a system into a frame of ours at a moment (`frame_properties`); None where
        it is that frame. Raises `Unfit` where nothing leads there."""
        if not name or self.frame(name) == frame:
            return None
        transforms = mapping(moment.get("transforms") or {}, "transforms")
        edges = {str(t.get("src")): t for t in transforms.values() if isinstance(t, dict)}
        up = self._up(name, edges)
        for other in self._known:
            if self.frame(other) == frame:
                there = self._up(other, edges)
                shared = next((one for one in up if one in there), None)
                if shared is not None:
                    return np.asarray(poses.inverse(there[shared]) @ up[shared])
        raise Unfit(f"nothing leads from the coordinate system {name[:100]!r} to {frame[:100]!r}")

    def _up(self, name: str, edges: dict[str, Doc]) -> dict[str, Array]:
        """(4, 4) from a system into each of its ancestors, itself first."""
        found, at, way = dict[str, Array](), name, np.eye(4)
        while at:
            if at in found:
                raise Unfit(f"the coordinate system {at[:100]!r} is its own ancestor")
            found[at] = way
            edge = edges.get(at)
            held = mapping(self._known.get(at) or {}, "a coordinate system")
            parent = str(edge.get("dst", "")) if edge else str(held.get("parent") or "")
            step = edge.get("transform_src_to_dst") if edge else held.get("pose_wrt_parent")
            if parent and step is None:
                break
            way, at = (_transform(step) @ way if parent else way), parent
        return found


@formed
def _transform(doc: Any) -> Array:
    """(4, 4) of a `transform_data`."""
    one = mapping(doc, "a transform")
    if "matrix4x4" in one:
        found = np.array(numbers(one["matrix4x4"], "matrix4x4", 16)).reshape(4, 4)
        turn = found[:3, :3]
        if np.abs(turn @ turn.T - np.eye(3)).max() > _OFF or np.linalg.det(turn) < 0:
            raise Unfit("matrix4x4 is no rotation and translation")
        return found
    if "quaternion" in one:
        x, y, z, w = numbers(one["quaternion"], "quaternion", 4)
        return poses.pose(numbers(one.get("translation"), "translation", 3), [w, x, y, z])
    raise Unfit("a transform with Euler angles; write a matrix4x4 or a quaternion")


def number_of(key: object) -> int:
    """Of a frame; raises `Unfit`."""
    text = str(key)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Unfit(f"frame {text[:50]!r} is no number")
    return int(number(text, "frame"))
