"""What it costs to write and read labels, beside the field's own tools in the same run.

    python -m loadtests.formats.read_write --boxes 1000000

prints microseconds of one core for a box, and peak memory, of a delivery's encoders (COCO, Parquet)
and of reading COCO back; beside them Datumaro (in an environment of its own), pyarrow with the rows
as it wants them, and pycocotools, which reads a file as it is and looks at nothing in it. Ours is
measured at two sizes: memory must not grow with them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pycocotools.coco import COCO
from rich.console import Console
from rich.table import Table

from libs.formats import Job, Sample
from libs.formats.registry import format_of
from libs.formats.source import of_folder
from tests.interop import judges

Doc = dict[str, Any]
PER_IMAGE, BLOCK, SEED = 5, 1000, 7
CLASSES = ("a", "b", "c")
# A picture of 640 x 480 as the header says it: encoders read sizes from the media.
_LABELS = "".join(f'<Label value="{name}"/>' for name in CLASSES)
_CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">'
    f"{_LABELS}</RectangleLabels></View>"
)
_FIELDS: tuple[Doc, ...] = ({"name": "image", "type": "image"},)


def _picture() -> str:
    import base64

    from PIL import Image

    file = io.BytesIO()
    Image.new("1", (640, 480)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def rows(boxes: int) -> Iterator[list[Doc]]:
    """Label rows as delivery hands them to encoders, a thousand at a time."""
    rng = np.random.default_rng(SEED)
    images, data = boxes // PER_IMAGE, _data()
    for start in range(0, images, BLOCK):
        count = min(BLOCK, images - start)
        places = rng.uniform(5, 300, (count, PER_IMAGE, 4)).round(2).tolist()
        yield [
            _row(start + i, data, {"boxes": {"boxes": [_box(p, k) for k, p in enumerate(one)]}})
            for i, one in enumerate(places)
        ]


def _data() -> str:
    return json.dumps({"image": _picture()})


def _row(number: int, data: str, value: Doc) -> Doc:
    project = "tenants/t/projects/p"
    return {
        "name": f"{project}/tasks/{number:08}",
        "item": f"{project}/items/{number:08}",
        "project": project,
        "source_key": f"{number:08}.png",
        "data": data,
        "value": value,
        "source": "HUMAN",
        "score": 1.0,
        "accept_time": "2026-01-01T00:00:00Z",
        "lineage": "{}",
    }


def _box(place: list[float], k: int) -> Doc:
    x, y, width, height = place
    return {"class": CLASSES[k % 3], "x": x, "y": y, "width": width, "height": height}


def export(format_: str, boxes: int, folder: Path) -> tuple[float, float]:
    """(CPU seconds of the encoder, peak MB of this process)."""
    schema = {"shape": "boxes", "classes": list(CLASSES)}
    make = format_of(format_).encoder
    assert make is not None
    encoder = make(Job("bench", "t", schema, _FIELDS, lambda _: io.BytesIO()))
    taken = 0.0
    with (folder / f"{format_}.out").open("wb") as file:
        before = time.process_time()
        file.write(encoder.begin())
        taken += time.process_time() - before
        for block in rows(boxes):
            before = time.process_time()
            file.write(encoder.add(block))
            taken += time.process_time() - before
        before = time.process_time()
        for part in encoder.end():
            file.write(part)
        taken += time.process_time() - before
    assert encoder.labels == boxes // PER_IMAGE and not encoder.problems
    return taken, _peak()


def arrow(boxes: int, folder: Path) -> tuple[float, float]:
    """As `export` to Parquet by pyarrow alone, all rows in memory, the same columns of boxes."""
    kept = [row for block in rows(boxes) for row in block]
    before = time.process_time()
    columns = {
        name: [row[name] for row in kept]
        for name in ("name", "item", "source_key", "data", "source", "score", "accept_time")
    }
    columns["boxes"] = [row["value"]["boxes"]["boxes"] for row in kept]
    pq.write_table(pa.table(columns), folder / "arrow.parquet", compression="zstd")
    return time.process_time() - before, _peak()


def reading(boxes: int, folder: Path) -> tuple[float, float]:
    """Reading the COCO file written before."""
    name = folder / "instances.json"
    (folder / "coco.out").rename(name)
    decode = format_of("coco").decode
    assert decode is not None
    before = time.process_time()
    found = 0
    for sample in decode(of_folder(folder), {"shape": "boxes", "classes": list(CLASSES)}):
        assert isinstance(sample, Sample) and sample.value is not None
        found += len(sample.value["boxes"]["boxes"])
    assert found == boxes
    return time.process_time() - before, _peak()


def convert(boxes: int, folder: Path) -> tuple[float, float]:
    """Reading the Label Studio file written before, and writing it as COCO."""
    (folder / "labelstudio.out").rename(folder / "tasks.json")
    schema = {"shape": "boxes", "classes": list(CLASSES)}
    decode, make = format_of("labelstudio").decode, format_of("coco").encoder
    assert decode is not None and make is not None
    encoder, data = make(Job("bench", "t", schema, _FIELDS, lambda _: io.BytesIO())), _data()
    before = time.process_time()
    with (folder / "converted.out").open("wb") as file:
        file.write(encoder.begin())
        for number, sample in enumerate(decode(of_folder(folder), schema)):
            assert isinstance(sample, Sample) and sample.value is not None
            file.write(encoder.add([_row(number, data, sample.value)]))
        for part in encoder.end():
            file.write(part)
    taken = time.process_time() - before
    assert encoder.labels == boxes // PER_IMAGE and not encoder.problems
    return taken, _peak()


def cocotools(boxes: int, folder: Path) -> tuple[float, float]:
    before = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        read = COCO(str(folder / "instances.json"))
    assert len(read.anns) == boxes
    return time.process_time() - before, _peak()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _apart(call: Any, *given: Any) -> tuple[float, float]:
    """In a process of its own, so that its peak is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: tuple[float, float] = pool.apply(call, given)
        return found


