"""Labels by intake's door: encodings, classes that a file does not name, plain tables."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from libs.cli.client import Refused
from libs.cli.intake import _pair
from libs.common.blobs import Blobs
from libs.formats import Doc
from services.intake.domain import DataField, Import, ImportState, LabelsAs, Project
from services.intake.sources import Broken, Entry, entries
from tests.unit.libs.formats.format_fixtures import png

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHOICE: Doc = {"shape": "choice", "classes": ["ham", "spam"]}
SPEECH: Doc = {"shape": "segments", "classes": ["speech"]}
RTTM = b"SPEAKER a 1 0.2 0.5 <NA> <NA> S1 <NA> <NA>\n"
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0\x80>\0\0\x02\0\x10\0data\0\0\0\0"


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(f"file://{tmp_path}")


def brought(
    blobs: Blobs, content: bytes, format_: str, schema: Doc, type_: str = "text", **more: Any
) -> list[Entry]:
    project = Project("tenants/t/projects/p", 1, (DataField("it", type_, required=True),), schema)
    asked = Import(project.name, "", "b", format_, ImportState.RUNNING, NOW, NOW)
    asked = replace(asked, **{"labels_as": LabelsAs.SETTLED, "filename": "f", **more})
    return list(entries(io.BytesIO(content), asked, project, blobs))


def labels(found: list[Entry]) -> list[Any]:
    return [one.item.label if one.item is not None else one.reason for one in found]


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return out.getvalue()


def table(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


SPAM = {"choices": {"classes": ["spam"]}}
TEXTS: dict[str, tuple[str, bytes]] = {
    "csv": ("csv", b"text,label\nhi,spam\n"),
    "csv with the field's name": ("csv", b"it,class\nhi,spam\n"),
    "csv in a folder": ("csv", packed(a_dot_csv=b"text,label\nhi,spam\n")),
    "jsonl": ("jsonl", b'{"text": "hi", "label": "spam"}\n'),
    "json": ("jsonl", b'[{"text": "hi", "label": 1}]'),
    "parquet": ("parquet", table(text=["hi"], label=[1])),
    "parquet in a folder": ("parquet", packed(a_dot_parquet=table(text=["hi"], label=["spam"]))),
    "hf": ("hf-dataset", packed(d_dot_parquet=table(text=["hi"], label=["spam"]))),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_table_of_texts_and_classes_has_a_way_in(blobs: Blobs, name: str) -> None:
    format_, content = TEXTS[name]
    assert labels(brought(blobs, content, format_, CHOICE)) == [SPAM]


def test_a_manifest_stays_one(blobs: Blobs) -> None:
    value = json.dumps(SPAM).replace('"', '""')
    assert labels(brought(blobs, f'it,label\nhi,"{value}"\n'.encode(), "csv", CHOICE)) == [SPAM]
    line = json.dumps({"data": {"it": "hi"}, "label": SPAM}).encode()
    assert labels(brought(blobs, line, "jsonl", CHOICE)) == [SPAM]
    with pytest.raises(Broken, match=r"unknown: class; .*say labels_as"):
        brought(blobs, b"it,class\nhi,spam\n", "csv", CHOICE, labels_as=None)


def test_a_bad_row_costs_only_itself(blobs: Blobs) -> None:
    found = brought(blobs, b'it\nhi\nf\xfc\n"a"b\nx,y\nyo\n', "csv", CHOICE, labels_as=None)
    reasons = [one.reason for one in found if one.item is None]
    assert [one.key for one in found if one.item is None] == ["line 3", "line 4", "line 5"]
    assert "not UTF-8" in reasons[0] and "not CSV" in reasons[1] and "columns" in reasons[2]
    assert sum(one.item is not None for one in found) == 2
    long = b'{"it": "' + b"x" * 2_100_000 + b'"}\n{"it": "b"}\n'
    found = brought(blobs, long, "jsonl", CHOICE, labels_as=None)
    assert "longer than" in found[0].reason and found[1].item is not None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("format_", ["csv", "jsonl", "doccano"])
def test_texts_in_other_encodings(blobs: Blobs, format_: str, encoding: str) -> None:
    text = "text,label\n好,spam\n" if format_ == "csv" else '{"text": "好", "label": ["spam"]}\n'
    said = encoding if encoding == "gb18030" else ""
    (one,) = brought(blobs, text.encode(encoding), format_, CHOICE, encoding=said)
    assert one.item is not None and json.loads(one.item.data) == {"it": "好"}
    manifest = 'it,source_key\n"好",k\n'.encode(encoding)
    (one,) = brought(blobs, manifest, "csv", CHOICE, encoding=said, labels_as=None)
    assert one.item is not None and json.loads(one.item.data) == {"it": "好"}


def test_a_long_cell_is_read_whatever_was_read_before(blobs: Blobs) -> None:
    long = f"text,label\n{'word ' * 60_000},ham\nhi,spam\n".encode()
    for _ in range(2):
        assert len(labels(brought(blobs, long, "csv", CHOICE))) == 2
        brought(blobs, b"it\nhi\n", "csv", CHOICE, labels_as=None)


def test_what_has_no_class_has_the_templates_only_one_or_what_is_said(blobs: Blobs) -> None:
    content = packed(a_dot_rttm=RTTM, a_dot_wav=WAV)
    segment = {"start": 0.2, "end": 0.7, "speaker": "S1", "class": "speech"}
    wanted = [{"segments": {"segments": [segment]}}]
    assert labels(brought(blobs, content, "rttm", SPEECH, "audio")) == wanted
    two = {**SPEECH, "classes": ["speech", "music"]}
    (left,) = labels(brought(blobs, content, "rttm", two, "audio"))
    assert "class" not in left["segments"]["segments"][0]
    said = brought(blobs, content, "rttm", two, "audio", classes={"": "speech"})
    assert labels(said) == wanted


def test_an_import_that_found_no_label_says_so(blobs: Blobs) -> None:
    found = brought(blobs, b"text,kind\nhi,spam\n", "csv", CHOICE)
    assert found[0].item is not None and found[0].item.label is None
    assert "no label was found in its 1 records" in found[1].reason
    assert "no label was found" in brought(blobs, b"", "rttm", SPEECH, "audio")[-1].reason


def test_pictures_in_columns_of_hugging_face(blobs: Blobs) -> None:
    image = {"bytes": png(), "path": "a.png"}
    features = {"label": {"names": ["ham", "spam"], "_type": "ClassLabel"}}
    made = pa.table({"image": [image], "label": [1]})
    told = json.dumps({"info": {"features": features}})
    out = io.BytesIO()
    pq.write_table(made.replace_schema_metadata({"huggingface": told}), out)
    (one,) = brought(blobs, out.getvalue(), "parquet", CHOICE, "image")
    assert one.item is not None and one.item.label == SPAM and one.item.source_key == "a.png"
    assert json.loads(one.item.data)["it"].startswith("data:image/png")
    folder = packed(metadata_dot_csv=b"file_name,label\nb.png,ham\n", b_dot_png=png())
    (one,) = brought(blobs, folder, "hf-dataset", CHOICE, "image")
    assert one.item is not None and one.item.label == {"choices": {"classes": ["ham"]}}


def test_objects_are_drawn_as_the_template_draws(blobs: Blobs) -> None:
    schema = {"shape": "objects", "classes": ["cat"], "geometries": ["quad"]}
    shape = {"label": "cat", "shape_type": "polygon", "points": [[1, 2], [9, 3], [8, 9], [1, 7]]}
    doc = {"version": "5", "imagePath": "a.png", "shapes": [shape]}
    content = packed(a_dot_json=json.dumps(doc).encode(), a_dot_png=png())
    (label,) = labels(brought(blobs, content, "labelme", schema, "image"))
    assert label["objects"]["objects"][0]["quad"]["points"] == [1, 2, 9, 3, 8, 9, 1, 7]


def test_the_command_takes_a_class_for_what_has_none() -> None:
    assert _pair("=speech") == ("", "speech") and _pair("a=b") == ("a", "b")
    for wrong in ("a", "a=", ""):
        with pytest.raises(Refused, match="=OURS for what has no class"):
            _pair(wrong)
