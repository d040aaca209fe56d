"""CVAT 1.1 XML (docs.cvat.ai, "CVAT format"): images with shapes, or one video with tracks.

One zip a part: `annotations.xml` with an `<image>` a label, `NAME/annotations.xml` a video, and
`images/` where the delivery packs media. Coordinates are pixels. Key frames alone are written:
frames between them follow by interpolation, as CVAT does it itself.

Held as attributes: `occluded` of a shape ("true" where set); `source="auto"` is MACHINE.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import ZipEncoder, spool, xml_text
from libs.formats.image import masks, shapes
from libs.formats.image.cvat.decode import decode
from libs.formats.media import content_of, file_name, picture, references, size_of_reference
from libs.formats.zip_writer import Chain

_UNHELD = ("score", "text", "order", "crowd", "id")
_INPUT = {"choice": "select", "number": "number", "boolean": "checkbox", "text": "text"}


class CvatEncoder(ZipEncoder):
    format = "cvat"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._images = spool()
        self._count = 0
        self._points: list[str] = job.schema.get("skeleton", {}).get("points", [])

    def write(self, row: Doc) -> None:
        if "tracks" in row["value"]:
            self._write_video(row)
        else:
            self._write_image(row)

    def closing(self) -> Iterator[bytes]:
        if self._count:
            head = _head(self.job, "annotation", self._count)
            self._images.write(b"</annotations>\n")
            joined = Chain([io.BytesIO(head), self._images])
            yield from self.zip.put_file("annotations.xml", joined)
        self._images.close()

    def _write_image(self, row: Doc) -> None:
        image = picture(self.job, row)
        root = Element(
            "image",
            id=str(self.job.first_label + self._count),
            name=xml_text(image.file_name),
            width=str(image.width),
            height=str(image.height),
        )
        if "choices" in row["value"]:
            for name in row["value"]["choices"].get("classes", []):
                SubElement(root, "tag", label=xml_text(name), source="manual")
        else:
            for one in shapes.objects_of(row["value"]):
                self._object(row, root, one)
        if self.job.media:
            content = content_of(self.job, row, image.reference)
            self.zip.put(self.unique(f"images/{image.file_name}"), content)
        self._images.write(tostring(root, "utf-8", xml_declaration=False) + b"\n")
        self._count += 1

    def _write_video(self, row: Doc) -> None:
        tracks = row["value"]["tracks"].get("tracks", [])
        name, size = self._video(row)
        root = Element("annotations")
        for number, track in enumerate(tracks):
            self._track(row, root, number, track)
        frames = [f.get("frame", 0) for t in tracks for f in t["frames"]]
        head = _head(self.job, "interpolation", max(frames, default=-1) + 1, name, size)
        body = b"".join(tostring(one, "utf-8", xml_declaration=False) + b"\n" for one in root)
        path = self.unique(f"{posixpath.splitext(name)[0]}/annotations.xml")
        self.zip.put(path, head + body + b"</annotations>\n")

    def _video(self, row: Doc) -> tuple[str, tuple[int, int] | None]:
        """What the video is called, and the size of its frames where they are images."""
        type_ = "frames" if self.job.field("frames") else "video"
        reference = references(self.job, row, type_)[0]
        size = size_of_reference(self.job, row, reference) if type_ == "frames" else None
        # Frames are called like the film they are of, not like a picture.
        named = "" if type_ == "frames" and row["source_key"] else reference
        return file_name(row, named), size

    def _object(self, row: Doc, root: Element, one: Doc) -> None:
        kind, shape = shapes.geometry(one)
        attributes = dict(one.get("attributes", {}))
        occluded = str(int(attributes.pop("occluded", "") == "true"))
        element = self._shape(row, root, kind, shape)
        element.set("label", xml_text(one.get("class", "")))
        element.set("occluded", occluded)
        element.set("source", "auto" if one.get("source") == "MACHINE" else "manual")
        element.set("z_order", "0")
        self._attributes(element, attributes)
        self.objects += 1
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"CVAT has no place for {unheld}")

    def _track(self, row: Doc, root: Element, number: int, track: Doc) -> None:
        label = xml_text(track.get("class", ""))
        source = "auto" if track.get("source") == "MACHINE" else "manual"
        made = SubElement(root, "track", id=str(number), label=label, source=source)
        attributes = dict(track.get("attributes", {}))
        for frame in track["frames"]:
            attributes.update(frame.get("attributes", {}))
            kind, shape = shapes.geometry(frame)
            element = self._shape(row, made, kind, shape)
            for drawn in (element, *element):
                drawn.set("frame", str(frame.get("frame", 0)))
                drawn.set("keyframe", "1")
            element.set("outside", str(int(frame.get("outside", False))))
            element.set("occluded", str(int(frame.get("occluded", False))))
            element.set("z_order", "0")
            self._attributes(element, attributes)
        self.objects += 1
        for unheld in ("score", "id"):
            if unheld in track:
                self.tell(row, f"CVAT has no place for {unheld} of a track")

    def _shape(self, row: Doc, root: Element, kind: str, shape: Doc) -> Element:
        if kind in ("rect", "rotated"):
            return _box(root, kind, shape)
        if kind == "mask":
            return SubElement(root, "mask", masks.to_cvat(shape))
        if kind == "keypoints":
            return self._keypoints(row, root, shape)
        if kind == "polygon":
            return self._polygon(row, root, shape)
        if kind == "quad":
            self.tell(row, "a quad is written as a polygon")
        name = "polyline" if kind == "polyline" else "polygon"
        return SubElement(root, name, points=_points(shape["points"]))

    def _polygon(self, row: Doc, root: Element, shape: Doc) -> Element:
        outer = [ring for ring in shape["rings"] if not ring.get("hole")]
        if not outer:
            raise Unfit("a polygon has no outer ring")
        if len(shape["rings"]) > 1:
            self.tell(row, "of a polygon with holes or parts the first ring alone is written")
        return SubElement(root, "polygon", points=_points(outer[0]["points"]))

    def _keypoints(self, row: Doc, root: Element, shape: Doc) -> Element:
        if "rect" in shape:
            self.tell(row, "CVAT has no place for the box around key points")
        points = shape["points"]
        if len(self._points) == len(points):
            return _skeleton(root, self._points, points)
        seen = [p for p in points if shapes.visibility(p)]
        if len(seen) < len(points) or any(shapes.visibility(p) == 1 for p in seen):
            self.tell(row, "points without a skeleton have no visibility in CVAT")
        flat = shapes.flat((p.get("x", 0.0), p.get("y", 0.0)) for p in seen)
        return SubElement(root, "points", points=_points(flat))

    def _attributes(self, element: Element, attributes: Doc) -> None:
        for name, text in attributes.items():
            attribute = SubElement(element, "attribute", name=xml_text(name))
            attribute.text = xml_text(text)


def _box(root: Element, kind: str, shape: Doc) -> Element:
    x, y, width, height = shapes.xywh(shape)
    if kind == "rotated":
        x, y = x - width / 2, y - height / 2
    corners = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
    element = SubElement(root, "box", {k: f"{v:.12g}" for k, v in corners.items()})
    if shape.get("angle"):
        element.set("rotation", f"{shape['angle'] % 360:.12g}")
    return element


def _skeleton(root: Element, names: list[str], points: list[Doc]) -> Element:
    element = SubElement(root, "skeleton")
    for name, point in zip(names, points, strict=True):
        seen = shapes.visibility(point)
        place = _points([point.get("x", 0.0), point.get("y", 0.0)])
        SubElement(
            element,
            "points",
            label=xml_text(name),
            outside=str(int(seen == 0)),
            occluded=str(int(seen == 1)),
            points=place,
        )
    return element


def _points(flat: list[float]) -> str:
    return ";".join(f"{x:.12g},{y:.12g}" for x, y in shapes.pairs(flat))


def _head(
    job: Job, mode: str, count: int, source: str = "", size: tuple[int, int] | None = None
) -> bytes:
    meta = Element("meta")
    task = SubElement(meta, "task")
    for tag, text in (("name", job.name), ("size", str(count)), ("mode", mode)):
        SubElement(task, tag).text = xml_text(text)
    labels = SubElement(task, "labels")
    for name in job.classes:
        _label(labels, name, job.schema)
    if size is not None:
        sides = SubElement(task, "original_size")
        SubElement(sides, "width").text, SubElement(sides, "height").text = map(str, size)
    if source:
        SubElement(meta, "source").text = xml_text(source)
    head = b'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
    return head + tostring(meta, "utf-8", xml_declaration=False) + b"\n"


def _label(labels: Element, name: str, schema: Doc) -> None:
    label = SubElement(labels, "label")
    SubElement(label, "name").text = xml_text(name)
    skeleton = schema.get("skeleton", {})
    if skeleton.get("points"):
        SubElement(label, "type").text = "skeleton"
        SubElement(label, "svg").text = _drawing(skeleton)
    group = SubElement(label, "attributes")
    for one in schema.get("attributes", []):
        if not one.get("classes") or name in one["classes"]:
            _attribute(group, one)
    for point in skeleton.get("points", []):
        part = SubElement(labels, "label")
        for tag, text in (("name", point), ("type", "points"), ("parent", name)):
            SubElement(part, tag).text = xml_text(text)


def _attribute(group: Element, one: Doc) -> None:
    attribute = SubElement(group, "attribute")
    SubElement(attribute, "name").text = xml_text(one["name"])
    SubElement(attribute, "mutable").text = "True"
    SubElement(attribute, "input_type").text = _INPUT.get(one.get("type", ""), "text")
    SubElement(attribute, "default_value")
    SubElement(attribute, "values").text = xml_text("\n".join(one.get("choices", [])))


def _drawing(skeleton: Doc) -> str:
    """The picture of a skeleton that CVAT reads its edges and points from."""
    drawing = Element("svg")
    edges = skeleton.get("edges", [])
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        line = {"data-type": "edge", "data-node-from": str(a + 1), "data-node-to": str(b + 1)}
        SubElement(drawing, "line", line)
    for number, name in enumerate(skeleton["points"], 1):
        node = {"data-type": "element node", "data-element-id": str(number)}
        node |= {"data-node-id": str(number), "data-label-name": xml_text(name)}
        SubElement(drawing, "circle", {"r": "1", "cx": str(number), "cy": str(number), **node})
    return "".join(tostring(one, "unicode") for one in drawing)


FORMATS = {
    "cvat": Format(
        "cvat",
        "cvat-{:05}.zip",
        frozenset({"boxes", "objects", "tracks", "choices"}),
        CvatEncoder,
        decode,
    )
}
