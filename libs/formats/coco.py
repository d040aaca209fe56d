"""COCO object detection (cocodataset.org, "Data format"): boxes as [x, y, width, height] pixels.

Categories are the template's classes in their order, ids from 1. The size of an image is read
from its own header. Ids of images and annotations go on over the parts, so that parts can be
joined by appending their lists.
"""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

import orjson
from PIL import Image

from libs.formats import Doc, Format, Job, Problem

_KINDS = ("PNG", "JPEG", "WEBP")
_SPOOL = 1_000_000
_COPY = 1_000_000


class CocoEncoder:
    """One `coco-NNNNN.json`: images as they come, annotations spooled to the end."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._ids = {name: i for i, name in enumerate(job.classes, 1)}
        self._spool = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115 - closed by end
        self._first_object = job.first_object
        self._seen = 0
        self.labels = 0
        self.objects = job.first_object
        self.problems: list[Problem] = []

    def begin(self) -> bytes:
        head = {
            "info": {"description": self._job.name, "version": self._job.template},
            "licenses": [],
            "categories": [
                {"id": i, "name": name, "supercategory": ""} for name, i in self._ids.items()
            ],
        }
        return orjson.dumps(head)[:-1] + b',"images":['

    def add(self, rows: Sequence[Doc]) -> bytes:
        out = []
        for row in rows:
            self._seen += 1
            try:
                image = self._image(row, self._job.first_label + self._seen)
                self._spool_boxes(row, image["id"])
            except _Unfit as unfit:
                self.problems.append(Problem("coco", row["name"], str(unfit), whole=True))
                continue
            out.append((b"," if self.labels else b"") + orjson.dumps(image))
            self.labels += 1
        return b"".join(out)

    def end(self) -> Iterator[bytes]:
        yield b'],"annotations":['
        self._spool.seek(0)
        while block := self._spool.read(_COPY):
            yield block
        self._spool.close()
        yield b"]}\n"

    def _image(self, row: Doc, number: int) -> Doc:
        if "boxes" not in row["value"]:
            raise _Unfit("the label has no boxes")
        value = orjson.loads(row["data"]).get(self._job.field("image"))
        if not isinstance(value, str):
            raise _Unfit("the item has no image")
        width, height = self._size(value, row["project"].split("/")[1])
        return {
            "id": number,
            "file_name": row["source_key"] or _file_name(value, row["item"]),
            "width": width,
            "height": height,
            "task": row["name"],
        }

    def _size(self, value: str, tenant: str) -> tuple[int, int]:
        try:
            with self._open(value, tenant) as file, Image.open(file, formats=_KINDS) as image:
                return image.size
        except _Unfit:
            raise
        except Exception as error:
            # Pillow raises whatever its decoders do on hostile bytes.
            raise _Unfit(f"the image cannot be read: {type(error).__name__}") from error

    def _open(self, value: str, tenant: str) -> IO[bytes]:
        if value.startswith("data:"):
            return io.BytesIO(base64.b64decode(value.partition(",")[2], validate=True))
        if value.startswith(f"blob:blobs/{tenant}/"):
            return self._job.open_blob(value.removeprefix("blob:"))
        raise _Unfit("the image is neither a data: URI nor a blob of this tenant")

    def _spool_boxes(self, row: Doc, image: int) -> None:
        boxes = row["value"]["boxes"].get("boxes", [])
        unknown = next((b for b in boxes if b.get("class") not in self._ids), None)
        if unknown is not None:
            raise _Unfit(f"class {unknown.get('class', '')[:100]!r} is not one of the template's")
        for box in boxes:
            first = self.objects == self._first_object
            self.objects += 1
            self._spool.write((b"" if first else b",") + orjson.dumps(self._box(box, image)))

    def _box(self, box: Doc, image: int) -> Doc:
        width, height = box.get("width", 0.0), box.get("height", 0.0)
        return {
            "id": self.objects,
            "image_id": image,
            "category_id": self._ids[box["class"]],
            "bbox": [box.get("x", 0.0), box.get("y", 0.0), width, height],
            "area": width * height,
            "iscrowd": 0,
        }


class _Unfit(Exception):
    """Why a label cannot be in a COCO file."""


def _file_name(value: str, item: str) -> str:
    if value.startswith("blob:"):
        return value.rsplit("/", 1)[-1]
    return f"{item.rsplit('/', 1)[-1]}.{value[len('data:image/') :].partition(';')[0]}"


FORMATS = {"coco": Format("coco", "coco-{:05}.json", frozenset({"boxes"}), CocoEncoder)}
