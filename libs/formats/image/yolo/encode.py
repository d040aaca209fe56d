"""YOLO text files (docs.ultralytics.com, "Datasets"): one file an image, one line an object.

Coordinates are shares of the image's width and height. One zip a part:

    data.yaml                  names of the classes from 0; `kpt_shape` and `skeleton` for poses
    labels/train/a.txt         one line an object
    images/train/a.jpg         only where the delivery packs media
    images.csv                 file name, width and height, which the text files do not say

Lines, after the class: detect `cx cy w h`, segment `x1 y1 x2 y2 ...`, pose `cx cy w h` and
`x y visibility` each point, obb the four corners.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Iterator, Sequence

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import ZipEncoder
from libs.formats.image import shapes
from libs.formats.image.yolo.decode import (
    SIZES,
    decode_detect,
    decode_obb,
    decode_pose,
    decode_segment,
)
from libs.formats.media import Picture, content_of, picture

_UNHELD = ("attributes", "score", "text", "order", "crowd", "source", "id")


class YoloEncoder(ZipEncoder):
    """Says by `_lines` what an object's geometry becomes."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._sizes = io.StringIO(newline="")
        self._table = csv.writer(self._sizes, lineterminator="\n")
        self._table.writerow(("image", "width", "height"))

    def write(self, row: Doc) -> None:
        objects = shapes.objects_of(row["value"])
        image = picture(self.job, row)
        lines = [line for one in objects for line in self._object(row, one, image)]
        content = content_of(self.job, row, image.reference) if self.job.media else b""
        stem = posixpath.splitext(image.file_name)[0]
        path = self.unique(f"labels/train/{stem}.txt")
        self.zip.put(path, "".join(f"{line}\n" for line in lines).encode())
        name = posixpath.splitext(path)[0].replace("labels/", "images/", 1)
        name += posixpath.splitext(image.file_name)[1]
        if self.job.media:
            self.zip.put(name, content)
        self._table.writerow((name, image.width, image.height))
        self.objects += len(lines)

    def closing(self) -> Iterator[bytes]:
        self.zip.put(SIZES, self._sizes.getvalue().encode())
        # JSON is YAML, and says which texts are texts.
        head = {"path": ".", "train": "images/train", "val": "images/train", **self._head()}
        names = "".join(f"  {i}: {_quoted(n)}\n" for i, n in enumerate(self.job.classes))
        lines = "".join(f"{k}: {json.dumps(v)}\n" for k, v in head.items())
        self.zip.put("data.yaml", f"{lines}names:\n{names}".encode())
        yield self.zip.take()

    def _head(self) -> Doc:
        return {}

    def _object(self, row: Doc, one: Doc, image: Picture) -> list[str]:
        number = self.class_index(one.get("class", ""))
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"YOLO has no place for {unheld}")
        kind, shape = shapes.geometry(one)
        places = self._places(row, kind, shape)
        return [f"{number} {_line(values, image)}" for values in places]

    def _places(self, row: Doc, kind: str, shape: Doc) -> list[list[float | str]]:
        """Lines of an object: numbers are pixels, x and y in turn; texts stand as they are."""
        raise NotImplementedError

    def _unheld(self, row: Doc, kind: str, hint: str) -> list[list[float | str]]:
        self.tell(row, f"{self.format} has no place for a {kind}; {hint}")
        return []


class DetectEncoder(YoloEncoder):
    format = "yolo-detect"

    def _places(self, row: Doc, kind: str, shape: Doc) -> list[list[float | str]]:
        if kind != "rect":
            return self._unheld(row, kind, "use yolo-segment, yolo-pose or yolo-obb")
        return [[*_centre(shape)]]


class SegmentEncoder(YoloEncoder):
    format = "yolo-segment"

    def _places(self, row: Doc, kind: str, shape: Doc) -> list[list[float | str]]:
        if kind != "polygon":
            return self._unheld(row, kind, "it holds polygons")
        rings = [r["points"] for r in shape["rings"] if not r.get("hole")]
        if len(rings) < len(shape["rings"]):
            self.tell(row, "holes of a polygon are left out")
        if len(rings) > 1:
            self.tell(row, "parts of a polygon are written as objects of their own")
        return [list(ring) for ring in rings]


class PoseEncoder(YoloEncoder):
    format = "yolo-pose"

    def _head(self) -> Doc:
        skeleton = self.job.schema.get("skeleton", {})
        points = skeleton.get("points", [])
        return {"kpt_shape": [len(points), 3], "kpt_names": {0: points}}

    def _places(self, row: Doc, kind: str, shape: Doc) -> list[list[float | str]]:
        if kind != "keypoints":
            return self._unheld(row, kind, "it holds key points")
        wanted = len(self.job.schema.get("skeleton", {}).get("points", []))
        if len(shape["points"]) != wanted:
            raise Unfit(f"{len(shape['points'])} key points; the template's skeleton has {wanted}")
        line: list[float | str] = [*_centre(shapes.rect(*shapes.bounds({"keypoints": shape})))]
        for point in shape["points"]:
            seen = shapes.visibility(point)
            line += [point.get("x", 0.0), point.get("y", 0.0)] if seen else [0.0, 0.0]
            line.append(str(seen))
        return [line]


class ObbEncoder(YoloEncoder):
    format = "yolo-obb"

    def _places(self, row: Doc, kind: str, shape: Doc) -> list[list[float | str]]:
        if kind == "quad":
            return [list(shape["points"])]
        if kind == "rect":
            x, y, width, height = shapes.xywh(shape)
            shape = shapes.rotated(x + width / 2, y + height / 2, width, height, 0.0)
        elif kind != "rotated":
            return self._unheld(row, kind, "it holds rotated boxes")
        return [[*shapes.corners(shape)]]


def _centre(shape: Doc) -> tuple[float, float, float, float]:
    x, y, width, height = shapes.xywh(shape)
    return x + width / 2, y + height / 2, width, height


def _line(values: Sequence[float | str], image: Picture) -> str:
    out, sides, turn = [], (image.width, image.height), 0
    for value in values:
        if isinstance(value, str):
            out.append(value)
        else:
            out.append(f"{value / sides[turn % 2]:.12g}")
            turn += 1
    return " ".join(out)


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


FORMATS = {
    "yolo-detect": Format(
        "yolo-detect",
        "yolo-detect-{:05}.zip",
        frozenset({"boxes", "objects"}),
        DetectEncoder,
        decode_detect,
    ),
    "yolo-segment": Format(
        "yolo-segment",
        "yolo-segment-{:05}.zip",
        frozenset({"objects"}),
        SegmentEncoder,
        decode_segment,
    ),
    "yolo-pose": Format(
        "yolo-pose", "yolo-pose-{:05}.zip", frozenset({"objects"}), PoseEncoder, decode_pose
    ),
    "yolo-obb": Format(
        "yolo-obb",
        "yolo-obb-{:05}.zip",
        frozenset({"boxes", "objects"}),
        ObbEncoder,
        decode_obb,
    ),
}
