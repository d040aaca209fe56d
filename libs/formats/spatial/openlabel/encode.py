"""ASAM OpenLABEL 1.0.0 (asam.net/standards/detail/openlabel): labels of anything in JSON.

One zip a part: a file a label. Boxes on images are `bbox` (middle, width, height) or `rbbox`
(radians), outlines `poly2d`, key points `point2d`, masks an `image` of their size, 3D boxes
`cuboid` (middle, quaternion x y z w, size), what lies on the ground `poly3d`. The frame of a label
is a coordinate system of its name. Score, `occluded`, `velocity` and the like are attributes.

OpenLABEL knows values of frames and no key frames: tracks are filled frame by frame. What a link
holds together stands in the relation `sameAs`.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from libs.formats import Doc, Format, Unfit
from libs.formats.encoding import ZipEncoder
from libs.formats.image import masks, shapes
from libs.formats.media import file_name, references
from libs.formats.spatial import boxes3d
from libs.formats.spatial.openlabel.decode import decode
from libs.formats.spatial.openlabel.elements import ABSOLUTE, MASK, OWN, SAME, png
from libs.sensor import boxes, tracks

Array = np.ndarray
_TYPES = {"world": "scene_cs", "ego": "local_cs"}
_MEDIA = ("image", "frames", "video", "sweeps", "cloud", "cameras")
SHAPES = ("boxes", "objects", "tracks", "cuboids", "cuboid_tracks", "fusion", "map")


class OpenlabelEncoder(ZipEncoder):
    format = "openlabel"

    def write(self, row: Doc) -> None:
        shape = next((one for one in SHAPES if one in row["value"]), "")
        if not shape:
            raise Unfit("OpenLABEL holds objects in images and in space; the label has none")
        made = _Document(self.job.schema)
        getattr(self, f"_{shape}")(row, row["value"][shape], made)
        stem = posixpath.splitext(file_name(row, self._reference(row)))[0]
        doc = {"openlabel": made.document(row["name"])}
        self.zip.put(self.unique(f"{stem}.json"), orjson.dumps(doc))
        self.objects += len(made.objects)

    def _reference(self, row: Doc) -> str:
        for type_ in _MEDIA:
            try:
                return references(self.job, row, type_)[0]
            except Unfit:
                continue
        return ""

    # -- on images -------------------------------------------------------------------------------

    def _boxes(self, row: Doc, value: Doc, made: _Document) -> None:
        self._objects(row, {"objects": shapes.objects_of({"boxes": value})}, made)

    def _objects(self, row: Doc, value: Doc, made: _Document) -> None:
        for one in value.get("objects", []):
            self._object(row, one, made, "")

    def _object(self, row: Doc, one: Doc, made: _Document, system: str) -> str:
        self._told(row, one)
        uid = made.object(one)
        attributes = made.attributes(one)
        where = {"coordinate_system": system} if system else {}
        if "keypoints" in one:
            made.static(uid, one)
            attributes = {}
        for kind, element in self._elements(row, one):
            made.put(uid, kind, {**element, **attributes, **where})
        return uid

    def _tracks(self, row: Doc, value: Doc, made: _Document) -> None:
        type_ = "frames" if self.job.field("frames") else "video"
        count = len(references(self.job, row, "frames")) if type_ == "frames" else 0
        for place in range(count):
            made.moment(place)
        for one in value.get("tracks", []):
            self._told(row, one)
            uid = made.object(one)
            made.static(uid, one)
            said = dict[str, str]()
            for frame in tracks.filled(one["frames"], count):
                said |= frame.get("attributes", {})
                made.moment(tracks.number(frame))
                if frame.get("outside"):
                    continue
                attributes = made.attributes({**frame, "attributes": said})
                if "keypoints" in frame:
                    made.static(uid, {**frame, "attributes": said}, tracks.number(frame))
                    attributes = {}
                for kind, element in self._elements(row, frame):
                    made.put(uid, kind, {**element, **attributes}, tracks.number(frame))

    def _elements(self, row: Doc, one: Doc) -> list[tuple[str, Doc]]:
        """Kinds and elements of one geometry on an image."""
        kind, shape = shapes.geometry(one)
        if kind in ("rect", "rotated"):
            return [_box(kind, shape)]
        if kind == "keypoints":
            names = self.job.schema.get("skeleton", {}).get("points", [])
            return _points(shape, names)
        if kind == "mask":
            held = {"val": png(masks.pixels(shape)), "mime_type": "image/png", "encoding": "base64"}
            return [("image", {"name": MASK, **held})]
        if kind == "quad":
            self.tell(row, "a quad is written as a polygon")
            return [("poly2d", _line("ring1", shape["points"], True))]
        if kind == "polyline":
            return [("poly2d", _line("line", shape["points"], False))]
        rings, made, outer = shape["rings"], [], 0
        for place, ring in enumerate(rings):
            element = _line(f"ring{place + 1}", ring["points"], True)
            if ring.get("hole"):
                # OpenCV's order: next, previous, first child, parent.
                element["hierarchy"] = [-1, -1, -1, outer]
            else:
                outer = place
            made.append(("poly2d", element))
        return made

    # -- in space --------------------------------------------------------------------------------

    def _cuboids(self, row: Doc, value: Doc, made: _Document) -> dict[str, str]:
        """OpenLABEL's ids by ours."""
        frame = value["frame"]
        self._systems(row, frame, made)
        found = {}
        for one in value.get("cuboids", []):
            self._told(row, one)
            uid = found[one.get("id", "")] = made.object(one)
            made.put(uid, "cuboid", {**_cuboid(one, frame), **made.attributes(one)})
        return found

    def _cuboid_tracks(self, row: Doc, value: Doc, made: _Document) -> None:
        frame = value["frame"]
        self._systems(row, frame, made)
        for one, frames in boxes3d.filled(self.job, row, value):
            self._told(row, one)
            uid = made.object(one)
            made.static(uid, one)
            said = dict[str, str]()
            for each in frames:
                said |= each.get("attributes", {})
                if not each.get("outside"):
                    attributes = made.attributes({**each, "attributes": said})
                    made.put(uid, "cuboid", _cuboid(each, frame) | attributes, tracks.number(each))
        _, found = boxes3d.motion_of(self.job, row)
        told = boxes3d.is_timed(self.job, row, value)
        for place, time in enumerate(boxes3d.times_of(self.job, row, value)):
            made.moment(place)
            made.when(place, time if told else None, None if found is None else found[place])

    def _fusion(self, row: Doc, value: Doc, made: _Document) -> None:
        cuboids = self._cuboids(row, value.get("cuboids") or {"frame": "lidar"}, made)
        objects = dict[tuple[str, str], str]()
        for side in value.get("cameras", []):
            camera = side["camera"]
            made.system(f"camera:{camera}", "sensor_cs")
            for one in side.get("objects", []):
                uid = self._object(row, one, made, f"camera:{camera}")
                objects[camera, one.get("id", "")] = uid
        for link in value.get("links", []):
            ends = cuboids.get(link["cuboid"]), objects.get((link["camera"], link["object"]))
            if not all(ends):
                raise Unfit("a link names an object that is not there")
            made.relation(*map(str, ends))

    def _map(self, row: Doc, value: Doc, made: _Document) -> None:
        frame = value["frame"]
        self._systems(row, frame, made)
        for one in value.get("elements", []):
            self._told(row, one)
            uid = made.object(one)
            attributes = made.attributes(one)
            for kind, element in _ground(one):
                made.put(uid, kind, {**element, **attributes, "coordinate_system": frame})

    def _systems(self, row: Doc, frame: str, made: _Document) -> None:
        """The label's frame, and those that the item's calibration knows."""
        rig = boxes3d.rig_of(self.job, row)
        if rig is not None:
            made.system("ego", "local_cs")
            made.system("lidar", "sensor_cs", "ego", rig.lidar)
            for one in rig.cameras:
                made.system(f"camera:{one.name}", "sensor_cs", "ego", one.pose)
        made.system(frame, _TYPES.get(frame, "sensor_cs"))

    def _told(self, row: Doc, one: Doc) -> None:
        if "source" in one:
            self.tell(row, "OpenLABEL has no place for source")
        if "text" in one.get("attributes", {}):
            self.tell(row, "an attribute called text, which is what is written there")


