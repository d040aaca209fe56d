"""brat standoff: a `.txt` and an `.ann` file a text: `T` spans, `R` relations, `A` attributes, `#`
notes (the attribute `note`), places in characters.

A span over several lines is written in pieces, as brat wants it. Names of classes have no white
space there: it becomes `_`, and is told. Scores have no place. Ids other
than `T1`, `T2` ... are numbered anew.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import ZipEncoder, entry_name
from libs.formats.text.brat.decode import NOTE, decode
from libs.formats.text.text_spans import spans_of, tell_unheld, text_of

_GAP = re.compile(r"\s+")


class BratEncoder(ZipEncoder):
    format = "brat"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._types: dict[str, set[str]] = {"entities": set(), "relations": set()}

    def write(self, row: Doc) -> None:
        text = text_of(self.job, row)
        spans = spans_of(row, text)
        tell_unheld(self, row, ("id", "attributes"))
        tell_unheld(self, row, (), "relations")
        keys = _keys(spans)
        ids = {s["id"]: key for key, s in zip(keys, spans, strict=True) if "id" in s}
        pairs = list(zip(keys, spans, strict=True))
        lines = [self._span(row, key, one, text) for key, one in pairs]
        lines += self._relations(row, ids)
        lines += self._attributes(row, pairs)
        name = entry_name(row["source_key"]) or row["item"].rpartition("/")[2]
        name = self.unique(f"{name.removesuffix('.txt')}.txt")
        self.zip.put(name, text.encode())
        self.zip.put(f"{posixpath.splitext(name)[0]}.ann", "".join(lines).encode())
        self.objects += len(spans)

    def closing(self) -> Iterator[bytes]:
        """What classes there are, for brat's own editor."""
        parts = [
            f"[{section}]\n" + "".join(f"{n}\n" for n in sorted(self._types[section]))
            for section in ("entities", "relations")
        ]
        self.zip.put("annotation.conf", "\n".join([*parts, "[events]\n\n[attributes]\n"]).encode())
        yield self.zip.take()

    def _span(self, row: Doc, key: str, one: Doc, text: str) -> str:
        name = self._name(row, one["class"], "entities")
        pieces = list(_pieces(text, one.get("start", 0), one["end"]))
        places = ";".join(f"{start} {end}" for start, end in pieces)
        words = " ".join(text[start:end] for start, end in pieces).replace("\t", " ")
        return f"{key}\t{name} {places}\t{words}\n"

    def _relations(self, row: Doc, ids: dict[str, str]) -> list[str]:
        lines = []
        for number, one in enumerate(row["value"]["spans"].get("relations", ()), 1):
            if one["head"] not in ids or one["tail"] not in ids:
                raise Unfit("a relation names a span that is not there")
            name = self._name(row, one["class"], "relations")
            ends = f"Arg1:{ids[one['head']]} Arg2:{ids[one['tail']]}"
            lines.append(f"R{number}\t{name} {ends}\n")
        return lines

    def _attributes(self, row: Doc, pairs: list[tuple[str, Doc]]) -> list[str]:
        lines: list[str] = []
        notes: list[str] = []
        for key, one in pairs:
            for name, value in one.get("attributes", {}).items():
                if name == NOTE:
                    note = _GAP.sub(" ", value)
                    notes.append(f"#{len(notes) + 1}\tAnnotatorNotes {key}\t{note}\n")
                    continue
                made = "" if value == "true" else f" {self._token(row, value)}"
                lines.append(f"A{len(lines) + 1}\t{self._token(row, name)} {key}{made}\n")
        return lines + notes

    def _name(self, row: Doc, class_: str, section: str) -> str:
        name = self._token(row, class_)
        self._types[section].add(name)
        return name

    def _token(self, row: Doc, text: str) -> str:
        made = _GAP.sub("_", text)
        if made != text:
            self.tell(row, "white space in names of classes and in values is written as _")
        return made


def _keys(spans: list[Doc]) -> list[str]:
    """The spans' own ids where they are brat's, else numbers."""
    keys = [one.get("id", "") for one in spans]
    if len({*keys}) == len(keys) and all(re.fullmatch(r"T[0-9]+", key) for key in keys):
        return keys
    return [f"T{number}" for number in range(1, len(spans) + 1)]


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A piece a line, without the line ends."""
    at = start
    for line in text[start:end].splitlines(keepends=True):
        last = at + len(line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
        if last > at:
            yield at, last
        at += len(line)
    if not text[start:end].strip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
        raise Unfit("a span of line ends only cannot be in a brat file")


FORMATS = {"brat": Format("brat", "brat-{:05}.zip", frozenset({"spans"}), BratEncoder, decode)}
