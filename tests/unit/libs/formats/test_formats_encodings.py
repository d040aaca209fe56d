"""Label files in the encodings that other tools save them in: what is in them stays the same."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Doc
from libs.formats.source import of_file
from libs.formats.unicode import opened
from tests.unit.libs.formats.format_fixtures import SCHEMA, read

CLASSES = ["cat", "图 é"]
POINT = {"label": "图 é", "shape_type": "point", "points": [[1, 1]]}
CHOSEN = {"type": "choices", "value": {"choices": ["图 é"]}}
TALK = [{"role": "user", "content": "图 é"}, {"role": "assistant", "content": "a"}]
# A small file of every format of JSON that is no JSON Lines.
JSON: dict[str, object] = {
    "coco": {"images": [{"id": 1, "file_name": "图 é.png"}], "categories": [], "annotations": []},
    "labelme": {"imagePath": "图 é.png", "shapes": [POINT]},
    "labelstudio": [{"data": {"text": "图 é"}, "annotations": [{"result": [CHOSEN]}]}],
    "datumaro": {
        "categories": {"label": {"labels": [{"name": "图 é"}]}},
        "items": [{"id": "图 é", "annotations": [{"type": "label", "label_id": 0}]}],
    },
    "doccano": [{"text": "图 é", "label": ["x"]}],
    "trl-sft": [{"messages": TALK}],
    "openlabel": {"openlabel": {"metadata": {"schema_version": "1.0.0"}, "objects": {}}},
}
MARKED = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be"]
XML = "<annotation><filename>图 é.png</filename><object><name>图 é</name><bndbox><xmin>1</xmin>"
XML += "<ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>"
CVAT = '<annotations><image name="图 é.png"><tag label="图 é"/></image></annotations>'


@pytest.mark.parametrize("format_", sorted(JSON))
@pytest.mark.parametrize("encoding", MARKED)
def test_json_says_the_same_in_any_unicode_encoding(format_: str, encoding: str) -> None:
    text = json.dumps(JSON[format_], ensure_ascii=False)
    schema: Doc = {**SCHEMA, "classes": CLASSES}
    plain = read(format_, of_file("a.json", text.encode()), schema)
    assert read(format_, of_file("a.json", text.encode(encoding)), schema) == plain
    assert plain[0] or format_ == "openlabel"


@pytest.mark.parametrize(("format_", "body"), [("voc", XML), ("cvat", CVAT)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030", "gbk"])
def test_xml_says_the_same_in_the_encoding_it_declares(
    format_: str, body: str, encoding: str
) -> None:
    declared = encoding.removesuffix("-sig").upper()
    text = f'<?xml version="1.0" encoding="{declared}"?>\n{body}'
    samples, faults = read(format_, of_file("a.xml", text.encode(encoding)))
    assert not faults
    assert samples[0].key == "图 é.png"


def test_an_encoding_that_is_not_what_its_mark_says_is_a_fault() -> None:
    content = codecs.BOM_UTF16_LE + b"[\x00{\x00\x00\xd8"
    samples, faults = read("labelstudio", of_file("a.json", content))
    assert not samples
    assert "UTF-16" in faults[0].reason
    _, faults = read("voc", of_file("a.xml", b'<?xml version="1.0" encoding="klingon"?><a/>'))
    assert "klingon" in faults[0].reason


@given(st.text(min_size=1), st.sampled_from(MARKED), st.integers(1, 7))
def test_a_json_text_is_read_as_utf8_however_it_is_cut(text: str, encoding: str, size: int) -> None:
    written = json.dumps([text], ensure_ascii=False)
    source = of_file("a.json", written.encode(encoding, "surrogatepass"))
    with opened(source, "a.json") as file:
        found = b"".join(iter(lambda: file.read(size), b""))
    assert json.loads(found) == [text]
