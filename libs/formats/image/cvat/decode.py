"""Reads CVAT 1.1 XML image by image and track by track, so that memory stays flat for images.

All tracks of a task are one sample: a video's label is one value. In exports of a project subset
and task are part of an image's identity: `images/SUBSET/NAME` is its picture.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.decoding import xml_events
from libs.formats.image import shapes
from libs.formats.image.cvat.shapes import SHAPES, attributes_of, flag, geometry, label_of, tell
from libs.formats.image.cvat.tracks import read_track
from libs.formats.media import SUFFIXES, Pictures
from libs.formats.paths import Files
from libs.formats.records import files
from libs.formats.source import Source

_FILMS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


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
    # Names of tasks by id, and paths of images that more than one of them has.
    tasks: dict[str, str] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    # Tracks by subset and task.
    tracks: dict[tuple[str, str], list[Doc]] = field(default_factory=dict)
    # Of a track that cannot be read nothing may say whose film it is.
    lost: bool = False
    left_out: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def order(self, label: str) -> list[str]:
        wanted: list[str] = self.schema.get("skeleton", {}).get("points", [])
        return wanted or self.points.get(label, [])


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample an image; one a video."""
    names = files(source, ".xml")
    pictures = Pictures(source, schema, lambda: _asked(source, names))
    for name in names:
        file = _File(name, schema, pictures)
        try:
            yield from _images(source, file)
        except Broken as broken:
            yield Fault(name, f"{broken}; images that stand before are read, tracks are not")
            # A film whose other tracks are lost would be one without those objects.
            file.tracks.clear()
        for (subset, task), found in file.tracks.items():
            yield _video(source, file, subset, task, found)
        yield from file.faults


def _asked(source: Source, names: list[str]) -> Iterator[str]:
    for name in names:
        with suppress(Broken):
            for _, element in xml_events(source, name, "image"):
                yield _path(element)


def _path(image: Element) -> str:
    """Subset and name; CVAT calls what is in no subset `default`."""
    subset = image.get("subset", "")
    return posixpath.join("" if subset == "default" else subset, image.get("name", ""))


def _shared(source: Source, name: str) -> set[str]:
    """Paths of images that more than one task of a file has."""
    task_of: dict[str, str] = {}
    shared = set()
    # A file that is cut off is told when it is read.
    with suppress(Broken):
        for _, element in xml_events(source, name, "image"):
            path, task = _path(element), element.get("task_id", "")
            if task_of.setdefault(path, task) != task:
                shared.add(path)
    return shared


def _images(source: Source, file: _File) -> Iterator[Sample | Fault]:
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
            file.shared = _shared(source, file.name) if len(file.tasks) > 1 else set()
        elif element.tag == "image":
            yield _image(element, file)
        elif element.tag == "track":
            _read_track(element, file)
        path[0].clear()


def _read_meta(meta: Element, file: _File) -> None:
    for label in meta.iter("label"):
        if parent := label.findtext("parent", ""):
            file.points.setdefault(parent, []).append(label.findtext("name", ""))
    for task in meta.iter("task"):
        if number := task.findtext("id", "").strip():
            file.tasks[number] = task.findtext("name", "").strip() or number
    file.video = (meta.findtext("source") or meta.findtext(".//source") or "").strip()
    for side in ("width", "height"):
        text = meta.findtext(f".//original_size/{side}", "").strip()
        if text.isdigit():
            file.size[side] = text


def _image(element: Element, file: _File) -> Sample | Fault:
    name = element.get("name", "")
    path = _path(element)
    if path in file.shared:
        task = element.get("task_id", "")
        path = posixpath.join(posixpath.dirname(path), file.tasks.get(task, task), name)
    try:
        found = file.pictures.find(path, file.name)
    except Unfit as unfit:
        return Fault(f"{file.name} image {name[:200]}", str(unfit))
    left_out: list[str] = []
    objects: list[Doc] = []
    partial = False
    classes = [tag.get("label", "") for tag in element.iter("tag")]
    size = {k: element.get(k, "") for k in ("width", "height")}
    for place, shape in enumerate(one for one in element if one.tag != "tag"):
        if shape.tag not in SHAPES:
            left_out.append(f"{shape.tag[:50]}: no shape of ours")
            continue
        try:
            objects.append(_object(shape, size, file, left_out))
        except Unfit as unfit:
            partial = True
            where = f"{file.name} image {name[:200]} {shape.tag} {place + 1}"
            file.faults.append(Fault(where, str(unfit)))
    if file.schema.get("shape") in ("choice", "choices"):
        left_out += ["shapes; the template labels classes"] if objects else []
        value: Doc = {"choices": shapes.plain(classes=classes)}
    else:
        left_out += ["tags of whole images"] if classes else []
        value = shapes.value_of(objects, file.schema, left_out)
    return Sample(
        path if path != name else file.pictures.key(path, found.name),
        value,
        media=found.media("image"),
        group=element.get("subset", ""),
        metadata={k: v for k, v in size.items() if v},
        left_out=tuple(dict.fromkeys(left_out)),
        absent=found.why,
        partial=partial,
    )


def _object(shape: Element, size: dict[str, str], file: _File, left_out: list[str]) -> Doc:
    label = label_of(shape)
    attributes = {"occluded": "true"} if flag(shape, "occluded") else {}
    tell(shape, left_out)
    return shapes.plain(
        **{"class": label},
        attributes={**attributes, **attributes_of(shape)},
        source="MACHINE" if shape.get("source") == "auto" else "",
        **geometry(shape, size, file.order(label)),
    )


def _read_track(track: Element, file: _File) -> None:
    try:
        order = file.order(track.get("label", ""))
        made = read_track(track, file.size, order, file.left_out)
    except Unfit as unfit:
        file.lost = True
        where = f"{file.name} track {track.get('id', '?')[:50]}"
        file.faults.append(Fault(where, str(unfit)))
        return
    subset, task = track.get("subset", ""), track.get("task_id", "")
    file.tracks.setdefault(("" if subset == "default" else subset, task), []).append(made)


def _video(source: Source, file: _File, subset: str, task: str, tracks: list[Doc]) -> Sample:
    """The film of a task, or its frames where the film is not there."""
    folder = posixpath.dirname(file.name)
    own = file.tasks.get(task, task) if len(file.tracks) > 1 else ""
    name = file.video or folder or file.name
    film, why = Files.of(source, _FILMS), ""
    found = film.find(file.video, file.name) if file.video and not own else None
    media = found.media("video") if found else {}
    if not media:
        first = _first_frame(source, posixpath.join(folder, "images"), (subset, own))
        media, why = ({"frames": first} if first else {}), found.why if found else ""
    return Sample(
        posixpath.join(subset, own or name),
        {"tracks": {"tracks": tracks}},
        media=media,
        group=subset,
        metadata=file.size,
        left_out=tuple(dict.fromkeys(file.left_out)),
        absent=why,
        partial=file.lost,
    )


def _first_frame(source: Source, images: str, below: tuple[str, str]) -> str:
    """Of the frames that lie in `images/SUBSET/TASK`, `images/TASK`, `images/SUBSET` or `images`;
    of one task among several those in the folder of another are none."""
    subset, own = below
    folders = [posixpath.join(images, subset, own), posixpath.join(images, own)]
    if not own:
        folders.append(images)
    wanted = {posixpath.normpath(one): place for place, one in enumerate(reversed(folders))}
    found = [n for n in source.ending(*SUFFIXES) if posixpath.dirname(n) in wanted]
    return min(found, key=lambda n: (-wanted[posixpath.dirname(n)], n), default="")
