"""Reads YOLO text files, be they laid out as Ultralytics does, darknet or labelImg.

Class names come from a .yaml file's `names`, a `*.names` file (darknet), `classes.txt` (labelImg),
or else from the template. Sizes come from the image files, `images.csv`, or the caller.
"""

from __future__ import annotations

import csv
import io
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.decoding import number, whole
from libs.formats.image import shapes
from libs.formats.media import SUFFIXES, Pictures
from libs.formats.paths import folders_of
from libs.formats.records import files, split
from libs.formats.source import Source, Unreadable

SIZES = "images.csv"
_LISTS = ("train.txt", "val.txt", "valid.txt", "test.txt", "classes.txt", "labels.txt")
_LAYOUT = ("labels", "images", "annotations", "obj_train_data", "obj_valid_data")
_SUBSETS = ("train", "val", "valid", "test")
_NAMES_BYTES = 10_000_000


@dataclass(frozen=True)
class Dataset:
    """What a source says of all its label files."""

    classes: list[str]
    pictures: Pictures
    key_dims: int


# Numbers after the class (pixels: x, y in turn are scaled by `scale`) -> geometry of an object.
Geometry = Callable[[list[float], "Scale", Dataset], Doc]


@dataclass(frozen=True)
class Scale:
    width: int
    height: int

    def points(self, shares: Sequence[float]) -> list[float]:
        sides = (self.width, self.height)
        return [shapes.rounded(s * sides[i % 2]) for i, s in enumerate(shares)]

    def rect(self, shares: Sequence[float]) -> Doc:
        x, y, width, height = shares
        left, top, wide, high = self.points([x - width / 2, y - height / 2, width, height])
        return shapes.rect(left, top, wide, high)


