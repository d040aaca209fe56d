"""Reads KITTI's 3D object labels: `label_2/*.txt` (or any text files of such rows) and `calib/`."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator

import numpy as np

from libs.common.geometry import calibration_files, poses, rotations
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
_CELLS = (
    *("truncated", "occluded", "alpha", "left", "top", "right", "bottom"),
    *("height", "width", "length", "x", "y", "z", "rotation_y", "score"),
)
_LABELS = ("label_2", "label")
_FOLDERS = (*_LABELS, "calib", "image_2", "image", "velodyne", "lidar")
# Axes of an unturned box (x forward, y left, z up) in the camera's frame (x right, y down).
_OWN_AXES = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
_CLOUDS = (".bin", ".pcd", ".las")
# A camera 0 at the origin of the rectified frame, for files that leave it out.
_ZERO = "P0: 1 0 0 0 0 1 0 0 0 0 1 0\n"


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample a file: 3D boxes, and 2D boxes linked to them where the template wants both."""
    names = [n for n in source.ending(".txt") if {*n.split("/")} & {*_LABELS}]
    names = names or [n for n in source.ending(".txt") if not _is_calibration(n)]
    if not names:
        raise Broken("there is no label_2/*.txt")
    media = _Media(source)
    known = {one.replace(" ", "_"): one for one in schema.get("classes", [])}
    for name in names:
        try:
            text = source.text(name)
            way = _way(source, name)
        except (Unfit, Unreadable) as error:
            yield Fault(name, str(error))
            continue
        read = _Reading(schema.get("shape", ""), known, way)
        for place, line in enumerate(text.splitlines(), 1):
            try:
                if line.strip():
                    read.add(line.split())
            except Unfit as unfit:
                yield Fault(f"{name} line {place}", str(unfit))
        key = _key(name)
        value = read.value()
        yield Sample(key, value, media=media.of(key, value), left_out=read.left_out())


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
        if len(cells) not in (15, 16):
            raise Unfit(f"{len(cells)} cells; 15 wanted, or 16 with a score")
        values = {k: number(v, k) for k, v in zip(_CELLS, cells[1:], strict=False)}
        name = self._known.get(cells[0], cells[0])
        score = values.get("score", 0.0)
        if not 0 <= score <= 1:
            self._told["scores outside 0 to 1"] += 1
            score = 0.0
        flat = _flat(values)
        if values["height"] == -1 or name == IGNORED:
            self._alone(name, score, flat)
            return
        attributes = {k: cells[i] for i, k in ((1, "truncated"), (2, "occluded")) if values[k] >= 0}
        made = self._cuboid(values, **{"class": name}, attributes=attributes, score=score)
        self._cuboids.append(made)
        if flat is not None:
            key = f"o{len(self._objects) + 1}"
            made["id"] = f"c{len(self._cuboids)}"
            self._objects.append(shapes.plain(**{"class": name}, id=key, score=score, rect=flat))
            self._links.append({"cuboid": made["id"], "camera": CAMERA, "object": key})

    def value(self) -> Doc:
        frame = "lidar" if self._way is not None else f"camera:{CAMERA}"
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
        if self._way is None:
            self._told["no file in calib/: boxes stay in the frame of the camera"] = 1
        return tuple(f"{reason}: {count}" for reason, count in self._told.items())

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

    def _cuboid(self, values: dict[str, float], **more: object) -> Doc:
        turn = rotations.matrix(_about_down(values["rotation_y"])) @ _OWN_AXES[:3, :3]
        size = [values["length"], values["width"], values["height"]]
        place = [values["x"], values["y"] - values["height"] / 2, values["z"]]
        made = space.cuboid(place, size, list(rotations.quaternion(turn)), **more)
        return space.moved(made, self._way)


def _about_down(angle: float) -> list[float]:
    return [float(np.cos(angle / 2)), 0.0, float(np.sin(angle / 2)), 0.0]


def _flat(values: dict[str, float]) -> Doc | None:
    """The box on the image; None where the row has none."""
    left, top, right, bottom = (values[k] for k in ("left", "top", "right", "bottom"))
    if (left, top, right, bottom) == (-1, -1, -1, -1) or (right, bottom) == (0, 0):
        return None
    return shapes.rect(left, top, right - left, bottom - top)


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

    def of(self, key: str, value: Doc) -> dict[str, str]:
        """The image only where the label is on it, too."""
        found = {"cloud": self._clouds.get(key)}
        if "fusion" in value:
            found[f"cameras/{CAMERA}"] = self._images.get(key)
        return {type_: name for type_, name in found.items() if name}


def _key(name: str) -> str:
    """`FOLDER/NAME` of `FOLDER/label_2/NAME.txt`, and of the files that go with it."""
    parts = posixpath.splitext(name)[0].split("/")
    known = [place for place, part in enumerate(parts[:-1]) if part in _FOLDERS]
    return "/".join(part for place, part in enumerate(parts) if place not in known[-1:])
