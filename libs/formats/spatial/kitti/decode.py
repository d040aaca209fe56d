"""Reads KITTI's 3D object labels, `label_2/*.txt` (or any text files of such rows), its tracking
labels, `label_02/*.txt`, whose rows begin with a frame and a track, and `calib/`."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.classes import names_of
from libs.formats.decoding import number
from libs.formats.image import shapes
from libs.formats.source import Source, Unreadable
from libs.formats.spatial import boxes3d
from libs.formats.spatial.kitti.files import CAMERA, LABELS, KittiFiles, key_of
from libs.sensor import calibration, calibration_files, poses, rotations, tracks
from libs.sensor.calibration import Rig

Array = np.ndarray
IGNORED = "DontCare"
# Sizes, place and turn of a row that has a box on the image only.
ALONE = "-1 -1 -1 -1000 -1000 -1000 -10"
_SIDES = ("left", "top", "right", "bottom")
_CELLS = (
    *("truncated", "occluded", "alpha", *_SIDES),
    *("height", "width", "length", "x", "y", "z", "rotation_y", "score"),
)
# Of a row, without or with a score: an object's, and one of a track.
_OBJECT, _TRACK = (15, 16), (17, 18)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
# Heights of rows of tracks that have a box on the image only.
_FLAT = (-1.0, -1000.0)
# Axes of an unturned box (x forward, y left, z up) in the camera's frame (x right, y down).
_OWN_AXES = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample a file: tracks with their sweeps, or 3D boxes, and 2D boxes linked to them where
    the template wants both; of tracks a sample a frame where it labels single clouds."""
    names = [n for n in source.ending(".txt") if {*n.split("/")} & {*LABELS}]
    names = names or [n for n in source.ending(".txt") if not _is_calibration(n)]
    if not names:
        raise Broken("there is no label_2/*.txt, nor label_02/*.txt")
    beside = KittiFiles(source)
    known = {one.replace(" ", "_"): one for one in names_of(schema)}
    for name in names:
        try:
            yield from _samples(source, name, schema.get("shape", ""), known, beside)
        except (Unfit, Unreadable) as error:
            yield Fault(name, str(error))


def _samples(
    source: Source, name: str, shape: str, known: dict[str, str], beside: KittiFiles
) -> Iterator[Sample | Fault]:
    """Of one file: a sample, or one a frame where tracking labels become labels of single clouds.
    Raises `Unfit` where nothing of it can be read."""
    key, rig = key_of(name), beside.rig(name)
    lines = source.text(name).splitlines()
    read = _reading(lines, shape, known, _way(rig), beside.last(key))
    partial = False
    for place, line in enumerate(lines, 1):
        try:
            if line.strip():
                read.add(line.split())
        except Unfit as unfit:
            partial = True
            yield Fault(f"{name} line {place}", str(unfit))
    data: Doc = {} if rig is None else {"calibration": calibration.document(rig)}
    if isinstance(read, _Frames):
        for number_, frame in read.frames():
            named, value = f"{key}/{number_:06}", frame.value()
            media = beside.media(named, value)
            made = Sample(named, value, data, media, group=key, left_out=frame.left_out())
            yield replace(made, partial=partial)
        return
    value = read.value()
    if not isinstance(read, _Sequence):
        media = beside.media(key, value)
        yield Sample(key, value, data, media, left_out=read.left_out(), partial=partial)
        return
    told: list[str] = []
    absent = beside.absent(key)
    sweeps = [] if absent else beside.sweeps(key, rig, told)
    data |= {"sweeps": sweeps} if sweeps else {}
    told = [*read.left_out(), *told]
    yield Sample(key, value, data, left_out=tuple(told), absent=absent, partial=partial)


def _reading(
    lines: list[str], shape: str, known: dict[str, str], way: Array | None, last: int
) -> _Reading | _Sequence | _Frames:
    """Raises `Unfit` where the template cannot hold what the rows are."""
    if not _is_sequence(lines, shape):
        return _Reading(shape, known, way)
    if shape in ("cuboids", "fusion"):
        return _Frames(shape, known, way, last)
    if shape not in ("", "cuboid_tracks"):
        words = "rows that begin with a frame and a track are KITTI's tracking labels"
        wanted = "they need a template of the shape cuboid_tracks, cuboids or fusion"
        raise Unfit(f"{words}: {wanted}, not {shape[:100]}")
    return _Sequence(known, way, last)


def _is_sequence(lines: list[str], shape: str) -> bool:
    """As the first row says that is as long as KITTI's are; the shape where none is."""
    for line in lines:
        cells = line.split()
        if len(cells) in _TRACK and all(map(_WHOLE.fullmatch, cells[:2])):
            return True
        if len(cells) in _OBJECT:
            return False
    return shape == "cuboid_tracks"