def _judge(judge: str, reader: str, question: Doc) -> tuple[float, float] | str:
    try:
        told = judges.run(judge, reader, question)
    except (judges.Failed, OSError) as error:
        return f"not measured: {str(error).splitlines()[-1][:80]}"
    return told["seconds"], told["peak_mb"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="loadtests.formats.read_write", description=__doc__)
    parser.add_argument("--boxes", type=int, default=1_000_000)
    boxes = parser.parse_args().boxes
    table = Table("what", "boxes", "us of CPU a box", "peak MB", "beside it", "us", "peak MB")

    def add(what: str, size: int, ours: tuple[float, float], name: str, other: Any) -> None:
        told = [other, "", ""]
        if isinstance(other, tuple):
            told = [name, f"{other[0] / size * 1e6:.2f}", f"{other[1]:.0f}"]
        cells = (f"{ours[0] / size * 1e6:.2f}", f"{ours[1]:.0f}", *told)
        table.add_row(what, f"{size:,}", *cells)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in (boxes // 10, boxes):
            large = size == boxes
            coco = _apart(export, "coco", size, folder)
            other = _judge("datumaro", "datumaro_export", {"count": size}) if large else ""
            add("write COCO", size, coco, "Datumaro", other)
            parquet = _apart(export, "parquet", size, folder)
            other = _apart(arrow, size, folder) if large else ""
            add("write Parquet", size, parquet, "pyarrow, rows in memory", other)
            alone = Path(tempfile.mkdtemp(dir=folder))
            (folder / "coco.out").rename(alone / "coco.out")
            ours = _apart(reading, size, alone)
            file = {"file": str(alone / "instances.json")}
            other = _judge("datumaro", "datumaro_import", file) if large else ""
            add("read COCO", size, ours, "Datumaro", other)
            if large:
                add("read COCO", size, ours, "pycocotools", _apart(cocotools, size, alone))
            alone = Path(tempfile.mkdtemp(dir=folder))
            export("labelstudio", size, alone)
            ours = _apart(convert, size, alone)
            file = {"file": str(alone / "tasks.json"), "config": _CONFIG}
            other = _judge("label-studio-sdk", "labelstudio_convert", file) if large else ""
            add("Label Studio to COCO", size, ours, "its own converter", other)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
