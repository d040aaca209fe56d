"""Losses of tracks, points and ground maps on real data against the field's own tools;
`LABELMILL_INTEROP_DATA` names the data. Labels are the truth, shaken by a seeded generator."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather
import pytest
import shapely
from scipy.spatial.distance import cdist
from sklearn.metrics import jaccard_score

from libs.sensor import boxes, image_tracks, run_lengths
from services.qc_scorer import losses
from services.qc_scorer.losses.space import lanes, maps, points
from services.qc_scorer.losses.tracks import tracking
from tests.interop import judges

Doc = dict[str, Any]
Rows = dict[int, list[list[float]]]
DATA = Path(os.environ.get("LABELMILL_INTEROP_DATA", "no-data"))
CITY = "media/bev_map/av2_adcf7d18"
# Largest differences to the judges' own numbers.
EXACT = 1e-9
# py-motmetrics keeps a partner over frames in which an object is not seen; TrackEval does not.
SWITCH = 0.005


def _there(path: str) -> Path:
    found = sorted(DATA.glob(path))
    if not found:
        pytest.skip(f"there is no {path} below LABELMILL_INTEROP_DATA={DATA}")
    return found[0]


# -- tracks -------------------------------------------------------------------------------------


def _mot() -> Rows:
    """Identity -> rows of frame (from 0), left, top, width, height."""
    rows: Rows = defaultdict(list)
    for line in _there("media/video_tracking/mot17_04/gt/gt.txt").read_text().splitlines():
        frame, identity, *box = (float(cell) for cell in line.split(",")[:6])
        rows[int(identity)].append([frame - 1, *box])
    return dict(rows)


def _shaken(truth: Rows, seed: int, near: float) -> Rows:
    """Boxes moved by a share of their size, some missed, some tracks missed, some cut in two."""
    rng = np.random.default_rng(seed)
    made: Rows = defaultdict(list)
    fresh = 1000
    for identity, rows in truth.items():
        current = identity
        if rng.random() < 0.05:
            continue
        for frame, x, y, width, height in rows:
            if rng.random() < 0.07:
                current = fresh = fresh + 1
            if rng.random() < 0.1:
                continue
            off = near * rng.normal(0, 1, 4) * [width, height, width, height]
            size = [max(1.0, width + off[2]), max(1.0, height + off[3])]
            made[current].append([frame, x + off[0], y + off[1], *size])
    return dict(made)


def _tracks(rows: Rows) -> Doc:
    tracks = []
    for identity, found in rows.items():
        frames = []
        there = {row[0] for row in found}
        for frame, *box in found:
            rect = dict(zip(("x", "y", "width", "height"), map(float, box), strict=True))
            frames.append({"frame": int(frame), "rect": rect})
            if frame + 1 not in there:
                frames.append({"frame": int(frame) + 1, "outside": True, "rect": rect})
        tracks.append({"class": "person", "id": str(identity), "frames": frames})
    return {"tracks": {"tracks": tracks}}


def _flat(rows: Rows) -> list[list[float]]:
    return [
        [row[0], float(identity), *row[1:]] for identity, found in rows.items() for row in found
    ]


def test_hota_idf1_and_mota_are_those_of_trackeval_and_motmetrics() -> None:
    truth = _mot()
    labels = [_shaken(truth, seed, near) for seed, near in ((1, 0.02), (2, 0.08), (3, 0.2))]
    videos = [{"truth": _flat(truth), "label": _flat(label)} for label in labels]
    judged = judges.run("tracking", "tracking", {"videos": videos})
    got = tracking.measure([(_tracks(truth), _tracks(label)) for label in labels])
    wanted = judged["trackeval"]
    assert got.hota == pytest.approx(wanted["HOTA"], abs=EXACT)
    assert got.det_a == pytest.approx(wanted["DetA"], abs=EXACT)
    assert got.ass_a == pytest.approx(wanted["AssA"], abs=EXACT)
    assert got.loc_a == pytest.approx(wanted["LocA"], abs=EXACT)
    assert got.mota == pytest.approx(wanted["MOTA"], abs=EXACT)
    assert got.idf1 == pytest.approx(wanted["IDF1"], abs=EXACT)
    assert got.switches == wanted["IDSW"] > 100
    for label, numbers in zip(labels, judged["motmetrics"], strict=True):
        pair = _tracks(truth), _tracks(label)
        own = tracking.measure([pair])
        assert own.idf1 == pytest.approx(numbers["idf1"], abs=EXACT)
        assert own.mota == pytest.approx(numbers["mota"], abs=SWITCH)
        assert losses.distance(*pair, "tracks") == pytest.approx(1 - numbers["idf1"], abs=EXACT)
        assert losses.differs(*pair, "tracks")


def test_interpolated_key_frames_are_judged_frame_by_frame() -> None:
    """Every third frame of the real tracks is a key frame; the judge gets all frames."""
    truth = _mot()
    few = {i: [rows[0], *rows[3:-1:3], rows[-1]] for i, rows in truth.items() if len(rows) > 4}
    label = {"tracks": {"tracks": [_key_frames(i, rows) for i, rows in few.items()]}}
    filled: Rows = {}
    for track in label["tracks"]["tracks"]:
        keys = image_tracks.keys_of([track])
        at, key = image_tracks.shown(keys)
        sides = image_tracks.rectangles(keys, at, key)
        filled[int(track["id"])] = np.column_stack([at, sides]).tolist()
    videos = [{"truth": _flat(truth), "label": _flat(filled)}]
    wanted = judges.run("tracking", "tracking", {"videos": videos})["trackeval"]
    got = tracking.measure([(_tracks(truth), label)])
    assert got.hota == pytest.approx(wanted["HOTA"], abs=EXACT)
    assert got.mota == pytest.approx(wanted["MOTA"], abs=EXACT)


def _key_frames(identity: int, rows: list[list[float]]) -> Doc:
    """Without gaps; gone behind the last."""
    frames = [
        {"frame": int(r[0]), "rect": dict(zip(("x", "y", "width", "height"), r[1:], strict=True))}
        for r in rows
    ]
    frames.append({**frames[-1], "frame": frames[-1]["frame"] + 1, "outside": True})
    return {"class": "person", "id": str(identity), "frames": frames}


# -- tracks in space ----------------------------------------------------------------------------


def _driven() -> tuple[list[str], Rows]:
    """Class names, and identity -> rows of sweep (from 0), class, 0, x, y of a real log."""
    table = pyarrow.feather.read_table(_there(f"{CITY}/annotations.feather")).to_pylist()
    times = sorted({row["timestamp_ns"] for row in table})
    names = sorted({row["category"] for row in table})
    numbers = {uuid: i for i, uuid in enumerate(sorted({row["track_uuid"] for row in table}))}
    rows: Rows = defaultdict(list)
    for row in sorted(table, key=lambda one: one["timestamp_ns"]):
        kind, sweep = names.index(row["category"]), times.index(row["timestamp_ns"])
        rows[numbers[row["track_uuid"]]].append([sweep, kind, 0, row["tx_m"], row["ty_m"]])
    return names, dict(rows)


def _driven_otherwise(truth: Rows, seed: int, near: float) -> Rows:
    """Centres moved by metres; some missed, some tracks cut in two or of another class."""
    rng = np.random.default_rng(seed)
    made: Rows = defaultdict(list)
    fresh = 10_000
    for identity, rows in truth.items():
        current, other = identity, rng.random() < 0.05
        for sweep, kind, _, x, y in rows:
            if rng.random() < 0.03:
                current = fresh = fresh + 1
            if rng.random() < 0.1:
                continue
            dx, dy = near * rng.normal(0, 1, 2)
            made[current].append([sweep, int(kind) ^ other, 0, x + dx, y + dy])
    return dict(made)


def _in_space(names: list[str], rows: Rows) -> Doc:
    tracks = []
    for identity, found in rows.items():
        frames, there = [], {row[0] for row in found}
        for sweep, _, _, x, y in found:
            box = {"centre": {"x": float(x), "y": float(y)}, "size": {"x": 1, "y": 1, "z": 1}}
            frames.append({"frame": int(sweep), **box})
            if sweep + 1 not in there:
                frames.append({"frame": int(sweep) + 1, "outside": True, **box})
        kind = names[int(found[0][1]) % len(names)]
        tracks.append({"class": kind, "id": str(identity), "frames": frames})
    return {"cuboid_tracks": {"frame": "ego", "tracks": tracks}}


def test_tracks_in_space_are_told_apart_as_trackeval_and_motmetrics_do() -> None:
    names, truth = _driven()
    names += ["ANOTHER"] * (len(names) % 2)
    labels = [_driven_otherwise(truth, seed, near) for seed, near in ((1, 0.1), (2, 1.0), (3, 3.0))]
    for label in labels:
        videos = [{"truth": _flat(truth), "label": _flat(label)}]
        judged = judges.run("tracking", "tracking", {"videos": videos, "reach": 2.0})
        pair = _in_space(names, truth), _in_space(names, label)
        far = losses.distance(*pair, "cuboid_tracks")
        assert far == pytest.approx(1 - judged["trackeval"]["IDF1"], abs=EXACT)
        assert far == pytest.approx(1 - judged["motmetrics"][0]["idf1"], abs=EXACT)
        assert 0.02 < far < 0.98


# -- points -------------------------------------------------------------------------------------


def _cloud() -> tuple[np.ndarray, list[Doc]]:
    """A sweep in its own frame, and the boxes of that moment."""
    path = _there(f"{CITY}/sensors/lidar/*.feather")
    table = pyarrow.feather.read_table(path)
    cloud = np.column_stack([table[axis].to_numpy() for axis in "xyz"]).astype(float)
    rows = pyarrow.feather.read_table(_there(f"{CITY}/annotations.feather")).to_pylist()
    now = [row for row in rows if row["timestamp_ns"] == int(path.stem)]
    return cloud, [
        {
            "class": row["category"],
            "centre": {axis: row[f"t{axis}_m"] for axis in "xyz"},
            "size": {"x": row["length_m"], "y": row["width_m"], "z": row["height_m"]},
            "rotation": {axis: row[f"q{axis}"] for axis in "wxyz"},
        }
        for row in now
    ]


def _inside(cloud: np.ndarray, cuboids: list[Doc], names: list[str]) -> tuple[np.ndarray, ...]:
    """Class and object of every point: of the last box that it lies in."""
    classes, objects = np.zeros(len(cloud), dtype=np.int64), np.zeros(len(cloud), dtype=np.int64)
    within = boxes.inside(cloud, boxes.array(cuboids))
    for place, (cuboid, row) in enumerate(zip(cuboids, within, strict=True), 1):
        classes[row], objects[row] = names.index(cuboid["class"]) + 1, place
    return classes, objects


def _points(classes: np.ndarray, objects: np.ndarray, names: list[str], told: bool) -> Doc:
    ones = np.ones(len(classes), dtype=np.int64)
    points: Doc = {"count": len(classes), "classes": names}
    points["class_runs"] = run_lengths.encoded(classes, ones)
    if told:
        points["object_runs"] = run_lengths.encoded(objects, ones)
    return {"points": points}


def _two_labels() -> tuple[list[str], list[tuple[np.ndarray, ...]]]:
    cloud, cuboids = _cloud()
    names = sorted({one["class"] for one in cuboids})
    rng = np.random.default_rng(4)
    moved = []
    for one in cuboids:
        off = rng.normal(0, 0.3, 3)
        centre = {axis: one["centre"][axis] + off[i] for i, axis in enumerate("xyz")}
        renamed = names[rng.integers(len(names))] if rng.random() < 0.1 else one["class"]
        moved.append({**one, "centre": centre, "class": renamed})
    return names, [_inside(cloud, some, names) for some in (cuboids, moved)]


def test_iou_of_points_is_that_of_scikit_learn() -> None:
    names, sides = _two_labels()
    pair = tuple(_points(*side, names, told=False) for side in sides)
    (a, _), (b, _) = sides
    used = np.union1d(a[a > 0], b[b > 0])
    wanted = jaccard_score(a, b, labels=used, average=None)
    assert losses.distance(*pair, "points") == pytest.approx(1 - wanted.mean(), abs=EXACT)
    assert losses.errors(*pair, "points").count == (a != b).sum() > 100
    by_class, mean = points.measure([pair])
    seen = a > 0
    used = np.union1d(a[seen], b[seen & (b > 0)])
    wanted = jaccard_score(a[seen], b[seen], labels=used, average=None)
    assert by_class == pytest.approx(dict(zip([names[i - 1] for i in used], wanted, strict=True)))
    assert mean == pytest.approx(wanted.mean(), abs=EXACT)


def test_panoptic_quality_of_points_is_that_of_the_points_one_by_one() -> None:
    names, sides = _two_labels()
    pair = tuple(_points(*side, names, told=True) for side in sides)
    (a, i), (b, j) = sides
    qualities = []
    for number in np.union1d(a[a > 0], b[b > 0]):
        mine = [(i == o) & (a == number) for o in np.unique(i[a == number])]
        theirs = [(j == o) & (b == number) for o in np.unique(j[b == number])]
        table = [jaccard_score(x, y) for x in mine for y in theirs if (x & y).any()]
        matched = [iou for iou in table if iou > 0.5]
        qualities.append(sum(matched) / ((len(mine) + len(theirs)) / 2))
    assert points.panoptic([pair]).pq == pytest.approx(float(np.mean(qualities)), abs=EXACT)
    assert losses.distance(*pair, "points") == pytest.approx(1 - np.mean(qualities), abs=EXACT)


# -- maps ---------------------------------------------------------------------------------------


def _city() -> list[Doc]:
    """Lane boundaries and areas of an Argoverse 2 map."""
    found = json.loads(_there(f"{CITY}/map/log_map_archive_*.json").read_text())
    made: list[Doc] = []
    for segment in found["lane_segments"].values():
        for side in ("left", "right"):
            given = _triples(segment[f"{side}_lane_boundary"])
            made.append({"class": f"{side} boundary", "line": {"points": given}})
    for one in found["drivable_areas"].values():
        made.append({"class": "drivable", "area": {"points": _triples(one["area_boundary"])}})
    for one in found["pedestrian_crossings"].values():
        ring = _triples([*one["edge1"], *one["edge2"][::-1]])
        made.append({"class": "crossing", "area": {"points": ring}})
    return made


def _triples(given: list[Doc]) -> list[float]:
    return [point[axis] for point in given for axis in "xyz"]


def _moved(elements: list[Doc], near: float) -> list[Doc]:
    """Each moved as a whole, its corners a little more, with a score; some missed."""
    rng = np.random.default_rng(5)
    made = []
    for one in elements:
        kind = "line" if "line" in one else "area"
        given = np.reshape(one[kind]["points"], (-1, 3))
        off = rng.normal(0, near, 3) + rng.normal(0, near / 4, given.shape)
        if rng.random() > 0.1:
            shaken = {"points": (given + off).reshape(-1).tolist()}
            made.append({"class": one["class"], "score": float(rng.random()), kind: shaken})
    return made


def _map(elements: list[Doc]) -> Doc:
    return {"map": {"frame": "world", "elements": elements}}


def test_lines_are_as_far_apart_as_many_places_say() -> None:
    """Judge: 2,000 places a line, each to the nearest of all the other's."""
    city = [one for one in _city() if "line" in one][:60]
    moved = [{**a, "line": b["line"]} for a, b in zip(city, _moved(city * 2, 0.6), strict=False)]
    sides = [maps.Ground(side) for side in (city, moved)]
    pairs = np.array([(i, i) for i in range(len(city))])
    got = maps.apart(*sides, pairs, maps.Rule())
    for place, (a, b) in enumerate(zip(city, moved, strict=True)):
        far = cdist(*(_evenly(maps.shape(one), 2000) for one in (a, b)))
        wanted = (far.min(axis=0).mean() + far.min(axis=1).mean()) / 2.0
        assert got[place] == pytest.approx(wanted, rel=0.01, abs=0.01)


