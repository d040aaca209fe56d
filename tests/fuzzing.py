"""Byte readers under a coverage-guided fuzzer: `python -m tests.fuzzing TARGET CORPUS [libFuzzer
options]`. A reader may refuse what it gets in its own words, and nothing else: any other exception,
too much memory or time ends the run with the input that did it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["libs.common", "libs.formats", "services.intake"]):
    from libs.formats import Broken, Fault, Unfit
    from libs.formats.registry import format_of
    from libs.formats.source import Unreadable, of_file, of_zip
    from libs.sensor import point_clouds, rle

Target = Callable[[bytes], object]


def _cloud(name: str) -> Target:
    def read(content: bytes) -> None:
        with suppress(point_clouds.Unreadable):
            point_clouds.read(content, name)

    return read


def _runs(content: bytes) -> None:
    with suppress(ValueError):
        rle.counts_from_text(content.decode("latin-1"))


def _format(format_: str, name: str) -> Target:
    decode = format_of(format_).decode
    assert decode is not None

    def read(content: bytes) -> None:
        try:
            source = (
                of_zip(io.BytesIO(content)) if name.endswith(".zip") else of_file(name, content)
            )
            for one in decode(source, {"shape": "objects", "classes": ["a"]}):
                assert not isinstance(one, Fault) or one.reason
        except (Broken, Unfit, Unreadable):
            pass

    return read


TARGETS: dict[str, Target] = {
    "pcd": _cloud("a.pcd"),
    "las": _cloud("a.las"),
    "ply": _cloud("a.ply"),
    "npy": _cloud("a.npy"),
    "raw-cloud": _cloud("a.bin"),
    "mask": _runs,
    "zip": _format("yolo-detect", "a.zip"),
    "spacy": _format("spacy", "a.spacy"),
    "parquet": _format("parquet", "a.parquet"),
    "rttm": _format("rttm", "a.rttm"),
    "textgrid": _format("textgrid", "a.TextGrid"),
    "kitti": _format("kitti", "label_2/000000.txt"),
    "openlabel": _format("openlabel", "a.json"),
    "geojson": _format("geojson", "a.geojson"),
}


def main() -> None:
    name, corpus, *options = sys.argv[1:]
    Path(corpus).mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], corpus, *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
