"""Formats of images and frames."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from libs.common import rle
from libs.formats import Doc, Sample, masks, shapes
from libs.formats.labelstudio_brush import of_brush, to_brush
from libs.formats.source import of_file, of_folder
from tests.interop import judges
from tests.interop.frame import Result, Row, Written, difference, read, round_trip, stem
from tests.interop.image_judges import (
    Judge,
    datumaro,
    globox,
    label_studio,
    labelme,
    objects_of,
    pycocotools,
    schema_of,
    supervision,
    unpacked,
)

_DM = "interop/datumaro_assets"
_ONE = "interop/onegt_8formats/gts"
_BOXES = {"shape": "boxes"}


def formats(
    format_: str,
    paths: Sequence[str],
    judge: Judge | None = None,
    schema: Doc | None = None,
    refused: int = 0,
    label: str = "",
    read_as: str = "",
    images: bool = True,
) -> Row:
    """A row that reads every path, writes it again, reads that, and shows it to the judge.

    `refused` records of the files are broken, and must be told; `read_as` is the format of the
    files where it is another one. Without `images` blank ones of the told sizes stand for them."""

    def check(data: Path) -> Result:
        result = Result()
        told = 0
        for path in paths:
            file = data / path
            samples, faults = read(read_as or format_, file, schema)
            told += len(faults)
            result.left_out.update(f"refused: {one.reason}" for one in faults)
            result.read(_count(file), samples, [])
            samples = [one for one in samples if one.value is not None]
            source = of_folder(file) if file.is_dir() and images else of_file(file.name, b"")
            written = round_trip(result, format_, samples, schema_of(samples, schema), source)
            if judge is not None:
                _judged(result, judge, written, samples)
        result.same("records refused", told, refused)
        return result

    return Row(f"{format_}{label}", tuple(paths), check)


def _judged(result: Result, judge: Judge, written: Written, samples: list[Sample]) -> None:
    """Counts labels shown to the judge, and those it reads with the content they have."""
    before = len(result.wrong)
    judge(result, written, samples)
    right = len(samples) if len(result.wrong) == before else 0
    good, _, all_ = result.judged.partition(" of ") if " of " in result.judged else ("0", "", "0")
    result.judged = f"{int(good) + right} of {int(all_.split()[0]) + len(samples)} labels"


def _count(path: Path) -> int:
    if path.is_file():
        return 1
    return sum(1 for one in path.rglob("*") if one.is_file() and one.name != "README.md")


def _one_truth(data: Path) -> Result:
    """The same boxes in seven formats: all must decode to the same, to whole pixels."""
    result = Result()
    voc, faults = read("voc", data / _ONE / "pascalvoc_format", _BOXES)
    sizes = {stem(s.key): (int(s.metadata["width"]), int(s.metadata["height"])) for s in voc}
    truth = _whole(voc)
    result.read(_count(data / _ONE / "pascalvoc_format"), voc, faults)
    for format_, folder in _ONES:
        path = data / _ONE / folder
        schema = {**_BOXES, "sizes": {f"{k}.jpg": v for k, v in sizes.items()}}
        samples, faults = read(format_, path, schema)
        result.read(_count(path), samples, faults)
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


def _masklets(data: Path) -> Result:
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


def _mot(data: Path) -> Result:
    """MOT17: flagged rows of every track as motmetrics reads them of the original."""
    result = Result()
    folder = data / "media/video_tracking/mot17_04"
    samples, faults = read("mot", folder)
    result.read(_count(folder) - 8, samples, faults)
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


def _label_studio_expected(data: Path) -> Result:
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


def _labelme_expected(data: Path) -> Result:
    """Boxes in labelme's own VOC and COCO are around what we read of its files."""
    result = Result()
    for annotated, format_, made, near in (
        ("data_annotated", "voc", "data_dataset_voc", 1e-6),
        ("instance_segmentation/data_annotated", "coco",
         "instance_segmentation/data_dataset_coco", 1.5),
    ):  # fmt: skip
        ours, faults = read("labelme", data / _LM / annotated)
        theirs, more = read(format_, data / _LM / made)
        result.read(_count(data / _LM / annotated), ours, [*faults, *more])
        by_key = {stem(one.key): _rounded(one) for one in theirs}
        for one in ours:
            result.same(f"{made}: {one.key}", _rounded(one), by_key[stem(one.key)], near)
    result.judged = f"{result.files} conversions alike"
    return result


def _rounded(sample: Sample) -> list[list[Any]]:
    """Class and bounds of every object, in an order that noise does not change."""
    found = [[one["class"], *shapes.bounds(one)] for one in objects_of(sample)]
    return sorted(found, key=lambda one: [one[0], *(round(p / 8) for p in one[1:])])


def _brushes(data: Path) -> Result:
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


def _cvat_video(data: Path) -> Result:
    """Tracks come back; the judge has nothing to say of files with key frames alone."""
    result = Result()
    fields = ({"name": "frames", "type": "frames"},)
    for path in ("interop/cvat/cvat_ai/for_video", "interop/cvat/open_edge/for_video"):
        samples, faults = read("cvat", data / path)
        result.read(_count(data / path), samples, faults)
        made = [Sample(one.key, one.value, metadata=one.metadata) for one in samples]
        round_trip(result, "cvat", made, schema_of(samples, None), None, fields)
    return result


_MEDIA = "media"
_LS = "interop/labelstudio"
_LM = "interop/labelme"
_COCO = f"{_DM}/coco_dataset"
_YOLO = f"{_DM}/yolo_ultralytics_cvat"
_PANOPTIC = f"{_MEDIA}/image_segmentation/coco2017_panoptic_2"

