"""Reads KITTI's 3D object labels, `label_2/*.txt` (or any text files of such rows), its tracking
labels, `label_02/*.txt`, whose rows begin with a frame and a track, and `calib/`."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from libs.common.geometry import calibration_files, poses, rotations, tracks
from libs.common.geometry.calibration import Miscalibrated
from libs.formats import Broken, Doc, Fault, Sample, Unfit, shapes, space
from libs.formats.media import SUFFIXES
from libs.formats.reading import number
from libs.formats.source import Source, Unreadable

Array = np.ndarray
IGNORED = "DontCare"
# Sizes, place and turn of a row that has a box on the image only.
ALONE = "-1 -1 -1 -1000 -1000 -1000 -10"
CAMERA = "P2"
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
_LABELS = ("label_2", "label_02", "label")
_FOLDERS = (*_LABELS, "calib", "image_2", "image", "velodyne", "lidar")
# Axes of an unturned box (x forward, y left, z up) in the camera's frame (x right, y down).
_OWN_AXES = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
_CLOUDS = (".bin", ".pcd", ".las")
# A camera 0 at the origin of the rectified frame, for files that leave it out.
_ZERO = "P0: 1 0 0 0 0 1 0 0 0 0 1 0\n"


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample a file: tracks, or 3D boxes, and 2D boxes linked to them where the template wants
    both."""
    names = [n for n in source.ending(".txt") if {*n.split("/")} & {*_LABELS}]
    names = names or [n for n in source.ending(".txt") if not _is_calibration(n)]
    if not names:
        raise Broken("there is no label_2/*.txt, nor label_02/*.txt")
    media = _Media(source)
    known = {one.replace(" ", "_"): one for one in schema.get("classes", [])}
    for name in names:
        key = _key(name)
        try:
            lines = source.text(name).splitlines()
            way = _way(source, name)
            read = _reading(lines, schema.get("shape", ""), known, way, media.last(key))
        except (Unfit, Unreadable) as error:
            yield Fault(name, str(error))
            continue
        for place, line in enumerate(lines, 1):
            try:
                if line.strip():
                    read.add(line.split())
            except Unfit as unfit:
                yield Fault(f"{name} line {place}", str(unfit))
        value = read.value()
        yield Sample(key, value, media=media.of(key, value), left_out=read.left_out())


def _reading(
    lines: list[str], shape: str, known: dict[str, str], way: Array | None, last: int
) -> _Reading | _Sequence:
    """Raises `Unfit` where the template cannot hold what the rows are."""
    if not _is_sequence(lines, shape):
        return _Reading(shape, known, way)
    if shape not in ("", "cuboid_tracks"):
        words = "rows that begin with a frame and a track are KITTI's tracking labels"
        raise Unfit(f"{words}: they need a template of the shape cuboid_tracks, not {shape[:100]}")
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

    def __init__(self, shape: str, known: dict[str, str], way: Array | None) -> None:
        self._shape, self._known, self._way = shape, known, way
        self._cuboids: list[Doc] = []
        self._objects: list[Doc] = []
        self._links: list[Doc] = []
        self._told: Counter[str] = Counter()

    def add(self, cells: list[str]) -> None:
        """Raises `Unfit`."""
        values = _values(cells, _OBJECT)
        name = self._known.get(cells[0], cells[0])
        score = _score(values, self._told)
        flat = _flat(values)
        if values["height"] == -1 or name == IGNORED:
            self._alone(name, score, flat)
            return
        attributes = _attributes(cells, values)
        made = _cuboid(values, self._way, **{"class": name}, attributes=attributes, score=score)
        self._cuboids.append(made)
        if flat is not None:
            key = f"o{len(self._objects) + 1}"
            made["id"] = f"c{len(self._cuboids)}"
            self._objects.append(shapes.plain(**{"class": name}, id=key, score=score, rect=flat))
            self._links.append({"cuboid": made["id"], "camera": CAMERA, "object": key})

    def value(self) -> Doc:
        frame = _frame(self._way)
        if self._shape != "cuboids" and (self._shape == "fusion" or self._objects):
            for place, one in enumerate(self._cuboids, 1):
                one["id"] = f"c{place}"
            sides = [{"camera": CAMERA, "objects": self._objects}] if self._objects else []
            held = shapes.plain(frame=frame, cuboids=self._cuboids)
            return {"fusion": shapes.plain(cuboids=held, cameras=sides, links=self._links)}
        for one in self._cuboids:
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
    return space.track(name, key, frames, last, attributes=shared, score=score)


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
    made = space.cuboid(place, size, list(rotations.quaternion(turn)), **more)
    return space.moved(made, way)


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


def _way(source: Source, name: str) -> Array | None:
    """(4, 4) from the rectified frame into the lidar's, by the file of the same name in `calib`;
    raises `Unfit`."""
    beside = "/".join("calib" if part in _LABELS else part for part in name.split("/"))
    if beside == name or beside not in source:
        return None
    text = source.text(beside)
    if "P0:" not in text:
        text = _ZERO + text
    try:
        rig = calibration_files.kitti(text)
    except (Miscalibrated, np.linalg.LinAlgError) as error:
        raise Unfit(f"{beside}: {error}") from error
    return poses.inverse(rig.to_camera_pose("P0"))


def _is_calibration(name: str) -> bool:
    folder = posixpath.basename(posixpath.dirname(name))
    return folder == "calib" or posixpath.basename(name) in ("train.txt", "val.txt", "trainval.txt")


class _Media:
    """Clouds and images by the key that labels share with them."""

    def __init__(self, source: Source) -> None:
        self._clouds = {_key(n): n for n in source.ending(*_CLOUDS)}
        self._images = {_key(n): n for n in source.ending(*SUFFIXES) if "image_3" not in n}
        self._lasts: dict[str, int] = {}
        for folder, _, stem in (one.rpartition("/") for one in self._clouds):
            if _WHOLE.fullmatch(stem):
                self._lasts[folder] = max(self._lasts.get(folder, 0), int(stem))

    def last(self, key: str) -> int:
        """The number of the last cloud of a sequence; 0 where there is none."""
        return self._lasts.get(key, 0)

    def of(self, key: str, value: Doc) -> dict[str, str]:
        """The image only where the label is on it, too; tracks are of many."""
        if "cuboid_tracks" in value:
            return {}
        found = {"cloud": self._clouds.get(key)}
        if "fusion" in value:
            found[f"cameras/{CAMERA}"] = self._images.get(key)
        return {type_: name for type_, name in found.items() if name}


def _key(name: str) -> str:
    """`FOLDER/NAME` of `FOLDER/label_2/NAME.txt`, and of the files that go with it."""
    parts = posixpath.splitext(name)[0].split("/")
    known = [place for place, part in enumerate(parts[:-1]) if part in _FOLDERS]
    return "/".join(part for place, part in enumerate(parts) if place not in known[-1:])
