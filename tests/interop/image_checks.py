"""Checks of formats of images that are more than reading, writing and a judge."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from libs.formats import Sample
from libs.formats.image import masks, shapes
from libs.formats.image.labelstudio.brush import of_brush, to_brush
from libs.formats.source import of_folder
from libs.sensor import rle
from tests.interop import judges
from tests.interop.frame import Result, difference, read, round_trip, stem
from tests.interop.image_judges import objects_of, schema_of, unpacked

_ONE = "interop/onegt_8formats/gts"
_BOXES = {"shape": "boxes"}
_LS = "interop/labelstudio"
_LM = "interop/labelme"


def count_files(path: Path) -> int:
    if path.is_file():
        return 1
    return sum(1 for one in path.rglob("*") if one.is_file() and one.name != "README.md")


def one_truth(data: Path) -> Result:
    """The same boxes in seven formats: all must decode to the same, to whole pixels."""
    result = Result()
    voc, faults = read("voc", data / _ONE / "pascalvoc_format", _BOXES)
    sizes = {stem(s.key): (int(s.metadata["width"]), int(s.metadata["height"])) for s in voc}
    truth = _whole(voc)
    result.read(count_files(data / _ONE / "pascalvoc_format"), voc, faults)
    for format_, folder in _ONES:
        path = data / _ONE / folder
        schema = {**_BOXES, "sizes": {f"{k}.jpg": v for k, v in sizes.items()}}
        samples, faults = read(format_, path, schema)
        result.read(count_files(path), samples, faults)
        result.same(f"{folder}: boxes", _whole(samples), truth, 0)
    result.judged = f"{sum(map(len, truth.values()))} boxes, {len(_ONES) + 1} formats alike"
    return result


_ONES = (
    ("coco", "coco_format_v1"),
    ("coco", "coco_format_v2"),
    ("cvat", "cvat_format"),
    ("voc", "imagenet_format"),
    ("labelme", "labelme_format"),
    ("yolo-detect", "yolo_format"),
)


def _whole(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """Corners to whole pixels."""
    boxes: dict[str, list[Any]] = defaultdict(list)
    for sample in samples:
        for one in objects_of(sample):
            x, y, width, height = shapes.bounds(one)
            corners = (x, y, x + width, y + height)
            boxes[stem(sample.key)].append([one["class"], *(round(p) for p in corners)])
    return {key: sorted(found) for key, found in boxes.items()}


def masklets(data: Path) -> Result:
    """Every mask of SA-V: runs decoded and encoded again are the same text."""
    result = Result(files=1, ours=1)
    doc = json.loads((data / "interop/sa_v_masklets/sav_000001_manual.json").read_text())
    found = [one for frame in doc["masklet"] for one in frame]
    for one in found:
        mask = masks.of_coco(one)
        result.same("runs", rle.text_from_counts(masks.counts(mask)), one["counts"])
        result.same("pixels", masks.of_pixels(masks.pixels(mask)), mask)
    result.judged = f"{len(found)} masks as pycocotools wrote them"
    return result


def mot(data: Path) -> Result:
    """MOT17: flagged rows of every track as motmetrics reads them of the original."""
    result = Result()
    folder = data / "media/video_tracking/mot17_04"
    samples, faults = read("mot", folder)
    result.read(count_files(folder) - 8, samples, faults)
    schema = {"classes": ["pedestrian"]}
    # The sequence is 1050 frames long; the first eight lie here.
    frames = [f"blob:blobs/t/img1/{min(i, 8):06}.jpg" for i in range(1, 1051)]
    ours = [Sample(one.key, one.value, {"frames": frames}) for one in samples]
    fields = ({"name": "frames", "type": "frames"},)
    written = round_trip(result, "mot", ours, schema, of_folder(folder), fields)
    with unpacked(written) as made:
        path = next(made.rglob("gt.txt"))
        theirs = [
            judges.run("motmetrics", "motmetrics_rows", {"path": str(one)})
            for one in (path, folder / "gt" / "gt.txt")
        ]
    original = [row for row in theirs[1] if row[0] <= 8]
    if result.same("motmetrics: rows", sorted(theirs[0]), sorted(original), 1e-4):
        result.judged = f"{len(original)} rows of motmetrics alike"
    return result


def label_studio_expected(data: Path) -> Result:
    """What Label Studio's converter made of its own export is what we read of that export."""
    result = Result()
    for export, expected in _EXPORTS:
        samples, faults = read("labelstudio", data / _LS / export)
        result.read(1, samples, faults)
        coco = json.loads((data / _LS / "expected/coco" / expected / "result.json").read_text())
        names = {one["id"]: one["name"] for one in coco["categories"]}
        theirs = sorted(
            [names[one["category_id"]], *one["bbox"]]
            for one in coco["annotations"]
            if not one.get("keypoints")
        )
        ours = sorted(
            [one["class"], *shapes.bounds(one)]
            for sample in samples
            for one in objects_of(sample)
            if "keypoints" not in one
        )
        result.same(expected, ours, theirs, 1.0)
    _label_studio_files(data, result)
    result.judged = f"{result.files} files alike"
    return result


