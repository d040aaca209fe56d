"""Reads COCO files of any size: records go through a temporary database by image, memory is flat.

The order of the sections in a file does not matter. A results file is a bare list of detections:
its categories are the template's classes from 1, its images are known by their id alone.
"""

from __future__ import annotations

import io
import posixpath
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from typing import IO, Any

import ijson
import orjson

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.decoding import formed, id_of, mapping, mark, number, numbers, told, whole
from libs.formats.image import masks, shapes
from libs.formats.media import Pictures
from libs.formats.not_finite import AsTexts, has_words
from libs.formats.paths import is_subset
from libs.formats.records import files
from libs.formats.source import Source, Unreadable
from libs.formats.unicode import opened

_BLOCK = 1000
_TABLES = """
create table images (id text primary key, doc blob);
create table annotations (image text, doc blob);
"""
_IMAGES_OF_RESULTS = """
insert into images select image, json_object('id', image) from annotations group by image
order by min(rowid)
"""
# An annotation -> its geometry, by name; what is beside that is told.
Geometry = Callable[[Doc, list[str]], Doc]


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Boxes: `bbox` of every annotation, whatever outline it has beside it."""
    return _decode(source, schema, _box, "instances")


def decode_objects(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Polygons and masks of `segmentation`; an annotation without one is a box."""
    boxes = "rect" in schema.get("geometries", ["rect"])
    return _decode(source, schema, partial(_outline, boxes=boxes), "instances")


