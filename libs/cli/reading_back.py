"""Is what was read what was said? A delivered file beside the label it was made of.

Every difference must be explained by what the format told it could not hold: by the name of a field
that differs, or, of a shape that is drawn otherwise, by a word for such shapes. Formats that are
made of labels, and do not hold them (pairs for training, say), must say nothing that was not there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from libs.formats import Fault, Sample
from libs.formats.registry import format_of
from libs.formats.source import of_file, of_zip
from libs.sensor import tracks

Doc = dict[str, Any]
Path_ = tuple[str, ...]
# Names that a format may choose; what refers to them is compared by the place of what it means.
_NAMES = frozenset({"id", "score", "source"})
_REFERENCES = frozenset({"chosen", "rejected", "ids", "unacceptable", "subject"})
# What a table holds all of.
_TABULAR = ("choice", "choices", "text", "ranking")
# Formats that are made of labels: one gives several lines, of another shape.
_MADE = ("trl-", "llamafactory-", "ranking")
# Pixels, metres or seconds that printed numbers may be off by, and what is nothing.
_NEAR, _ZERO = 0.011, 1e-6
# Fields of shapes, and the words by which formats tell that they draw a shape otherwise.
_DRAWN = frozenset({"points", "rings", "hole", "counts", "x", "y", "width", "height", "angle"})
_DRAWING = ("polygon", "quad", "mask", "box", "area", "ring", "hole", "corner")
# Roles and marks that such lines have of their own.
_WORDS = frozenset(("user", "assistant", "system", "acceptable", "CHOSEN", "TIE"))


class ReadBack:
    """Compares files of one delivery with the label that was said of its one item."""

    def __init__(self, template: Doc, example: Doc) -> None:
        self._schema, self._data = template["label_schema"], example["data"]
        line = {"task": "t", "source_key": "k", "data": self._data, "value": example["label"]}
        read = _samples("jsonl", "x.jsonl", json.dumps(line).encode(), self._schema)
        values = [one.value for one in read if isinstance(one, Sample) and one.value]
        if not values:
            raise ValueError("the label that was said cannot be written as a line")
        self._truth: Doc = values[0]

    def told(self, format_: str, path: Path, reasons: Sequence[str]) -> tuple[str, list[str]]:
        """(what came back, in words, faults)."""
        if format_ == "csv" and self._schema["shape"] not in _TABULAR:
            return "written to be looked at: a table does not hold all of such a label", []
        found = _samples(format_, path.name, path.read_bytes(), self._schema)
        faults = [f"{one.where}: {one.reason}" for one in found if isinstance(one, Fault)]
        samples = [one for one in found if isinstance(one, Sample)]
        said = self._said(format_, samples, [*reasons, *(r for s in samples for r in s.left_out)])
        return said, [*faults, *([said] if said.startswith("untold") else [])]

    def _said(self, format_: str, samples: Sequence[Sample], reasons: Sequence[str]) -> str:
        values = [one.value for one in samples if one.value is not None]
        if not values:
            return f"{'told' if reasons else 'untold'}: no label is in it"
        if format_.startswith(_MADE):
            strange = {s for v in values for s in _texts(v)} - {*self._known(), *_WORDS}
            if strange:
                return f"untold: nobody said {sorted(strange)[0][:60]!r}"
            return f"{len(values)} lines of shape {next(iter(values[0]))}, of what was said"
        if len(values) > 1 or values[0].keys() != self._truth.keys():
            return f"untold: read back as {len(values)} labels of {next(iter(values[0]))}"
        return compared(self._truth, values[0], reasons)

    def _known(self) -> set[str]:
        return {*_texts(self._truth), *_texts(self._data), *_filled(self._truth)}


def _filled(value: Doc) -> Iterator[str]:
    """A prompt's text with the variables of its examples, or what they are by default."""
    prompt = value.get("prompt", {})
    usual = {one["name"]: one.get("default", "") for one in prompt.get("variables", [])}
    for one in prompt.get("examples", []):
        text = prompt.get("text", "")
        for name, given in {**usual, **one.get("variables", {})}.items():
            text = text.replace("{{" + name + "}}", given)
        yield text


def compared(truth: Doc, read: Doc, reasons: Sequence[str]) -> str:
    """`the same`, or what is missing and what is other, told or not."""
    ours, theirs = dict(_leaves(_plain(truth))), dict(_leaves(_plain(read)))
    lost = {path for path in ours if path not in theirs}
    other = {path for path in theirs if not _alike(ours.get(path), theirs[path])}
    if not lost and not other:
        return "the same"
    found = (("without", lost), ("other", other))
    words = "; ".join(f"{what} {_named(some)}" for what, some in found if some)
    explained = all(_explained(path, reasons) for path in lost | other)
    return f"{'told' if explained else 'untold'}: {words}"


def _explained(path: Path_, reasons: Sequence[str]) -> bool:
    names = {name.rstrip("s").lower() for name in path if not name.startswith("[")}
    words = {*names, *(_DRAWING if path[-1] in _DRAWN or path[-1].startswith("[") else ())}
    return any(word in reason.lower() for reason in reasons for word in words if len(word) > 2)


def _named(paths: set[Path_]) -> str:
    """Names of the fields, without their places in lists."""
    names = {next((n for n in reversed(path) if not n.startswith("[")), "") for path in paths}
    return ", ".join(sorted(names))


def _plain(value: Doc) -> Doc:
    """With every track's key frames, parts in order, and references by the place of their end."""
    made: Doc = json.loads(json.dumps(value))
    for one in made.get("tracks", {}).get("tracks", []):
        one["frames"] = tracks.filled(one["frames"])
    parts = made.get("composite", {}).get("parts", [])
    parts.sort(key=lambda one: (one["part"], one.get("element", "")))
    places = dict(_ids(made, ""))
    return dict(_referred(made, places))


def _ids(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"], path
        for name, one in value.items():
            yield from _ids(one, f"{path}.{name}")
    elif isinstance(value, list):
        for i, one in enumerate(value):
            yield from _ids(one, f"{path}[{i}]")


def _referred(value: Any, places: dict[str, str]) -> Any:
    if isinstance(value, dict):
        ends = ("head", "tail", "cuboid", "object")
        return {
            k: places.get(one, one)
            if k in ends and isinstance(one, str)
            else _referred(one, places)
            for k, one in value.items()
        }
    return [_referred(one, places) for one in value] if isinstance(value, list) else value


def _leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name not in _NAMES:
                yield from _leaves(one, (*path, name))
    elif isinstance(value, list):
        for i, one in enumerate(value):
            yield from _leaves(one, (*path, f"[{i}]"))
    elif isinstance(value, float) and abs(value) < _ZERO:
        return
    elif value not in (None, "", 0, False):
        yield path, value


def _texts(value: Any) -> Iterator[str]:
    """Every text in it but the names of its fields."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one) if name not in _NAMES | _REFERENCES else ()
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str) and value:
        yield value


def _alike(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        return abs(ours - theirs) <= _NEAR
    return bool(ours == theirs)


def _samples(format_: str, name: str, content: bytes, schema: Doc) -> list[Sample | Fault]:

    decode = format_of(format_).decode
    if decode is None:
        return []
    packed = name.endswith(".zip")
    source = of_zip(io.BytesIO(content)) if packed else of_file(name, content)
    return list(decode(source, schema))
