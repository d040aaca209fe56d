"""Every format by name. A module is imported when its format is first used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module

from libs.formats import Broken, Decode, Doc, Fault, Format, Sample
from libs.formats.classes import give_class, only_class
from libs.formats.source import Source, Unreadable

# Name -> module of `libs.formats` whose FORMATS holds it.
MODULES = {
    "jsonl": "tabular.jsonl",
    "csv": "tabular.csv_format",
    "parquet": "tabular.parquet.encode",
    "webdataset": "tabular.webdataset",
    "hf-dataset": "tabular.hf_dataset",
    "trl-sft": "llm.trl",
    "trl-dpo": "llm.trl",
    "trl-kto": "llm.trl",
    "trl-reward": "llm.trl",
    "ranking": "llm.trl",
    "llamafactory-sft": "llm.llamafactory",
    "llamafactory-dpo": "llm.llamafactory",
    "llamafactory-kto": "llm.llamafactory",
    "coco": "image.coco.encode",
    "coco-objects": "image.coco.encode",
    "coco-keypoints": "image.coco.encode",
    "coco-panoptic": "image.coco.panoptic",
    "yolo-detect": "image.yolo.encode",
    "yolo-segment": "image.yolo.encode",
    "yolo-pose": "image.yolo.encode",
    "yolo-obb": "image.yolo.encode",
    "voc": "image.voc",
    "cvat": "image.cvat.encode",
    "labelstudio": "image.labelstudio.encode",
    "labelme": "image.labelme.encode",
    "datumaro": "image.datumaro",
    "mot": "image.mot",
    "kitti": "spatial.kitti.encode",
    "argoverse2": "spatial.argoverse2.encode",
    "nuscenes": "spatial.nuscenes.encode",
    "openlabel": "spatial.openlabel.encode",
    "geojson": "spatial.geojson",
    "lanelet2": "spatial.lanelet2",
    "pcd": "spatial.point_labels",
    "las": "spatial.point_labels",
    "nemo": "audio.nemo",
    "kaldi": "audio.kaldi",
    "rttm": "audio.rttm",
    "stm": "audio.stm",
    "ctm": "audio.ctm",
    "textgrid": "audio.textgrid.encode",
    "srt": "audio.srt",
    "webvtt": "audio.webvtt",
    "elan": "audio.elan.encode",
    "conll": "text.conll",
    "doccano": "text.doccano.encode",
    "prodigy": "text.prodigy",
    "brat": "text.brat.encode",
    "spacy": "text.spacy.encode",
}


@cache
def format_of(name: str) -> Format:
    """The format of a name; KeyError if there is none. Its `decode` reads texts in the `encoding`
    that stands beside the schema, and gives what has no class the schema's only one."""
    module = import_module(f"libs.formats.{MODULES[name]}")
    found: Format = module.FORMATS[name]
    return found if found.decode is None else replace(found, decode=_as_declared(found.decode))


def _as_declared(decode: Decode) -> Decode:
    def read(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
        if encoding := schema.get("encoding"):
            try:
                source = source.declared(encoding)
            except Unreadable as error:
                raise Broken(str(error)) from error
        usual = only_class(schema)
        if not usual:
            yield from decode(source, schema)
            return
        for found in decode(source, schema):
            if isinstance(found, Sample) and found.value is not None:
                # A decoder's document is its sample's own: nothing is copied.
                give_class(found.value, usual)
            yield found

    return read
