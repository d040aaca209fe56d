"""Losses of 3D boxes on real scenes against nuscenes-devkit and shapely; `LABELMILL_INTEROP_DATA`
names the data. Labels are the truth, shaken by a seeded generator."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from libs.sensor import boxes
from services.qc_scorer import losses
from services.qc_scorer.losses.space import detection_3d
from tests.interop import judges

Doc = dict[str, Any]
DATA = Path(os.environ.get("LABELMILL_INTEROP_DATA", "no-data"))
# Largest difference to the judges' numbers.
EXACT = 1e-9
STILL = ("barrier", "traffic_cone")


def scene() -> list[Doc]:
    """The boxes of a nuScenes sample that have a class, with velocities."""
    path = DATA / "media/sensor_fusion/nuscenes_6cam/info.json"
    if not path.exists():
        pytest.skip(f"there is no {path.name} below LABELMILL_INTEROP_DATA={DATA}")
    info = json.loads(path.read_text())
    names = {number: name for name, number in info["metainfo"]["categories"].items()}
    made = []
    for one in info["data_list"][0]["instances"]:
        if one["bbox_label_3d"] not in names:
            continue
        row = np.array(one["bbox_3d"])
        velocity = dict(zip("xy", map(float, one["velocity"]), strict=True))
        attributes = {"motion": "moving" if np.hypot(*one["velocity"]) > 0.5 else "still"}
        more: Doc = {"class": names[one["bbox_label_3d"]], "velocity": velocity}
        made.append(boxes.document(row, **more, attributes=attributes))
    return made


def shaken(truth: list[Doc], seed: int) -> list[Doc]:
    """Some missed, some moved and turned, some made up, all scored."""
    rng = np.random.default_rng(seed)
    rows, made = boxes.array(truth), []
    for one, row in zip(truth, rows, strict=True):
        if rng.random() < 0.15:
            continue
        off = np.array([*rng.normal(0, 0.8, 2), 0.1, *rng.normal(0, 0.2, 3), rng.normal(0, 0.3)])
        moved = row + off
        moved[3:6] = np.maximum(moved[3:6], 0.1)
        speed = boxes.vector(one["velocity"]) + rng.normal(0, 0.3, 3)
        told = {"motion": str(rng.choice(["moving", "still"], p=[0.7, 0.3]))}
        more = {"class": one["class"], "score": float(rng.random()), "attributes": told}
        made.append(boxes.document(moved, **more, velocity=boxes.vector_doc(speed)))
    for row in rows[rng.random(len(rows)) < 0.2]:
        far = row + np.array([15, 5, 0, 0, 0, 0, 1.0])
        more = {"class": "car", "score": float(rng.random()), "attributes": {"motion": "still"}}
        made.append(boxes.document(far, **more, velocity={"x": 0.0}))
    return made


def told(one: Doc) -> Doc:
    """As the judge's boxes."""
    (row,) = boxes.array([one])
    return {
        "class": one["class"],
        "centre": row[:3].tolist(),
        "size": [row[4], row[3], row[5]],
        "rotation": boxes.turn(one["rotation"]),
        "velocity": boxes.vector(one["velocity"])[:2],
        "score": one.get("score", 0.0),
        # Names that the judge knows.
        "attribute": {"moving": "vehicle.moving", "still": "vehicle.parked"}[
            one["attributes"]["motion"]
        ],
    }


def cuboids(some: list[Doc]) -> Doc:
    return {"cuboids": {"frame": "lidar", "cuboids": some}}


def test_average_precision_errors_and_nds_are_nuscenes_devkits() -> None:
    truth = scene()
    pairs = [(truth, shaken(truth, seed)) for seed in range(5)]
    classes = sorted({one["class"] for one in truth})
    question = {
        "scenes": [[[told(o) for o in side] for side in pair] for pair in pairs],
        "classes": classes,
        "still": STILL,
    }
    wanted = judges.run("nuscenes", "nuscenes_scores", question)
    # The judge's barriers have no front and its cones no direction at all; here all have one.
    found = detection_3d.measure(
        [(cuboids(a), cuboids(b)) for a, b in pairs], undirected=("barrier",), still=STILL
    )
    assert found.ap == pytest.approx(wanted["ap"], abs=EXACT)
    assert found.mean_ap == pytest.approx(wanted["mean_ap"], abs=EXACT)
    assert found.errors == pytest.approx(wanted["errors"], abs=EXACT)
    assert found.nds == pytest.approx(wanted["nds"], abs=EXACT)
    assert 0.2 < found.nds < 0.9, "the test must be able to fail"


def test_overlaps_of_real_boxes_are_shapelys() -> None:
    a = boxes.array(scene())
    b = boxes.array(shaken(scene(), 1))
    flat = [[shapely.Polygon(c) for c in boxes.footprints(x)] for x in (a, b)]
    shared = np.array([[p.intersection(q).area for q in flat[1]] for p in flat[0]])
    sizes = np.array([p.area for p in flat[0]])[:, None] + np.array([q.area for q in flat[1]])
    np.testing.assert_allclose(boxes.bev_iou(a, b), shared / (sizes - shared), atol=EXACT)


@pytest.mark.parametrize(("loss", "limit"), [("centre:2", 2.0), ("centre:0.5", 0.5)])
def test_what_the_loss_counts_is_what_a_match_by_hand_leaves(loss: str, limit: float) -> None:
    truth = scene()
    label = shaken(truth, 2)
    a, b = boxes.array(truth), boxes.array(label)
    near = boxes.centre_distances(a, b) <= limit
    same = np.array([[t["class"] == s["class"] for s in label] for t in truth])
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(near & same, maximize=True)
    hits = [(i, j) for i, j in zip(rows, columns, strict=True) if (near & same)[i, j]]
    found = losses.errors(cuboids(truth), cuboids(label), loss)
    missed, extra = len(truth) - len(hits), len(label) - len(hits)
    assert found.units == len(truth)
    # Which of several boxes in reach is taken may change how many attributes are wrong, no more.
    assert max(missed, extra) <= found.count <= max(missed, extra) + len(hits)
    plain = [
        [{k: v for k, v in one.items() if k != "attributes"} for one in side]
        for side in (truth, label)
    ]
    without = losses.errors(cuboids(plain[0]), cuboids(plain[1]), loss)
    assert without.count == max(missed, extra)
