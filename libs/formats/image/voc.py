"""Pascal VOC (VOC2012 development kit): one XML file an image, boxes by their corners in pixels.

One zip a part: `Annotations/a.xml`, `ImageSets/Main/default.txt`, `JPEGImages/a.jpg` where the
delivery packs media. Corners are written as they are, with fractions, counted from 0 as ours.

Held as attributes: `difficult`, `truncated`, `occluded` ("true" where set), `pose`, and each part
of an object as `part.NAME` = "xmin ymin xmax ymax". Others stand in `<attributes>`, as CVAT and
Datumaro write them.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator
from contextlib import suppress
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from libs.formats import Doc, Fault, Format, Job, Sample, Unfit
from libs.formats.decoding import each, mark, number, xml_of
from libs.formats.encoding import ZipEncoder, xml_text
from libs.formats.image import shapes
from libs.formats.media import Picture, Pictures, content_of, picture
from libs.formats.paths import folders_of
from libs.formats.records import files
from libs.formats.source import Source

_FLAGS = ("difficult", "truncated", "occluded")
_PART = "part."
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_UNHELD = ("score", "text", "order", "crowd", "source", "id")


class VocEncoder(ZipEncoder):
    format = "voc"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._images: list[str] = []

    def write(self, row: Doc) -> None:
        objects = shapes.objects_of(row["value"])
        image = picture(self.job, row)
        content = content_of(self.job, row, image.reference) if self.job.media else b""
        root = _head(image)
        for one in objects:
            self._object(row, root, one)
        indent(root)
        stem = posixpath.splitext(image.file_name)[0]
        path = self.unique(f"Annotations/{stem}.xml")
        self.zip.put(path, tostring(root, "utf-8"))
        self._images.append(path.removeprefix("Annotations/").removesuffix(".xml"))
        if self.job.media:
            self.zip.put(f"JPEGImages/{image.file_name}", content)

    def closing(self) -> Iterator[bytes]:
        names = "".join(f"{one}\n" for one in self._images)
        self.zip.put("ImageSets/Main/default.txt", names.encode())
        yield self.zip.take()

    def _object(self, row: Doc, root: Element, one: Doc) -> None:
        kind, shape = shapes.geometry(one)
        if kind != "rect":
            self.tell(row, f"VOC has no place for a {kind}")
            return
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"VOC has no place for {unheld}")
        attributes = dict(one.get("attributes", {}))
        element = SubElement(root, "object")
        _put(element, "name", one.get("class", ""))
        _put(element, "pose", attributes.pop("pose", "Unspecified"))
        for flag in _FLAGS:
            _put(element, flag, str(int(attributes.pop(flag, "") == "true")))
        x, y, width, height = shapes.xywh(shape)
        _put_box(element, [x, y, x + width, y + height])
        for name in [n for n in attributes if n.startswith(_PART)]:
            _put_part(element, name, attributes.pop(name))
        if attributes:
            _put_attributes(element, attributes)
        self.objects += 1


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample a file; the size of the image is not needed."""
    names = files(source, ".xml")
    pictures = Pictures(source, schema, lambda: _asked(source, names))
    faults: list[Fault] = []
    for name in names:
        yield from each([name], lambda one: _sample(source, one, schema, pictures, faults))
        yield from faults
        faults.clear()


def _sample(
    source: Source, name: str, schema: Doc, pictures: Pictures, faults: list[Fault]
) -> Sample:
    root = xml_of(source, name)
    if root.tag != "annotation":
        raise Unfit(f"the root is <{root.tag[:50]}>, not <annotation>: this is not Pascal VOC")
    objects: list[Doc] = []
    left_out: list[str] = []
    for place, element in enumerate(root.iter("object"), 1):
        try:
            objects.append(_read(element, schema, left_out))
        except Unfit as unfit:
            faults.append(Fault(f"{name} object {place}", str(unfit)))
    if root.findtext("segmented", "0").strip() == "1":
        left_out.append("pixels of SegmentationClass and SegmentationObject")
    image = root.findtext("filename", "").strip()
    key = _key(name, image)
    found = pictures.find(_path(name, image), name)
    value = shapes.value_of(objects, schema, left_out)
    sides = {k: root.findtext(f"size/{k}", "").strip() for k in ("width", "height")}
    return Sample(
        pictures.key(key, found.name),
        value,
        media=found.media("image"),
        metadata={k: v for k, v in sides.items() if v.isdigit() and v != "0"},
        left_out=tuple(dict.fromkeys(left_out)),
        absent=found.why,
        partial=bool(faults),
    )


def _asked(source: Source, names: list[str]) -> Iterator[str]:
    for name in names:
        with suppress(Unfit):
            yield _path(name, xml_of(source, name).findtext("filename", "").strip())


