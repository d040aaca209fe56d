"""Reads CVAT 1.1 XML image by image and track by track, so that memory stays flat for images.

All tracks of a file are one sample: a video's label is one value.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from libs.formats import Broken, Doc, Fault, Sample, Unfit, masks, shapes
from libs.formats.media import Pictures
from libs.formats.reading import number, whole, xml_events
from libs.formats.source import Source

_SHAPES = ("box", "polygon", "polyline", "points", "mask", "skeleton")
_UNHELD = ("ellipse", "cuboid")


@dataclass
class _File:
    """What is known of a file so far."""

    name: str
    schema: Doc
    pictures: Pictures
    video: str = ""
    size: dict[str, str] = field(default_factory=dict)
    # Names of a skeleton's points, by its label.
    points: dict[str, list[str]] = field(default_factory=dict)
    tracks: list[Doc] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def order(self, label: str) -> list[str]:
        wanted: list[str] = self.schema.get("skeleton", {}).get("points", [])
        return wanted or self.points.get(label, [])


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample an image; one a video."""
    names = source.ending(".xml")
    if not names:
        raise Broken("there is no .xml file")
    pictures = Pictures(source, schema)
    for name in names:
        file = _File(name, schema, pictures)
        try:
            yield from _images(source, file)
        except Broken as broken:
            yield Fault(name, f"{broken}; what stands before is read")
        if file.tracks:
            yield _video(file)
        yield from file.faults


def _images(source: Source, file: _File) -> Iterator[Sample]:
    """Samples of the images as they come; tracks gather in `file`."""
    path: list[Element] = []
    for event, element in xml_events(source, file.name):
        if event == "start":
            path.append(element)
            if len(path) == 1 and element.tag != "annotations":
                raise Broken(f"the root is <{element.tag[:50]}>, not <annotations>")
            continue
        path.pop()
        if len(path) != 1:
            continue
        if element.tag == "meta":
            _read_meta(element, file)
        elif element.tag == "image":
            yield _image(element, file)
        elif element.tag == "track":
            _read_track(element, file)
        path[0].clear()


def _read_meta(meta: Element, file: _File) -> None:
    for label in meta.iter("label"):
        if parent := label.findtext("parent", ""):
            file.points.setdefault(parent, []).append(label.findtext("name", ""))
    file.video = (meta.findtext("source") or meta.findtext(".//source") or "").strip()
    for side in ("width", "height"):
        text = meta.findtext(f".//original_size/{side}", "").strip()
        if text.isdigit():
            file.size[side] = text


def _image(element: Element, file: _File) -> Sample:
    name = element.get("name", "")
    left_out: list[str] = []
    objects: list[Doc] = []
    classes = [tag.get("label", "") for tag in element.iter("tag")]
    size = {k: element.get(k, "") for k in ("width", "height")}
    for place, shape in enumerate(one for one in element if one.tag != "tag"):
        if shape.tag in _UNHELD or shape.tag not in _SHAPES:
            left_out.append(f"{shape.tag[:50]}: no shape of ours")
            continue
        try:
            objects.append(_object(shape, size, file, left_out))
        except Unfit as unfit:
            where = f"{file.name} image {name[:200]} {shape.tag} {place + 1}"
            file.faults.append(Fault(where, str(unfit)))
    if file.schema.get("shape") in ("choice", "choices"):
        left_out += ["shapes; the template labels classes"] if objects else []
        value: Doc = {"choices": shapes.plain(classes=classes)}
    else:
        left_out += ["tags of whole images"] if classes else []
        value = shapes.value_of(objects, file.schema, left_out)
    return Sample(
        name,
        value,
        media=file.pictures.media(file.pictures.find(name, file.name)),
        group=element.get("subset", ""),
        metadata={k: v for k, v in size.items() if v},
        left_out=tuple(dict.fromkeys(left_out)),
    )


def _object(shape: Element, size: dict[str, str], file: _File, left_out: list[str]) -> Doc:
    label = _label(shape)
    attributes = {"occluded": "true"} if shape.get("occluded") == "1" else {}
    _tell(shape, left_out)
    return shapes.plain(
        **{"class": label},
        attributes={**attributes, **_attributes(shape)},
        source="MACHINE" if shape.get("source") == "auto" else "",
        **_geometry(shape, size, file.order(label)),
    )


def _read_track(track: Element, file: _File) -> None:
    where = f"{file.name} track {track.get('id', '?')[:50]}"
    try:
        label = _label(track)
        frames = _frames(track, file, label)
    except Unfit as unfit:
        file.faults.append(Fault(where, str(unfit)))
        return
    fixed = _fixed(frames)
    file.tracks.append(
        shapes.plain(
            **{"class": label},
            attributes=fixed,
            source="MACHINE" if track.get("source") == "auto" else "",
            frames=frames,
        )
    )


def _frames(track: Element, file: _File, label: str) -> list[Doc]:
    """Key frames of a track; raises `Unfit`."""
    parts = track.findall("track")
    if parts:
        return _frames_of_parts(track, parts, file.order(label))
    frames: list[Doc] = []
    for shape in track:
        if shape.tag in _UNHELD or shape.tag not in _SHAPES:
            raise Unfit(f"a track of <{shape.tag[:50]}>, which is no shape of ours")
        if shape.get("keyframe", "1") == "1" or not frames:
            _tell(shape, file.left_out)
            geometry = _geometry(shape, file.size, file.order(label))
            frames.append(_frame(shape, geometry))
    if not frames:
        raise Unfit("a track without frames")
    return sorted(frames, key=lambda one: one.get("frame", 0))


