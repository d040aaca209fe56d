"""GeoJSON (RFC 7946) of ground maps: lines and areas with holes, in metres of a named frame.

One zip a part: of each label a FeatureCollection. RFC 7946 knows degrees of WGS84 only, other
coordinates "where all involved parties have a prior arrangement" (section 4): the foreign member
`coordinate_frame` says which frame's metres these are, and files without it are refused. Outer
rings run anticlockwise, holes clockwise, and the last place is the first again (section 3.1.6).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

import numpy as np
import orjson

from libs.formats import Broken, Doc, Fault, Format, Sample, Unfit
from libs.formats.decoding import formed, json_of, mapping, number
from libs.formats.encoding import ZipEncoder, entry_name
from libs.formats.image import shapes
from libs.formats.source import Source
from libs.sensor import boxes

_FRAME = "coordinate_frame"
Place = list[float]


class GeojsonEncoder(ZipEncoder):
    format = "geojson"

    def write(self, row: Doc) -> None:
        value = row["value"].get("map")
        if value is None:
            raise Unfit("GeoJSON holds maps")
        features = [self._feature(row, one) for one in value.get("elements", [])]
        doc = {
            "type": "FeatureCollection",
            _FRAME: {"name": value.get("frame", ""), "unit": "metre"},
            "features": features,
        }
        key = entry_name(row["source_key"]) or row["item"].rsplit("/", 1)[-1]
        name = self.unique(f"{posixpath.splitext(key)[0]}.geojson")
        self.zip.put(name, orjson.dumps(doc))
        self.objects += len(features)

    def _feature(self, row: Doc, one: Doc) -> Doc:
        if "source" in one:
            self.tell(row, "GeoJSON has no place for source")
        if "line" in one:
            shape = {"type": "LineString", "coordinates": _places(one["line"]["points"])}
        else:
            if "box" in one:
                self.tell(row, "a box is written as an area")
            shape = {"type": "Polygon", "coordinates": rings(one)}
        kept = {k: one[k] for k in ("class", "score", "attributes") if k in one}
        made = {"type": "Feature", "properties": kept, "geometry": shape}
        return made | ({"id": one["id"]} if "id" in one else {})


def _places(points: list[float]) -> list[Place]:
    return [points[i : i + 3] for i in range(0, len(points), 3)]


def rings(one: Doc, turned: bool = True) -> list[list[Place]]:
    """Closed rings of an area or box: the outer one, anticlockwise if `turned`, then holes,
    clockwise."""
    if "box" in one:
        box = one["box"]
        sides = [box.get("x", 0.0), box.get("y", 0.0), 0.0, box["length"], box["width"], 1.0]
        around = boxes.corners(np.array([[*sides, box.get("yaw", 0.0)]]))[0]
        flat = np.unique(np.round(around[:, :2], 9), axis=0)
        turn = flat - flat.mean(axis=0)
        flat = flat[np.argsort(np.arctan2(turn[:, 1], turn[:, 0]))]
        return [_ring([[x, y, 0.0] for x, y in flat.tolist()], False, turned)]
    area = one["area"]
    holes = [_ring(_places(hole["points"]), True, turned) for hole in area.get("holes", [])]
    return [_ring(_places(area["points"]), False, turned), *holes]


def _ring(places: list[Place], hole: bool, turned: bool) -> list[Place]:
    """Closed, and, if `turned`, turning as RFC 7946 has it; seen from above."""
    if not turned:
        return [*places, places[0]]
    ends = zip(places, places[1:] + places[:1], strict=True)
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in ends)
    right = places[::-1] if (twice > 0) == hole else places
    return [*right, right[0]]


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample a file; a feature that cannot be read is a fault, and the rest goes on."""
    names = source.ending(".geojson", ".json")
    if not names:
        raise Broken("there is no .geojson file")
    for name in names:
        faults: list[Fault] = []
        try:
            sample = _sample(source, name, faults)
        except Unfit as unfit:
            yield Fault(name, str(unfit))
            continue
        yield from faults
        yield sample


@formed
def _sample(source: Source, name: str, faults: list[Fault]) -> Sample:
    doc = mapping(json_of(source, name), "the file")
    if doc.get("type") != "FeatureCollection" or not isinstance(doc.get("features"), list):
        raise Unfit("no FeatureCollection: this is not GeoJSON of a map")
    frame = doc.get(_FRAME)
    if not isinstance(frame, dict) or frame.get("unit") != "metre":
        raise Unfit(
            f"degrees of WGS84; turn them into metres of the item's frame and say so: "
            f'"{_FRAME}": {{"name": "ego", "unit": "metre"}}'
        )
    left_out: list[str] = []
    elements: list[Doc] = []
    for place, feature in enumerate(doc["features"], 1):
        try:
            elements += _elements(feature, left_out)
        except Unfit as unfit:
            faults.append(Fault(f"{name} feature {place}", str(unfit)))
    value = shapes.plain(frame=str(frame.get("name") or ""), elements=elements)
    told = tuple(dict.fromkeys(left_out))
    return Sample(name, {"map": value}, left_out=told, partial=bool(faults))


@formed
def _elements(feature: object, left_out: list[str]) -> list[Doc]:
    doc = mapping(feature, "a feature")
    shape = mapping(doc.get("geometry"), "geometry")
    kept = mapping(doc.get("properties") or {}, "properties")
    name = kept.get("class")
    if not isinstance(name, str) or not name:
        raise Unfit("properties.class: the name of a class wanted")
    left_out += [f"property {k[:100]}" for k in kept.keys() - {"class", "score", "attributes"}]
    attributes = shapes.texts(kept.get("attributes"), left_out)
    score = number(kept.get("score", 0), "properties.score")
    base = shapes.plain(**{"class": name}, score=score, attributes=attributes)
    found = _geometries(shape)
    if not found:
        left_out.append(f"geometry {str(shape.get('type'))[:50]}")
    if len(found) == 1 and doc.get("id") not in (None, ""):
        base["id"] = str(doc["id"])
    elif len(found) > 1 and "id" in doc:
        left_out.append("ids of features of several parts")
    return [{**base, **one} for one in found]


def _geometries(shape: Doc) -> list[Doc]:
    kind, held = str(shape.get("type")), shape.get("coordinates", [])
    parts = held if kind.startswith("Multi") else [held]
    if kind.endswith("LineString"):
        return [{"line": {"points": _numbers(one, 2)}} for one in parts]
    if kind.endswith("Polygon"):
        return [{"area": _area(rings)} for rings in parts]
    return []


def _area(rings: list[list[Place]]) -> Doc:
    if not rings:
        raise Unfit("coordinates: a polygon without a ring")
    if any(len(ring) < 4 or ring[0] != ring[-1] for ring in rings):
        raise Unfit("coordinates: a ring has four places or more, and the last is the first")
    outer, *holes = (_numbers(ring[:-1], 3) for ring in rings)
    return shapes.plain(points=outer, holes=[{"points": hole} for hole in holes])


def _numbers(places: list[Place], least: int) -> list[float]:
    if not isinstance(places, list) or len(places) < least:
        raise Unfit(f"coordinates: {least} places or more wanted")
    made: list[float] = []
    for place in places:
        if not isinstance(place, list) or len(place) not in (2, 3):
            raise Unfit("coordinates: a place is two or three numbers")
        made += [number(one, "coordinates") for one in [*place, 0.0][:3]]
    return made


FORMATS = {
    "geojson": Format("geojson", "geojson-{:05}.zip", frozenset({"map"}), GeojsonEncoder, decode)
}
