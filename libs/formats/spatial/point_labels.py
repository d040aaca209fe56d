"""Labels of points, in the cloud's own file: PCD 0.7 and LAS 1.4.

One zip a part: of each item its cloud with a class, and an object where there are some, at every
point, and `classes.txt` with the numbers: `NUMBER NAME` a line. In PCD (pointclouds.org, "The PCD
file format") they are the fields `label` and `object` beside those that the cloud has; 0 is
unlabelled, 1 the first class of the template. In LAS (ASPRS, "LAS specification 1.4-R15") they are
`classification`, by the specification's own codes where a class has one of its names and else from
64 on, 1 is unlabelled, and an extra dimension `object`; places have a millimetre.

Read are files of others, too: PCD with a field `label`, LAS with its classification, named by
`classes.txt` beside them, the template's classes in order (PCD) or the specification (LAS).
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from libs.formats import Doc, Fault, Format, Sample, Unfit
from libs.formats.encoding import ZipEncoder
from libs.formats.media import content_of, file_name, references
from libs.formats.records import split
from libs.formats.source import Source, Unreadable
from libs.sensor import point_clouds
from libs.sensor.point_clouds import Cloud

IntArray = np.ndarray
NAMES = "classes.txt"
_LABELS, _OBJECTS = ("label", "class", "classification"), ("object", "instance")
# Codes of the specification by name; user's own are from 64 on.
ASPRS = {
    "ground": 2,
    "low vegetation": 3,
    "medium vegetation": 4,
    "high vegetation": 5,
    "building": 6,
    "low noise": 7,
    "water": 9,
    "rail": 10,
    "road surface": 11,
    "wire guard": 13,
    "wire conductor": 14,
    "transmission tower": 15,
    "bridge deck": 17,
    "high noise": 18,
}
_OWN, _MOST = 64, 255
_UNLABELLED = 1
_MILLIMETRE = 0.001


class _CloudEncoder(ZipEncoder):
    """Says how classes are numbered (`_numbers`) and how a cloud is written (`_file`)."""

    suffix = ""

    def write(self, row: Doc) -> None:
        value = row["value"].get("points")
        if value is None:
            raise Unfit(f"{self.format} holds labels of points")
        reference = references(self.job, row, "cloud")[0]
        name = file_name(row, reference)
        try:
            cloud = point_clouds.read(content_of(self.job, row, reference), name)
        except point_clouds.Unreadable as error:
            raise Unfit(f"the cloud cannot be read: {error}") from error
        count = value.get("count", 0)
        if count != len(cloud.points):
            raise Unfit(f"the label has {count} points, and the cloud {len(cloud.points)}")
        numbers = self._numbers()
        own = np.array([numbers[""], *(numbers[n] for n in value.get("classes", []))])
        labels = own[_spread(value.get("class_runs", []), count)]
        objects = _spread(value.get("object_runs", []), count) if "object_runs" in value else None
        stem = posixpath.splitext(name)[0]
        content = self._file(row, cloud, labels, objects)
        self.zip.put(self.unique(f"{stem}{self.suffix}"), content)
        self.objects += 1

    def closing(self) -> Iterator[bytes]:
        lines = [f"{number} {name}\n" for name, number in self._numbers().items() if name]
        self.zip.put(NAMES, "".join(lines).encode())
        yield self.zip.take()

    def _numbers(self) -> dict[str, int]:
        """Number of each class; that of what is unlabelled under the empty name."""
        raise NotImplementedError

    def _file(self, row: Doc, cloud: Cloud, labels: IntArray, objects: IntArray | None) -> bytes:
        raise NotImplementedError


class PcdEncoder(_CloudEncoder):
    format, suffix = "pcd", ".pcd"

    def _numbers(self) -> dict[str, int]:
        return {"": 0} | {name: i for i, name in enumerate(self.job.classes, 1)}

    def _file(self, row: Doc, cloud: Cloud, labels: IntArray, objects: IntArray | None) -> bytes:
        exact = (cloud.points == cloud.points.astype(np.float32)).all()
        columns = {axis: cloud.points[:, i] for i, axis in enumerate("xyz")}
        columns = {k: v.astype("<f4" if exact else "<f8") for k, v in columns.items()}
        kept = {
            k: v for k, v in cloud.fields.items() if v.ndim == 1 and k not in _LABELS + _OBJECTS
        }
        columns |= {k: v for k, v in kept.items() if v.dtype.kind in "fiu" and k.isidentifier()}
        columns["label"] = labels.astype("<u4")
        columns |= {} if objects is None else {"object": objects.astype("<u4")}
        return pcd(columns)


class LasEncoder(_CloudEncoder):
    format, suffix = "las", ".las"

    def _numbers(self) -> dict[str, int]:
        codes = {name: ASPRS.get(name.lower(), 0) for name in self.job.classes}
        own = [name for name, code in codes.items() if not code]
        if len(own) > _MOST - _OWN + 1:
            raise Unfit(f"LAS has room for {_MOST - _OWN + 1} classes of one's own")
        codes |= {name: _OWN + i for i, name in enumerate(own)}
        return {"": _UNLABELLED, **codes}

    def _file(self, row: Doc, cloud: Cloud, labels: IntArray, objects: IntArray | None) -> bytes:
        if not np.isfinite(cloud.points).all():
            raise Unfit("the cloud has points without a place, which LAS cannot hold")
        import laspy  # as in `point_clouds`

        header = laspy.LasHeader(point_format=6, version="1.4")
        header.scales = np.full(3, _MILLIMETRE)
        header.offsets = np.floor(cloud.points.min(axis=0, initial=0.0))
        if np.abs(cloud.points - header.offsets).max(initial=0.0) / _MILLIMETRE >= 2**31:
            raise Unfit("the cloud is wider than LAS holds at a millimetre")
        if objects is not None:
            header.add_extra_dim(laspy.ExtraBytesParams(name="object", type=np.uint32))
        made = laspy.LasData(header)
        made.xyz = cloud.points
        made.classification = labels.astype(np.uint8)
        if objects is not None:
            made["object"] = objects.astype(np.uint32)
        if cloud.fields.keys() - {*_LABELS, *_OBJECTS}:
            self.tell(row, "further fields of the cloud stay with the cloud")
        file = io.BytesIO()
        made.write(file)
        return file.getvalue()


def pcd(columns: Mapping[str, IntArray]) -> bytes:
    """A binary PCD file of columns (n,) by name."""
    count = len(next(iter(columns.values())))
    dtype = np.dtype([(name, column.dtype.newbyteorder("<")) for name, column in columns.items()])
    rows = np.empty(count, dtype)
    for name, column in columns.items():
        rows[name] = column
    kinds = {"f": "F", "i": "I", "u": "U"}
    types = [dtype[name] for name in columns]
    header = (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS {' '.join(columns)}\n"
        f"SIZE {' '.join(str(t.itemsize) for t in types)}\n"
        f"TYPE {' '.join(kinds[t.kind] for t in types)}\n"
        f"COUNT {' '.join('1' for _ in types)}\n"
        f"WIDTH {count}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {count}\nDATA binary\n"
    )
    return header.encode() + rows.tobytes()


def _spread(runs: list[int], count: int) -> IntArray:
    """(count,) numbers of runs; what they do not reach is 0."""
    flat = np.asarray(runs, dtype=np.int64).reshape(-1, 2)
    spread = np.repeat(flat[:, 0], flat[:, 1])[:count]
    return np.pad(spread, (0, count - len(spread)))


# -- reading -----------------------------------------------------------------------------------


def decode_pcd(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    given = dict(enumerate(schema.get("classes", []), 1))
    return _decode(source, (".pcd",), given, {0})


def decode_las(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    named = {code: name for name, code in ASPRS.items()}
    return _decode(source, (".las", ".laz"), named, {0, _UNLABELLED})


def _decode(
    source: Source, suffixes: tuple[str, ...], given: Mapping[int, str], none: set[int]
) -> Iterator[Sample | Fault]:
    for name in source.ending(*suffixes):
        try:
            names = _classes(source, name) or given
            cloud = point_clouds.read(source.read(name), name)
            value = _value(cloud, names, none)
        except (Unfit, Unreadable, point_clouds.Unreadable) as error:
            yield Fault(name, str(error))
            continue
        yield Sample(name, value, media={"cloud": name})


def _classes(source: Source, name: str) -> dict[int, str]:
    """Names by number of the `classes.txt` beside a file or at the top, if there is one."""
    beside = posixpath.join(posixpath.dirname(name), NAMES)
    path = beside if beside in source else NAMES
    if path not in source:
        return {}
    found = {}
    for place, line in enumerate(split(source.text(path)), 1):
        number, _, named = line.strip().partition(" ")
        if not line.strip():
            continue
        if not number.isdigit() or not named.strip():
            raise Unfit(f"{path} line {place}: must be a number and a name")
        found[int(number)] = named.strip()
    return found


def _value(cloud: Cloud, names: Mapping[int, str], none: set[int]) -> Doc:
    labels = _column(cloud, _LABELS)
    if labels is None:
        raise Unfit(f"has no labels: no field {' or '.join(_LABELS)}")
    used = [int(number) for number in np.unique(labels) if int(number) not in none]
    strange = [number for number in used if number not in names]
    if strange:
        words = ", ".join(str(number) for number in strange[:10])
        raise Unfit(f"nothing says which classes {words} are; put a {NAMES} beside it")
    classes = list(dict.fromkeys(names[number] for number in used))
    table = {number: 1 + classes.index(names[number]) for number in used}
    value: Doc = {"count": len(labels), "classes": classes, "class_runs": _runs(labels, table)}
    objects = _column(cloud, _OBJECTS)
    if objects is not None and objects.any():
        value["object_runs"] = _runs(objects, None)
    return {"points": {k: v for k, v in value.items() if v}}


def _column(cloud: Cloud, names: tuple[str, ...]) -> IntArray | None:
    for name in names:
        if name in cloud.fields:
            column = np.asarray(cloud.fields[name], dtype=np.float64)
            whole = np.isfinite(column) & (column == np.floor(column)) & (column >= 0)
            if column.ndim != 1 or not (whole & (column < 2**31)).all():
                raise Unfit(f"{name} must be whole numbers from 0 on")
            return column.astype(np.int64)
    return None


def _runs(numbers: IntArray, table: Mapping[int, int] | None) -> list[int]:
    if not len(numbers):
        return []
    first = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    lengths = np.diff([*first, len(numbers)])
    made: list[Any] = []
    for at, length in zip(first, lengths, strict=True):
        number = int(numbers[at])
        made += [number if table is None else table.get(number, 0), int(length)]
    return made


FORMATS = {
    "pcd": Format("pcd", "pcd-{:05}.zip", frozenset({"points"}), PcdEncoder, decode_pcd),
    "las": Format("las", "las-{:05}.zip", frozenset({"points"}), LasEncoder, decode_las),
}
