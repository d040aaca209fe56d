"""Losses of objects on real data against pycocotools; `LABELMILL_INTEROP_DATA` names the data."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as codec
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from services.qc_scorer import losses
from services.qc_scorer.losses.image import areas, keypoints, masks
from services.qc_scorer.losses.image.average_precision import measure

Doc = dict[str, Any]
DATA = Path(os.environ.get("LABELMILL_INTEROP_DATA", "no-data"))
SEEN = ("UNSPECIFIED", "HIDDEN", "VISIBLE")


def _read(path: str) -> Any:
    if not (DATA / path).exists():
        pytest.skip(f"there is no {path} below LABELMILL_INTEROP_DATA={DATA}")
    return json.loads((DATA / path).read_text())


def _rect(box: list[float]) -> Doc:
    return dict(zip(("x", "y", "width", "height"), box, strict=True))


def _eval_pair() -> tuple[Doc, list[Doc], list[tuple[Doc, Doc]]]:
    truth = _read("interop/coco_eval_pair/dataset.json")
    labels = _read("interop/coco_eval_pair/result.json")
    images: dict[int, tuple[list[Doc], list[Doc]]] = defaultdict(lambda: ([], []))
    for side, records in enumerate((truth["annotations"], labels)):
        for one in records:
            told = {"class": str(one["category_id"]), "score": one.get("score", 0.0)}
            crowd = bool(one.get("iscrowd"))
            images[one["image_id"]][side].append(
                {**told, "crowd": crowd, "rect": _rect(one["bbox"])}
            )
    pairs = [tuple({"objects": {"objects": o}} for o in both) for both in images.values()]
    return truth, labels, pairs  # type: ignore[return-value]


def test_average_precision_is_as_pycocotools_wrote_it_down() -> None:
    _, _, pairs = _eval_pair()
    wanted = _read("interop/coco_eval_pair/expected.json")["stats"]
    got = dataclasses.astuple(measure(pairs))
    # The file says of every box that its area is the picture's, so its sizes say nothing.
    for place in (0, 1, 2, 6, 7, 8):
        assert got[place] == pytest.approx(wanted[place], abs=5e-7)


def test_average_precision_is_what_pycocotools_finds_where_areas_are_right() -> None:
    truth, labels, pairs = _eval_pair()
    for one in truth["annotations"]:
        one["area"] = one["bbox"][2] * one["bbox"][3]
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = truth
        known.createIndex()
        judge = COCOeval(known, known.loadRes(labels), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert dataclasses.astuple(measure(pairs)) == pytest.approx(judge.stats.tolist(), abs=1e-9)


def _people() -> list[Doc]:
    path = "media/image_keypoints/coco_person_4/test_coco.json"
    return [one for one in _read(path)["annotations"] if one["num_keypoints"]]


def _joints(flat: list[float], box: list[float]) -> Doc:
    rows = np.reshape(flat, (-1, 3)).tolist()
    points = [{"x": x, "y": y, "visibility": SEEN[int(v)]} for x, y, v in rows]
    return {"points": points, "rect": _rect(box)}


def test_key_points_are_as_alike_as_pycocotools_says() -> None:
    people, rng = _people(), np.random.default_rng(0)
    moved = []
    for one in people:
        flat = np.reshape(one["keypoints"], (-1, 3)) + rng.normal(0, 5, (17, 1)) * [1, 1, 0]
        flat[:, 2] = 2
        moved.append(flat.reshape(-1).tolist())
    judge = COCOeval(iouType="keypoints")
    for one, flat in zip(people, moved, strict=True):
        area = one["bbox"][2] * one["bbox"][3]
        judge._gts[1, 1], judge._dts[1, 1] = (
            [{**one, "area": area}],
            [{"keypoints": flat, "score": 1.0}],
        )
        wanted = judge.computeOks(1, 1)[0, 0]
        tables = [keypoints.table([_joints(f, one["bbox"])]) for f in (one["keypoints"], flat)]
        got = keypoints.oks(tables[0], tables[1], judge.params.kpt_oks_sigmas.tolist())[0]
        assert got == pytest.approx(wanted, abs=1e-9)


def test_polygons_fill_about_the_pixels_that_pycocotools_fills() -> None:
    for one in _people():
        if not isinstance(one["segmentation"], list):
            continue
        rings = [{"points": ring} for ring in one["segmentation"]]
        area = areas.shapes([{"polygon": {"rings": rings}}])[0]
        height, width = 700, 700
        mine = masks.mask_of(masks.filled(area, height, width), height, width)
        judged = codec.merge(codec.frPyObjects(one["segmentation"], height, width))
        ours = {"size": [height, width], "counts": mine["counts"].encode()}
        # pycocotools rounds corners to a fifth of a pixel and fills the outline's own pixels.
        assert codec.iou([ours], [judged], [0])[0, 0] > 0.9


def test_masks_overlap_as_pycocotools_says() -> None:
    path = "media/image_segmentation/coco2017_panoptic_2/panoptic_coco_detection_format.json"
    images: dict[int, list[Doc]] = defaultdict(list)
    for one in _read(path)["annotations"]:
        images[one["image_id"]].append(one)
    for found in images.values():
        rle = [one["segmentation"] for one in found]
        docs = [{"height": r["size"][0], "width": r["size"][1], "counts": r["counts"]} for r in rle]
        runs = masks.runs(docs)
        assert [masks.size(one) for one in runs] == [one["area"] for one in found]
        # With the neighbour in the list, and with itself a few columns on.
        shifted = [one + 7 * docs[0]["height"] for one in runs]
        moved = [
            masks.mask_of(s[s[:, 1] <= d["height"] * d["width"]], d["height"], d["width"])
            for s, d in zip(shifted, docs, strict=True)
        ]
        again = masks.runs(moved)
        judged = [
            {"size": r["size"], "counts": m["counts"].encode()}
            for r, m in zip(rle, moved, strict=True)
        ]
        wanted = codec.iou(
            judged, [{**r, "counts": r["counts"].encode()} for r in rle], [0] * len(rle)
        )
        for i, one in enumerate(again):
            got = masks.iou([one] * len(runs), runs)
            assert got == pytest.approx(wanted[i], abs=1e-12)


def test_a_label_is_its_own_equal_on_real_panoptic_masks() -> None:
    path = "media/image_segmentation/coco2017_panoptic_2/panoptic_coco_detection_format.json"
    found = [
        {
            "class": str(one["category_id"]),
            "crowd": bool(one["iscrowd"]),
            "mask": {
                "height": one["segmentation"]["size"][0],
                "width": one["segmentation"]["size"][1],
                "counts": one["segmentation"]["counts"],
            },
        }
        for one in _read(path)["annotations"]
        if one["image_id"] == 142238
    ]
    label = {"objects": {"objects": found}}
    less = {"objects": {"objects": found[1:]}}
    for loss in ("masks", "panoptic"):
        assert losses.distance(label, label, loss) == 0.0
        assert losses.errors(label, less, loss).count == 1.0
