"""3D tracks of one series of clouds.

Every object in every sweep from its first key frame on is a unit. Two are one where class and
attributes agree and their centres are at most so many metres apart on the ground, in each sweep
as `centre` compares boxes, over time as `tracks` does: an object missed, extra, misplaced or of
another class is an error, and so is each sweep in which it becomes another (an identity switch).
Centres go straight between key frames in the label's own frame: where the sensor moves, that frame
is `world`. The distance is 1 - IDF1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from libs.common.geometry import boxes, image_tracks
from services.qc_scorer.agreement.contract import EPSILON, Doc, Errors, Loss
from services.qc_scorer.agreement.moving import (
    IntArray,
    Moving,
    Shared,
    end_of,
    kinds_of,
    same_frame,
)
from services.qc_scorer.agreement.tracks import counted, far, misses

FloatArray = np.ndarray
# Metres between centres that are no error unless the template says otherwise.
REACH = 2.0
# Likeness of centres `reach` apart; of the mean over all sweeps from which two tracks are equal.
EQUAL = 0.5


def cuboid_tracks_of(value: Doc) -> list[Doc]:
    return list(value.get("cuboid_tracks", {}).get("tracks", []))


def shared(truth: Sequence[Doc], label: Sequence[Doc], reach: float, named: bool = True) -> Shared:
    """Of two lists of `CuboidTrack`; `named`: attributes must be equal."""
    end = end_of((truth, label))
    kinds: dict[object, int] = {}
    sides = [_moving(side, end, kinds, named) for side in (truth, label)]
    (a, first), (b, second) = sides
    pairs, alike = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for some in same_frame(a, b):
        apart = np.hypot(*(first[some[:, 0]] - second[some[:, 1]]).T)
        near = apart <= reach + EPSILON
        pairs.append(some[near])
        alike.append(1.0 / (1.0 + apart[near] / max(reach, EPSILON)))
    return Shared((a, b), np.concatenate(pairs), np.concatenate(alike), 1)


def _moving(
    tracks: Sequence[Doc], end: int, kinds: dict[object, int], named: bool
) -> tuple[Moving, FloatArray]:
    """(object-sweeps, (n, 2) their centres on the ground)."""
    shown = [image_tracks.shown(one["frames"], end) for one in tracks]
    none = np.empty(0, np.int64)
    of = np.repeat(np.arange(len(tracks)), [len(at) for at, _ in shown])
    said = [kinds_of(one, kinds, named)[keys] for one, (_, keys) in zip(tracks, shown, strict=True)]
    frames = np.concatenate([none, *(at for at, _ in shown)])
    places = [_centres(one["frames"], at) for one, (at, _) in zip(tracks, shown, strict=True)]
    moving = Moving(of, frames, np.concatenate([none, *said]), len(tracks))
    return moving, np.concatenate([np.empty((0, 2)), *places])


def _centres(frames: Sequence[Doc], at: IntArray) -> FloatArray:
    keys = np.array([one.get("frame", 0) for one in frames], dtype=np.float64)
    centres = np.array([boxes.vector(one.get("centre"))[:2] for one in frames])
    return np.stack([np.interp(at, keys, centres[:, axis]) for axis in (0, 1)], axis=1)


def _loss() -> Loss:
    def table(truth: Doc, label: Doc, tolerance: float | None) -> Shared:
        reach = REACH if tolerance is None else tolerance
        named = [value.get("cuboid_tracks", {}).get("frame", "") for value in (truth, label)]
        # Boxes in different frames have nothing in common.
        reach = reach if named[0] == named[1] else -1.0
        return shared(cuboid_tracks_of(truth), cuboid_tracks_of(label), reach)

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        return far(table(a, b, tolerance))

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        return counted(table(truth, label, tolerance))

    def differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
        return misses(table(truth, label, tolerance), EQUAL)

    return Loss(distance, errors, differs)


CUBOID_TRACKS = _loss()
