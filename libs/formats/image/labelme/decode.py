"""Reads LabelMe JSON files, one sample each; the image may be beside, inside or absent."""

from __future__ import annotations

import base64
import binascii
import io
import math
import posixpath
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.decoding import each, formed, json_of, mapping, mark, number, numbers, whole
from libs.formats.image import groups, masks, shapes
from libs.formats.media import Pictures
from libs.formats.paths import folders_of
from libs.formats.records import files
from libs.formats.source import Source

VERSION = "5.7.0"
# Pixels that the corners of an upright rectangle may be off, as tools round them.
_STRAIGHT = 0.01
_TURNED = ("rotation", "oriented_rectangle")
IGNORED = "__ignore__"
_MASK_PIXELS = 100_000_000


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    names = files(source, ".json")
    pictures = Pictures(source, schema, lambda: _asked(source, names))
    faults: list[Fault] = []
    for name in names:
        yield from each([name], lambda one: _sample(source, one, schema, pictures, faults))
        yield from faults
        faults.clear()


def _path(name: str, image: str) -> str:
    """Where the image of a file should be: `imagePath` is relative to the file's own folder."""
    return image if "/" in image else posixpath.join(folders_of(name), image)


def _asked(source: Source, names: list[str]) -> Iterator[str]:
    for name in names:
        with suppress(Unfit):
            doc = json_of(source, name)
            image = doc.get("imagePath") if isinstance(doc, dict) else ""
            yield _path(name, str(image or posixpath.basename(name)))


@formed
def _sample(
    source: Source, name: str, schema: Doc, pictures: Pictures, faults: list[Fault]
) -> Sample:
    doc = mapping(json_of(source, name), "the file")
    if not isinstance(doc.get("shapes"), list):
        raise Unfit("no list `shapes`: this is not LabelMe")
    image = str(doc.get("imagePath") or "").replace("\\", "/")
    base = posixpath.basename(image) or posixpath.splitext(posixpath.basename(name))[0]
    key = posixpath.join(posixpath.dirname(name), base)
    found_image = pictures.find(_path(name, image or base), name)
    file = found_image.name
    size = _size(doc, pictures, file or key)
    left_out: list[str] = []
    found: list[tuple[object, Doc]] = []
    for place, shape in enumerate(doc["shapes"], 1):
        try:
            found += _read(shape, size, left_out)
        except Unfit as unfit:
            faults.append(Fault(f"{name} shape {place}", str(unfit)))
    flags = doc.get("flags") if isinstance(doc.get("flags"), dict) else {}
    chosen = [str(name) for name, on in (flags or {}).items() if on and mark(on, "flags")]
    if schema.get("shape") in ("choice", "choices"):
        left_out += ["shapes; the template labels classes"] if found else []
        value: Doc = {"choices": shapes.plain(classes=chosen)}
    else:
        left_out += ["flags of the whole image"] if chosen else []
        value = shapes.value_of(_objects(found, schema, left_out), schema, left_out)
    return Sample(
        key,
        value,
        data={} if file else _inside(doc.get("imageData")),
        media=found_image.media("image"),
        metadata={k: str(v) for k, v in zip(("width", "height"), size, strict=True) if v},
        left_out=tuple(dict.fromkeys(left_out)),
        absent=found_image.why,
        partial=bool(faults),
    )


@formed
def _read(shape: Any, size: tuple[int, int], left_out: list[str]) -> list[tuple[object, Doc]]:
    """Group and shape, or nothing where it is left out; raises `Unfit`."""
    shape = mapping(shape, "a shape")
    label, type_ = str(shape.get("label") or ""), str(shape.get("shape_type") or "polygon")
    if label == IGNORED:
        left_out.append(f"areas labelled {IGNORED}")
        return []
    if not label:
        raise Unfit("no label")
    geometry = _geometry(type_, shape, size, left_out)
    if not geometry:
        left_out.append(f"{type_[:50]}: no shape of ours")
        return []
    hidden = (shape.get("flags") or {}).get("hidden") if type_ == "point" else False
    difficult = {"difficult": True} if mark(shape.get("difficult") or 0, "difficult") else {}
    if hidden and mark(hidden, "hidden"):
        geometry["keypoints"]["points"][0]["visibility"] = "HIDDEN"
    flags = {k: v for k, v in (shape.get("flags") or {}).items() if k != "hidden"}
    said = {**difficult, **flags, **(shape.get("attributes") or {})}
    made = shapes.plain(
        **{"class": label},
        attributes=shapes.texts(said, left_out),
        score=number(shape.get("score") or 0, "score"),
        text=str(shape.get("description") or ""),
        **geometry,
    )
    group = shape.get("group_id")
    return [(None if group is None else f"group {group}", made)]