ROWS = (
    Row("one truth in 7 formats", (_ONE,), _one_truth),
    formats(
        "coco",
        [
            *(f"{_ONE}/coco_format_v1", f"{_ONE}/coco_format_v2"),
            *("interop/onegt_8formats/dets/coco_format", "interop/labelconvert/COCO_dataset"),
            *("interop/labelconvert/publaynet_dataset", f"{_DM}/roboflow_dataset/coco"),
        ],
        pycocotools,
        _BOXES,
        refused=2,
    ),
    formats(
        "coco-objects",
        [
            f"{_PANOPTIC}/panoptic_coco_detection_format.json",
            *(f"{_COCO}/{one}" for one in ("coco", "coco_instances", "coco_stuff", "mmdet_coco")),
            f"{_LM}/instance_segmentation/data_dataset_coco",
        ],
        pycocotools,
    ),
    formats(
        "coco-objects",
        [f"{_COCO}/coco", f"{_LM}/instance_segmentation/data_dataset_coco"],
        datumaro("coco_instances", "mask", "polygon"),
        label=" (datumaro)",
    ),
    formats(
        "coco-keypoints",
        [
            *(f"{_MEDIA}/image_keypoints/{one}" for one in ("coco_person_4", "ap10k_animals_2")),
            f"{_COCO}/coco",
        ],
        pycocotools,
    ),
    formats(
        "coco-panoptic",
        [_PANOPTIC, f"{_COCO}/coco_panoptic"],
        datumaro("coco_panoptic", "mask"),
        images=False,
    ),
    formats(
        "yolo-detect",
        [f"interop/labelconvert/{one}_dataset" for one in ("labelImg", "darknet")],
        globox("from_yolo_v5", "labels/train", "images/train"),
    ),
    formats(
        "yolo-detect",
        [
            f"{_YOLO}/{one}"
            for one in ("yolo", "yolov8_detection", "yolov8_detection_with_subset_txt")
        ]
        + [f"{_YOLO}/yolov8_detection_with_list_of_{one}" for one in ("imgs", "names")]
        + [f"{_DM}/yolo_dataset/{one}" for one in ("strict", "annotations")],
        datumaro("yolo", "bbox"),
        label=" (datumaro)",
    ),
    formats("yolo-segment", [f"{_YOLO}/yolov8_segmentation"], supervision("segment")),
    formats("yolo-pose", [f"{_YOLO}/yolov8_pose", f"{_YOLO}/yolov8_pose_two_values_per_point"]),
    formats("yolo-obb", [f"{_YOLO}/yolov8_oriented_boxes"], supervision("obb")),
    formats(
        "voc",
        [
            *(f"{_MEDIA}/image_bbox/voc2012_24", f"{_ONE}/pascalvoc_format"),
            *(f"{_DM}/voc_dataset/voc_dataset1", f"{_DM}/roboflow_dataset/voc"),
            f"{_LM}/data_dataset_voc",
        ],
        globox("from_pascal_voc", "Annotations"),
    ),
    formats(
        "voc",
        [f"{_MEDIA}/image_bbox/voc2012_24", f"{_DM}/voc_dataset/voc_dataset1"],
        datumaro("voc_detection", "bbox"),
        label=" (datumaro)",
    ),
    formats("cvat", [f"{_ONE}/cvat_format"], globox("from_cvat", "annotations.xml"), _BOXES),
    formats(
        "cvat",
        ["interop/cvat/cvat_ai/for_images", "interop/cvat/open_edge/for_images/export_task"],
        datumaro("cvat", "bbox", "polygon", "polyline"),
        refused=4,
        label=" (datumaro)",
    ),
    formats("cvat", ["interop/cvat/open_edge/for_images/export_project"], label=" (project)"),
    Row("cvat (video)", ("interop/cvat",), _cvat_video),
    formats(
        "labelme",
        [
            f"{_MEDIA}/image_segmentation/labelme_voc3",
            f"{_MEDIA}/video_frames/labelme_video_a3",
            *(f"{_LM}/primitives.json", f"{_LM}/data_annotated"),
            f"{_LM}/instance_segmentation/data_annotated",
        ],
        labelme,
    ),
    Row("labelme (its own VOC, COCO)", (_LM,), _labelme_expected),
    formats(
        "labelstudio",
        [
            *(f"{_LS}/test_export_yolo/{one}.json" for one in ("data", "data_polygons")),
            f"{_LS}/test_export_json_min/data.json",
        ],
        label_studio,
    ),
    Row("labelstudio (brushes)", ("interop/sa_v_masklets",), _brushes),
    Row("labelstudio (its own COCO, VOC, YOLO)", (_LS,), _label_studio_expected),
    formats(
        "labelstudio",
        [f"{_PANOPTIC}/panoptic_coco_detection_format.json", f"{_ONE}/coco_format_v1"],
        label_studio,
        label=" (from COCO)",
        read_as="coco-objects",
    ),
    formats("datumaro", [f"{_DM}/datumaro_dataset/legacy"]),
    formats(
        "datumaro",
        [f"{_PANOPTIC}/panoptic_coco_detection_format.json", f"{_ONE}/coco_format_v1"],
        datumaro("datumaro", "bbox", "polygon", "mask"),
        label=" (from COCO)",
        read_as="coco-objects",
    ),
    Row("mot", ("media/video_tracking/mot17_04",), _mot),
    Row("masks (COCO runs)", ("interop/sa_v_masklets",), _masklets),
)