def decode_keypoints(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Key points; annotations without any are left out and said."""
    return _decode(source, schema, _keypoints, "keypoints")


def files_of(source: Source, word: str) -> list[str]:
    """JSON files to be read: those of this task where files of several tasks lie side by side."""
    names = files(source, ".json")
    return [n for n in names if word in posixpath.basename(n).lower()] or names


def records(source: Source, name: str, section: str) -> Iterator[Any]:
    """The records of a section one by one; raises `Unfit` where the file is damaged."""
    try:
        with _readable(name, opened(source, name)) as file:
            yield from ijson.items(file, f"{section}.item" if section else "item", use_float=True)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise Unfit(f"not JSON: {str(error).splitlines()[0]}") from error
    except Unreadable as error:
        raise Unfit(str(error)) from error


def _readable(name: str, file: IO[bytes]) -> IO[bytes]:
    if not (file.seekable() and has_words(file)):
        return file
    return io.BufferedReader(AsTexts(name, file))


class Dataset:
    """Images, categories and annotations of one file, in a database that lives on disk.

    A file that is `damaged` has no images: an image whose annotations stand behind the damage
    would be an image without objects. Where annotations are `lost`, nothing says of which image.
    """

    def __init__(self, source: Source, name: str) -> None:
        self._source, self._name = source, name
        self._db = sqlite3.connect("")
        self._db.executescript(_TABLES)
        self.categories: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.damaged = self.lost = False
        self._block: list[tuple[str, bytes]] = []

    def read(self, classes: list[str]) -> None:
        """Fills the database; what cannot be read is in `faults`."""
        try:
            if self._is_results():
                self.categories = {str(i): name for i, name in enumerate(classes, 1)}
                self._add("", self._add_annotation)
                self._db.execute(_IMAGES_OF_RESULTS)
        except Unfit as unfit:
            self._damaged(unfit)
        for section, add in (
            ("categories", self._add_category),
            ("images", self._add_image),
            ("annotations", self._add_annotation),
        ):
            self._add(section, add)
        self._db.execute("create index by_image on annotations (image)")

    def _is_results(self) -> bool:
        try:
            with opened(self._source, self._name) as file:
                return file.read(100).lstrip().startswith(b"[")
        except Unreadable as error:
            raise Unfit(str(error)) from error

    def images(self) -> Iterator[tuple[Doc, list[Doc]]]:
        """Every image with its annotations."""
        if self.damaged:
            return
        for key, doc in self._db.execute("select id, doc from images order by rowid"):
            found = self._db.execute("select doc from annotations where image = ?", (key,))
            yield orjson.loads(doc), [orjson.loads(one) for (one,) in found]

    def first(self) -> Doc:
        """The first annotation; empty if there is none."""
        for (doc,) in self._db.execute("select doc from annotations limit 1"):
            found: Doc = orjson.loads(doc)
            return found
        return {}

    def orphans(self) -> Iterator[Fault]:
        """Annotations of images that are not there."""
        if self.damaged:
            return
        query = (
            "select image, count(*) from annotations where image not in (select id from images)"
            " group by image"
        )
        for image, count in self._db.execute(query):
            reason = f"{count} annotations of it, but it is not among the images"
            yield Fault(f"{self._name} image_id {image}", reason)

    def close(self) -> None:
        self._db.close()

    def _add(self, section: str, add: Callable[[Any], None]) -> None:
        """Takes the records of a section; each that cannot be taken is a fault."""
        try:
            for place, record in enumerate(records(self._source, self._name, section)):
                try:
                    add(record)
                except Unfit as unfit:
                    self.lost = self.lost or section not in ("categories", "images")
                    self.faults.append(Fault(f"{self._name} {section}[{place}]", str(unfit)))
        except Unfit as unfit:
            self._damaged(unfit)
        self._flush()

    def _damaged(self, unfit: Unfit) -> None:
        self.damaged = True
        reason = "which images lack annotations is not known, so none is read: mend the file"
        fault = Fault(self._name, f"{unfit}; {reason}")
        if fault not in self.faults:
            self.faults.append(fault)

    @formed
    def _add_category(self, record: Any) -> None:
        self.categories[_id(record)] = str(record.get("name", ""))

    @formed
    def _add_image(self, record: Any) -> None:
        key = _id(record)
        try:
            self._db.execute("insert into images values (?, ?)", (key, orjson.dumps(record)))
        except sqlite3.IntegrityError:
            raise Unfit(f"another image has the id {key[:50]}; it is passed over") from None

    @formed
    def _add_annotation(self, record: Any) -> None:
        image = id_of(mapping(record, "an annotation").get("image_id"))
        self._block.append((image, orjson.dumps(record)))
        if len(self._block) == _BLOCK:
            self._flush()

    def _flush(self) -> None:
        self._db.executemany("insert into annotations values (?, ?)", self._block)
        self._block.clear()


def _decode(source: Source, schema: Doc, geometry: Geometry, word: str) -> Iterator[Sample | Fault]:
    names = files_of(source, word)
    pictures = Pictures(source, schema, lambda: _asked(source, names))
    several = len({subset_of(name) for name in names} - {""}) > 1
    some = False
    for name in names:
        dataset = Dataset(source, name)
        dataset.read(schema.get("classes", []))
        some = some or dataset.damaged
        try:
            for image, annotations in dataset.images():
                some = True
                photo = partial(_photo, name, image, pictures, several)
                found = _sample(name, dataset, annotations, schema, geometry, photo)
                yield from told(f"{name} image {image['id']}", found)
            yield from dataset.orphans()
            yield from dataset.faults
        finally:
            dataset.close()
    if not some:
        raise Broken("no file has a list `images` with records; is this COCO?")


def _sample(
    name: str,
    dataset: Dataset,
    annotations: list[Doc],
    schema: Doc,
    geometry: Geometry,
    photo: Callable[[Doc, tuple[str, ...], bool], Sample],
) -> Iterator[Sample | Fault]:
    objects: list[Doc] = []
    left_out: list[str] = []
    partial = dataset.lost
    for one in annotations:
        try:
            made = _object(one, dataset.categories, geometry, schema, left_out)
        except Unfit as unfit:
            partial = True
            yield Fault(f"{name} annotation {one.get('id', '?')}", str(unfit))
        else:
            if made is not None:
                objects.append(made)
    value = shapes.value_of(objects, schema, left_out)
    yield photo(value, tuple(dict.fromkeys(left_out)), partial)


def _photo(
    name: str,
    image: Doc,
    pictures: Pictures,
    several: bool,
    value: Doc,
    left_out: tuple[str, ...],
    partial: bool,
) -> Sample:
    """The sample of an image of the file `name`; where there are files of `several` subsets, an
    image that is not there is told apart by its own."""
    path, subset = str(image.get("file_name") or image["id"]), subset_of(name)
    found = pictures.find(path, name, subset)
    apart = several and not found.name and subset not in path.split("/")
    return Sample(
        posixpath.join(subset, path) if apart else pictures.key(path, found.name),
        value,
        media=found.media("image"),
        metadata={k: str(image[k]) for k in ("width", "height") if image.get(k)},
        left_out=left_out,
        absent=found.why,
        partial=partial,
    )


@lru_cache(maxsize=256)
def subset_of(name: str) -> str:
    """Of `instances_train2017.json`: train2017; empty where a file's name does not say it."""
    last = posixpath.splitext(posixpath.basename(name))[0].rpartition("_")[2]
    return last if is_subset(last) else ""


def _asked(source: Source, names: list[str]) -> Iterator[str]:
    for name in names:
        with suppress(Unfit):
            for image in records(source, name, "images"):
                if isinstance(image, dict):
                    yield str(image.get("file_name", ""))


@formed
def _object(
    one: Doc, categories: dict[str, str], geometry: Geometry, schema: Doc, left_out: list[str]
) -> Doc | None:
    category = id_of(one.get("category_id"))
    if category not in categories:
        raise Unfit(f"category_id {category[:50]} is not among the categories")
    shape = geometry(one, left_out)
    if not shape:
        return None
    attributes = shapes.texts(one.get("attributes"), left_out)
    if "rect" in shape:
        shape = shapes.turned(shape["rect"], attributes, schema)
    return shapes.plain(
        **{"class": categories[category]},
        attributes=attributes,
        score=number(one.get("score", 0), "score"),
        source=str(one.get("source", "")),
        id=str(one.get("object_id", "")),
        text=str(one.get("text", "")),
        order=whole(one.get("order", 0), "order"),
        crowd=bool(one.get("iscrowd")) and mark(one["iscrowd"], "iscrowd"),
        **shape,
    )


def _box(one: Doc, left_out: list[str]) -> Doc:
    if _segmented(one):
        left_out.append("outlines beside boxes; coco-objects reads them")
    if any(one.get("keypoints") or ()):
        left_out.append("key points beside boxes; coco-keypoints reads them")
    return {"rect": _rect(one)} if "bbox" in one else _none(one, left_out)


def _outline(one: Doc, left_out: list[str], boxes: bool) -> Doc:
    """Four corners that are the annotation's own `bbox` are a box, where `boxes` are wanted."""
    if any(one.get("keypoints") or ()):
        left_out.append("key points beside outlines; coco-keypoints reads them")
    if not _segmented(one):
        return {"rect": _rect(one)} if "bbox" in one else _none(one, left_out)
    found = one["segmentation"]
    if isinstance(found, dict):
        return {"mask": masks.of_coco(found)}
    if not isinstance(found, list):
        raise Unfit("segmentation is neither a list of polygons nor an object with runs")
    rings = [numbers(ring, "segmentation") for ring in found]
    if boxes and len(rings) == 1 and "bbox" in one:
        box = _rect(one)
        if _alike(rings[0], shapes.box_corners(box)):
            return {"rect": box}
    return {"polygon": shapes.polygon(*rings)}


def _keypoints(one: Doc, left_out: list[str]) -> Doc:
    if _segmented(one):
        left_out.append("outlines beside key points; coco-objects reads them")
    flat = numbers(one.get("keypoints") or [], "keypoints")
    if not flat:
        left_out.append("annotations without key points")
        return {}
    if len(flat) % 3:
        raise Unfit(f"{len(flat)} numbers of key points; x, y, v each wanted")
    if not set(flat[2::3]) <= {0, 1, 2}:
        raise Unfit("the visibility of a key point is not 0, 1 or 2")
    groups = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    points = [shapes.keypoint(x, y, int(v)) for x, y, v in groups]
    bbox = one.get("bbox")
    return {"keypoints": shapes.plain(points=points, rect=_rect(one) if any(bbox or ()) else {})}


def _alike(ring: list[float], corners: list[float]) -> bool:
    """Are they the corners of a box as tools write it, from the upper left on? A polygon that
    begins elsewhere was drawn as one."""
    near = 10.0**-shapes.DECIMALS
    return len(ring) == len(corners) and all(
        abs(a - b) <= near for a, b in zip(ring, corners, strict=True)
    )


def _rect(one: Doc) -> Doc:
    return shapes.rect(*numbers(one.get("bbox"), "bbox", 4))


def _segmented(one: Doc) -> bool:
    found = one.get("segmentation")
    return bool(found) and found != [[]]


def _none(one: Doc, left_out: list[str]) -> Doc:
    words = "captions" if "caption" in one else "classes of whole images"
    left_out.append(f"{words}: neither box nor outline")
    return {}


def _id(record: Any) -> str:
    if not isinstance(record, dict) or not isinstance(record.get("id"), (int, float, str)):
        raise Unfit("a record of images or categories has no id")
    return id_of(record["id"])
