"""3D tracks that several drew of one series of clouds, made one: matched over the whole series,
then merged in every sweep in which anybody has a key frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from libs.sensor import tracks
from services.qc_scorer.consensus.cuboids import pose
from services.qc_scorer.consensus.geometries import heaviest
from services.qc_scorer.consensus.objects import Group, attributes
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.tracks.cuboid_tracks import REACH, cuboid_tracks_of, shared
from services.qc_scorer.losses.tracks.tracks import partners

# Mean likeness over all sweeps from which two tracks are meant to be one; sweeps are voted on.
_ONE = 0.25


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """Tracks in the sweeps in which more than half of the weight sees them."""
    frames = [value.get("cuboid_tracks", {}).get("frame", "") for value in values]
    frame = str(heaviest(frames, weights))
    same = [i for i, one in enumerate(frames) if one == frame]
    labels = [cuboid_tracks_of(values[i]) for i in same]
    groups = _grouped(labels, [weights[i] for i in same])
    kept = [group for group in groups if 2.0 * sum(group.weights) > sum(weights)]
    made = [_merged(group, sum(weights)) for group in kept]
    return {"cuboid_tracks": {"frame": frame, "tracks": [one for one in made if one is not None]}}


def _grouped(labels: Sequence[Sequence[Doc]], weights: Sequence[float]) -> list[Group]:
    groups: list[Group] = []
    for index in sorted(range(len(labels)), key=lambda i: -weights[i]):
        heads = [group.members[0] for group in groups]
        table = shared(heads, labels[index], REACH, named=False)
        pairs = {j: i for i, j in partners(table, _ONE).tolist()}
        for j, track in enumerate(labels[index]):
            if j not in pairs:
                groups.append(Group([], []))
            group = groups[pairs.get(j, -1)]
            group.members.append(track)
            group.weights.append(weights[index])
    return groups


def _merged(group: Group, whole: float) -> Doc | None:
    numbers = sorted({tracks.number(f) for one in group.members for f in one["frames"]})
    seen = [tracks.cuboids(one["frames"], numbers) for one in group.members]
    weights = np.array(group.weights)
    made: list[Doc] = []
    for place, number in enumerate(numbers):
        who = [i for i, one in enumerate(seen) if one[place] is not None]
        there = 2.0 * float(weights[who].sum()) > whole
        if not there and (not made or made[-1].get("outside")):
            continue
        here = [one for i in who if (one := seen[i][place]) is not None]
        box = pose(here, weights[who].tolist()) if here else _stands(made[-1])
        key = {"frame": number} if number else {}
        made.append({**key, **_time(group, number), **box, **({} if there else {"outside": True})})
    if not made:
        return None
    head = group.members[0]
    named: Doc = {name: head[name] for name in ("class", "id") if name in head}
    return {**named, **attributes(group), "frames": made}


def _stands(frame: Doc) -> Doc:
    return {name: frame[name] for name in ("centre", "size", "rotation")}


def _time(group: Group, number: int) -> Doc:
    """Seconds of the sweep, if anybody's key frame tells them."""
    for one in group.members:
        for frame in one["frames"]:
            if tracks.number(frame) == number and frame.get("time"):
                return {"time": frame["time"]}
    return {}