def _geometry(type_: str, shape: Doc, size: tuple[int, int], left_out: list[str]) -> Doc:
    points = shape.get("points")
    if not isinstance(points, list) or not points:
        raise Unfit("no points")
    flat = shapes.flat(numbers(point, "point", 2) for point in points)
    if type_ == "polygon":
        return {"polygon": shapes.polygon(flat)}
    if type_ in ("line", "linestrip"):
        return {"polyline": shapes.polyline(flat)}
    if type_ in ("point", "points"):
        return {"keypoints": {"points": [shapes.keypoint(x, y, 2) for x, y in shapes.pairs(flat)]}}
    if type_ in _TURNED or (type_ == "rectangle" and len(flat) == 8):
        return _four_corners(type_, flat)
    if type_ in ("rectangle", "circle", "mask"):
        return _of_two_points(type_, shape, flat, size, left_out)
    return {}


def _of_two_points(
    type_: str, shape: Doc, flat: list[float], size: tuple[int, int], left_out: list[str]
) -> Doc:
    if len(flat) != 4:
        raise Unfit(f"a {type_} has two points, not {len(flat) // 2}")
    if type_ == "circle":
        left_out.append(shapes.ROUND)
        radius = math.dist(flat[:2], flat[2:])
        return {"polygon": shapes.ellipse(flat[0], flat[1], radius, radius)}
    if type_ == "mask":
        return {"mask": _mask(shape.get("mask"), min(flat[::2]), min(flat[1::2]), size)}
    x, y = min(flat[::2]), min(flat[1::2])
    width, height = abs(flat[2] - flat[0]), abs(flat[3] - flat[1])
    return {"rect": shapes.rect(x, y, shapes.rounded(width), shapes.rounded(height))}


def _four_corners(type_: str, flat: list[float]) -> Doc:
    """A rectangle as X-AnyLabeling and later LabelMe write it, upright or turned."""
    if len(flat) != 8:
        raise Unfit(f"a {type_} has four corners, not {len(flat) // 2}")
    box = shapes.upright_box(flat, _STRAIGHT) if type_ == "rectangle" else None
    if box is not None:
        return {"rect": box}
    turned = shapes.rotated_of(flat)
    if turned is None:
        return {"quad": {"points": flat}}
    return {"rotated": {k: shapes.rounded(v) for k, v in turned.items()}}


def _mask(content: object, x: float, y: float, size: tuple[int, int]) -> Doc:
    width, height = size
    if not width or not height:
        raise Unfit("a mask on an image of unknown size; put the image file beside the labels")
    if not isinstance(content, str):
        raise Unfit("a mask without pixels")
    try:
        with Image.open(io.BytesIO(base64.b64decode(content)), formats=("PNG",)) as image:
            if image.width * image.height > _MASK_PIXELS:
                raise Unfit(f"a mask of {image.width} x {image.height} pixels")
            inside = np.asarray(image.convert("L")) > 0
    except Unfit:
        raise
    except Exception as error:
        # Pillow raises whatever its decoders do on hostile bytes.
        raise Unfit(f"a mask cannot be read: {type(error).__name__}") from error
    pixels = np.zeros((height, width), dtype=bool)
    top, left = round(y), round(x)
    if top < 0 or left < 0 or top + inside.shape[0] > height or left + inside.shape[1] > width:
        raise Unfit("a mask reaches out of its image")
    pixels[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return masks.of_pixels(pixels)


def _objects(found: list[tuple[object, Doc]], schema: Doc, left_out: list[str]) -> list[Doc]:
    """Points that share a group with one rectangle are its skeleton; then `groups.joined`."""
    order = schema.get("skeleton", {}).get("points", [])
    around = {group: one for group, one in found if group and "rect" in one}
    points: dict[object, dict[str, Doc]] = {}
    rest: list[tuple[object, Doc]] = []
    for group, one in found:
        if group in around and "keypoints" in one:
            points.setdefault(group, {})[one["class"]] = one["keypoints"]["points"][0]
        else:
            rest.append((group, one))
    for group, named in points.items():
        box = around[group]
        places = [named.get(name, {}) for name in order or named]
        box["keypoints"] = {"points": places, "rect": box.pop("rect")}
    return groups.joined(rest, left_out)


def _size(doc: Doc, pictures: Pictures, name: str) -> tuple[int, int]:
    """As the file or the image says; zeros where neither does."""
    given = doc.get("imageWidth"), doc.get("imageHeight")
    if all(given):
        width, height = (whole(one, "size of the image") for one in given)
        if width > 0 and height > 0:
            return width, height
    try:
        return pictures.size(name)
    except Unfit:
        return 0, 0


def _inside(content: object) -> dict[str, str]:
    """The image that is in the file itself, as a data: URI."""
    if not isinstance(content, str) or not content:
        return {}
    try:
        start = base64.b64decode(content[:16])
    except (binascii.Error, ValueError):
        return {}
    kind = "png" if start.startswith(b"\x89PNG") else "jpeg"
    return {"image": f"data:image/{kind};base64,{content}"}
