"""Vehicles and people in a point cloud, without weights: the ground is taken away, what is left
falls into clusters (DBSCAN, Ester et al. 1996), each gets the rectangle that hugs it, and what it
is follows from its size.

INPUT is rows of three float32 (x, y, z in metres, z up). {"value": {"cuboids": ...}}. The sensor
sees one or two sides of a thing: its box reaches back to the usual size of such things. Whether
forward is forward, a person says.
"""

import numpy as np
import runtime
from libs.sensor import boxes, box_fit
from sklearn.cluster import DBSCAN

MOST_POINTS, MOST_RANGE, TILE = 2_000_000, 75.0, 25.0
# Metres: a grid that thins near points out, how near points of one thing are, how high the lowest
# part of a thing may be above the ground and its highest point.
GRID, NEAR, LOWEST, HIGHEST = 0.12, 0.6, 0.8, 4.5
FEWEST, FEWEST_IN_CLUSTER = 6, 8
# A tile whose ground is further off the whole cloud's than this is a roof.
OFF = 1.5
# By class: least and largest length, width, height, and the usual length and width.
SIZES = {
    "pedestrian": ((0.2, 1.1), (0.1, 0.9), (1.2, 2.1), (0.7, 0.7)),
    "cyclist": ((1.1, 2.2), (0.2, 1.0), (1.2, 2.1), (1.8, 0.7)),
    "car": ((1.4, 6.0), (0.1, 2.4), (0.9, 2.6), (4.3, 1.8)),
    "truck": ((4.5, 13.0), (0.5, 3.3), (2.2, 4.5), (7.0, 2.5)),
}


class TritonPythonModel:
    def initialize(self, args):
        pass

    def execute(self, requests):
        return runtime.documents(requests, self._cuboids)

    def _cuboids(self, row):
        if len(row) % 12:
            raise runtime.Unreadable("the cloud is no rows of three float32")
        points = np.frombuffer(row, "<f4").reshape(-1, 3).astype(float)
        if len(points) > MOST_POINTS:
            raise runtime.Unreadable(f"more than {MOST_POINTS} points")
        points = points[np.isfinite(points).all(1)]
        points = points[np.abs(points[:, :2]).max(1, initial=0) <= MOST_RANGE]
        heights = above_ground(points)
        kept = (heights > box_fit.GROUND) & (heights < HIGHEST)
        things = things_of(points[kept], heights[kept])
        documents = [
            boxes.document(box, **{"id": f"c{n}", "class": name, "score": score, "point_count": count})
            for n, (box, name, score, count) in enumerate(things, 1)
        ]
        return {"value": {"cuboids": {"cuboids": documents}}}


def above_ground(points):
    """(n,) metres above the ground, which is a plane of its own on each tile."""
    whole = box_fit.ground(points)
    if whole is None:
        return points[:, 2] - points[:, 2].min(initial=0)
    heights = points @ whole[:3] + whole[3]
    tiles = np.floor(points[:, :2] / TILE).astype(int)
    for tile in np.unique(tiles, axis=0):
        own = (tiles == tile).all(1)
        plane = box_fit.ground(points[own]) if own.sum() >= 100 else None
        if plane is not None:
            local = points[own] @ plane[:3] + plane[3]
            if abs(np.median(local - heights[own])) < OFF:
                heights[own] = local
    return heights


def things_of(points, heights):
    """[(box (7,), class, score, points)] of points above the ground, nearest first."""
    if not len(points):
        return []
    _, first = np.unique(np.floor(points / GRID).astype(int), axis=0, return_index=True)
    thin = points[first]
    labels = DBSCAN(eps=NEAR, min_samples=FEWEST).fit_predict(thin * [1, 1, 0.5])
    found = []
    for label in range(labels.max() + 1):
        own = first[labels == label]
        if len(own) < FEWEST_IN_CLUSTER or heights[own].min() > LOWEST:
            continue
        thing = thing_of(points[own], heights[own])
        if thing is not None:
            found.append(thing)
    return sorted(found, key=lambda thing: np.hypot(*thing[0][:2]))


def thing_of(points, heights):
    """(box, class, score, points) of a cluster; None where it is nothing that has a class."""
    x, y, length, width, yaw = box_fit.rectangle(points[:, :2])
    height = heights.max()
    name = name_of(length, width, height)
    if name is None:
        return None
    usual = SIZES[name][3]
    if name in ("car", "truck") and width < 0.8 and length < usual[1] * 1.3:
        # Only the back or the front can be seen: the side that is seen is the width.
        length, width, yaw = width, length, yaw + np.pi / 2
    grown = max(length, usual[0]), max(width, usual[1])
    centre = back(np.array([x, y]), (length, width), grown, yaw)
    floor = float(np.median(points[:, 2] - heights))
    box = np.array([*centre, floor + height / 2, *grown, height, box_fit.rotations.wrap(yaw)])
    score = 0.7 * len(points) / (len(points) + 60)
    return box, name, runtime.rounded(score, 4), len(points)


def name_of(length, width, height):
    """The first class whose sizes hold these."""
    for name, (lengths, widths, heights, _) in SIZES.items():
        sizes = ((length, lengths), (width, widths), (height, heights))
        if all(low <= size <= high for size, (low, high) in sizes):
            return name
    return None


def back(centre, seen, grown, yaw):
    """The centre, moved away from the sensor by what the box grew: the near sides are seen."""
    along = np.array([np.cos(yaw), np.sin(yaw)])
    for axis, before, after in zip((along, along[::-1] * [-1, 1]), seen, grown):
        away = np.sign(centre @ axis) or 1.0
        centre = centre + axis * away * (after - before) / 2
    return centre
