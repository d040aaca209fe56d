"""3D boxes as documents: making them from numbers of unknown senders, bringing them into other
frames, and what an item says about where its sensors were (docs/geometry.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from libs.formats import Doc, Job, Unfit
from libs.formats.image import masks, shapes
from libs.formats.media import references
from libs.sensor import boxes, calibration, poses, rotations, tracks
from libs.sensor.calibration import Miscalibrated, Rig

Array = np.ndarray
# A quaternion further from length 1 than this is none.
_OFF = 1e-2
# Metres: beyond the Earth's own size nothing is labelled.
_FAR = 1e8
# Seconds from a sweep to the next where nothing tells: lidars turn ten times a second.
STEP = 0.1
_PLACE = ("centre", "size", "rotation", *shapes.GEOMETRIES)
# Axes of a camera (x right, y down, z forward) in those of a lidar (x forward, y left, z up).
CAMERA_AXES = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def cuboid(
    place: Sequence[float], size: Sequence[float], turn: Sequence[float], **more: Any
) -> Doc:
    """A `Cuboid` of its middle, [length, width, height] and rotation [w, x, y, z] (4,); raises
    `Unfit` for a size that is not above zero, or a rotation that is none."""
    if min(size) <= 0:
        words = " x ".join(f"{one:g}" for one in size)
        raise Unfit(f"a box of {words} m; all sides must be above zero")
    if max(map(abs, (*place, *size))) > _FAR:
        raise Unfit(f"a box beyond {_FAR:g} m; are these metres?")
    length = float(np.linalg.norm(turn))
    if not abs(length - 1) <= _OFF:
        raise Unfit(f"a rotation of length {length:.4g}, not 1; is the order w, x, y, z?")
    # A rotation of length 1 stays as it is, so that it comes back the same.
    unit = np.asarray(turn) if abs(length - 1) < 1e-12 else np.asarray(turn) / length
    made = shapes.plain(**more, size=boxes.vector_doc(size), rotation=boxes.turn_doc(unit))
    return {**made, "centre": boxes.vector_doc(place)}


def pose_of(one: Doc) -> Array:
    """(4, 4) of a cuboid or key frame: from its own axes into its frame; raises `Unfit`."""
    try:
        return poses.pose(boxes.vector(one.get("centre")), boxes.turn(one.get("rotation")))
    except ValueError as error:
        raise Unfit(str(error)) from error


def moved(one: Doc, way: Array | None) -> Doc:
    """A cuboid or key frame in the frame that `way` (4, 4) leads to; None is no way."""
    if way is None or np.array_equal(way, np.eye(4)):
        return one
    pose = way @ pose_of(one)
    made = {**one, "centre": boxes.vector_doc(pose[:3, 3])}
    made["rotation"] = boxes.turn_doc(rotations.quaternion(pose[:3, :3]))
    if "velocity" in one:
        made["velocity"] = boxes.vector_doc(way[:3, :3] @ boxes.vector(one["velocity"]))
    return made


def rig_of(job: Job, row: Doc) -> Rig | None:
    """The rig of the item's calibration; None where it says nothing. Raises `Unfit`."""
    doc = _data(row).get(job.field("calibration"))
    if not doc:
        return None
    try:
        return calibration.rig(doc)
    except Miscalibrated as error:
        raise Unfit(f"the item's calibration: {error}") from error


def sweeps_of(job: Job, row: Doc) -> list[Any]:
    """The item's series of clouds; empty where it is none."""
    found = _data(row).get(job.field("sweeps"))
    return found if isinstance(found, list) else []


def motion_of(job: Job, row: Doc) -> tuple[list[float] | None, Array | None]:
    """(times, poses (n, 4, 4) in the world) of the item's sweeps; None for what is not known.
    Raises `Unfit`."""
    try:
        return poses.motion(sweeps_of(job, row))
    except (ValueError, TypeError) as error:
        raise Unfit(f"poses of the item's sweeps: {error}") from error


def times_of(job: Job, row: Doc, value: Doc) -> list[float]:
    """Seconds of each sweep, those of key frames too where the item tells none: unknown ones lie
    evenly between known ones, `STEP` apart behind them. Raises `Unfit`."""
    known, _ = motion_of(job, row)
    frames = [one for track in value.get("tracks", []) for one in track["frames"]]
    count = max(len(sweeps_of(job, row)), 1 + max(map(tracks.number, frames), default=0))
    if count > tracks.MAX_FRAMES:
        raise Unfit(f"{count} frames; {tracks.MAX_FRAMES} at most")
    told = dict(enumerate(known or ()))
    if not told:
        # A key frame of time 0 beyond the first one says nothing of its time.
        told = {0: 0.0} | {tracks.number(one): one["time"] for one in frames if one.get("time")}
    places = sorted(told)
    found = np.interp(range(count), places, [told[place] for place in places])
    found += STEP * np.maximum(np.arange(count) - places[-1], 0)
    if (np.diff(found) <= 0).any():
        raise Unfit("times of the sweeps do not rise")
    return [float(one) for one in found]


def is_timed(job: Job, row: Doc, value: Doc) -> bool:
    """Does the item or the label tell when its sweeps were? Raises `Unfit`."""
    frames = (one for track in value.get("tracks", []) for one in track["frames"])
    return motion_of(job, row)[0] is not None or any(one.get("time") for one in frames)


def cloud_of(job: Job, row: Doc) -> str:
    """What the item's cloud, or its first sweep, is called by; empty where it has none."""
    sweeps = sweeps_of(job, row)
    if sweeps:
        first = sweeps[0]
        return str(first.get("cloud", "")) if isinstance(first, dict) else str(first)
    try:
        return references(job, row, "cloud")[0]
    except Unfit:
        return ""


def filled(job: Job, row: Doc, value: Doc) -> list[tuple[Doc, list[Doc]]]:
    """Tracks of a value with a key frame for each sweep they are in; raises `Unfit`."""
    times, found = motion_of(job, row)
    count = len(sweeps_of(job, row))
    # In the world boxes move straight as they are; elsewhere the sensor's way is taken out first.
    ways = None if value.get("frame") == "world" else found
    made = []
    for track in value.get("tracks", []):
        frames = track["frames"]
        last = max(tracks.number(one) for one in frames)
        if count and last >= count:
            raise Unfit(f"a track has frame {last}, the item {count} sweeps")
        try:
            made.append((track, tracks.filled_cuboids(frames, count, times, ways)))
        except ValueError as error:
            raise Unfit(f"a track: {error}") from error
    return made


def flat_bounds(one: Doc) -> tuple[float, ...]:
    """x, y, width, height around any geometry on an image; raises `Unfit`."""
    return tuple(masks.bounds(one["mask"])) if "mask" in one else shapes.bounds(one)


def track(name: str, key: str, frames: list[Doc], last: int, **more: Any) -> Doc:
    """A track, in images or in space, of key frames by rising number: where they leave off before
    the frame `last`, one marked `outside` is put."""
    made: list[Doc] = []
    numbers = {tracks.number(one) for one in frames}
    for one in frames:
        made.append(one)
        after = tracks.number(one) + 1
        if after not in numbers and after <= last and not one.get("outside"):
            gone: Doc = {k: one[k] for k in _PLACE if k in one}
            made.append({**gone, "frame": after, "outside": True})
    return shapes.plain(**{"class": name}, id=key, **more, frames=made)


def _data(row: Doc) -> Doc:
    found = orjson.loads(row["data"])
    return found if isinstance(found, dict) else {}
