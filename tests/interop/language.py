"""Formats of text, and tables."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from libs.formats import Doc, Sample
from tests.interop import judges
from tests.interop.frame import Result, Row, Written, difference, read, round_trip

TEXT = ({"name": "text", "type": "text"},)
# Result, what was written, the samples: how many of them the judge reads with the same content.
Judge = Callable[[Result, Written, Sequence[Sample]], int]


def formats(
    format_: str,
    paths: Sequence[str],
    read_as: str = "",
    schema: Doc | None = None,
    judge: Judge | None = None,
    label: str = "",
    refused: int = 0,
    samples_expected: int | None = None,
) -> Row:
    """Reads every path (as `read_as`, where it is another format), writes and reads it again, and
    shows it to the judge; `refused` records are broken, and must be told."""

    def check(data: Path) -> Result:
        result, seen, good, told = Result(judged="-"), 0, 0, 0
        for path in paths:
            samples, faults = read(read_as or format_, data / path, schema)
            result.read(_count(data / path), samples, [])
            told += len(faults)
            result.left_out.update(f"refused: {one.reason}" for one in faults)
            labelled = [_keyed(n, s) for n, s in enumerate(samples) if s.value is not None]
            seen += len(labelled)
            kept = {**_classes(labelled), **(schema or {})}
            written = round_trip(result, format_, labelled, kept, None, TEXT)
            good += judge(result, written, labelled) if judge else 0
        result.same("records refused", told, refused)
        if samples_expected is not None:
            result.same("labels", seen, samples_expected)
        result.judged = f"{good} of {seen}" if judge else "-"
        return result

    return Row(f"{format_}{label}", tuple(paths), check)


def _count(path: Path) -> int:
    return 1 if path.is_file() else sum(1 for file in path.rglob("*") if file.suffix == ".ann")


def _keyed(number: int, sample: Sample) -> Sample:
    """Named by its place, as formats without keys have it, its spans in order of their places."""
    value = dict(sample.value or {})
    if spans := value.get("spans", {}).get("spans"):
        ordered = sorted(spans, key=lambda one: (one.get("start", 0), -one["end"]))
        value = {"spans": {**value["spans"], "spans": ordered}}
    return replace(sample, key=str(number + 1), value=value)


def _classes(samples: Sequence[Sample]) -> Doc:
    """A schema with the classes that occur."""
    found: dict[str, None] = {}
    for one in samples:
        value = one.value or {}
        found |= dict.fromkeys(value.get("choices", {}).get("classes", []))
        found |= dict.fromkeys(s["class"] for s in value.get("spans", {}).get("spans", []))
    return {"classes": list(found)}


def _places(sample: Sample) -> list[list[Any]]:
    spans = (sample.value or {}).get("spans", {}).get("spans", [])
    return sorted([s.get("start", 0), s["end"], s["class"]] for s in spans)


def spacy(result: Result, written: Written, samples: Sequence[Sample]) -> int:
    """Reads ours; what spaCy writes of it, we read again."""
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again.spacy"
        path = written.put(Path(folder), "ours.spacy")
        found = judges.run("spacy", "spacy_docs", {"path": str(path), "again": str(again)})
        back, _ = read("spacy", again)
    good = 0
    for one, other, (text, places, cats) in zip(samples, back, found, strict=True):
        chosen = {c for c, on in cats.items() if on}
        wanted = {*(one.value or {}).get("choices", {}).get("classes", [])}
        same = [one.data["text"], _places(one), wanted] == [text, places, chosen]
        good += same and _places(other) == _places(one)
    result.same("texts by spaCy", good, len(samples))
    return good


def seqeval(result: Result, written: Written, samples: Sequence[Sample]) -> int:
    """Counts of entities by class; their places are tokens there."""
    with tempfile.TemporaryDirectory() as folder:
        path = written.put(Path(folder), "ours.conll")
        found = judges.run("seqeval", "seqeval_entities", {"path": str(path)})
    good = 0
    for one, entities in zip(samples, found, strict=True):
        good += sorted(e[0] for e in entities) == sorted(p[2] for p in _places(one))
    result.same("texts by seqeval", good, len(samples))
    return good


def pybrat(result: Result, written: Written, samples: Sequence[Sample]) -> int:
    """Places and classes of spans and relations, without attributes."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(BytesIO(written.content)) as archive:
            archive.extractall(folder)
        found = judges.run("pybrat", "brat_spans", {"path": folder})
    good = 0
    for one in samples:
        spans = {s["id"]: s.get("start", 0) for s in (one.value or {})["spans"].get("spans", [])}
        relations = (one.value or {})["spans"].get("relations", [])
        ends = sorted([r["class"], spans[r["head"]], spans[r["tail"]]] for r in relations)
        good += found[one.key] == [_places(one), ends]
    result.same("texts by pybrat", good, len(samples))
    return good


def tables(*readers: str) -> Judge:
    def judge(result: Result, written: Written, samples: Sequence[Sample]) -> int:
        good = len(samples)
        for reader in readers:
            with tempfile.TemporaryDirectory() as folder:
                found = judges.run("tables", "table_rows", _question(written, folder, reader))
            same = sum(_same_row(row, one) for row, one in zip(found, samples, strict=True))
            result.same(f"rows by {reader}", same, len(samples))
            good = min(good, same)
        return good

    return judge


