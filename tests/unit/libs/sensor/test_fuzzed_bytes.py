"""Readers of bytes under a coverage-guided fuzzer, some seconds each; `FUZZ_SECONDS` for longer."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from libs.formats.spatial.point_labels import pcd
from libs.sensor import rle

SECONDS = int(os.environ.get("FUZZ_SECONDS", "1"))
ROOT = Path(__file__).parents[4]


def _points() -> dict[str, np.ndarray]:
    return {axis: np.arange(4, dtype=np.float32) for axis in "xyz"}


def _las() -> bytes:
    import laspy

    made = laspy.LasData(laspy.LasHeader(point_format=6, version="1.4"))
    made.xyz = np.zeros((4, 3))
    file = io.BytesIO()
    made.write(file)
    return file.getvalue()


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((4, 3), np.float32))
    return file.getvalue()


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("labels/train/a.txt", "0 0.5 0.5 0.1 0.1\n")
        out.writestr("data.yaml", "names: [a]\n")
        out.writestr("images.csv", "image,width,height\na.jpg,10,10\n")
    return file.getvalue()


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"], "label": ["b"]}), file)
    return file.getvalue()


PLY = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
SEEDS: dict[str, Callable[[], bytes]] = {
    "pcd": lambda: pcd(_points()),
    "las": _las,
    "ply": lambda: PLY + b"property float z\nend_header\n1 2 3\n",
    "npy": _npy,
    "raw-cloud": lambda: np.zeros((4, 4), np.float32).tobytes(),
    "mask": lambda: rle.text_from_counts([3, 40, 5000, 2, 1]).encode(),
    "zip": _zip,
    "spacy": lambda: b"x\x9c\xabV*",
    "parquet": _parquet,
    "rttm": lambda: b"SPEAKER a 1 0.5 1.0 <NA> <NA> S1 <NA> <NA>\n",
    "textgrid": lambda: b'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\n',
    "kitti": lambda: b"Car 0.00 0 1.57 1 2 3 4 1.5 1.6 4.0 1.0 1.5 20.0 1.57\n",
    "openlabel": lambda: b'{"openlabel": {"metadata": {"schema_version": "1.0.0"}, "frames": {}}}',
    "geojson": lambda: (
        b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {},'
        b' "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}]}'
    ),
}


@pytest.mark.statistical
@pytest.mark.parametrize("target", sorted(SEEDS))
def test_hostile_bytes_are_refused_in_the_readers_own_words(target: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="there is no atheris for this system")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "seed").write_bytes(SEEDS[target]())
    options = [f"-max_total_time={SECONDS}", "-timeout=10", "-rss_limit_mb=1500", "-verbosity=1"]
    options += ["-max_len=20000", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing", target, str(corpus), *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'libs' / 'gen'}"},
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs and int(runs.group(1)) > 100, "the fuzzer hardly ran"
