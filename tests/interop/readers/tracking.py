"""Numbers of tracks of TrackEval and py-motmetrics: {"videos": [{"truth", "label"}]}, each rows of
frame, id, left, top, width, height; with "reach" (metres) rows of frame, id, class, 0, x, y, of
which those of a class are alike whose centres are at most so far apart."""

from __future__ import annotations

import json
import sys
import time

import motmetrics
import numpy as np
from trackeval.datasets._base_dataset import _BaseDataset
from trackeval.metrics import CLEAR, HOTA, Identity


def _alike(a: np.ndarray, b: np.ndarray, reach: float) -> np.ndarray:
    """(n, m) likeness of what is in one frame; 0.5 is just enough."""
    if not reach:
        return _BaseDataset._calculate_box_ious(a, b, box_format="xywh")
    far = np.hypot(a[:, None, 2] - b[None, :, 2], a[:, None, 3] - b[None, :, 3])
    same = a[:, None, 0] == b[None, :, 0]
    return np.where(same & (far <= reach), 1.0 / (1.0 + far / reach), 0.0)


def _data(video: dict, reach: float) -> dict:
    """What TrackEval's metrics take."""
    sides = [np.array(video[side], dtype=float).reshape(-1, 6) for side in ("truth", "label")]
    numbers = [{name: i for i, name in enumerate(np.unique(side[:, 1]))} for side in sides]
    frames = np.unique(np.concatenate([side[:, 0] for side in sides]))
    ids, boxes = ([], []), ([], [])
    for frame in frames:
        for place, side in enumerate(sides):
            now = side[side[:, 0] == frame]
            ids[place].append(np.array([numbers[place][i] for i in now[:, 1]], dtype=int))
            boxes[place].append(now[:, 2:])
    alike = [_alike(a, b, reach) for a, b in zip(*boxes, strict=True)]
    return {
        "gt_ids": ids[0],
        "tracker_ids": ids[1],
        "similarity_scores": alike,
        "num_gt_ids": len(numbers[0]),
        "num_tracker_ids": len(numbers[1]),
        "num_gt_dets": len(sides[0]),
        "num_tracker_dets": len(sides[1]),
        "num_timesteps": len(frames),
    }


def _trackeval(videos: list[dict], reach: float) -> dict:
    found = {}
    metrics = (HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False}))
    for metric in metrics:
        each = {str(i): metric.eval_sequence(_data(one, reach)) for i, one in enumerate(videos)}
        whole = metric.combine_sequences(each)
        found |= {name: np.asarray(value).mean() for name, value in whole.items()}
    names = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "IDSW", "IDF1")
    return {name: float(found[name]) for name in names}


def _motmetrics(video: dict, reach: float) -> dict:
    accumulator = motmetrics.MOTAccumulator()
    sides = [np.array(video[side], dtype=float).reshape(-1, 6) for side in ("truth", "label")]
    for frame in np.unique(np.concatenate([side[:, 0] for side in sides])):
        now = [side[side[:, 0] == frame] for side in sides]
        # Its own table of overlaps asks numpy for a function that is no longer there.
        alike = _alike(now[0][:, 2:], now[1][:, 2:], reach)
        apart = np.where(alike >= 0.5, 1.0 - alike, np.nan)
        accumulator.update(*(side[:, 1].astype(int) for side in now), apart, frameid=int(frame))
    host = motmetrics.metrics.create()
    names = ["mota", "idf1", "num_switches"]
    summary = host.compute(accumulator, metrics=names, name="x")
    return {name: float(summary[name].iloc[0]) for name in names}


def main() -> None:
    asked = json.load(sys.stdin)
    began = time.process_time()
    reach = asked.get("reach", 0.0)
    trackeval = _trackeval(asked["videos"], reach)
    seconds = time.process_time() - began
    several = asked.get("motmetrics", True)
    found = [_motmetrics(one, reach) for one in asked["videos"]] if several else []
    print(json.dumps({"trackeval": trackeval, "motmetrics": found, "seconds": seconds}))


if __name__ == "__main__":
    main()
