"""MOTChallenge text files (motchallenge.net, MOT16/17): one row a box and frame.

One zip a part: of each video `NAME/gt/gt.txt` with `frame,id,left,top,width,height,flag,class,
visibility`, `NAME/gt/labels.txt` with the classes in order, and `NAME/seqinfo.ini`. Frames, ids,
classes and pixels are counted from 1 there; ours are from 0, so that `left` is our x + 1.

Others write -1 for a class, a visibility or a flag that they do not know, ten cells a row with the
place in the world where class and visibility would be (MOT15, results of trackers), and frames
from 0: where a row, or the first picture, is numbered 0, all frames of the sequence are.

`visibility` is an attribute of a key frame where it is not 1. Between key frames boxes are
interpolated; after the last one an object is written to the end of the frames, where it did not go
outside. Rows with flag 0 are to be ignored and are left out on reading.
"""

from __future__ import annotations

import configparser
import io
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from libs.formats import Broken, Doc, Fault, Format, Sample, Unfit
from libs.formats.classes import names_of
from libs.formats.decoding import number, whole
from libs.formats.encoding import ZipEncoder
from libs.formats.image import shapes
from libs.formats.media import SUFFIXES, file_name, references, size_of_reference
from libs.formats.records import files, split
from libs.formats.source import Source, Unreadable
from libs.sensor import tracks

# Classes 1 to 12 of MOT16 and MOT17, where a source has no labels.txt.
CLASSES = (
    *("pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle"),
    *("static person", "distractor", "occluder", "occluder on the ground", "occluder full"),
    "reflection",
)
_IMAGES = "img1/"
_UNKNOWN = -1
_LEAST_CELLS = 6
# Cells of a row that ends with a place in the world.
_WITH_WORLD = 10
_ZERO = re.compile(r"0+(\.0+)?")


class MotEncoder(ZipEncoder):
    format = "mot"

    def write(self, row: Doc) -> None:
        if "tracks" not in row["value"]:
            raise Unfit("the label has no tracks")
        type_ = "frames" if self.job.field("frames") else "video"
        files = references(self.job, row, type_)
        size = size_of_reference(self.job, row, files[0]) if type_ == "frames" else None
        count = len(files) if type_ == "frames" else 0
        rows: list[tuple[int, str]] = []
        for place, track in enumerate(row["value"]["tracks"].get("tracks", []), 1):
            rows += self._track(row, place, track, count)
        rows.sort(key=lambda one: one[0])
        stem = posixpath.splitext(file_name(row, files[0]))[0]
        name = self.unique(stem)
        self.zip.put(f"{name}/gt/gt.txt", "".join(line for _, line in rows).encode())
        labels = "".join(f"{one}\n" for one in self.job.classes)
        self.zip.put(f"{name}/gt/labels.txt", labels.encode())
        length = count or max((frame for frame, _ in rows), default=0)
        self.zip.put(f"{name}/seqinfo.ini", _seqinfo(name, length, size).encode())

    def _track(self, row: Doc, place: int, track: Doc, count: int) -> list[tuple[int, str]]:
        label = self.class_index(track.get("class", "")) + 1
        for unheld in ("attributes", "score", "source"):
            if unheld in track:
                self.tell(row, f"MOT has no place for {unheld} of a track")
        key = track.get("id", "")
        identity = int(key) if key.isdigit() and key == str(int(key)) else place
        if key and str(identity) != key:
            self.tell(row, "ids of tracks that are no whole numbers are numbered anew")
        lines = []
        for frame, box, visible in self._boxes(row, track["frames"], count):
            x, y, width, height = box
            places = f"{x + 1:.12g},{y + 1:.12g},{width:.12g},{height:.12g}"
            lines.append((frame, f"{frame + 1},{identity},{places},1,{label},{visible}\n"))
        self.objects += 1
        return lines

    def _boxes(
        self, row: Doc, frames: list[Doc], count: int
    ) -> Iterator[tuple[int, tuple[float, ...], str]]:
        """Frame, box and visibility of every frame the object is in."""
        visible, kinds = dict[int, str](), set[str]()
        for one in frames:
            attributes = one.get("attributes", {})
            before = next(reversed(visible.values()), "1")
            visible[tracks.number(one)] = attributes.get("visibility", before)
            if one.get("occluded") or set(attributes) - {"visibility"}:
                self.tell(row, "MOT has no place for attributes of key frames but visibility")
            kinds.add(shapes.geometry(one)[0])
        said = "1"
        for frame, geometry in tracks.visible(frames, count):
            said = visible.get(frame, said)
            if "rect" in geometry:
                yield frame, _places(geometry["rect"]), said
        for kind in sorted(kinds - {"rect"}):
            self.tell(row, f"MOT has no place for a {kind}")


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """One sample a sequence: a folder with `gt/gt.txt`, or a text file of its own."""
    names = [n for n in files(source, ".txt") if posixpath.basename(n) != "labels.txt"]
    names = [n for n in names if posixpath.basename(n) == "gt.txt"] or names
    if not names:
        raise Broken("there is no gt.txt")
    for name in names:
        try:
            yield from _sequence(source, name, schema)
        except (Unfit, Unreadable) as error:
            yield Fault(name, str(error))