def _evenly(line: shapely.Geometry, count: int) -> np.ndarray:
    share = np.linspace(0.0, 1.0, count)
    return shapely.get_coordinates(shapely.line_interpolate_point(line, share, normalized=True))


def test_areas_cover_what_shapely_says() -> None:
    city = [one for one in _city() if "area" in one]
    moved = _moved(city, 0.5)
    got = lanes.area_iou(_map(city), _map(moved))
    for name in ("drivable", "crossing"):
        covered = [
            shapely.unary_union([maps.shape(o).buffer(0) for o in side if o["class"] == name])
            for side in (city, moved)
        ]
        wanted = covered[0].intersection(covered[1]).area / covered[0].union(covered[1]).area
        assert got[name] == pytest.approx(wanted, abs=1e-6)


def test_average_precision_of_lanes_is_as_maptr_counts_it() -> None:
    """Judge: the evaluation as the papers describe it, written out with no index of places."""
    truth = _city()
    label = _moved(truth, 0.7)
    got = lanes.measure([(_map(truth), _map(label))])
    for name in {one["class"] for one in truth}:
        true, said = ([o for o in side if o["class"] == name] for side in (truth, label))
        said.sort(key=lambda one: -one["score"])
        paths = [[_evenly(_path(one), 100) for one in side] for side in (true, said)]
        table = np.array([[_chamfer(a, b) for a in paths[0]] for b in paths[1]])
        for most, ap in zip(lanes.THRESHOLDS, got.by_class[name], strict=True):
            assert ap == pytest.approx(_precision(table, most), abs=EXACT)
    assert 0.2 < got.mean < 0.9


def _path(element: Doc) -> shapely.Geometry:
    drawn = maps.shape(element)
    return drawn if "line" in element else shapely.boundary(drawn)


def _chamfer(a: np.ndarray, b: np.ndarray) -> float:
    far = cdist(a, b)
    return float((far.min(axis=0).mean() + far.min(axis=1).mean()) / 2.0)


def _precision(table: np.ndarray, most: float) -> float:
    covered: set[int] = set()
    right = []
    for row in table:
        nearest = int(row.argmin())
        hit = row[nearest] <= most and nearest not in covered
        covered |= {nearest} if hit else set()
        right.append(float(hit))
    sums = np.cumsum(right)
    recall = np.concatenate([[0.0], sums / table.shape[1], [1.0]])
    precision = np.concatenate([[0.0], sums / np.arange(1, len(sums) + 1), [0.0]])
    for i in range(len(precision) - 1, 0, -1):
        precision[i - 1] = max(precision[i - 1], precision[i])
    at = np.where(recall[1:] != recall[:-1])[0]
    return float(np.sum((recall[at + 1] - recall[at]) * precision[at + 1]))