class _Reading:
    """Rows of one file. `way` (4, 4) leads from the rectified frame into that of the lidar; None
    where the file has no calibration."""

    def __init__(
        self, shape: str, known: dict[str, str], way: Array | None, named: bool = False
    ) -> None:
        self._shape, self._known, self._way, self._named = shape, known, way, named
        self._cuboids: list[Doc] = []
        self._objects: list[Doc] = []
        self._links: list[Doc] = []
        self._told: Counter[str] = Counter()

    def add(self, cells: list[str], key: str = "") -> None:
        """`key` names an object that is known. Raises `Unfit`."""
        values = _values(cells, _OBJECT)
        name = self._known.get(cells[0], cells[0])
        score = _score(values, self._told)
        flat = _flat(values)
        if values["height"] == -1 or name == IGNORED:
            self._alone(name, score, flat)
            return
        attributes = _attributes(cells, values)
        made = _cuboid(values, self._way, **{"class": name}, attributes=attributes, score=score)
        made |= {"id": key} if key else {}
        self._cuboids.append(made)
        if flat is not None:
            key = f"o{len(self._objects) + 1}"
            made.setdefault("id", f"c{len(self._cuboids)}")
            self._objects.append(shapes.plain(**{"class": name}, id=key, score=score, rect=flat))
            self._links.append({"cuboid": made["id"], "camera": CAMERA, "object": key})

    def value(self) -> Doc:
        frame = _frame(self._way)
        if self._shape != "cuboids" and (self._shape == "fusion" or self._objects):
            for place, one in enumerate(self._cuboids, 1):
                one.setdefault("id", f"c{place}")
            sides = [{"camera": CAMERA, "objects": self._objects}] if self._objects else []
            held = shapes.plain(frame=frame, cuboids=self._cuboids)
            return {"fusion": shapes.plain(cuboids=held, cameras=sides, links=self._links)}
        for one in self._cuboids:
            if not self._named:
                one.pop("id", None)
        if self._objects:
            self._told["boxes on the image; the template labels 3D boxes"] += len(self._objects)
        return {"cuboids": shapes.plain(frame=frame, cuboids=self._cuboids)}

    def left_out(self) -> tuple[str, ...]:
        return _left_out(self._told, self._way)

    def _alone(self, name: str, score: float, flat: Doc | None) -> None:
        if flat is None:
            raise Unfit("a row with neither a 3D box nor a box on the image")
        known = not self._known or name in self._known.values()
        if self._shape == "cuboids" or (name == IGNORED and not known):
            self._told["areas to be ignored" if name == IGNORED else "boxes on the image only"] += 1
            return
        more = {"crowd": True} if name == IGNORED else {}
        key = f"o{len(self._objects) + 1}"
        self._objects.append(
            shapes.plain(**{"class": name}, id=key, score=score, rect=flat, **more)
        )


class _Sequence:
    """Rows of one file of tracking labels: boxes of each track by their frame. `last` is the
    number of the last cloud beside the file, as far as there are any."""

    def __init__(self, known: dict[str, str], way: Array | None, last: int) -> None:
        self._known, self._way, self._last = known, way, last
        self._tracks: dict[str, dict[int, Doc]] = {}
        self._told: Counter[str] = Counter()

    def add(self, cells: list[str]) -> None:
        """Raises `Unfit`."""
        values = _values(cells[2:], _OBJECT, before=2)
        place, track = (_whole(*one) for one in zip(cells, ("frame", "track"), strict=False))
        if not 0 <= place < tracks.MAX_FRAMES:
            raise Unfit(f"frame {place}; 0 to {tracks.MAX_FRAMES - 1} wanted")
        self._last = max(self._last, place)
        name = self._known.get(cells[2], cells[2])
        if name == IGNORED or values["height"] in _FLAT:
            self._told["areas to be ignored" if name == IGNORED else "boxes on the image only"] += 1
            return
        if track < 0:
            raise Unfit(f"track {track}; only {IGNORED} has none")
        attributes, score = _attributes(cells[2:], values), _score(values, self._told)
        made = _cuboid(values, self._way, **{"class": name}, attributes=attributes, score=score)
        held = self._tracks.setdefault(str(track), {})
        if place in held:
            raise Unfit(f"track {track} has two boxes in frame {place}")
        if next(iter(held.values()), made)["class"] != name:
            raise Unfit(f"track {track} changes its class")
        held[place] = made
        self._told["boxes on the image; the template labels 3D boxes"] += _is_seen(values)

    def value(self) -> Doc:
        made = [_track(key, boxes, self._last) for key, boxes in self._tracks.items()]
        return {"cuboid_tracks": shapes.plain(frame=_frame(self._way), tracks=made)}

    def left_out(self) -> tuple[str, ...]:
        return _left_out(self._told, self._way)