def _label_studio_files(data: Path, result: Result) -> None:
    """Its VOC and YOLO hold the boxes of one of the export's annotations each."""
    samples, _ = read("labelstudio", data / _LS / "test_export_yolo/data.json")
    ours = [_rounded(one) for one in samples]
    sizes = {f"{one}.jpg": (2800, 2800) for one in ("718f1d05__image1", "eee3b1dc__image2")}
    for format_, folder in (("voc", "voc/data"), ("yolo-detect", "yolo/data")):
        path = data / _LS / "expected" / folder
        found, faults = read(format_, path, {"sizes": sizes})
        result.read(len(found), found, faults)
        for one in found:
            theirs = _rounded(one)
            if all(difference(mine, theirs, 1.0) for mine in ours):
                result.wrong.append(f"{folder}: {one.key} is like none of the annotations")


def labelme_expected(data: Path) -> Result:
    """Boxes in labelme's own VOC and COCO are around what we read of its files."""
    result = Result()
    for annotated, format_, made, near in (
        ("data_annotated", "voc", "data_dataset_voc", 1e-6),
        ("instance_segmentation/data_annotated", "coco",
         "instance_segmentation/data_dataset_coco", 1.5),
    ):  # fmt: skip
        ours, faults = read("labelme", data / _LM / annotated)
        theirs, more = read(format_, data / _LM / made)
        result.read(count_files(data / _LM / annotated), ours, [*faults, *more])
        by_key = {stem(one.key): _rounded(one) for one in theirs}
        for one in ours:
            result.same(f"{made}: {one.key}", _rounded(one), by_key[stem(one.key)], near)
    result.judged = f"{result.files} conversions alike"
    return result


def _rounded(sample: Sample) -> list[list[Any]]:
    """Class and bounds of every object, in an order that noise does not change."""
    found = [[one["class"], *shapes.bounds(one)] for one in objects_of(sample)]
    return sorted(found, key=lambda one: [one[0], *(round(p / 8) for p in one[1:])])


def brushes(data: Path) -> Result:
    """Label Studio's own code reads our brushes, and we read those it makes."""
    result = Result(files=1, ours=1)
    doc = json.loads((data / "interop/sa_v_masklets/sav_000001_manual.json").read_text())
    found = [masks.of_coco(one) for one in doc["masklet"][0]]
    question = [
        {"rle": to_brush(one), "pixels": masks.pixels(one).astype(int).tolist()} for one in found
    ]
    answer = judges.run("label-studio-sdk", "labelstudio_brush", {"masks": question})
    for mask, theirs in zip(found, answer, strict=True):
        result.same("our brush, read by label-studio-sdk", theirs["same"], True)
        again = of_brush(theirs["rle"], mask["width"], mask["height"])
        result.same("its brush, read by us", again, mask)
    result.judged = f"{len(found)} masks both ways"
    return result


_EXPORTS = (
    ("test_export_yolo/data.json", "data"),
    ("test_export_yolo/data_polygons.json", "data_polygons"),
    ("test_export_coco/data.json", "export_coco"),
)


def cvat_video(data: Path) -> Result:
    """Tracks come back; Datumaro reads the boxes and lines of the same key frames."""
    result = Result()
    fields = ({"name": "frames", "type": "frames"},)
    frames = 0
    for path in ("interop/cvat/cvat_ai/for_video", "interop/cvat/open_edge/for_video"):
        samples, faults = read("cvat", data / path)
        result.read(count_files(data / path), samples, faults)
        made = [Sample(one.key, one.value, metadata=one.metadata) for one in samples]
        written = round_trip(result, "cvat", made, schema_of(samples, None), None, fields)
        with unpacked(written) as folder:
            question = {"format": "cvat", "path": str(folder)}
            answer = judges.run("datumaro", "datumaro_items", question)
        theirs = {
            int(key.removeprefix("frame_")): sorted(
                [one["class"], one["places"]]
                for one in found
                if one["type"] in ("bbox", "polyline")
            )
            for key, found in answer.items()
        }
        result.same(f"datumaro: {path}", _key_frames(samples), theirs, 1e-4)
        frames += len(theirs)
    result.judged = f"{frames} key frames of datumaro alike"
    return result


def _key_frames(samples: Sequence[Sample]) -> dict[int, list[Any]]:
    """Class and places of boxes and lines by frame."""
    found: dict[int, list[Any]] = defaultdict(list)
    for track in (one for sample in samples for one in objects_of(sample)):
        for one in track["frames"]:
            frame = found[one.get("frame", 0)]
            if "rect" in one:
                frame.append([track["class"], list(shapes.xywh(one["rect"]))])
            elif "polyline" in one:
                frame.append([track["class"], one["polyline"]["points"]])
    return {frame: sorted(places) for frame, places in found.items()}
