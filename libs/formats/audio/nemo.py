"""NeMo manifests: JSON Lines, one utterance each: `audio_filepath`, `offset`, `duration` (seconds),
`text`, and beyond NeMo's own `speaker`, `lang`, `label` (the class), `score`.

Words with times, ids and attributes have no place. Reading, lines with an offset are segments of
one recording; a line without one is a recording of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import orjson

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.recordings import (
    DECIMALS,
    SegmentEncoder,
    audio_file,
    labelled,
    lasting,
    sample,
    span,
    table,
)
from libs.formats.decoding import mapping, number
from libs.formats.records import Record, files, records
from libs.formats.source import Source

_PATHS = ("audio_filepath", "audio_file", "wav", "audio")
_TEXTS = ("text", "txt", "sentence")


class NemoEncoder(SegmentEncoder):
    format = "nemo"
    held = frozenset({"text", "speaker", "language", "class", "score"})

    def lines(self, row: Doc, name: str, one: Doc) -> Iterator[str]:
        start, end = span(one)
        line = {
            "audio_filepath": audio_file(self.job, row),
            "offset": start,
            "duration": round(end - start, DECIMALS),
            "text": one.get("text", ""),
            "speaker": one.get("speaker"),
            "lang": one.get("language"),
            "label": one.get("class"),
            "score": one.get("score"),
        }
        yield orjson.dumps({k: v for k, v in line.items() if v is not None}).decode()


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".jsonl", ".json", ".list", ".manifest"):
        parts: dict[str, list[Doc]] = defaultdict(list)
        partial = False
        for record in records(source, name):
            if isinstance(record, Fault):
                partial = True
                yield record
                continue
            try:
                whole = _take(name, record, parts, source, schema)
            except Unfit as unfit:
                partial = True
                yield Fault(record.where, str(unfit))
            else:
                if whole is not None:
                    yield whole
        for key, segments in parts.items():
            yield labelled(name, key, segments, source, schema, partial=partial)


def _take(
    name: str, record: Record, parts: dict[str, list[Doc]], source: Source, schema: Doc
) -> Sample | None:
    """The sample of a line that is a whole recording; others go into `parts`."""
    doc = mapping(record.doc, "line")
    path = next((doc[k] for k in _PATHS if isinstance(doc.get(k), str)), "")
    if not path:
        raise Unfit("there is no audio_filepath")
    fields = {
        "text": next((doc[k] for k in _TEXTS if isinstance(doc.get(k), str)), ""),
        "speaker": _text(doc, "speaker"),
        "language": _text(doc, "lang"),
        "class": _text(doc, "label"),
        "score": number(doc.get("score") or 0.0, "score"),
    }
    if doc.get("offset") is not None:
        parts[path].append(lasting(doc["offset"], doc.get("duration"), **fields))
        return None
    if "duration" not in doc or schema.get("shape") == "text":
        text = fields["text"]
        found = sample(path, (), source, {}, near=name)
        return replace(found, value={"text": {"text": text} if text else {}})
    return sample(path, [lasting(0.0, doc["duration"], **fields)], source, schema, near=name)


def _text(doc: Doc, name: str) -> str:
    value = doc.get(name)
    return "" if value is None else str(value)


FORMATS = table("nemo", "manifest-{:05}.jsonl", NemoEncoder, decode)