def decode_detect(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    return _decode(source, schema, _detect)


def decode_segment(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    return _decode(source, schema, _segment)


def decode_pose(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    return _decode(source, schema, _pose)


def decode_obb(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    return _decode(source, schema, _obb)


def _decode(source: Source, schema: Doc, geometry: Geometry) -> Iterator[Sample | Fault]:
    names = [n for n in files(source, ".txt") if posixpath.basename(n).lower() not in _LISTS]
    names = [n for n in names if "labels" in n.split("/")[:-1]] or names
    if not names:
        raise Broken("there is no .txt file with labels")
    asked = [_path(name) for name in names]
    dataset = _dataset(source, schema, asked)
    inside = Counter(_inside(name) for name in names)
    for name, path in zip(names, asked, strict=True):
        key = _inside(name) if inside[_inside(name)] == 1 else f"{path}.txt"
        yield from _sample(source, name, path, key, dataset, schema, geometry)


def _sample(
    source: Source,
    name: str,
    path: str,
    key: str,
    dataset: Dataset,
    schema: Doc,
    geometry: Geometry,
) -> Iterator[Sample | Fault]:
    try:
        found = dataset.pictures.find(path, name)
        image = found.name or dataset.pictures.known(path, name)
        key = posixpath.splitext(key)[0] + posixpath.splitext(image)[1]
        lines = split(source.text(name))
        if _lists_images(lines):
            return
        scale = Scale(*dataset.pictures.size(image or key)) if any(lines) else Scale(0, 0)
    except (Unfit, Unreadable) as error:
        yield Fault(name, str(error))
        return
    objects: list[Doc] = []
    partial = False
    for place, line in enumerate(lines, 1):
        try:
            if line.strip():
                objects.append(_object(line, scale, dataset, geometry))
        except Unfit as unfit:
            partial = True
            yield Fault(f"{name} line {place}", str(unfit))
    left_out: list[str] = []
    value = shapes.value_of(objects, schema, left_out)
    size = {"width": str(scale.width), "height": str(scale.height)} if scale.width else {}
    yield Sample(
        dataset.pictures.key(key, found.name),
        value,
        media=found.media("image"),
        metadata=size,
        left_out=tuple(dict.fromkeys(left_out)),
        absent=found.why,
        partial=partial,
    )


def _lists_images(lines: list[str]) -> bool:
    """Is it a list of a subset's images, as darknet has one?"""
    return any(lines) and all(one.strip().lower().endswith(SUFFIXES) for one in lines if one)


def _object(line: str, scale: Scale, dataset: Dataset, geometry: Geometry) -> Doc:
    first, *rest = line.split()
    index = whole(first, "class")
    if not 0 <= index < len(dataset.classes):
        raise Unfit(f"class {index}; there are {len(dataset.classes)} names of classes, from 0")
    values = [number(one, "coordinate") for one in rest]
    return {"class": dataset.classes[index], **geometry(values, scale, dataset)}


def _detect(values: list[float], scale: Scale, dataset: Dataset) -> Doc:
    if len(values) == 5:
        return shapes.plain(score=_share(values[4]), rect=scale.rect(values[:4]))
    if len(values) != 4:
        raise Unfit(f"{len(values)} numbers after the class; a box has 4 (with a score 5)")
    return {"rect": scale.rect(values)}


def _segment(values: list[float], scale: Scale, dataset: Dataset) -> Doc:
    if len(values) == 4:
        return {"rect": scale.rect(values)}
    return {"polygon": shapes.polygon(scale.points(values))}


def _pose(values: list[float], scale: Scale, dataset: Dataset) -> Doc:
    dims, rest = dataset.key_dims, values[4:]
    if len(values) < 4 or not rest or len(rest) % dims:
        raise Unfit(f"{len(values)} numbers after the class; 4 of a box and {dims} a point wanted")
    points = []
    for place in range(0, len(rest), dims):
        x, y = scale.points(rest[place : place + 2])
        seen = int(rest[place + 2]) if dims == 3 else 2 * (x != 0 or y != 0)
        if seen not in (0, 1, 2):
            raise Unfit(f"visibility {seen} of a key point is not 0, 1 or 2")
        points.append(shapes.keypoint(x, y, seen))
    return {"keypoints": {"points": points, "rect": scale.rect(values[:4])}}


def _obb(values: list[float], scale: Scale, dataset: Dataset) -> Doc:
    if len(values) != 8:
        raise Unfit(f"{len(values)} numbers after the class; four corners have 8")
    sides = (scale.width, scale.height)
    points = [s * sides[i % 2] for i, s in enumerate(values)]
    made = shapes.rotated_of(points)
    if made is None:
        return {"quad": {"points": [shapes.rounded(p) for p in points]}}
    return {"rotated": {k: shapes.rounded(v) for k, v in made.items()}}


def _share(score: float) -> float:
    if not 0 <= score <= 1:
        raise Unfit(f"score {score:g} is not between 0 and 1")
    return score


def _path(name: str) -> str:
    """Where the image of a label file should be, without folders of the layout and suffix."""
    return posixpath.join(folders_of(name), posixpath.splitext(posixpath.basename(name))[0])


def _dataset(source: Source, schema: Doc, asked: list[str]) -> Dataset:
    config = _config(source)
    sizes = {**_sizes(source), **schema.get("sizes", {})}
    shape = config.get("kpt_shape")
    dims = shape[1] if isinstance(shape, list) and len(shape) == 2 and shape[1] in (2, 3) else 3
    classes = _names(config) or _listed(source) or list(schema.get("classes", []))
    return Dataset(classes, Pictures(source, {"sizes": sizes}, lambda: asked), dims)


def _config(source: Source) -> Doc:
    for name in source.ending(".yaml", ".yml"):
        try:
            found = yaml.safe_load(source.text(name, _NAMES_BYTES))
        except (yaml.YAMLError, Unreadable, RecursionError) as error:
            raise Broken(f"{name}: not readable: {str(error)[:200]}") from error
        if isinstance(found, dict) and "names" in found:
            return found
    return {}


def _names(config: Doc) -> list[str]:
    names = config.get("names", [])
    if isinstance(names, dict):
        last = max((k for k in names if isinstance(k, int)), default=-1)
        if last > 100_000:
            raise Broken(f"names: class {last} is out of any range")
        names = [names.get(i, f"class {i}") for i in range(last + 1)]
    if not isinstance(names, list) or not all(isinstance(n, (str, int, float)) for n in names):
        raise Broken("names: a list of texts, or texts by number, wanted")
    return [str(one) for one in names]


def _listed(source: Source) -> list[str]:
    for name in source.ending(".names", "classes.txt"):
        try:
            text = source.text(name, _NAMES_BYTES)
        except Unreadable as error:
            raise Broken(str(error)) from error
        return [one.strip() for one in split(text) if one.strip()]
    return []


def _sizes(source: Source) -> Doc:
    """The table our own encoder writes; broken lines are passed over, the image is asked then."""
    if SIZES not in source:
        return {}
    rows = csv.reader(io.StringIO(source.text(SIZES)))
    known = (row for row in rows if len(row) == 3 and row[1].isdigit() and row[2].isdigit())
    return {image: (int(width), int(height)) for image, width, height in known}


def _inside(name: str) -> str:
    """The name without the folders of the layout."""
    folders = name.split("/")
    last = max((i for i, one in enumerate(folders[:-1]) if one.lower() in _LAYOUT), default=-1)
    rest = folders[last + 1 :]
    if last >= 0 and len(rest) > 1 and rest[0] in _SUBSETS:
        del rest[0]
    return "/".join(rest)