def _sequence(source: Source, name: str, schema: Doc) -> Iterator[Sample | Fault]:
    folder = posixpath.dirname(posixpath.dirname(name))
    classes = _classes(source, posixpath.dirname(name), schema)
    info = _info(source, posixpath.join(folder, "seqinfo.ini"))
    left_out: Counter[str] = Counter()
    found: dict[str, dict[int, Doc]] = {}
    names: dict[str, str] = {}
    lines = {i: one for i, one in enumerate(split(source.text(name)), 1) if one.strip()}
    images = posixpath.join(folder, _IMAGES)
    pictures = [n for n in source.ending(*SUFFIXES) if n.startswith(images)]
    base = 0 if _from_zero(lines.values(), pictures) else 1
    partial = False
    for place, line in lines.items():
        try:
            _read(line, base, classes, found, names, left_out)
        except Unfit as unfit:
            partial = True
            yield Fault(f"{name} line {place}", str(unfit))
    length = int(info["seqlength"]) if info.get("seqlength", "").isdigit() else 0
    made = [_track(key, names[key], frames, length) for key, frames in found.items()]
    first = next(iter(pictures), "")
    sides = {"width": info.get("imwidth", ""), "height": info.get("imheight", "")}
    yield Sample(
        folder or info.get("name", "") or posixpath.splitext(name)[0],
        {"tracks": shapes.plain(tracks=made)},
        media={"frames": first} if first else {},
        metadata={k: v for k, v in {**sides, "frames": str(length or "")}.items() if v},
        left_out=tuple(f"{reason}: {count} rows" for reason, count in left_out.items()),
        partial=partial,
    )


def _from_zero(lines: Iterable[str], pictures: list[str]) -> bool:
    """Are frames numbered from 0, as a row or the first picture says?"""
    firsts = (line.partition(",")[0].strip() for line in lines)
    if any(_ZERO.fullmatch(one) for one in firsts):
        return True
    return bool(pictures) and bool(
        _ZERO.fullmatch(posixpath.splitext(posixpath.basename(pictures[0]))[0])
    )


def _read(
    line: str,
    base: int,
    classes: list[str],
    tracks: dict[str, dict[int, Doc]],
    names: dict[str, str],
    left_out: Counter[str],
) -> None:
    cells = line.split(",")
    if not _LEAST_CELLS <= len(cells) <= _WITH_WORLD:
        words = "frame, id, left, top, width, height, and up to four more wanted"
        raise Unfit(f"{len(cells)} cells; {words}")
    frame, identity = whole(cells[0], "frame"), whole(cells[1], "id")
    flag = number(cells[6], "flag") if len(cells) > 6 else 1.0
    if frame < base:
        raise Unfit(f"frame {frame}; they count from {base}")
    if identity < 0:
        left_out["detections without a track"] += 1
        return
    if not flag:
        left_out["flag 0, to be ignored"] += 1
        return
    index, visible = _class_and_visibility(cells, classes)
    if not 1 <= index <= len(classes):
        raise Unfit(f"class {index}; there are {len(classes)} names of classes, from 1")
    left, top, width, height = (number(one, "box") for one in cells[2:6])
    key = str(identity)
    if names.setdefault(key, classes[index - 1]) != classes[index - 1]:
        raise Unfit(f"track {key} changes its class")
    box = shapes.rect(left - 1, top - 1, width, height)
    if frame - base in tracks.setdefault(key, {}):
        raise Unfit(f"track {key} has two boxes in frame {frame}")
    tracks[key][frame - base] = {"rect": box, "visibility": f"{visible:.12g}"}


def _class_and_visibility(cells: list[str], classes: list[str]) -> tuple[int, float]:
    """The only class, or MOT's pedestrian, and 1 where a row does not say them; raise `Unfit`."""
    told = cells[7:9] if len(cells) < _WITH_WORLD else []
    index = whole(told[0], "class") if told else _UNKNOWN
    visible = number(told[1], "visibility") if len(told) > 1 else _UNKNOWN
    if index == _UNKNOWN and len(classes) > 1 and classes[0] != CLASSES[0]:
        raise Unfit(f"the row says no class, and there are {len(classes)}")
    return 1 if index == _UNKNOWN else index, 1.0 if visible == _UNKNOWN else visible


def _track(key: str, name: str, boxes: dict[int, Doc], length: int) -> Doc:
    """A key frame a row, and one outside where rows leave off."""
    frames: list[Doc] = []
    current = "1"
    for number_ in sorted(boxes):
        box, visible = boxes[number_]["rect"], boxes[number_]["visibility"]
        told = {"visibility": visible} if visible != current else {}
        current = visible
        frames.append(shapes.plain(frame=number_, attributes=told, rect=box))
        if number_ + 1 not in boxes and number_ + 1 != length:
            frames.append({"frame": number_ + 1, "outside": True, "rect": box})
    return shapes.plain(**{"class": name}, id=key, frames=frames)


def _classes(source: Source, folder: str, schema: Doc) -> list[str]:
    name = posixpath.join(folder, "labels.txt")
    if name in source:
        return [one.strip() for one in split(source.text(name)) if one.strip()]
    known: list[str] = list(schema.get("classes", []))
    return list(CLASSES) if not known or set(names_of(schema)) & set(CLASSES) else known


def _info(source: Source, name: str) -> dict[str, str]:
    """seqinfo.ini, where there is one; raises `Unfit`."""
    if name not in source:
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(source.text(name))
        return dict(parser["Sequence"])
    except (configparser.Error, KeyError) as error:
        raise Unfit(f"{name}: {type(error).__name__}: {str(error)[:200]}") from error


def _seqinfo(name: str, length: int, size: tuple[int, int] | None) -> str:
    out = io.StringIO()
    out.write(f"[Sequence]\nname={posixpath.basename(name)}\nimDir={_IMAGES[:-1]}\n")
    out.write(f"seqLength={length}\n")
    if size is not None:
        out.write(f"imWidth={size[0]}\nimHeight={size[1]}\n")
    return out.getvalue()


def _places(rect: Doc) -> tuple[float, ...]:
    return tuple(shapes.rounded(value) for value in shapes.xywh(rect))


FORMATS = {"mot": Format("mot", "mot-{:05}.zip", frozenset({"tracks"}), MotEncoder, decode)}