class _Document:
    """One file as it grows."""

    def __init__(self, schema: Doc) -> None:
        self.objects: dict[str, Doc] = {}
        self._schema = schema
        self._frames: dict[int, Doc] = {}
        self._systems: dict[str, Doc] = {}
        self._relations: list[Doc] = []

    def object(self, one: Doc) -> str:
        """Its key, a number as OpenLABEL wants it; its name is our id."""
        uid = str(len(self.objects))
        self.objects[uid] = {"name": one.get("id", ""), "type": one["class"]}
        return uid

    def static(self, uid: str, one: Doc, frame: int | None = None) -> None:
        """What is true of the whole object, everywhere or in a frame."""
        for kind, held in self.attributes(one).get("attributes", {}).items():
            for attribute in held:
                self.put(uid, kind, attribute, frame)

    def put(self, uid: str, kind: str, element: Doc, frame: int | None = None) -> None:
        if frame is None:
            owner = self.objects[uid]
        else:
            owner = self._frame(frame).setdefault("objects", {}).setdefault(uid, {})
        owner.setdefault("object_data", {}).setdefault(kind, []).append(element)

    def attributes(self, one: Doc) -> Doc:
        """{"attributes": {...}} of an element; nothing where it has none."""
        known = {k: v for k, v in one.get("attributes", {}).items() if k != "text"}
        values = shapes.typed(known, self._schema)
        # As a text an attribute is told from the field of ours that has its name.
        own: list[Doc] = [{"name": k, "val": v} for k, v in known.items() if k in OWN]
        typed = {k: _typed(values[k], text) for k, text in known.items() if k not in OWN}
        typed |= {k: one[k] for k in ("score", "point_count", "order", "text") if one.get(k)}
        typed |= {k: True for k in ("occluded", "crowd") if one.get(k)}
        if "velocity" in one:
            typed["velocity"] = boxes.vector(one["velocity"])
        made: dict[str, list[Doc]] = {"text": own} if own else {}
        for name, value in typed.items():
            made.setdefault(_kind(value), []).append({"name": name, "val": value})
        return {"attributes": made} if made else {}

    def system(self, name: str, type_: str, parent: str = "", pose: Array | None = None) -> None:
        """Declared once; the first way to say it stands."""
        if name in self._systems:
            return
        self._systems[name] = {"type": type_, "parent": parent, "children": []}
        if pose is not None:
            self._systems[name]["pose_wrt_parent"] = {"matrix4x4": pose.ravel().tolist()}
        if parent:
            self._systems[parent]["children"].append(name)

    def moment(self, frame: int) -> None:
        """There is such a frame, if only an empty one: what is not in it is outside."""
        self._frame(frame)

    def when(self, frame: int, time: float | None, lidar: Array | None) -> None:
        """When a frame was, and where the lidar stood in the world."""
        held: Doc = {} if time is None else {"timestamp": time}
        if lidar is not None:
            self.system("world", "scene_cs")
            self.system("lidar", "sensor_cs")
            way = {"matrix4x4": lidar.ravel().tolist()}
            ends = {"src": "lidar", "dst": "world", "transform_src_to_dst": way}
            held["transforms"] = {"lidar_to_world": ends}
        if held:
            self._frame(frame)["frame_properties"] = held

    def relation(self, subject: str, object_: str) -> None:
        ends = [[{"uid": one, "type": "object"}] for one in (subject, object_)]
        made = {"name": "", "type": SAME, "rdf_subjects": ends[0], "rdf_objects": ends[1]}
        self._relations.append(made)

    def document(self, name: str) -> Doc:
        seen: dict[str, list[int]] = {uid: [] for uid in self.objects}
        for number, frame in sorted(self._frames.items()):
            for uid in frame.get("objects", {}):
                seen[uid].append(number)
        for uid, numbers in seen.items():
            if numbers:
                self.objects[uid]["frame_intervals"] = _intervals(numbers)
        made: Doc = {"metadata": {"schema_version": "1.0.0", "name": name}}
        made["objects"] = self.objects
        if self._systems:
            made["coordinate_systems"] = self._systems
        if self._relations:
            made["relations"] = {str(i): one for i, one in enumerate(self._relations)}
        if self._frames:
            numbers = sorted(self._frames)
            made["frames"] = {str(one): self._frames[one] for one in numbers}
            made["frame_intervals"] = _intervals(numbers)
        return made

    def _frame(self, number: int) -> Doc:
        return self._frames.setdefault(number, {})


