"""Prodigy's JSON Lines: `text`, `tokens` (those of `textual`), `spans` with their tokens,
`relations` between the last tokens of spans, or `options` and `accept` for classes; `answer`.

`meta.source_key` keeps the key. Attributes and scores have no place. Reading, only accepted
examples are labels; a rejected class is a text without it, other rejected ones have no label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import orjson

from libs.formats import Doc, Fault, Format, Sample, Unfit
from libs.formats.decoding import chosen, id_of, mapping, whole
from libs.formats.encoding import RowEncoder
from libs.formats.image.shapes import plain
from libs.formats.records import Record, each_record, files
from libs.formats.source import Source
from libs.formats.text.text_spans import (
    Place,
    related,
    span,
    spans_of,
    spans_value,
    tell_unheld,
    text_of,
    tokens,
)


class ProdigyEncoder(RowEncoder):
    format = "prodigy"

    def encode(self, row: Doc) -> bytes:
        text, value = text_of(self.job, row), row["value"]
        line: Doc = {"text": text, "meta": {"source_key": row["source_key"]}}
        if "choices" in value:
            options = [{"id": c, "text": c} for c in self.job.classes]
            line |= {"options": options, "accept": value["choices"].get("classes", [])}
        elif "spans" in value:
            line |= self._spans(row, text)
        else:
            raise Unfit("Prodigy holds classes and spans of a text")
        line["answer"] = "accept"
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    def _spans(self, row: Doc, text: str) -> Doc:
        spans = spans_of(row, text)
        places = tokens(text, spans)
        tell_unheld(self, row, ("id",))
        tell_unheld(self, row, (), "relations")
        self.objects += len(spans)
        made: dict[str, Doc] = {}
        lines = []
        for one in spans:
            lines.append(_span(one, places))
            made[one.get("id", "")] = lines[-1]
        relations = row["value"]["spans"].get("relations", [])
        line: Doc = {"tokens": list(_tokens(text, places)), "spans": lines}
        if relations or self.job.schema.get("relations"):
            line["relations"] = [_relation(one, made) for one in relations]
        return line


def _tokens(text: str, places: list[Place]) -> Iterator[Doc]:
    for number, (start, end) in enumerate(places):
        space = text[end : end + 1] == " "
        yield {"text": text[start:end], "start": start, "end": end, "id": number, "ws": space}


def _span(one: Doc, places: list[Place]) -> Doc:
    start, end = one.get("start", 0), one["end"]
    first, after = bisect_left(places, (start, 0)), bisect_left(places, (end, 0))
    if first == after:
        raise Unfit("a span of white space only has no token")
    numbers = {"token_start": first, "token_end": after - 1}
    return {"start": start, "end": end, **numbers, "label": one["class"]}


def _relation(one: Doc, spans: dict[str, Doc]) -> Doc:
    head, tail = spans.get(one["head"]), spans.get(one["tail"])
    if head is None or tail is None:
        raise Unfit("a relation names a span that is not there")
    return {
        "head": head["token_end"],
        "child": tail["token_end"],
        "head_span": head,
        "child_span": tail,
        "label": one["class"],
    }


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    return each_record(source, files(source, ".jsonl", ".json"), _read)


def _read(record: Record) -> list[Sample]:
    doc = mapping(record.doc, "line")
    text, answer = doc.get("text"), str(doc.get("answer", "accept")).strip().lower()
    if not isinstance(text, str) or not text:
        raise Unfit("there is no text")
    meta = doc.get("meta") if isinstance(doc.get("meta"), dict) else {}
    known = {str(k): str(v) for k, v in (meta or {}).items()}
    key = known.pop("source_key", "") or record.key
    left_out: list[str] = []
    value: Doc | None = None
    if answer == "accept":
        value = _value(doc, text, left_out)
    elif answer == "reject" and _binary(doc):
        value = {"choices": {}}
    else:
        left_out.append(f"an example that was answered {answer[:20]!r}")
    return [Sample(key, value, {"text": text}, metadata=known, left_out=tuple(left_out))]


def _binary(doc: Doc) -> bool:
    return isinstance(doc.get("label"), str) and "spans" not in doc


def _value(doc: Doc, text: str, left_out: list[str]) -> Doc:
    if "accept" in doc or "cats" in doc:
        return {"choices": plain(classes=_accepted(doc))}
    if _binary(doc):
        return {"choices": {"classes": [doc["label"]]}}
    if not doc.keys() & {"spans", "relations", "tokens"}:
        raise Unfit("there are no spans, tokens, accept, cats or label")
    spans = [_read_span(mapping(s, "span"), text, n) for n, s in enumerate(_list(doc, "spans"))]
    by_place = {(s.get("start", 0), s["end"], s["class"]): s["id"] for s in spans}
    relations = [_read_relation(mapping(r, "relation"), by_place) for r in _list(doc, "relations")]
    if not relations:
        spans = [{k: v for k, v in s.items() if k != "id"} for s in spans]
    return spans_value(spans, relations)


def _accepted(doc: Doc) -> list[str]:
    found = doc.get("accept")
    if found is None and "cats" in doc:
        found = chosen(doc["cats"], "cats")
    if not isinstance(found, list) or not all(_is_id(n) for n in found):
        raise Unfit("accept: a list of classes wanted")
    names = {id_of(one.get("id")): one for one in _list(doc, "options") if isinstance(one, dict)}
    return list(dict.fromkeys(_option(one, names) for one in found))


def _is_id(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _option(chosen_: object, options: dict[str, Doc]) -> str:
    """Return the name of the class: the id of an option, or its text where the id is a number."""
    name = id_of(chosen_)
    if isinstance(chosen_, str):
        return name
    return str(options.get(name, {}).get("text") or name)


def _read_span(one: Doc, text: str, number: int) -> Doc:
    return span(one.get("start"), one.get("end"), one.get("label"), len(text), id=f"s{number + 1}")


def _read_relation(one: Doc, by_place: dict[Any, str]) -> Doc:
    ends = []
    for side in ("head_span", "child_span"):
        found = mapping(one.get(side), side)
        place = whole(found.get("start"), side), whole(found.get("end"), side), found.get("label")
        if place not in by_place:
            raise Unfit(f"{side} of a relation is not one of the spans")
        ends.append(by_place[place])
    return related(one.get("label"), ends[0], ends[1], by_place.values())


def _list(doc: Doc, field: str) -> list[Any]:
    found = doc.get(field) or []
    if not isinstance(found, list):
        raise Unfit(f"{field}: a list wanted, not {str(found)[:50]!r}")
    return found


FORMATS = {
    "prodigy": Format(
        "prodigy",
        "prodigy-{:05}.jsonl",
        frozenset({"choices", "spans"}),
        ProdigyEncoder,
        decode,
    )
}
