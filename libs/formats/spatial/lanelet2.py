"""Lanelet2 maps (Poggenhans et al. 2018; github.com/fzi-forschungszentrum-informatik/Lanelet2,
"Lanelet2 primitives"): OSM XML of nodes, ways and relations.

One zip a part: of each label an `.osm` with its lines as ways and its areas as relations of type
`multipolygon`. A way's `type` is Lanelet2's own where the class has one; `class`, `label_id`,
`score` and `attribute:NAME` are tags beside it. Metres are `local_x`, `local_y` and `ele` of the
nodes; latitude and longitude, which OSM wants, are about 0, 0, as a label has no place on Earth.

Read are files of others, too: without `local_x` degrees become metres about the first node (on
the ellipsoid WGS84, east and north; `metadata` says where). Lanelets and regulatory elements are
left out and counted: their bounds are lines. A way that says `area=yes` is an area.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import quoteattr

from libs.formats import Broken, Doc, Fault, Format, Sample, Unfit
from libs.formats.decoding import formed, number, xml_events
from libs.formats.encoding import ZipEncoder, entry_name, xml_text
from libs.formats.image import shapes
from libs.formats.source import Source
from libs.formats.spatial.geojson import rings

# Class -> Lanelet2's type; others are their own.
TYPES = {
    "lane divider": "line_thin",
    "road boundary": "road_border",
    "curb": "curbstone",
    "stop line": "stop_line",
    "crossing": "crosswalk",
    "guard rail": "guard_rail",
    "wall": "wall",
    "fence": "fence",
}
_ATTRIBUTE = "attribute:"
_OWN = frozenset({"class", "label_id", "score", "area"})
# WGS84: half of the equator's diameter, metres, and the square of the eccentricity.
_A, _E2 = 6_378_137.0, 6.694_379_990_141_33e-3
Place = tuple[float, float, float]
Tags = dict[str, str]


class Lanelet2Encoder(ZipEncoder):
    format = "lanelet2"

    def write(self, row: Doc) -> None:
        value = row["value"].get("map")
        if value is None:
            raise Unfit("Lanelet2 holds maps")
        drawn = _Drawn(value.get("frame", ""))
        for one in value.get("elements", []):
            if "source" in one:
                self.tell(row, "Lanelet2 has no place for source")
            if "box" in one:
                self.tell(row, "a box is written as an area")
            drawn.add(one)
        key = entry_name(row["source_key"]) or row["item"].rsplit("/", 1)[-1]
        name = self.unique(f"{posixpath.splitext(key)[0]}.osm")
        self.zip.put(name, drawn.text().encode())
        self.objects += len(value.get("elements", []))


class _Drawn:
    """The parts of a file, in the order OSM has them."""

    def __init__(self, frame: str) -> None:
        self._frame, self._last = frame, 0
        self._nodes: list[str] = []
        self._ways: list[str] = []
        self._relations: list[str] = []

    def add(self, one: Doc) -> None:
        tags = _tags(one)
        if "line" in one:
            self._way(_triples(one["line"]["points"]), tags)
            return
        members = [(self._way(ring, {}), role) for ring, role in _rings(one)]
        tags = {**tags, "type": "multipolygon", "subtype": tags["type"]}
        refs = "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members)
        self._relations.append(f'<relation id="{self._next()}">{refs}{_tagged(tags)}</relation>')

    def _way(self, places: list[Place], tags: Tags) -> int:
        closed = len(places) > 2 and places[0] == places[-1]
        refs = [self._node(place) for place in (places[:-1] if closed else places)]
        refs += refs[:1] if closed else []
        number_ = self._next()
        nodes = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        self._ways.append(f'<way id="{number_}">{nodes}{_tagged(tags)}</way>')
        return number_

    def _node(self, place: Place) -> int:
        x, y, z = place
        number_ = self._next()
        # About 0, 0 a degree is as long as this.
        lat, lon = math.degrees(y / (_A * (1 - _E2))), math.degrees(x / _A)
        tags = {"local_x": repr(x), "local_y": repr(y), "ele": repr(z)}
        head = f'<node id="{number_}" lat="{lat:.11f}" lon="{lon:.11f}">'
        self._nodes.append(f"{head}{_tagged(tags)}</node>")
        return number_

    def _next(self) -> int:
        self._last += 1
        return self._last

    def text(self) -> str:
        head = f'<osm version="0.6" generator="labelmill" frame={quoteattr(self._frame)}>'
        body = "\n".join([*self._nodes, *self._ways, *self._relations])
        return f"<?xml version='1.0' encoding='UTF-8'?>\n{head}\n{body}\n</osm>\n"


def _tags(one: Doc) -> Tags:
    name = one.get("class", "")
    tags = {"type": TYPES.get(name, name), "class": name}
    tags |= {"label_id": one["id"]} if "id" in one else {}
    tags |= {"score": repr(one["score"])} if one.get("score") else {}
    return tags | {f"{_ATTRIBUTE}{k}": v for k, v in one.get("attributes", {}).items()}


def _tagged(tags: Tags) -> str:
    return "".join(
        f"<tag k={quoteattr(xml_text(k))} v={quoteattr(xml_text(v))}/>" for k, v in tags.items()
    )


def _triples(points: list[float]) -> list[Place]:
    return [(points[i], points[i + 1], points[i + 2]) for i in range(0, len(points), 3)]


def _rings(one: Doc) -> Iterator[tuple[list[Place], str]]:
    for place, ring in enumerate(rings(one, turned=False)):
        yield [(x, y, z) for x, y, z in ring], "inner" if place else "outer"


# -- reading -----------------------------------------------------------------------------------


class _Read:
    """Nodes, ways and relations of one file."""

    def __init__(self) -> None:
        self.frame = ""
        self.nodes: dict[str, tuple[float, float, Tags]] = {}
        self.ways: dict[str, tuple[list[str], Tags]] = {}
        self.relations: list[tuple[str, list[tuple[str, str, str]], Tags]] = []
        self.faults: list[tuple[str, str]] = []

    def take(self, element: Any) -> None:
        try:
            self._take(element)
        except Unfit as unfit:
            self.faults.append((f"{element.tag} {str(element.get('id'))[:50]}", str(unfit)))

    @formed
    def _take(self, element: Any) -> None:
        key = element.get("id", "")
        tags = {t.get("k", ""): t.get("v", "") for t in element.findall("tag")}
        if element.tag == "node":
            lat, lon = _number(element, "lat"), _number(element, "lon")
            self.nodes[key] = (lat, lon, tags)
        elif element.tag == "way":
            self.ways[key] = ([nd.get("ref", "") for nd in element.findall("nd")], tags)
        elif element.tag == "relation":
            found = element.findall("member")
            members = [(m.get("type", ""), m.get("ref", ""), m.get("role", "")) for m in found]
            self.relations.append((key, members, tags))


def _number(element: Any, name: str) -> float:
    text = element.get(name, "")
    try:
        return number(float(text), name)
    except ValueError as error:
        hint = "; write decimals with a point" if "," in text else ""
        raise Unfit(f"{name}: {text[:50]!r} is no number{hint}") from error


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample a file; what refers to what is not there is a fault, and the rest goes on."""
    names = source.ending(".osm")
    if not names:
        raise Broken("there is no .osm file")
    for name in names:
        try:
            read = _file(source, name)
            sample, faults = _sample(name, read)
        except (Unfit, Broken) as error:
            yield Fault(name, str(error))
            continue
        yield from (Fault(f"{name} {where}", reason) for where, reason in faults)
        yield sample