def _box(kind: str, shape: Doc) -> tuple[str, Doc]:
    x, y, width, height = shapes.xywh(shape)
    if kind == "rect":
        return "bbox", {"name": "box", "val": [x + width / 2, y + height / 2, width, height]}
    angle = math.radians(shape.get("angle", 0.0))
    return "rbbox", {"name": "box", "val": [x, y, width, height, angle]}


def _points(shape: Doc, names: list[str]) -> list[tuple[str, Doc]]:
    """Points that are labelled, by their number in the skeleton, and the box round the whole."""
    made: list[tuple[str, Doc]] = []
    for place, point in enumerate(shape["points"]):
        seen = shapes.visibility(point)
        if seen:
            held: Doc = {"name": names[place] if place < len(names) else str(place), "id": place}
            held |= {"val": [point.get("x", 0.0), point.get("y", 0.0)]}
            hidden = {"boolean": [{"name": "visible", "val": seen == 2}]}
            made.append(("point2d", {**held, "attributes": hidden}))
    return [*made, *([_box("rect", shape["rect"])] if "rect" in shape else [])]


def _line(name: str, points: list[float], closed: bool) -> Doc:
    return {"name": name, "val": points, "mode": ABSOLUTE, "closed": closed}


def _cuboid(one: Doc, frame: str) -> Doc:
    w, x, y, z = boxes.turn(one.get("rotation"))
    val = [*boxes.vector(one["centre"]), x, y, z, w, *boxes.vector(one["size"])]
    return {"name": "box", "val": val, "coordinate_system": frame}


