"""How good the drafts of the packaged models are on real data with known answers.

`python -m tests.interop.drafts --data PATH [--models .models] [--only NAME]` prints a line per
measure. Small samples: the figures say what to expect, not which model is best.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.models.build import repository
from services.prelabel_gateway.domain import Doc
from services.prelabel_gateway.inference.embedded_server import LoadedModel, Tensor
from tests.interop import draft_measures as measures

Ask = Callable[[bytes], Doc]


@dataclass(frozen=True)
class Check:
    """`measure` asks the model about what lies at `data` and yields (what, figure)."""

    model: str
    data: str
    measure: Callable[[Path, Ask], Iterator[tuple[str, float]]]


CHECKS = (
    Check("entities-en", "media/nlp_ner/wnut17_dev300", measures.entities),
    Check("entities-zh", "media/nlp_ner/weibo_zh_dev200", measures.chinese_entities),
    Check("voice-activity", "media/asr_long", measures.voices),
    Check("speech-en", "media", measures.words),
    Check("text-lines", "media/image_ocr", measures.lines),
    Check("body-pose", "media/image_keypoints/coco_person_4", measures.poses),
    Check("speakers", "media/asr_long", measures.speakers),
    Check("cloud-objects", "media/pointcloud_3d", measures.cuboids),
    Check("object-tracks", "media/video_tracking/mot17_04", measures.tracks),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.interop.drafts")
    parser.add_argument("--data", type=Path, default=os.environ.get("LABELMILL_INTEROP_DATA"))
    parser.add_argument("--models", type=Path, default=repository())
    parser.add_argument("--only", default="", help="models whose name begins so")
    given = parser.parse_args()
    if given.data is None or not given.data.is_dir():
        print("SKIPPED: no data; say --data PATH or LABELMILL_INTEROP_DATA=PATH", file=sys.stderr)
        return 2
    print("| model | on | measure | figure | s an item |\n|---|---|---|---|---|")
    for check in CHECKS:
        if check.model.startswith(given.only):
            _print(check, given.data / check.data, given.models / check.model)
    return 0


def _print(check: Check, data: Path, home: Path) -> None:
    lacking = next((str(path) for path in (data, home) if not path.exists()), "")
    if lacking:
        print(f"| {check.model} | SKIPPED: there is no {lacking} | | | |", flush=True)
        return
    model, seconds = LoadedModel(home, "1"), []

    def ask(content: bytes) -> Doc:
        began = time.perf_counter()
        document = answer_of(model, content)
        seconds.append(time.perf_counter() - began)
        return document

    for what, figure in check.measure(data, ask):
        spent = f"{np.mean(seconds):.2f}"
        print(f"| {check.model} | {data.name} | {what} | {figure:.3f} | {spent} |", flush=True)


def answer_of(model: LoadedModel, content: bytes) -> Doc:
    """The model's document; raises `ValueError` where it has none."""
    (tensor,) = model.run([Tensor("INPUT", np.array([[content]], dtype=object))])
    document: Doc = json.loads(tensor.as_numpy()[0, 0])
    if "error" in document:
        raise ValueError(document["error"])
    return document


if __name__ == "__main__":
    sys.exit(main())