def _file(source: Source, name: str) -> _Read:
    read, depth = _Read(), 0
    for event, element in xml_events(source, name):
        depth += 1 if event == "start" else -1
        if event == "start" and depth == 1:
            if element.tag != "osm":
                raise Unfit(f"no OSM file: it begins with <{str(element.tag)[:50]}>")
            read.frame = element.get("frame", "")
        elif event == "end" and depth == 1:
            read.take(element)
            element.clear()
    return read


def _sample(name: str, read: _Read) -> tuple[Sample, list[tuple[str, str]]]:
    places, origin = _places(read)
    left_out: dict[str, int] = {}
    elements: list[tuple[int, Doc]] = []
    used: set[str] = set()
    for key, members, tags in read.relations:
        kind = tags.get("type", "")
        if kind != "multipolygon":
            what = f"relations of type {kind[:50] or 'none'}"
            left_out[what] = left_out.get(what, 0) + 1
            continue
        used |= {ref for type_, ref, _ in members if type_ == "way"}
        try:
            elements.append((_order(key), _area(members, tags, read, places)))
        except Unfit as unfit:
            read.faults.append((f"relation {key[:50]}", str(unfit)))
    for key, (refs, tags) in read.ways.items():
        if key in used:
            continue
        if not _class(tags):
            left_out["ways without a type"] = left_out.get("ways without a type", 0) + 1
            continue
        try:
            elements.append((_order(key), {**_said(tags), **_drawn_as(refs, tags, places)}))
        except Unfit as unfit:
            read.faults.append((f"way {key[:50]}", str(unfit)))
    # Ways come before relations in a file; ids rise as elements were drawn.
    drawn = [one for _, one in sorted(elements, key=lambda pair: pair[0])]
    value = shapes.plain(frame=read.frame, elements=drawn)
    told = tuple(f"{what}: {count}" for what, count in left_out.items())
    metadata = {} if origin is None else {"latitude": repr(origin[0]), "longitude": repr(origin[1])}
    partial = bool(read.faults)
    made = Sample(name, {"map": value}, metadata=metadata, left_out=told, partial=partial)
    return made, read.faults


