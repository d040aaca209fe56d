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

from libs.sensor import boxes, image_tracks
from libs.sensor.image_tracks import Keys
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss
from services.qc_scorer.losses.tracks.track_frames import (
    MOST_SHOWN,
    IntArray,
    Moving,
    Shared,
    laid,
    same_frame,
)
from services.qc_scorer.losses.tracks.tracks import counted, far, misses

FloatArray = np.ndarray
# Metres between centres that are no error unless the template says otherwise.
REACH = 2.0
# Likeness of centres `reach` apart; of the mean over all sweeps from which two tracks are equal.
EQUAL = 0.5


def cuboid_tracks_of(value: Doc) -> list[Doc]:
    return list(value.get("cuboid_tracks", {}).get("tracks", []))


def shared(truth: Sequence[Doc], label: Sequence[Doc], reach: float, named: bool = True) -> Shared:
    """Of two lists of `CuboidTrack`; `named`: attributes must be equal."""
    sides, step = laid((truth, label), MOST_SHOWN, named)
    (a, first), (b, second) = ((side[0], _centres(*side)) for side in sides)
    pairs, alike = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for some in same_frame(a, b):
        apart = np.hypot(*(first[some[:, 0]] - second[some[:, 1]]).T)
        near = apart <= reach + EPSILON
        pairs.append(some[near])
        alike.append(1.0 / (1.0 + apart[near] / max(reach, EPSILON)))
    return Shared((a, b), np.concatenate(pairs), np.concatenate(alike), step)


def _centres(made: Moving, keys: Keys, key: IntArray) -> FloatArray:
    """(n, 2) centres on the ground of object-sweeps."""
    centres = np.array([boxes.vector(one.get("centre"))[:2] for one in keys.frames])
    return image_tracks.along(keys, centres.reshape(-1, 2), made.frames, key)


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