def _frames_of_parts(track: Element, parts: list[Element], order: list[str]) -> list[Doc]:
    """A skeleton whose points are tracks of their own: a key frame of any is one of all."""
    order = order or [part.get("label", "") for part in parts]
    by_label: dict[str, dict[int, Element]] = {}
    keys: set[int] = set()
    for part in parts:
        places = {whole(p.get("frame"), "frame"): p for p in part.findall("points")}
        by_label[part.get("label", "")] = places
        keys |= {f for f, p in places.items() if p.get("keyframe", "1") == "1"}
    own = {whole(s.get("frame"), "frame"): s for s in track.findall("skeleton")}
    keys |= {f for f, s in own.items() if s.get("keyframe", "1") == "1"}
    frames = []
    for frame in sorted(keys):
        points = [_point(_at(by_label.get(name, {}), frame)) for name in order]
        made = {"keypoints": {"points": points}}
        frames.append(_frame(_at(own, frame) or Element("skeleton"), made, frame))
    if not frames:
        raise Unfit("a track without key frames")
    return frames


def _at(places: dict[int, Element], frame: int) -> Element | None:
    """The last entry up to a frame."""
    before = [one for one in places if one <= frame]
    return places[max(before)] if before else None


def _frame(shape: Element, geometry: Doc, frame: int | None = None) -> Doc:
    number_ = whole(shape.get("frame"), "frame") if frame is None else frame
    if number_ < 0:
        raise Unfit(f"frame {number_} is below 0")
    return shapes.plain(
        frame=number_,
        outside=shape.get("outside") == "1",
        occluded=shape.get("occluded") == "1",
        attributes=_attributes(shape),
        **geometry,
    )


def _fixed(frames: list[Doc]) -> dict[str, str]:
    """Takes attributes that never change out of the frames, and repetitions of those that do."""
    first = dict(frames[0].get("attributes", {}))
    fixed = {
        name: text
        for name, text in first.items()
        if all(one.get("attributes", {}).get(name, text) == text for one in frames)
    }
    current: dict[str, str] = {}
    for one in frames:
        told = one.pop("attributes", {})
        changed = {k: v for k, v in told.items() if k not in fixed and current.get(k) != v}
        current |= changed
        if changed:
            one["attributes"] = changed
    return fixed


def _video(file: _File) -> Sample:
    folder = posixpath.dirname(file.name)
    return Sample(
        file.video or folder or file.name,
        {"tracks": {"tracks": file.tracks}},
        metadata=file.size,
        left_out=tuple(dict.fromkeys(file.left_out)),
    )


def _geometry(shape: Element, size: dict[str, str], order: list[str]) -> Doc:
    if shape.tag == "box":
        return _box(shape)
    if shape.tag == "mask":
        return {"mask": masks.of_cvat(shape.attrib, size)}
    if shape.tag == "skeleton":
        return {"keypoints": {"points": _skeleton(shape, order)}}
    points = _points(shape.get("points", ""))
    if shape.tag == "polygon":
        return {"polygon": shapes.polygon(points)}
    if shape.tag == "polyline":
        return {"polyline": shapes.polyline(points)}
    if not points:
        raise Unfit("no points")
    return {"keypoints": {"points": [shapes.keypoint(x, y, 2) for x, y in shapes.pairs(points)]}}


def _box(shape: Element) -> Doc:
    left, top, right, low = (number(shape.get(k, ""), k) for k in ("xtl", "ytl", "xbr", "ybr"))
    width, height = shapes.rounded(right - left), shapes.rounded(low - top)
    angle = number(shape.get("rotation") or 0, "rotation")
    if angle:
        x, y = left + width / 2, top + height / 2
        return {"rotated": shapes.rotated(x, y, width, height, angle)}
    return {"rect": shapes.rect(left, top, width, height)}


def _skeleton(shape: Element, order: list[str]) -> list[Doc]:
    by_label = {p.get("label", ""): p for p in shape.findall("points")}
    if not by_label:
        raise Unfit("a skeleton without points")
    return [_point(by_label.get(name)) for name in order or by_label]


def _point(element: Element | None) -> Doc:
    if element is None or element.get("outside") == "1":
        return {}
    points = _points(element.get("points", ""))
    if len(points) != 2:
        raise Unfit(f"a point of a skeleton has {len(points)} coordinates")
    return shapes.keypoint(points[0], points[1], 1 if element.get("occluded") == "1" else 2)


def _points(text: str) -> list[float]:
    """`x,y;x,y` as a flat list."""
    flat: list[float] = []
    for pair in filter(None, (one.strip() for one in text.split(";"))):
        x, found, y = pair.partition(",")
        if not found or "," in y:
            raise Unfit(f"point {pair[:50]!r}: x,y wanted, with decimal points")
        flat += [number(x, "x"), number(y, "y")]
    return flat


def _label(element: Element) -> str:
    label = element.get("label", "")
    if not label:
        raise Unfit("no label; give it a class")
    return label


def _attributes(shape: Element) -> dict[str, str]:
    found = shape.findall("attribute")
    return {one.get("name", ""): one.text or "" for one in found if one.get("name")}


def _tell(shape: Element, left_out: list[str]) -> None:
    if shape.get("z_order", "0") != "0":
        left_out.append("z_order of shapes")
    if shape.get("group_id", "0") != "0":
        left_out.append("group_id of shapes")