def _question(written: Written, folder: str, reader: str) -> Doc:
    path = Path(folder) / "data"
    if written.content.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(written.content)) as archive:
            archive.extractall(path)
    else:
        path = written.put(Path(folder), "ours.parquet" if reader != "webdataset" else "ours.tar")
    return {"reader": reader, "path": str(path)}


def _same_row(row: Doc, sample: Sample) -> bool:
    """Key, data and the label, whose columns have defaults where the document leaves them out."""
    value = sample.value or {}
    ((shape, label),) = value.items()
    data = row["data"] if isinstance(row["data"], dict) else json.loads(row["data"])
    if row["source_key"] != sample.key or data != sample.data:
        return False
    if isinstance(row.get("value"), dict):
        return not difference(row["value"], value)
    if shape == "choices":
        return list(row["classes"]) == label.get("classes", [])
    return all(
        not difference(_lean(row[name]), label.get(name, [])) for name in ("spans", "relations")
    )


def _lean(rows: Sequence[Doc]) -> list[Doc]:
    made = []
    for one in rows:
        kept = {k: v for k, v in one.items() if v not in (0, "", None)}
        if "attributes" in kept:
            kept["attributes"] = json.loads(kept["attributes"])
        made.append(kept)
    return made


_DOCCANO = "interop/doccano"
_BRAT = ("interop/brat/NCBI-disease", "interop/brat/BioNLP-ST_2011_GE")
_NEWS = "interop/prodigy/annotated_news_headlines-ORG-PERSON-LOCATION-ner.jsonl"
_ISSUES = "interop/prodigy/annotated_github-issues-DOCUMENTATION-textcat.jsonl"
_RELATIONS = "media/nlp_relation/prodigy_biorel/annotations.jsonl"
_WNUT = "media/nlp_ner/wnut17_dev300/wnut17_dev.conll"
_WEIBO = "media/nlp_ner/weibo_zh_dev200/weibo_dev.conll"
_BANK = "media/nlp_classification/banking77_770/banking77.csv"
_SPANS = {"shape": "spans"}
_CHOICES = {"shape": "choices"}


def _doccano(folder: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{_DOCCANO}/{folder}/{name}" for name in names)


ROWS = (
    formats("conll", (_WNUT, _WEIBO), judge=seqeval, samples_expected=500),
    formats(
        "conll",
        _doccano("import_tests/sequence_labeling", ["example.conll", "labeling.trailing.conll"]),
        label=" (doccano)",
    ),
    formats(
        "conll",
        _doccano("import_tests/sequence_labeling", ["labeling.invalid.conll"]),
        label=" (invalid)",
        refused=1,
    ),
    formats("spacy", (_NEWS, _RELATIONS), "prodigy", judge=spacy),
    formats("spacy", _BRAT, "brat", judge=spacy, label=" (overlapping)"),
    formats("spacy", (_WEIBO,), "conll", judge=spacy, label=" (Chinese)"),
    formats("spacy", (_BANK,), "csv", _CHOICES, spacy, " (classes)", samples_expected=770),
    formats("brat", _BRAT, judge=pybrat, samples_expected=40),
    formats(
        "doccano",
        (
            *_doccano("export_examples/relation_extraction", ["example.jsonl"]),
            *_doccano("export_examples/sequence_labeling", ["example.jsonl"]),
            *_doccano("import_examples/sequence_labeling", ["example.jsonl"]),
            *_doccano("import_tests/sequence_labeling", ["example_overlapping.jsonl"]),
            *_doccano("export_examples/intent_detection", ["example.jsonl"]),
        ),
        schema=_SPANS,
        label=" (spans)",
    ),
    formats(
        "doccano",
        _doccano("export_examples/text_classification", ["example.jsonl", "example.json"])
        + _doccano("export_examples/text_classification", ["example.csv", "example.txt"])
        + _doccano("import_examples/text_classification", ["example.jsonl"]),
        schema=_CHOICES,
        label=" (classes)",
    ),
    formats(
        "doccano",
        _doccano("export_examples/sequence_to_sequence", ["example.jsonl", "example.csv"]),
        schema={"shape": "text"},
        label=" (outputs)",
    ),
    formats(
        "doccano",
        _doccano("import_tests/text_classification", ["example.invalid.2.csv", "example.jsonl"])
        + _doccano("import_tests/text_classification", ["example.invalid.2.xlsx"]),
        schema=_CHOICES,
        label=" (invalid)",
        refused=2,
    ),
    formats("prodigy", (_NEWS, _ISSUES, _RELATIONS)),
    formats("parquet", (_NEWS, _RELATIONS), "prodigy", _SPANS, tables("pandas", "duckdb")),
    formats("parquet", (_BANK,), "csv", _CHOICES, tables("pandas", "duckdb"), " (classes)"),
    formats("hf-dataset", (_RELATIONS,), "prodigy", _SPANS, tables("datasets")),
    formats("webdataset", (_RELATIONS,), "prodigy", _SPANS, tables("webdataset")),
    formats("jsonl", (_RELATIONS,), "prodigy", _SPANS),
)