def _drawn_as(refs: list[str], tags: Tags, places: dict[str, Place]) -> Doc:
    """A way is a line, or a polygon where it says `area=yes`."""
    path = _path(refs, places)
    if tags.get("area") not in ("yes", "true", "1"):
        return {"line": {"points": [v for place in path for v in place]}}
    ring = path[:-1] if path[0] == path[-1] else path
    if len(ring) < 3:
        raise Unfit("its area has fewer than three corners")
    return {"area": {"points": [v for place in ring for v in place]}}


def _order(key: str) -> int:
    return int(key) if key.removeprefix("-").isascii() and key.removeprefix("-").isdigit() else 0


def _places(read: _Read) -> tuple[dict[str, Place], tuple[float, float] | None]:
    """(metres by node, where on Earth 0, 0 is; None where the file says metres)."""
    if read.nodes and all("local_x" in tags for _, _, tags in read.nodes.values()):
        return {key: _local(tags) for key, (_, _, tags) in read.nodes.items()}, None
    origin = next(((lat, lon) for lat, lon, _ in read.nodes.values()), (0.0, 0.0))
    sine = math.sin(math.radians(origin[0]))
    across = _A / math.sqrt(1 - _E2 * sine**2)
    along = across * (1 - _E2) / (1 - _E2 * sine**2)
    east = across * math.cos(math.radians(origin[0]))
    made = {
        key: (
            math.radians(lon - origin[1]) * east,
            math.radians(lat - origin[0]) * along,
            _float(tags.get("ele", "0")),
        )
        for key, (lat, lon, tags) in read.nodes.items()
    }
    return made, origin


def _local(tags: Tags) -> Place:
    return _float(tags["local_x"]), _float(tags.get("local_y", "0")), _float(tags.get("ele", "0"))


def _float(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _path(refs: list[str], places: dict[str, Place]) -> list[Place]:
    lost = [ref for ref in refs if ref not in places]
    if lost:
        raise Unfit(f"node {lost[0][:50]} is not in the file")
    path = [places[ref] for ref in refs]
    if len(path) < 2:
        raise Unfit("has fewer than two nodes")
    if any(math.isnan(v) for place in path for v in place):
        raise Unfit("a node's local_x, local_y or ele is no number")
    return path


def _area(
    members: list[tuple[str, str, str]], tags: Tags, read: _Read, places: dict[str, Place]
) -> Doc:
    rings_: dict[str, list[list[Place]]] = {"outer": [], "inner": []}
    for type_, ref, role in members:
        if type_ != "way":
            continue
        if ref not in read.ways:
            raise Unfit(f"way {ref[:50]} is not in the file")
        rings_.setdefault(role or "outer", []).append(_path(read.ways[ref][0], places))
    outer = _joined(rings_["outer"])
    if len(outer) < 3:
        raise Unfit("its outer ring has fewer than three corners")
    area: Doc = {"points": [v for place in outer for v in place]}
    holes = [ring[:-1] if ring[0] == ring[-1] else ring for ring in rings_["inner"]]
    if any(len(ring) < 3 for ring in holes):
        raise Unfit("one of its inner rings has fewer than three corners")
    if holes:
        area["holes"] = [{"points": [v for place in ring for v in place]} for ring in holes]
    named = {**tags, "type": tags.get("subtype", "")}
    named.pop("subtype", None)
    return {**_said(named), "area": area}


def _joined(paths: list[list[Place]]) -> list[Place]:
    """Ways end to end, without the last corner, which is the first again."""
    if not paths:
        return []
    ring, rest = list(paths[0]), [list(path) for path in paths[1:]]
    while rest:
        following = next((p for p in rest if ring[-1] in (p[0], p[-1])), None)
        if following is None:
            raise Unfit("its outer ways do not meet")
        rest.remove(following)
        ring += following[1:] if following[0] == ring[-1] else following[-2::-1]
    return ring[:-1] if ring[0] == ring[-1] else ring


def _class(tags: Tags) -> str:
    return tags.get("class") or tags.get("type", "")


def _said(tags: Tags) -> Doc:
    """Class, id, score and attributes of tags; those of others are attributes as they are."""
    own = "class" in tags
    attributes = {
        k.removeprefix(_ATTRIBUTE): v
        for k, v in tags.items()
        if k.startswith(_ATTRIBUTE) or (k not in _OWN and k != "type" and not own)
    }
    score = _float(tags.get("score", "0"))
    doc = shapes.plain(
        **{"class": _class(tags)},
        id=tags.get("label_id", ""),
        attributes=attributes,
        score=0.0 if math.isnan(score) else score,
    )
    if not doc.get("class"):
        raise Unfit("has no class, type or subtype")
    return doc


FORMATS = {
    "lanelet2": Format(
        "lanelet2", "lanelet2-{:05}.zip", frozenset({"map"}), Lanelet2Encoder, decode
    )
}
