"""COCO panoptic (cocodataset.org, "Data format"): every pixel belongs to one segment at most.

One zip a part: `annotations/panoptic_default.json`, and one PNG an image in a folder of that name,
whose colours are ids of segments: red + 256 green + 65536 blue; 0 is nothing. Categories as in
`coco`. Where objects overlap the first one keeps the pixels, which is told.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image

from libs.formats import Broken, Doc, Fault, Format, Job, Sample, Unfit
from libs.formats.decoding import formed, id_of, mapping, mark, number, told, whole
from libs.formats.encoding import ZipEncoder, spool
from libs.formats.image import masks, shapes
from libs.formats.image.coco.decode import Dataset, files_of, subset_of
from libs.formats.media import Picture, Pictures, content_of, picture
from libs.formats.paths import Found
from libs.formats.source import Source, Unreadable
from libs.formats.zip_writer import Chain

_FOLDER = "annotations/panoptic_default"
_UNHELD = ("text", "order", "source", "id")
_MAX_PIXELS = 200_000_000
_MAX_SEGMENTS = 1 << 24


class CocoPanopticEncoder(ZipEncoder):
    format = "coco-panoptic"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._images, self._annotations = spool(), spool()
        self._seen = 0

    def write(self, row: Doc) -> None:
        self._seen += 1
        number_ = self.job.first_label + self._seen
        objects = shapes.objects_of(row["value"])
        image = picture(self.job, row)
        ids = np.zeros((image.height, image.width), dtype=np.uint32)
        segments = [s for one in objects if (s := self._segment(row, one, image, ids))]
        name = self.unique(f"{_FOLDER}/{posixpath.splitext(image.file_name)[0]}.png")
        if self.job.media:
            content = content_of(self.job, row, image.reference)
            self.zip.put(self.unique(f"images/{image.file_name}"), content)
        self.zip.put(name, _png(ids))
        head = {
            "id": number_,
            "file_name": image.file_name,
            "width": image.width,
            "height": image.height,
            "task": row["name"],
        }
        file = name.removeprefix(f"{_FOLDER}/")
        told = {"image_id": number_, "file_name": file, "segments_info": segments}
        comma = b"," if self.labels else b""
        self._images.write(comma + orjson.dumps(head))
        self._annotations.write(comma + orjson.dumps(told))

    def closing(self) -> Iterator[bytes]:
        categories = [
            {"id": i, "name": name, "supercategory": "", "isthing": 1}
            for i, name in enumerate(self.job.classes, 1)
        ]
        head = {
            "info": {"description": self.job.name, "version": self.job.template},
            "licenses": [],
            "categories": categories,
        }
        start = io.BytesIO(orjson.dumps(head)[:-1] + b',"images":[')
        parts = [start, self._images, io.BytesIO(b'],"annotations":['), self._annotations]
        joined = Chain([*parts, io.BytesIO(b"]}\n")])
        yield from self.zip.put_file(f"{_FOLDER}.json", joined)
        self._images.close()
        self._annotations.close()

    def _segment(self, row: Doc, one: Doc, image: Picture, ids: NDArray[np.uint32]) -> Doc | None:
        """Draws an object into the pixels; what `segments_info` says of it."""
        category = self.class_index(one.get("class", "")) + 1
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"COCO panoptic has no place for {unheld}")
        kind, shape = shapes.geometry(one)
        if kind not in ("mask", "polygon"):
            self.tell(row, f"COCO panoptic has no place for a {kind}")
            return None
        if kind == "polygon":
            self.tell(row, "polygons are written as pixels, their corners are lost")
            shape = masks.of_polygon(shape, image.width, image.height)
        pixels = masks.pixels(shape)
        if pixels.shape != ids.shape:
            raise Unfit("a mask is not of the size of its image")
        free = pixels & (ids == 0)
        if free.sum() < pixels.sum():
            self.tell(row, "objects overlap; the first one keeps the pixels")
        self.objects += 1
        ids[free] = self.objects
        if not free.any():
            self.tell(row, "an object has no pixel of its own and is left out")
            return None
        mask = masks.of_pixels(free)
        info = {
            "id": self.objects,
            "category_id": category,
            "area": masks.area(mask),
            "bbox": masks.bounds(mask),
            "iscrowd": int(one.get("crowd", False)),
        }
        attributes = shapes.typed(one.get("attributes", {}), self.job.schema)
        return {**info, **({"attributes": attributes} if attributes else {}), **_score(one)}


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Masks of every image; its PNG is found beside or below the JSON file. Files of other tasks
    beside it are passed over."""
    pictures = Pictures(source, schema)
    some = False
    for name in files_of(source, "panoptic"):
        dataset = Dataset(source, name)
        dataset.read([])
        try:
            if dataset.damaged or "segments_info" in dataset.first():
                some = True
                yield from _samples(source, name, dataset, schema, pictures)
        finally:
            dataset.close()
    if not some:
        raise Broken("no annotation has `segments_info`: this is not COCO panoptic")