class _Frames:
    """Rows of one file of tracking labels, frame by frame; objects keep the names of their tracks.
    `last` as `_Sequence` has it."""

    def __init__(self, shape: str, known: dict[str, str], way: Array | None, last: int) -> None:
        self._new = partial(_Reading, shape, known, way, named=True)
        self._frames: dict[int, _Reading] = {}
        self._seen: set[tuple[int, int]] = set()
        self._last = last

    def add(self, cells: list[str]) -> None:
        """Raises `Unfit`."""
        place, track = (_whole(*one) for one in zip(cells, ("frame", "track"), strict=False))
        if not 0 <= place < tracks.MAX_FRAMES:
            raise Unfit(f"frame {place}; 0 to {tracks.MAX_FRAMES - 1} wanted")
        if track >= 0 and (place, track) in self._seen:
            raise Unfit(f"track {track} has two rows in frame {place}")
        read = self._frames.get(place) or self._new()
        read.add(cells[2:], f"{track}" if track >= 0 else "")
        self._frames[place] = read
        self._seen.add((place, track))

    def frames(self) -> Iterator[tuple[int, _Reading]]:
        """Every frame by its number, those without an object too."""
        for place in range(max(self._last, max(self._frames, default=0)) + 1):
            yield place, self._frames.get(place) or self._new()


def _track(key: str, boxes: dict[int, Doc], last: int) -> Doc:
    """What all boxes have is the track's, what changes is told where it does."""
    told = [{*one.get("attributes", {}).items()} for one in boxes.values()]
    shared = dict(sorted(set.intersection(*told)))
    frames, said = [], dict(shared)
    for place, one in sorted(boxes.items()):
        new = {k: v for k, v in one.get("attributes", {}).items() if said.get(k) != v}
        said |= new
        known = {k: one[k] for k in ("size", "rotation")}
        frames.append(
            shapes.plain(frame=place, attributes=new, **known) | {"centre": one["centre"]}
        )
    score = max(one.get("score", 0.0) for one in boxes.values())
    name = next(iter(boxes.values()))["class"]
    return boxes3d.track(name, key, frames, last, attributes=shared, score=score)


def _values(cells: list[str], lengths: tuple[int, int], before: int = 0) -> dict[str, float]:
    """Numbers of a row by their names; `before` are cells that stand ahead of it."""
    if len(cells) not in lengths:
        plain, scored = (one + before for one in lengths)
        raise Unfit(f"{len(cells) + before} cells; {plain} wanted, or {scored} with a score")
    return {k: number(v, k) for k, v in zip(_CELLS, cells[1:], strict=False)}


def _whole(text: str, what: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise Unfit(f"{what}: {text[:50]!r} is not a whole number")
    return int(text)


def _score(values: dict[str, float], told: Counter[str]) -> float:
    score = values.get("score", 0.0)
    if 0 <= score <= 1:
        return score
    told["scores outside 0 to 1"] += 1
    return 0.0


def _attributes(cells: list[str], values: dict[str, float]) -> dict[str, str]:
    return {k: cells[i] for i, k in ((1, "truncated"), (2, "occluded")) if values[k] >= 0}


def _cuboid(values: dict[str, float], way: Array | None, **more: object) -> Doc:
    turn = rotations.matrix(_about_down(values["rotation_y"])) @ _OWN_AXES[:3, :3]
    size = [values["length"], values["width"], values["height"]]
    place = [values["x"], values["y"] - values["height"] / 2, values["z"]]
    made = boxes3d.cuboid(place, size, list(rotations.quaternion(turn)), **more)
    return boxes3d.moved(made, way)


def _frame(way: Array | None) -> str:
    return "lidar" if way is not None else f"camera:{CAMERA}"


def _left_out(told: Counter[str], way: Array | None) -> tuple[str, ...]:
    if way is None:
        told["no file in calib/: boxes stay in the frame of the camera"] = 1
    return tuple(f"{reason}: {count}" for reason, count in told.items() if count)


def _about_down(angle: float) -> list[float]:
    return [float(np.cos(angle / 2)), 0.0, float(np.sin(angle / 2)), 0.0]


def _flat(values: dict[str, float]) -> Doc | None:
    """The box on the image; None where the row has none."""
    if not _is_seen(values):
        return None
    left, top, right, bottom = (values[k] for k in _SIDES)
    return shapes.rect(left, top, right - left, bottom - top)


def _is_seen(values: dict[str, float]) -> bool:
    left, top, right, bottom = (values[k] for k in _SIDES)
    return (left, top, right, bottom) != (-1, -1, -1, -1) and (right, bottom) != (0, 0)


def _way(rig: Rig | None) -> Array | None:
    """(4, 4) from the rectified frame into the lidar's; None where nothing tells."""
    return None if rig is None else poses.inverse(calibration_files.rectified(rig.matrices))


def _is_calibration(name: str) -> bool:
    folder = posixpath.basename(posixpath.dirname(name))
    return folder == "calib" or posixpath.basename(name) in ("train.txt", "val.txt", "trainval.txt")
