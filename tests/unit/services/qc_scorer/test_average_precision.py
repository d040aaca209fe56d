"""Average precision and recall are those of pycocotools, to the last digits."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as codec
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from services.qc_scorer.losses.image.average_precision import Measured, measure

Doc = dict[str, Any]
SIGMAS = [0.026, 0.079, 0.107]
HEIGHT, WIDTH = 300, 400


def _rectangle(rng: np.random.Generator) -> list[float]:
    width, height = rng.choice([12, 60, 150], 2) * rng.uniform(0.5, 1.5, 2)
    x, y = rng.uniform(0, (WIDTH - width, HEIGHT - height))
    return [float(x), float(y), float(width), float(height)]


def _moved(rng: np.random.Generator, box: list[float]) -> list[float]:
    x, y, width, height = np.array(box) + rng.normal(0, 0.06, 4) * box[2]
    return [float(x), float(y), float(abs(width) + 1), float(abs(height) + 1)]


def _pictures(box: list[float]) -> Doc:
    picture = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    x, y, width, height = (round(v) for v in box)
    picture[max(y, 0) : max(y + height, 1), max(x, 0) : max(x + width, 1)] = 1
    picture[:: max(2, y % 7), ::3] = 0
    made = codec.encode(np.asfortranarray(picture))
    return {"size": made["size"], "counts": made["counts"].decode()}


def _joints(rng: np.random.Generator, box: list[float]) -> list[float]:
    places = np.array(box[:2]) + rng.uniform(0, 1, (3, 2)) * box[2:]
    return [float(v) for row in places for v in (*row, rng.integers(0, 3))]


def _drawn(rng: np.random.Generator, kind: str, box: list[float]) -> Doc:
    """One object, as COCO's files write it."""
    made: Doc = {"bbox": box, "area": box[2] * box[3]}
    if kind == "segm":
        picture = _pictures(box)
        made |= {"segmentation": picture, "area": float(codec.area(picture))}
    if kind == "keypoints":
        joints = _joints(rng, box)
        made |= {"keypoints": joints, "num_keypoints": sum(v > 0 for v in joints[2::3])}
    return made


def _sets(kind: str, seed: int) -> tuple[Doc, list[Doc]]:
    """COCO's files of random truths and labels, crowds and unlabelled key points included."""
    rng = np.random.default_rng(seed)
    truths: list[Doc] = []
    labels: list[Doc] = []
    for image in range(1, 9):
        for _ in range(rng.integers(0, 9)):
            one = {"image_id": image, "category_id": int(rng.integers(1, 4))}
            box = _rectangle(rng)
            crowd = int(kind != "keypoints" and rng.random() < 0.15)
            truths.append({**one, **_drawn(rng, kind, box), "iscrowd": crowd})
            for _ in range(rng.integers(0, 4)):
                joints = truths[-1].get("keypoints", [])
                made = _drawn(rng, kind, _moved(rng, box))
                if kind == "keypoints":
                    near = [v + rng.normal(0, 3) for v in joints]
                    made["keypoints"] = [2 if i % 3 == 2 else v for i, v in enumerate(near)]
                if kind == "segm":
                    # Where it is there, the judge takes the area of the rectangle for the mask's.
                    del made["bbox"]
                labels.append({**one, **made, "score": round(float(rng.random()), 2)})
    for number, truth in enumerate(truths, 1):
        truth["id"] = number
    return {
        "images": [{"id": i, "height": HEIGHT, "width": WIDTH} for i in range(1, 9)],
        "annotations": truths,
        "categories": [{"id": i, "name": str(i)} for i in range(1, 4)],
        "info": {},
    }, labels


def _thing(kind: str, one: Doc) -> Doc:
    made: Doc = {}
    if kind != "segm":
        made["rect"] = dict(zip(("x", "y", "width", "height"), one["bbox"], strict=True))
    else:
        height, width = one["segmentation"]["size"]
        counts = one["segmentation"]["counts"]
        counts = counts if isinstance(counts, str) else counts.decode()
        made = {"mask": {"height": height, "width": width, "counts": counts}}
    if kind == "keypoints":
        seen = ("UNSPECIFIED", "HIDDEN", "VISIBLE")
        rows = np.reshape(one["keypoints"], (-1, 3)).tolist()
        points = [{"x": x, "y": y, "visibility": seen[int(v)]} for x, y, v in rows]
        made = {"keypoints": {"points": points, **made}}
    told = {"class": str(one["category_id"]), "score": one.get("score", 0.0)}
    return {**told, "crowd": bool(one.get("iscrowd")), **made}


def _judged(truth: Doc, labels: list[Doc], kind: str) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = truth
        known.createIndex()
        judge = COCOeval(known, known.loadRes([dict(one) for one in labels]), kind)
        judge.params.maxDets = [1, 10, 100]
        if kind == "keypoints":
            judge.params.kpt_oks_sigmas = np.array(SIGMAS)
            judge.params.areaRng = [[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]]
            judge.params.areaRngLbl = ["all", "small", "medium", "large"]
        judge.evaluate()
        judge.accumulate()
    return judge


def _numbers(judge: COCOeval) -> list[float]:
    """The twelve, read from the judge's tables (T, R, K, A, M) and (T, K, A, M)."""
    p, r = judge.eval["precision"], judge.eval["recall"]
    tables = [p[..., 0, 2], p[0, ..., 0, 2], p[5, ..., 0, 2], *(p[..., a, 2] for a in (1, 2, 3))]
    tables += [r[..., 0, m] for m in range(3)] + [r[..., a, 2] for a in (1, 2, 3)]
    return [float(t[t > -1].mean()) if (t > -1).any() else -1.0 for t in tables]


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
@pytest.mark.parametrize("seed", range(5))
def test_the_twelve_numbers_are_those_of_pycocotools(kind: str, seed: int) -> None:
    truth, labels = _sets(kind, seed)
    judge = _judged(truth, labels, kind)
    images = [
        tuple(
            {"objects": {"objects": [_thing(kind, o) for o in side if o["image_id"] == i]}}
            for side in (truth["annotations"], labels)
        )
        for i in range(1, 9)
    ]
    got = dataclasses.astuple(measure(images, SIGMAS))  # type: ignore[arg-type]
    assert got[0] > 0.05
    assert got == pytest.approx(_numbers(judge), abs=1e-12)


def test_of_nothing_nothing_is_said() -> None:
    assert measure([]) == Measured(*[-1.0] * 12)
    box = {"objects": {"objects": [{"class": "a", "rect": {"width": 9.0, "height": 9.0}}]}}
    assert measure([(box, {"objects": {}})]).ap == 0.0
    assert measure([({"objects": {}}, box)]).ap == -1.0
    assert measure([(box, box)]).ap_small == 1.0