def _samples(
    source: Source, name: str, dataset: Dataset, schema: Doc, pictures: Pictures
) -> Iterator[Sample | Fault]:
    for image, found in dataset.images():
        for one in found:
            drawn = _sample(source, name, dataset, image, one, schema, pictures)
            yield from told(f"{name} image_id {image['id']}", drawn)
    yield from dataset.orphans()
    yield from dataset.faults


def _sample(
    source: Source,
    name: str,
    dataset: Dataset,
    image: Doc,
    annotation: Doc,
    schema: Doc,
    pictures: Pictures,
) -> Iterator[Sample | Fault]:
    file = str(annotation.get("file_name", ""))
    folder = posixpath.splitext(name)[0]
    wanted = posixpath.join(folder, file)
    drawn = wanted if wanted in source else pictures.find(file, f"{folder}/").name or wanted
    ids = _ids(source, drawn)
    objects: list[Doc] = []
    left_out: list[str] = []
    known: set[int] = set()
    partial = dataset.lost
    for info in annotation.get("segments_info") or []:
        try:
            info = mapping(info, "an entry of segments_info")
            known.add(whole(info.get("id"), "id of a segment"))
            objects.append(_object(info, dataset.categories, ids, left_out))
        except Unfit as unfit:
            partial = True
            yield Fault(f"{name} image_id {image['id']}", str(unfit))
    nameless = set(np.unique(ids).tolist()) - known - {0}
    if nameless:
        left_out.append("pixels whose segment is not in segments_info")
    path = str(image.get("file_name") or image["id"])
    photo = pictures.find(path, f"images/{name}", subset_of(name))
    photo = Found() if photo.name == drawn else photo
    yield Sample(
        pictures.key(path, photo.name),
        shapes.value_of(objects, schema, left_out),
        media=photo.media("image"),
        metadata={"width": str(ids.shape[1]), "height": str(ids.shape[0])},
        left_out=tuple(dict.fromkeys(left_out)),
        absent=photo.why,
        partial=partial,
    )


@formed
def _object(
    info: Doc, categories: dict[str, str], ids: NDArray[np.uint32], left_out: list[str]
) -> Doc:
    category = id_of(info.get("category_id"))
    if category not in categories:
        raise Unfit(f"segment {info['id']}: category_id {category[:50]} is not among them")
    pixels = ids == info["id"]
    if not pixels.any():
        raise Unfit(f"segment {info['id']} has no pixels in the PNG")
    return shapes.plain(
        **{"class": categories[category]},
        attributes=shapes.texts(info.get("attributes"), left_out),
        score=number(info.get("score") or 0, "score"),
        crowd=mark(info.get("iscrowd") or 0, "iscrowd"),
        mask=masks.of_pixels(pixels),
    )


def _ids(source: Source, name: str) -> NDArray[np.uint32]:
    """The id of every pixel's segment; raises `Unfit`."""
    try:
        with source.open(name) as file, Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise Unfit(f"{name[:200]}: {image.width} x {image.height} pixels are too many")
            colours = np.asarray(image.convert("RGB")).astype(np.uint32)
    except Unfit:
        raise
    except Unreadable as error:
        raise Unfit(str(error)) from error
    except Exception as error:
        # Pillow raises whatever its decoders do on hostile bytes.
        raise Unfit(f"{name[:200]} cannot be read: {type(error).__name__}") from error
    return colours @ np.array([1, 256, 65_536], dtype=np.uint32)


def _png(ids: NDArray[np.uint32]) -> bytes:
    if ids.max(initial=0) >= _MAX_SEGMENTS:
        raise Unfit("more segments than colours; deliver in smaller parts")
    colours = np.stack([ids & 0xFF, (ids >> 8) & 0xFF, (ids >> 16) & 0xFF], axis=-1)
    out = io.BytesIO()
    Image.fromarray(colours.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _score(one: Doc) -> Doc:
    return {"score": one["score"]} if "score" in one else {}


FORMATS = {
    "coco-panoptic": Format(
        "coco-panoptic",
        "coco-panoptic-{:05}.zip",
        frozenset({"objects"}),
        CocoPanopticEncoder,
        decode,
    )
}