def _ground(one: Doc) -> Iterable[tuple[str, Doc]]:
    if "line" in one:
        yield "poly3d", {"name": "line", "val": one["line"]["points"], "closed": False}
    elif "area" in one:
        yield "poly3d", {"name": "area", "val": one["area"]["points"], "closed": True}
        for place, hole in enumerate(one["area"].get("holes", []), 1):
            yield "poly3d", {"name": f"hole{place}", "val": hole["points"], "closed": True}
    else:
        box = one["box"]
        half = box.get("yaw", 0.0) / 2
        middle = [box.get("x", 0.0), box.get("y", 0.0), 0.0]
        turn = [0.0, 0.0, math.sin(half), math.cos(half)]
        yield "cuboid", {"name": "box", "val": [*middle, *turn, box["length"], box["width"], 0.0]}


def _typed(value: Any, text: str) -> Any:
    """A number or boolean where it comes back as the same text, else the text."""
    if isinstance(value, bool):
        return value
    return value if str(value) == text else text


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, list):
        return "vec"
    return "text" if isinstance(value, str) else "num"


def _intervals(numbers: list[int]) -> list[Doc]:
    """Runs of rising frame numbers."""
    made: list[Doc] = []
    for one in numbers:
        if made and made[-1]["frame_end"] == one - 1:
            made[-1]["frame_end"] = one
        else:
            made.append({"frame_start": one, "frame_end": one})
    return made


FORMATS = {
    "openlabel": Format(
        "openlabel", "openlabel-{:05}.zip", frozenset(SHAPES), OpenlabelEncoder, decode
    )
}
