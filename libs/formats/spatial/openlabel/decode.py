"""Reads OpenLABEL 1.0: a sample a file, or a sample a frame where the template labels single
clouds and images; places on several cameras are a sample each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.decoding import formed, json_of, mapping, told
from libs.formats.image import shapes
from libs.formats.source import Source
from libs.formats.spatial import boxes3d
from libs.formats.spatial.openlabel.elements import (
    SAME,
    Systems,
    attributes_of,
    elements,
    number_of,
)
from libs.sensor import rotations

# An object's element: which kind, its coordinate system, and its fields.
_Found = tuple[str, str, Doc]
_OTHERS = ("actions", "events", "contexts", "tags")
# A box whose own y is up or down, as KITTI's in the camera's frame, turned so that its z is.
_UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    names = [n for n in source.ending(".json") if "schema" not in n.rpartition("/")[2]]
    if not names:
        raise Broken("there is no .json file")
    for name in names:
        try:
            file = _file(source, name, schema)
        except Unfit as unfit:
            yield Fault(name, str(unfit))
            continue
        yield from told(name, file.samples())
        yield from file.faults


@formed
def _file(source: Source, name: str, schema: Doc) -> _File:
    doc = mapping(json_of(source, name), "the file")
    if "openlabel" not in doc:
        old = "; it is VCD 4, which the vcd package converts" if "vcd" in doc else ""
        raise Unfit(f"there is no openlabel{old}")
    return _File(name, mapping(doc["openlabel"], "openlabel"), schema)


class _File:
    """One file's objects: their elements, those of all frames (None) and those of each."""

    def __init__(self, name: str, doc: Doc, schema: Doc) -> None:
        self.faults: list[Fault] = []
        self._name, self._doc, self._schema = name, doc, schema
        self._told: Counter[str] = Counter()
        self._systems = Systems(doc)
        listed = mapping(doc.get("objects") or {}, "objects")
        self._objects = {uid: one for uid, one in listed.items() if isinstance(one, dict)}
        self._found: dict[int | None, dict[str, list[_Found]]] = {None: {}}
        self._moments: dict[int, Doc] = {}
        self._static: dict[str, Doc] = {}
        for part in _OTHERS:
            if doc.get(part):
                self._told[part] += len(doc[part])
        for uid, one in listed.items():
            data = self._read(None, uid, one)
            self._static[uid] = self._attributes(uid, data)
        for key, frame in mapping(doc.get("frames") or {}, "frames").items():
            number = number_of(key)
            frame = mapping(frame, f"frame {number}")
            self._moments[number] = mapping(frame.get("frame_properties") or {}, "frame_properties")
            for uid, one in mapping(frame.get("objects") or {}, "objects").items():
                self._read(number, uid, one)
        self._numbers = sorted(one for one in self._moments)
        self._links = self._relations()

    def samples(self) -> Iterator[Sample]:
        key = self._name.rpartition("/")[2] if "/" not in self._name else self._name
        key = key.removesuffix(".json")
        moving = any(found for number, found in self._found.items() if number is not None)
        shape = self._schema.get("shape") or self._shape(moving)
        made: list[tuple[str, Doc]] = []
        if shape == "tracks":
            made += [(self._named(key, s), self._tracks(s)) for s in self._sides() or [""]]
        elif shape == "cuboid_tracks":
            made += [(key, self._cuboid_tracks())]
        else:
            for number in self._numbers if moving else [None]:
                named = key if number is None else f"{key}/{number}"
                made += self._still(named, number, shape)
        self._unused(shape)
        left_out = tuple(f"{reason}: {count}" for reason, count in self._told.items() if count)
        for named, value in made:
            group = key if len(made) > 1 else ""
            partial = bool(self.faults)
            yield Sample(named, value, group=group, left_out=left_out, partial=partial)
            left_out = ()

    # -- what there is ---------------------------------------------------------------------------

    def _read(self, number: int | None, uid: str, one: object) -> Doc:
        """Keeps the elements of one object; returns its `object_data`."""
        where = f"{self._name} object {uid[:50]}" + ("" if number is None else f" frame {number}")
        try:
            data = mapping(mapping(one, "an object").get("object_data") or {}, "object_data")
            held = self._elements(data, number is not None)
            if uid not in self._objects:
                raise Unfit("it is not among the file's objects")
        except Unfit as unfit:
            self.faults.append(Fault(where, str(unfit)))
            return {}
        if held:
            self._found.setdefault(number, {})[uid] = held
        return data

    @formed
    def _elements(self, data: Doc, moving: bool) -> list[_Found]:
        """With the attributes that the object has in this frame beside its elements'."""
        base = attributes_of(data, self._told) if moving else {}
        found = []
        joints = len((self._schema.get("skeleton") or {}).get("points") or ())
        for kind, system, one in elements(data, self._told, joints):
            told = {**base.get("attributes", {}), **one.get("attributes", {})}
            found.append((kind, system, {**base, **one, **({"attributes": told} if told else {})}))
        return found

    def _attributes(self, uid: str, data: Doc) -> Doc:
        try:
            return formed(attributes_of)(data, self._told)
        except Unfit as unfit:
            self.faults.append(Fault(f"{self._name} object {uid[:50]}", str(unfit)))
            return {}

    @formed
    def _relations(self) -> list[tuple[str, str]]:
        links = []
        for one in mapping(self._doc.get("relations") or {}, "relations").values():
            if one.get("type") != SAME:
                self._told["relations"] += 1
                continue
            for subject in one.get("rdf_subjects") or []:
                for object_ in one.get("rdf_objects") or []:
                    links.append((str(subject.get("uid")), str(object_.get("uid"))))
        return links

    def _shape(self, moving: bool) -> str:
        kinds = {kind for at in self._found.values() for some in at.values() for kind, *_ in some}
        if moving:
            return "cuboid_tracks" if "cuboid" in kinds else "tracks"
        if "ground" in kinds or self._boxes_of_maps():
            return "map"
        if "cuboid" in kinds:
            return "fusion" if "flat" in kinds else "cuboids"
        return "objects"

    def _boxes_of_maps(self) -> bool:
        every = (one for some in self._found[None].values() for _, _, one in some)
        return any("box" in one for one in every)

    def _sides(self) -> list[str]:
        """Coordinate systems of places on images."""
        every = (one for at in self._found.values() for some in at.values() for one in some)
        return sorted({system for kind, system, _ in every if kind == "flat"})

    def _named(self, key: str, side: str) -> str:
        return f"{key}/{side}" if len(self._sides()) > 1 else key

    def _unused(self, shape: str) -> None:
        wanted = {"tracks": {"flat"}, "fusion": {"flat", "cuboid"}, "map": {"ground", "cuboid"}}
        wanted |= {one: {"cuboid"} for one in ("cuboids", "cuboid_tracks")}
        used = wanted.get(shape, {"flat"})
        placed = {uid for at in self._found.values() for uid in at}
        self._told["objects without a place"] += len(self._objects.keys() - placed)
        words = {"flat": "places on images", "cuboid": "3D boxes", "ground": "lines in space"}
        for at in self._found.values():
            for kind in (kind for some in at.values() for kind, *_ in some):
                if kind not in used:
                    self._told[f"{words[kind]}; the template labels {shape}"] += 1

    # -- labels ----------------------------------------------------------------------------------

    def _still(self, key: str, number: int | None, shape: str) -> Iterator[tuple[str, Doc]]:
        """Labels of one moment."""
        held = {uid: [*some] for uid, some in self._found[None].items()}
        for uid, some in self._found.get(number, {}).items() if number is not None else ():
            held[uid] = held.get(uid, []) + some
        moment = self._moments.get(number, {}) if number is not None else {}
        if shape == "cuboids":
            yield key, {"cuboids": self._cuboids(held, moment)[0]}
        elif shape == "fusion":
            yield key, {"fusion": self._fusion(held, moment)}
        elif shape == "map":
            yield key, {"map": self._map(held)}
        else:
            for side in self._sides() or [""]:
                told: list[str] = []
                found = [one for _, one in self._flat(held, side)]
                value = shapes.value_of(found, self._schema, told)
                self._told.update(told)
                yield self._named(key, side), value

    def _flat(self, held: dict[str, list[_Found]], side: str) -> Iterator[tuple[str, Doc]]:
        for uid, some in held.items():
            mine = [one for kind, system, one in some if kind == "flat" and system == side]
            for place, one in enumerate(mine):
                yield uid, self._object(uid, one, place)

    def _object(self, uid: str, one: Doc, place: int = 0) -> Doc:
        """With class, id, and what is true of the whole object."""
        known: Doc = self._objects[uid]
        static = self._static.get(uid, {})
        merged = {**static, **one}
        attributes = {**static.get("attributes", {}), **one.get("attributes", {})}
        name = str(known.get("name", ""))
        made = shapes.plain(**{**merged, "attributes": attributes})
        key = self._id(uid, name)
        key = f"{key or uid}-{place + 1}" if place else key
        geometry = {k: v for k, v in one.items() if k in ("centre", "keypoints")}
        return {
            "class": str(known.get("type") or "object"),
            **shapes.plain(id=key),
            **made,
            **geometry,
        }

    def _id(self, uid: str, name: str) -> str:
        """Its name, where no other object has it."""
        same = sum(1 for one in self._objects.values() if one.get("name") == name)
        return name if not name or same == 1 else uid

    def _cuboids(
        self, held: dict[str, list[_Found]], moment: Doc, frame: str = ""
    ) -> tuple[Doc, dict[str, int]]:
        """A `Cuboids` document, and each object's first place in it; in the template's frame, else
        in this one, else in that of the first box."""
        found, places = list[Doc](), dict[str, int]()
        frame = str(self._schema.get("frame") or frame)
        for uid, some in held.items():
            for place, (system, one) in enumerate((s, o) for k, s, o in some if k == "cuboid"):
                if "box" in one:
                    continue
                try:
                    frame = frame or (self._systems.frame(system) if system else "lidar")
                    way = self._systems.way(system, frame, moment)
                    upright = self._upright(self._object(uid, one, place), system)
                    found.append(boxes3d.moved(upright, way))
                    places.setdefault(uid, len(found) - 1)
                except Unfit as unfit:
                    self._fault(uid, unfit)
        return shapes.plain(frame=frame or "lidar", cuboids=found), places

    def _upright(self, one: Doc, system: str) -> Doc:
        """In a camera's frame an own y that looks down is the height's: the sides are renamed."""
        if not system or not self._systems.frame(system).startswith("camera:"):
            return one
        turn = boxes3d.pose_of(one)[:3, :3]
        if abs(turn[1, 2]) >= abs(turn[1, 1]):
            return one
        flip = _UPRIGHT if turn[1, 1] > 0 else _UPRIGHT * [[1], [-1], [-1]]
        size = one["size"]
        renamed = shapes.plain(x=size.get("x"), y=size.get("z"), z=size.get("y"))
        quaternion = rotations.quaternion(turn @ flip)
        rotation = dict(zip("wxyz", map(float, quaternion), strict=True))
        return {**one, "size": renamed, "rotation": shapes.plain(**rotation)}

    def _fusion(self, held: dict[str, list[_Found]], moment: Doc) -> Doc:
        """Elements of one object are the same thing, and those that a relation says are."""
        cuboids, places = self._cuboids(held, moment)
        for place, one in enumerate(cuboids.get("cuboids", []), 1):
            one["id"] = one.get("id") or f"c{place}"
        ids = {uid: cuboids["cuboids"][place]["id"] for uid, place in places.items()}
        cameras, links = [], []
        same = defaultdict(set)
        for subject, object_ in self._links:
            same[object_].add(subject)
        for side in sorted({s for some in held.values() for k, s, _ in some if k == "flat"}):
            camera = side.removeprefix("camera:") or "camera"
            objects: list[Doc] = []
            for uid, one in self._flat(held, side):
                key = one.get("id") or f"o{len(objects) + 1}"
                # One object of the file is several of ours: each has an id of its own.
                several = len({system for _, system, _ in held[uid]}) > 1
                objects.append({**one, "id": f"{key}/{camera}" if several else key})
                for cuboid in [ids[u] for u in (uid, *sorted(same[uid])) if u in ids]:
                    link = {"cuboid": cuboid, "camera": camera, "object": objects[-1]["id"]}
                    links.append(link)
            cameras.append({"camera": camera, "objects": objects})
        return shapes.plain(cuboids=cuboids, cameras=cameras, links=links)

    def _map(self, held: dict[str, list[_Found]]) -> Doc:
        frame, made = str(self._schema.get("frame", "")), []
        for uid, some in held.items():
            mine = [(s, o) for k, s, o in some if k == "ground" or "box" in o]
            for place, (system, one) in enumerate(mine):
                try:
                    frame = frame or (self._systems.frame(system) if system else "world")
                    if self._systems.way(system, frame, {}) is not None:
                        raise Unfit(f"a map in {frame[:100]} wanted; this is in {system[:100]}")
                    made.append(self._object(uid, one, place))
                except Unfit as unfit:
                    self._fault(uid, unfit)
        return shapes.plain(frame=frame or "world", elements=made)

    def _tracks(self, side: str) -> Doc:
        held: dict[str, list[Doc]] = defaultdict(list)
        for number in [None, *self._numbers]:
            for uid, some in self._found.get(number, {}).items():
                mine = [one for kind, system, one in some if kind == "flat" and system == side]
                for one in mine[:1]:
                    geometry = {k: v for k, v in one.items() if k in shapes.GEOMETRIES}
                    held[uid].append(self._key_frame(number, one, geometry))
                self._told["second places of an object in a frame"] += len(mine[1:])
        return {"tracks": shapes.plain(tracks=[self._track(u, f) for u, f in held.items()])}

    def _cuboid_tracks(self) -> Doc:
        frame = str(self._schema.get("frame", ""))
        held: dict[str, list[Doc]] = defaultdict(list)
        for number in [None, *self._numbers]:
            moment = self._moments.get(number, {}) if number is not None else {}
            for uid, some in self._found.get(number, {}).items():
                value, _ = self._cuboids({uid: some}, moment, frame)
                found = value.get("cuboids", [])
                for one in found[:1]:
                    frame = value["frame"]
                    known = {
                        k: one[k] for k in ("centre", "size", "rotation", "velocity") if k in one
                    }
                    own = next(o for k, _, o in some if k == "cuboid")
                    held[uid].append(self._key_frame(number, own, known))
                self._told["second boxes of an object in a frame"] += len(found[1:])
        made = [self._track(uid, frames) for uid, frames in held.items()]
        return {"cuboid_tracks": shapes.plain(frame=frame or "lidar", tracks=made)}

    def _key_frame(self, number: int | None, one: Doc, geometry: Doc) -> Doc:
        """What stands outside of frames is there from the first one on."""
        start = self._numbers[0] if self._numbers else 0
        place = start if number is None else number
        time = self._time(place) - self._time(start) if "centre" in geometry else 0.0
        told, occluded = one.get("attributes", {}), bool(one.get("occluded"))
        known = shapes.plain(frame=place, time=time, attributes=told, occluded=occluded)
        return {**known, **geometry}

    def _track(self, uid: str, frames: list[Doc]) -> Doc:
        """Attributes of the whole object are the track's, others told where they change."""
        static, said = self._static.get(uid, {}), dict[str, str]()
        for one in frames:
            held = one.pop("attributes", {})
            new = {k: v for k, v in held.items() if said.get(k) != v}
            said |= held
            one |= {"attributes": new} if new else {}
        known = self._objects[uid]
        key = self._id(uid, str(known.get("name", "")))
        # What stands outside of frames does not leave.
        last = 0 if uid in self._found[None] else max(self._numbers, default=0)
        more = {k: static[k] for k in ("attributes", "score") if k in static}
        return boxes3d.track(str(known.get("type") or "object"), key, frames, last, **more)

    def _time(self, number: int) -> float:
        found = self._moments.get(number, {}).get("timestamp")
        return float(found) if isinstance(found, (int, float)) else 0.0

    def _fault(self, uid: str, unfit: Unfit) -> None:
        fault = Fault(f"{self._name} object {uid[:50]}", str(unfit))
        if fault not in self.faults[-20:]:
            self.faults.append(fault)