def _read(element: Element, schema: Doc, left_out: list[str]) -> Doc:
    name = element.findtext("name", "").strip()
    if not name:
        raise Unfit("no <name>")
    attributes: dict[str, str] = {}
    for flag in _FLAGS:
        if mark(element.findtext(flag, "").strip() or 0, flag):
            attributes[flag] = "true"
    pose = element.findtext("pose", "").strip()
    if pose not in ("", "Unspecified"):
        attributes["pose"] = pose
    for one in element.iter("attribute"):
        attributes[one.findtext("name", "").strip()] = one.findtext("value", "").strip()
    for part in element.iter("part"):
        _read_part(part, attributes)
    attributes.pop("", None)
    for tag in ("polygon", "actions", "point"):
        if element.find(tag) is not None and len(element.find(tag) or ()):
            left_out.append(f"<{tag}> of an object")
    geometry = _geometry(element, attributes, schema)
    return shapes.plain(**{"class": name}, attributes=attributes, **geometry)


def _geometry(element: Element, attributes: Doc, schema: Doc) -> Doc:
    """A box; turned by CVAT's and Datumaro's attribute `rotation`, or as roLabelImg writes it."""
    turned = element.find("robndbox")
    if turned is not None:
        x, y, width, height, angle = (
            number((turned.findtext(k) or "").strip(), k) for k in ("cx", "cy", "w", "h", "angle")
        )
        return {"rotated": shapes.rotated(x, y, width, height, math.degrees(angle))}
    box = element.find("bndbox")
    if box is None:
        raise Unfit("no <bndbox>")
    xmin, ymin, xmax, ymax = _corners(box)
    made = shapes.rect(xmin, ymin, shapes.rounded(xmax - xmin), shapes.rounded(ymax - ymin))
    return shapes.turned(made, attributes, schema)


def _read_part(part: Element, attributes: dict[str, str]) -> None:
    box = part.find("bndbox")
    if box is None:
        raise Unfit("a <part> without <bndbox>")
    name = key = f"{_PART}{part.findtext('name', '').strip()}"
    count = 1
    while key in attributes:
        count += 1
        key = f"{name}.{count}"
    attributes[key] = " ".join(f"{one:.12g}" for one in _corners(box))


def _corners(box: Element) -> list[float]:
    return [number((box.findtext(k) or "").strip(), k) for k in _CORNERS]


def _key(name: str, image: str) -> str:
    """Folders as below `Annotations/`, the file name as the XML says it."""
    folders = posixpath.dirname(name).split("/")
    last = max((i for i, one in enumerate(folders) if _is_layout(one)), default=-1)
    base = posixpath.basename(image.replace("\\", "/")) or posixpath.basename(name)
    return posixpath.join(*folders[last + 1 :], base)


def _is_layout(folder: str) -> bool:
    return folder.lower().startswith("annotations")


def _path(name: str, image: str) -> str:
    """Where the image of a file should be: as the XML says, or in folders of the XML's name."""
    image = image.replace("\\", "/") or posixpath.splitext(posixpath.basename(name))[0]
    return image if "/" in image else posixpath.join(folders_of(name), image)


def _head(image: Picture) -> Element:
    root = Element("annotation")
    _put(root, "folder", posixpath.dirname(image.file_name))
    _put(root, "filename", posixpath.basename(image.file_name))
    size = SubElement(root, "size")
    for tag, side in (("width", image.width), ("height", image.height), ("depth", 3)):
        _put(size, tag, str(side))
    _put(root, "segmented", "0")
    return root


def _put(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = xml_text(text)


def _put_box(parent: Element, corners: list[float]) -> None:
    box = SubElement(parent, "bndbox")
    for tag, value in zip(_CORNERS, corners, strict=True):
        _put(box, tag, f"{value:.12g}")


def _put_part(parent: Element, name: str, text: str) -> None:
    corners = [number(one, name) for one in text.split()]
    if len(corners) != 4:
        raise Unfit(f"attribute {name}: four numbers wanted")
    part = SubElement(parent, "part")
    base, _, count = name.removeprefix(_PART).rpartition(".")
    _put(part, "name", base if base and count.isdigit() else name.removeprefix(_PART))
    _put_box(part, corners)


def _put_attributes(parent: Element, attributes: dict[str, str]) -> None:
    group = SubElement(parent, "attributes")
    for name, text in attributes.items():
        attribute = SubElement(group, "attribute")
        _put(attribute, "name", name)
        _put(attribute, "value", text)


FORMATS = {
    "voc": Format("voc", "voc-{:05}.zip", frozenset({"boxes", "objects"}), VocEncoder, decode)
}
