"""Reads doccano's files: JSON Lines and JSON of all kinds of projects, CSV, and fastText's lines.

Columns are `text` and `label` (or `labels`, `column_data`, `column_label`, as its examples have
them), `entities`, `relations`, `cats`; `filename` for images and sound. A label that is a list of
texts is classes, or the output where the template's shape is text or rewrite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.decoding import chosen, id_of, mapping, number, numbers
from libs.formats.image import shapes
from libs.formats.image.shapes import plain
from libs.formats.records import Record, each_record, files, key_of, lines
from libs.formats.source import Source
from libs.formats.tabular.csv_format import table_rows
from libs.formats.tabular.rows import NO_LABEL
from libs.formats.text.text_spans import related, span, spans_value

_TEXTS = ("text", "column_data", "data")
_LABELS = ("label", "labels", "column_label")
_MARK = "__label__"
_OUTPUTS = ("text", "rewrite")


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".jsonl", ".json", ".csv", ".txt", ".xlsx"):
        if name.lower().endswith(".xlsx"):
            yield Fault(name, "a spreadsheet; save it as CSV in UTF-8")
        elif name.lower().endswith(".csv"):
            yield from _table(source, name, schema)
        elif name.lower().endswith(".txt"):
            yield from _fasttext(source, name)
        else:
            yield from each_record(source, [name], lambda record: _read(record, source, schema))


def _read(record: Record, source: Source, schema: Doc) -> list[Sample]:
    doc = mapping(record.doc, "line")
    key = id_of(doc.get("source_key")) or record.key
    left_out: list[str] = []
    if isinstance(doc.get("filename"), str):
        key = doc["filename"]
        value = _of_file(doc, schema, left_out)
        return [Sample(key, value, media=_media(key, source), left_out=tuple(left_out))]
    text = next((doc[k] for k in _TEXTS if isinstance(doc.get(k), str)), "")
    if not text:
        raise Unfit("there is no text")
    if not doc.keys() & {*_LABELS, "entities", "cats"}:
        return [Sample(key, None, {"text": text}, left_out=(NO_LABEL,))]
    value = _of_text(doc, text, schema, left_out)
    meta = doc.get("meta")
    known = {str(k): str(v) for k, v in meta.items()} if isinstance(meta, dict) else {}
    data = {} if "rewrite" in value else {"text": text}
    return [Sample(key, value, data, metadata=known, left_out=tuple(left_out))]


def _of_text(doc: Doc, text: str, schema: Doc, left_out: list[str]) -> Doc:
    shape = schema.get("shape", "")
    found = next((doc[k] for k in _LABELS if k in doc), None)
    if "entities" in doc or "cats" in doc:
        if "cats" in doc and ("entities" not in doc or shape in ("choice", "choices")):
            if doc.get("entities"):
                left_out.append("entities; the template chooses classes")
            return _strings(doc["cats"], text, schema)
        if doc.get("cats"):
            left_out.append("classes of the whole text; the label is its spans")
        return _entities(doc, text)
    if isinstance(found, list) and any(isinstance(one, list) for one in found):
        return _entities({"entities": found}, text)
    if isinstance(found, list) and not found and shape == "spans":
        return spans_value(())
    return _strings(found, text, schema)


def _strings(found: object, text: str, schema: Doc) -> Doc:
    if isinstance(found, dict):
        found = chosen(found, "cats")
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise Unfit(f"label: a list of texts wanted, not {str(found)[:50]!r}")
    names = [n for n in names if n]
    shape = schema.get("shape", "")
    if shape in _OUTPUTS:
        if len(names) != 1:
            raise Unfit(f"{len(names)} outputs; one is wanted")
        after = names[0]
        return {"text": {"text": after}} if shape == "text" else _rewrite(text, after)
    return {"choices": plain(classes=list(dict.fromkeys(names)))}


def _rewrite(before: str, after: str) -> Doc:
    return {"rewrite": plain(before=before, after=after)}


def _entities(doc: Doc, text: str) -> Doc:
    spans, ids = [], []
    for one in _list(doc, "entities"):
        if isinstance(one, list) and len(one) == 3:
            spans.append(span(one[0], one[1], one[2], len(text)))
            continue
        entity = mapping(one, "entity")
        name = id_of(entity.get("id"))
        start, end = entity.get("start_offset"), entity.get("end_offset")
        spans.append(span(start, end, entity.get("label"), len(text), id=name))
        ids.append(name)
    relations = []
    for one in _list(doc, "relations"):
        relation = mapping(one, "relation")
        ends = id_of(relation.get("from_id")), id_of(relation.get("to_id"))
        relations.append(related(relation.get("type"), *ends, ids))
    return spans_value(spans, relations)


def _list(doc: Mapping[str, Any], field: str) -> list[Any]:
    found = doc.get(field) or []
    if not isinstance(found, list):
        raise Unfit(f"{field}: a list wanted, not {str(found)[:50]!r}")
    return found


def _of_file(doc: Doc, schema: Doc, left_out: list[str]) -> Doc:
    if "bbox" in doc or "segmentation" in doc:
        objects = [_object(mapping(one, "box")) for one in _list(doc, "bbox")]
        objects += [_polygon(mapping(one, "polygon")) for one in _list(doc, "segmentation")]
        return shapes.value_of(objects, schema or {"shape": "objects"}, left_out)
    found = next((doc[k] for k in _LABELS if k in doc), None)
    return _strings(found, "", schema)


def _object(box: Doc) -> Doc:
    sides = [number(box.get(k), k) for k in ("x", "y", "width", "height")]
    return {"class": _class(box), "rect": shapes.rect(*sides)}


def _polygon(one: Doc) -> Doc:
    return {"class": _class(one), "polygon": shapes.polygon(numbers(one.get("points"), "points"))}


def _class(one: Doc) -> str:
    if not isinstance(one.get("label"), str):
        raise Unfit("an object without a label")
    return str(one["label"])


def _media(name: str, source: Source) -> dict[str, str]:
    kind = "image" if name.lower().endswith((".png", ".jpg", ".jpeg", ".webp")) else "audio"
    return {kind: name} if name in source else {}


def _table(source: Source, name: str, schema: Doc) -> Iterator[Sample | Fault]:
    for row in table_rows(source, name):
        if isinstance(row, Fault):
            yield row
            continue
        doc = {k: v for k, v in row.cells.items() if k not in _LABELS or v}
        try:
            yield from _read(Record(row.where, key_of(name, row.place), doc), source, schema)
        except Unfit as unfit:
            yield Fault(row.where, str(unfit))


def _fasttext(source: Source, name: str) -> Iterator[Sample | Fault]:
    for line in lines(source, name):
        if isinstance(line, Fault):
            yield line
            continue
        words = line.text.split(" ")
        classes = [w.removeprefix(_MARK) for w in words if w.startswith(_MARK)]
        text = " ".join(w for w in words if not w.startswith(_MARK))
        if text.strip():
            value = {"choices": plain(classes=list(dict.fromkeys(classes)))}
            yield Sample(key_of(name, line.place), value, {"text": text})
        elif line.text.strip():
            yield Fault(f"{name} line {line.place}", "there is no text behind the labels")
