"""Formats of images and frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from libs.formats import Doc, Sample
from libs.formats.source import of_file, of_folder
from tests.interop.frame import Result, Row, Written, read, round_trip
from tests.interop.image_checks import (
    brushes,
    count_files,
    cvat_video,
    label_studio_expected,
    labelme_expected,
    masklets,
    mot,
    one_truth,
)
from tests.interop.image_judges import (
    Judge,
    datumaro,
    globox,
    label_studio,
    labelme,
    pycocotools,
    schema_of,
    supervision,
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
            result.read(count_files(file), samples, [])
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


_MEDIA = "media"
_LS = "interop/labelstudio"
_LM = "interop/labelme"
_COCO = f"{_DM}/coco_dataset"
_YOLO = f"{_DM}/yolo_ultralytics_cvat"
_PANOPTIC = f"{_MEDIA}/image_segmentation/coco2017_panoptic_2"

ROWS = (
    Row("one truth in 7 formats", (_ONE,), one_truth),
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
    formats(
        "yolo-segment",
        [f"{_ONE}/coco_format_v2"],
        supervision("segment"),
        label=" (from COCO)",
        read_as="coco-objects",
    ),
    formats("yolo-pose", [f"{_YOLO}/yolov8_pose", f"{_YOLO}/yolov8_pose_two_values_per_point"]),
    formats(
        "yolo-pose",
        [f"{_MEDIA}/image_keypoints/coco_person_4"],
        label=" (from COCO)",
        read_as="coco-keypoints",
    ),
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
    Row("cvat (video)", ("interop/cvat",), cvat_video),
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
    Row("labelme (its own VOC, COCO)", (_LM,), labelme_expected),
    formats(
        "labelstudio",
        [
            *(f"{_LS}/test_export_yolo/{one}.json" for one in ("data", "data_polygons")),
            f"{_LS}/test_export_json_min/data.json",
        ],
        label_studio,
    ),
    Row("labelstudio (brushes)", ("interop/sa_v_masklets",), brushes),
    Row("labelstudio (its own COCO, VOC, YOLO)", (_LS,), label_studio_expected),
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
    Row("mot", ("media/video_tracking/mot17_04",), mot),
    Row("masks (COCO runs)", ("interop/sa_v_masklets",), masklets),
)
