"""Every format by name. A module is imported when its format is first used."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from libs.formats import Format

# Name -> module of `libs.formats` whose FORMATS holds it.
MODULES = {
    "jsonl": "jsonl",
    "csv": "csv",
    "parquet": "parquet",
    "webdataset": "webdataset",
    "hf-dataset": "hf_dataset",
    "trl-sft": "trl",
    "trl-dpo": "trl",
    "trl-kto": "trl",
    "trl-reward": "trl",
    "ranking": "trl",
    "llamafactory-sft": "llamafactory",
    "llamafactory-dpo": "llamafactory",
    "llamafactory-kto": "llamafactory",
    "coco": "coco",
    "coco-objects": "coco",
    "coco-keypoints": "coco",
    "coco-panoptic": "coco_panoptic",
    "yolo-detect": "yolo",
    "yolo-segment": "yolo",
    "yolo-pose": "yolo",
    "yolo-obb": "yolo",
    "voc": "voc",
    "cvat": "cvat",
    "labelstudio": "labelstudio",
    "labelme": "labelme",
    "datumaro": "datumaro",
    "mot": "mot",
    "kitti": "kitti",
    "argoverse2": "argoverse2",
    "nuscenes": "nuscenes",
    "openlabel": "openlabel",
    "geojson": "geojson",
    "lanelet2": "lanelet2",
    "pcd": "point_clouds",
    "las": "point_clouds",
    "nemo": "nemo",
    "kaldi": "kaldi",
    "rttm": "rttm",
    "stm": "stm",
    "ctm": "ctm",
    "textgrid": "textgrid",
    "srt": "srt",
    "webvtt": "webvtt",
    "elan": "elan",
    "conll": "conll",
    "doccano": "doccano",
    "prodigy": "prodigy",
    "brat": "brat",
    "spacy": "spacy",
}


@cache
def format_of(name: str) -> Format:
    """The format of a name; KeyError if there is none."""
    module = import_module(f"libs.formats.{MODULES[name]}")
    found: dict[str, Format] = module.FORMATS
    return found[name]
