"""Upright boxes from points of a cloud: ground, and rectangles that hug what the lidar saw.

Rectangles after Zhang, Xu, Dong and Dolan (2017), "Efficient L-shape fitting for vehicle
detection using laser scanners" (closeness criterion); the ground by random planes after Fischler
and Bolles (1981), RANSAC. Only what was seen is hugged: a hidden side is a person's to say.
"""

from __future__ import annotations

import numpy as np

from libs.sensor import boxes, rotations

Array = np.ndarray
_ANGLES = np.arange(0, np.pi / 2, np.radians(1))
_CLOSE, _FINE = 0.05, np.radians(0.1)
_TRIES = 200
# How far from the plane points still are ground, metres; how steep roads are.
GROUND, _STEEPEST = 0.2, np.radians(15)
# Around a rough box, points are looked for this much further out, metres.
_AROUND = 0.5
_FEWEST = 5
_SAMPLE = 4000


class Unfit(Exception):
    """No box can be fitted; the message says why."""


def ground(points: Array, seed: int = 0) -> Array | None:
    """(4,) plane a, b, c, d with a x + b y + c z + d = 0, c > 0, below which almost nothing lies:
    the one that most of the lower points (n, 3) are near to; None where there is none."""
    low = points[points[:, 2] <= np.median(points[:, 2])] if len(points) else points
    if len(low) < 3:
        return None
    rng = np.random.default_rng(seed)
    some = low[rng.choice(len(low), min(len(low), _SAMPLE), replace=False)]
    corners = some[rng.integers(0, len(some), (_TRIES, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    up = np.abs(normals[:, 2]) > np.cos(_STEEPEST) * np.maximum(lengths, 1e-9)
    if not (up & (lengths > 1e-9)).any():
        return None
    normals, origins = normals[up], corners[up, 0]
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    normals *= np.sign(normals[:, 2:])
    heights = some @ normals.T - (normals * origins).sum(axis=1)
    best = int((np.abs(heights) < GROUND / 2).sum(axis=0).argmax())
    near = some[np.abs(heights[:, best]) < GROUND / 2]
    return _plane(near) if len(near) >= 3 else None


def _plane(points: Array) -> Array | None:
    """Least squares of z over x and y."""
    columns = np.column_stack([points[:, :2], np.ones(len(points))])
    (a, b, c), *_ = np.linalg.lstsq(columns, points[:, 2], rcond=None)
    return np.array([-a, -b, 1.0, -c]) / np.sqrt(a * a + b * b + 1)


def above(points: Array, plane: Array | None, least: float = GROUND) -> Array:
    """(n,) bool: at least so many metres above the plane; all of them without one."""
    if plane is None:
        return np.ones(len(points), dtype=bool)
    return np.asarray(points @ plane[:3] + plane[3] >= least)


def rectangle(points: Array) -> Array:
    """(5,) [x, y, length, width, yaw] of the rectangle on the ground, length >= width, whose sides
    the points (n, 2) are closest to; yaw within a quarter turn of 0 either way."""
    angle = _best(points, _ANGLES)
    angle = _best(points, angle + np.arange(-10, 11) * _FINE)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    a, b = points @ along, points @ across
    middle = (a.min() + a.max()) / 2 * along + (b.min() + b.max()) / 2 * across
    length, width = float(np.ptp(a)), float(np.ptp(b))
    if width > length:
        length, width, angle = width, length, angle + np.pi / 2
    return np.array([*middle, length, width, float(rotations.wrap(angle, np.pi))])


def _best(points: Array, angles: Array) -> float:
    """The angle at which points are nearest to two sides of their bounding rectangle."""
    a = np.outer(points[:, 0], np.cos(angles)) + np.outer(points[:, 1], np.sin(angles))
    b = np.outer(points[:, 1], np.cos(angles)) - np.outer(points[:, 0], np.sin(angles))
    gaps = [np.minimum(c.max(axis=0) - c, c - c.min(axis=0)) for c in (a, b)]
    nearest = np.maximum(np.minimum(*gaps), _CLOSE)
    return float(angles[(1 / nearest).sum(axis=0).argmax()])


def fit(points: Array, rough: Array) -> Array:
    """(7,) the box that hugs what of the cloud (n, 3) is in and around a rough one (7,): without
    the ground, and with the direction of travel that the rough box has. Raises `Unfit`."""
    wide = rough.copy()
    wide[3:6] += 2 * _AROUND
    near = points[boxes.inside(points, wide[None])[0]]
    around = rough.copy()
    around[3:6] += 10.0
    plane = ground(points[boxes.inside(points, around[None])[0]])
    kept = near[above(near, plane)]
    if len(kept) < _FEWEST:
        raise Unfit(f"only {len(kept)} points are in and around the box; {_FEWEST} are needed")
    kept = _main(kept, rough)
    x, y, length, width, yaw = rectangle(kept[:, :2])
    # Which of the four directions is forward, only the person knows.
    turns = round(float(rotations.difference(rough[6], yaw)) / (np.pi / 2))
    if turns % 2:
        length, width = width, length
    bottom, top = float(kept[:, 2].min()), float(kept[:, 2].max())
    if plane is not None:
        floor = -(plane[0] * x + plane[1] * y + plane[3]) / plane[2]
        # Wheels are hidden in the ground's own points.
        bottom = floor if bottom - floor < 2 * GROUND else bottom
    least = 0.01
    sizes = [max(v, least) for v in (length, width, top - bottom)]
    yaw = float(rotations.wrap(yaw + turns * np.pi / 2))
    return np.array([x, y, (bottom + top) / 2, *sizes, yaw])


def _main(points: Array, rough: Array) -> Array:
    """Without what touches the rough box from outside only: of the pieces (points within 0.5 m of
    each other, by cells on the ground) those that have points in it."""
    cells = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / _AROUND).astype(int)
    grid = np.zeros(cells.max(axis=0) + 3, dtype=bool)
    grid[cells[:, 0] + 1, cells[:, 1] + 1] = True
    inner = boxes.inside(points, rough[None])[0]
    if not inner.any():
        return points
    reached = np.zeros_like(grid)
    reached[cells[inner, 0] + 1, cells[inner, 1] + 1] = True
    while True:
        wider = reached.copy()
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                wider |= np.roll(reached, (down, right), (0, 1))
        wider &= grid
        if (wider == reached).all():
            return points[reached[cells[:, 0] + 1, cells[:, 1] + 1]]
        reached = wider
