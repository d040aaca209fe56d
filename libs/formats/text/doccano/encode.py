"""doccano's JSON Lines: classes as `{"text", "label": [class, ...]}`, spans as `{"text", "label":
[[start, end, class], ...]}`, spans with relations as `{"text", "entities", "relations"}`, texts out
of texts as `{"text", "label": [output]}`. `source_key` goes along, doccano keeps it as meta data.

Attributes and scores have no place.
"""

from __future__ import annotations

import orjson

from libs.formats import Doc, Format, Unfit
from libs.formats.encoding import RowEncoder
from libs.formats.text.doccano.decode import decode
from libs.formats.text.text_spans import spans_of, tell_unheld, text_of

SHAPES = frozenset({"choices", "spans", "text", "rewrite"})


class DoccanoEncoder(RowEncoder):
    format = "doccano"

    def encode(self, row: Doc) -> bytes:
        value, label = row["value"], {"source_key": row["source_key"]}
        if "rewrite" in value:
            label["text"] = value["rewrite"].get("before", "")
        else:
            label["text"] = text_of(self.job, row)
        label |= self._label(row, value, label["text"])
        return orjson.dumps(label, option=orjson.OPT_APPEND_NEWLINE)

    def _label(self, row: Doc, value: Doc, text: str) -> Doc:
        if "choices" in value:
            return {"label": value["choices"].get("classes", [])}
        if "text" in value:
            return {"label": [value["text"].get("text", "")]}
        if "rewrite" in value:
            for field in sorted(value["rewrite"].keys() - {"before", "after"}):
                self.tell(row, f"doccano has no place for {field} of a rewrite")
            return {"label": [value["rewrite"].get("after", "")]}
        if "spans" not in value:
            raise Unfit("doccano holds classes, spans and texts of a text")
        return self._spans(row, spans_of(row, text))

    def _spans(self, row: Doc, spans: list[Doc]) -> Doc:
        self.objects += len(spans)
        related = bool(self.job.schema.get("relations"))
        relations = row["value"]["spans"].get("relations", [])
        if not related and not relations:
            tell_unheld(self, row, ())
            return {"label": [[s.get("start", 0), s["end"], s["class"]] for s in spans]}
        tell_unheld(self, row, ("id",))
        tell_unheld(self, row, (), "relations")
        numbers = {s["id"]: n for n, s in enumerate(spans) if "id" in s}
        entities = [
            {
                "id": n,
                "start_offset": s.get("start", 0),
                "end_offset": s["end"],
                "label": s["class"],
            }
            for n, s in enumerate(spans)
        ]
        made = []
        for n, one in enumerate(relations):
            ends = numbers.get(one["head"]), numbers.get(one["tail"])
            if None in ends:
                raise Unfit("a relation names a span that is not there")
            made.append({"id": n, "from_id": ends[0], "to_id": ends[1], "type": one["class"]})
        return {"entities": entities, "relations": made}


FORMATS = {
    "doccano": Format("doccano", "doccano-{:05}.jsonl", SHAPES, DoccanoEncoder, decode),
}
