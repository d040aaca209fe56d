"""Tracks that several drew of one video, made one: matched over the whole video, then merged in
every frame in which anybody's changes, then simplified back to key frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from libs.sensor import image_tracks
from services.qc_scorer.consensus.geometries import GEOMETRIES, heaviest
from services.qc_scorer.consensus.objects import SAME, Group, attributes
from services.qc_scorer.consensus.series import thinned
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.tracks.track_frames import end_of, shared, tracks_of
from services.qc_scorer.losses.tracks.tracks import partners

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
# Mean likeness over all frames from which two tracks are meant to be one; frames are voted on.
_ONE = 0.25
# Outlines with unlike corners are merged in so many frames of a track: nothing lies between them.
_OUTLINES = 1000


class Key(NamedTuple):
    """A merged key frame: number, {kind: shape}, what else it says, is the object there?"""

    frame: int
    geometry: Doc
    occluded: bool
    attributes: Mapping[str, str]
    there: bool


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """Tracks in the frames in which more than half of the weight sees them; geometry as objects are
    merged, attributes by vote."""
    labels = [tracks_of(value) for value in values]
    end = end_of(labels)
    made = [_merged(group, sum(weights), end) for group in _grouped(labels, weights)]
    return {"tracks": {"tracks": [track for track in made if track is not None]}}


def _grouped(labels: Sequence[Sequence[Doc]], weights: Sequence[float]) -> list[Group]:
    """Tracks that are one, the heaviest opinion's first."""
    groups: list[Group] = []
    for index in sorted(range(len(labels)), key=lambda i: -weights[i]):
        heads = [group.members[0] for group in groups]
        table = shared(heads, labels[index], SAME, named=False)
        pairs = {j: i for i, j in partners(table, _ONE).tolist()}
        for j, track in enumerate(labels[index]):
            if j not in pairs:
                groups.append(Group([], []))
            group = groups[pairs.get(j, -1)]
            group.members.append(track)
            group.weights.append(weights[index])
    return [group for group in groups if 2.0 * sum(group.weights) > sum(weights)]


def _merged(group: Group, whole: float, end: int) -> Doc | None:
    keys = _keys(group, whole, _frames(group, end), end)
    kept = thinned([(k.frame, k.geometry, (k.occluded, k.attributes, k.there)) for k in keys])
    frames: list[Doc] = []
    said: dict[str, str] = {}
    for key in (keys[i] for i in kept):
        changed = {n: v for n, v in key.attributes.items() if said.get(n) != v}
        said |= changed
        number = {"frame": key.frame} if key.frame else {}
        flags = {} if key.there else {"outside": True}
        flags |= {"occluded": True} if key.occluded else {}
        new = {"attributes": changed} if changed else {}
        frames.append({**number, **flags, **new, **key.geometry})
    if not frames:
        return None
    head = group.members[0]
    kept_id = {"id": head["id"]} if "id" in head else {}
    return {"class": head.get("class", ""), **kept_id, **attributes(group), "frames": frames}


def _frames(group: Group, end: int) -> IntArray:
    """Rising frames in which anybody's track begins, bends or ends, and those just before it begins
    or ends, up to which the others' goes on as it was."""
    numbers: set[int] = set()
    for track in group.members:
        before = True
        for frame in track["frames"]:
            number, outside = frame.get("frame", 0), frame.get("outside", False)
            numbers |= {number, number - 1} if outside != before and number else {number}
            before = outside
    if any("polygon" in frame for track in group.members for frame in track["frames"]):
        first = min(numbers)
        numbers |= set(range(first, end, max(1, -(-(end - first) // _OUTLINES))))
    return np.array(sorted(numbers), dtype=np.int64)


def _keys(group: Group, whole: float, at: IntArray, end: int) -> list[Key]:
    """The track in each of these frames, from the first in which it is there; of frames in which
    it is not, only the first."""
    members = [image_tracks.keys_of([track], end) for track in group.members]
    followed = [image_tracks.followed(one, at) for one in members]
    drawn = [
        image_tracks.geometries(one, at, key)
        for one, (key, _) in zip(members, followed, strict=True)
    ]
    said = [_said(track) for track in group.members]
    there = np.array([shown for _, shown in followed])
    heavy = np.array(group.weights)
    exists = heavy @ there * 2.0 > whole
    made: list[Key] = []
    for place, frame in enumerate(at.tolist()):
        last = made[-1] if made and made[-1].there else None
        if not exists[place] and last is None:
            continue
        # Where it ends, it still moves as those had it who saw it until then.
        seen = np.flatnonzero(there[:, place if exists[place] else place - 1]).tolist()
        own = [group.weights[i] for i in seen]
        geometry = _geometry([drawn[i][place] for i in seen], own, whole)
        if exists[place] and geometry is not None:
            told = [said[i][followed[i][0][place]] for i in seen]
            hidden = bool(heaviest([hidden for hidden, _ in told], own))
            names = _voted([names for _, names in told], own)
            made.append(Key(frame, geometry, hidden, names, True))
        elif last is not None:
            made.append(Key(frame, geometry or last.geometry, False, last.attributes, False))
    return made


def _geometry(drawn: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc | None:
    """{kind: shape} of several, of the kind that has most weight; None where they have no area in
    common that enough of them marked."""
    kind = str(heaviest([next(iter(one)) for one in drawn], weights))
    same = [i for i, one in enumerate(drawn) if kind in one]
    own = [weights[i] for i in same]
    # In a frame in which only some see it, it is for those to say where it is.
    made = GEOMETRIES[kind]([drawn[i][kind] for i in same], own, min(whole, sum(own)))
    return None if made is None else {kind: made}


def _said(track: Doc) -> list[tuple[bool, dict[str, str]]]:
    """(is it hidden, attributes that change with time) from each key frame on."""
    told: dict[str, str] = {}
    made = []
    for frame in track["frames"]:
        if frame.get("attributes"):
            told = {**told, **frame["attributes"]}
        made.append((bool(frame.get("occluded", False)), told))
    return made


def _voted(said: Sequence[Mapping[str, str]], weights: Sequence[float]) -> dict[str, str]:
    names = dict.fromkeys(name for one in said for name in one)
    votes = {name: heaviest([one.get(name) for one in said], weights) for name in names}
    return {name: str(value) for name, value in votes.items() if value is not None}
