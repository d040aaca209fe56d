"""Rigid poses as 4 x 4 matrices: they bring points of their own frame into another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from libs.sensor import rotations

Array = np.ndarray
# Of a sweep's pose in an item: metres, and the parts of a quaternion.
_SWEEP = ("x", "y", "z", "qw", "qx", "qy", "qz")


def pose(translation: ArrayLike, quaternion: ArrayLike) -> Array:
    """(..., 4, 4) of metres (..., 3) and rotations (..., 4) w, x, y, z."""
    place = np.asarray(translation, dtype=np.float64)
    out = np.zeros((*place.shape[:-1], 4, 4))
    out[..., :3, :3] = rotations.matrix(quaternion)
    out[..., :3, 3] = place
    out[..., 3, 3] = 1
    return out


def inverse(poses: Array) -> Array:
    """(..., 4, 4) the way back."""
    turn = np.swapaxes(poses[..., :3, :3], -1, -2)
    out = np.zeros_like(poses)
    out[..., :3, :3] = turn
    out[..., :3, 3] = -(turn @ poses[..., :3, 3, None])[..., 0]
    out[..., 3, 3] = 1
    return out


def apply(pose_: Array, points: ArrayLike) -> Array:
    """(..., 3) points, brought into the other frame."""
    return np.asarray(points, dtype=np.float64) @ pose_[:3, :3].T + pose_[:3, 3]


def between(first: Array, second: Array, share: float) -> Array:
    """(4, 4) at `share` of the way: straight for the place, the short way round for the turn."""
    place = (1 - share) * first[:3, 3] + share * second[:3, 3]
    turns = rotations.quaternion(np.stack([first[:3, :3], second[:3, :3]]))
    return pose(place, rotations.slerp(turns[0], turns[1], share))


def at(poses: Array, times: Sequence[float], time: float) -> Array:
    """(4, 4) at a time (seconds) between poses (n, 4, 4) at rising `times`; ValueError outside of
    them: what the sensor did there is not known."""
    if not times or not times[0] <= time <= times[-1]:
        raise ValueError(f"there is no pose around {time:g} s")
    after = int(np.searchsorted(np.asarray(times), time))
    if times[after] == time:
        return np.asarray(poses[after])
    share = (time - times[after - 1]) / (times[after] - times[after - 1])
    return between(poses[after - 1], poses[after], share)


def motion(sweeps: list[Any]) -> tuple[list[float] | None, Array | None]:
    """(times, poses (n, 4, 4) of the sensor in the world) of an item's sweeps; None for what not
    all of them have."""
    docs = [one for one in sweeps if isinstance(one, dict)]
    whole = bool(docs) and len(docs) == len(sweeps)
    times = [float(d["time"]) for d in docs] if whole and all("time" in d for d in docs) else None
    if not whole or not all(isinstance(d.get("pose"), dict) for d in docs):
        return times, None
    found = [[float(d["pose"].get(k, 0.0)) for k in _SWEEP] for d in docs]
    rows = np.array(found)
    return times, pose(rows[:, :3], rows[:, 3:])
