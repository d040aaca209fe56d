"""Tables: whatever a label is comes back, foreign tables are read, memory stays flat."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from labelmill.annotation.v1.annotation_pb2 import Value

from libs.common.explicit import explicit
from libs.formats import Broken, Doc, Fault
from libs.formats.image.shapes import plain
from libs.formats.registry import MODULES, format_of
from libs.formats.tabular.parquet import encode as parquet_writing
from tests.unit.libs.formats.format_fixtures import files, job, read, row, source_of, written

NAMES = ("jsonl", "parquet", "webdataset", "hf-dataset")
TEXT = st.text(max_size=10)
NUMBER = st.floats(allow_nan=False, allow_infinity=False, width=32)
MARKS = st.fixed_dictionaries({}, optional={"k": TEXT.filter(bool)})


def objects(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[list[Doc]]:
    return st.lists(st.builds(lambda **found: plain(**found), **fields), max_size=3)


BOXES = objects(
    x=NUMBER, y=NUMBER, width=NUMBER, height=NUMBER, score=NUMBER, attributes=MARKS, id=TEXT
)
SPANS = objects(start=st.integers(0, 99), end=st.integers(1, 99), id=TEXT, attributes=MARKS)
WORDS = objects(start=NUMBER, end=NUMBER, text=TEXT)
SEGMENTS = objects(start=NUMBER, end=NUMBER, text=TEXT, speaker=TEXT, language=TEXT, words=WORDS)
VALUES = {
    "choices": st.lists(TEXT.filter(bool), max_size=3, unique=True).map(lambda v: plain(classes=v)),
    "text": TEXT.map(lambda v: plain(text=v)),
    "boxes": BOXES.map(lambda v: plain(boxes=v)),
    "spans": SPANS.map(lambda v: plain(spans=v)),
    "segments": SEGMENTS.map(lambda v: plain(segments=v)),
    "ranking": st.just({"groups": [{"ids": ["a"]}, {"ids": ["b", "c"]}]}),
}


@pytest.mark.parametrize("shape", sorted(VALUES))
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=10)
def test_labels_come_back(name: str, shape: str, data: st.DataObject) -> None:
    values = [{shape: one} for one in data.draw(st.lists(VALUES[shape], max_size=3))]
    schema = {"shape": shape}
    content, problems = written(name, values, schema, type_="text", data={"text": "t"})
    samples, faults = read(name, source_of(name, content), schema)
    assert not problems and not faults
    assert [explicit(one.value or {}, Value) for one in samples] == [
        explicit(one, Value) for one in values
    ]
    assert [one.data for one in samples] == [{"text": "t"}] * len(values)
    assert written(name, values, schema, type_="text", data={"text": "t"})[0] == content


def test_columns_are_typed_and_stay_the_same() -> None:
    schemas = [
        pq.read_schema(io.BytesIO(written("parquet", values, {"shape": "boxes"})[0]))
        for values in ([], [{"boxes": {"boxes": [{"class": "a", "x": 1.0}]}}])
    ]
    assert schemas[0].equals(schemas[1])
    fields = {f.name: str(f.type) for f in schemas[0].field("boxes").type.value_type}
    assert fields["x"] == "double" and fields["class"] == "string"


def test_a_folder_for_datasets_has_a_card_with_a_head() -> None:
    content, _ = written("hf-dataset", [{"text": {"text": "x"}}], {"shape": "text"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        head = archive.read("README.md").decode().split("---")[1]
        assert archive.namelist() == ["README.md", "data/train-00000.parquet"]
    assert yaml.safe_load(head)["configs"][0]["data_files"][0]["path"] == "data/*.parquet"


def test_shards_have_media_where_they_are_wanted() -> None:
    content, _ = written("webdataset", [{"choices": {}}], media=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as shard:
        assert shard.getnames() == ["t-1.json", "t-1.png"]
    (sample,), faults = read("webdataset", source_of("webdataset", content), {})
    assert not faults and sample.left_out == ("media inside the shard: png",)
    source = files(t1_dot_json='{"value": {"choices": {}}}', t1_dot_jpg=b"x")
    assert read("webdataset", source, {})[0][0].media == {"image": "t1.jpg"}


def test_csv_comes_back_where_it_holds_everything() -> None:
    values = [{"choices": {"classes": ["=a", "b"]}}, {"choices": {}}]
    content, problems = written("csv", values, {"shape": "choices"})
    samples, faults = read("csv", source_of("csv", content), {"shape": "choices"})
    assert not faults and not problems and [one.value for one in samples] == values


@pytest.mark.parametrize(
    ("value", "cell", "lost"),
    [
        ({"ranking": {"groups": [{"ids": ["a"]}, {"ids": ["b", "c"]}]}}, "a>b=c", ""),
        ({"preference": {"outcome": "TIE", "chosen": "a", "rejected": "b"}}, "a=b", ""),
        (
            {"preference": {"outcome": "BOTH_BAD", "chosen": "a", "rejected": "b", "strength": 2}},
            "a=b!",
            "strength of preference",
        ),
        ({"ratings": {"ratings": [{"scale": "s", "value": 2.5, "subject": "a"}]}}, "s@a=2.5", ""),
        ({"rewrite": {"before": "x", "after": "y"}}, ",y,", "before of rewrite"),
        ({"segments": {"segments": [{"end": 1.0, "text": "hi"}]}}, ",hi,", "times"),
        ({"cuboids": {"frame": "ego"}}, "t-1", "no place for cuboids"),
    ],
)
def test_csv_says_what_it_has_no_place_for(value: Doc, cell: str, lost: str) -> None:
    content, problems = written("csv", [value])
    assert cell in content.decode().splitlines()[1]
    assert lost in " ".join(p.reason for p in problems) and bool(problems) == bool(lost)


def test_tables_of_other_tools() -> None:
    source = files(a_dot_csv='text,category\r\n"x,\ny",card\r\nz,\r\nq,a,b\r\n')
    samples, faults = read("csv", source, {})
    assert [(s.data["text"], s.value) for s in samples] == [
        ("x,\ny", {"choices": {"classes": ["card"]}}),
        ("z", None),
    ]
    assert faults == [Fault("a.csv line 5", "3 columns; the first line has 2")]
    table = pa.table({"text": ["x"], "label": [1]})
    info = json.dumps({"info": {"features": {"label": {"names": ["no", "yes"]}}}})
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": info}), out)
    (sample,), _ = read("parquet", files(a_dot_parquet=out.getvalue()), {})
    assert sample.value == {"choices": {"classes": ["yes"]}}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "an object wanted"),
        ('{"value": {"boxes": {}, "text": {}}}', "with one of"),
        ('{"value": {"nothing": {}}}', "with one of"),
        ('{"value": {"text": 1}}', "not an object"),
        ('{"text": "a", "label": {"x": 1}}', "a class or a list"),
        ('{"text": "a", "label": 7}', "class 7"),
        ('{"label": "a"}', "no text"),
    ],
)
def test_broken_lines_are_told(line: str, reason: str) -> None:
    source = files(x_dot_jsonl=f'{{"text": "ok", "label": "a"}}\n{line}\n')
    samples, faults = read("jsonl", source, {})
    if line.startswith("["):
        reason = "a JSON object wanted"
    assert len(samples) == 1 and len(faults) == 1 and reason in faults[0].reason
    assert faults[0].where == "x.jsonl line 2"


@pytest.mark.parametrize("name", (*NAMES, "csv"))
@given(content=st.binary(max_size=200), magic=st.sampled_from([b"", b"PAR1", b"[", b'{"text":']))
@settings(max_examples=30)
def test_any_bytes_are_read_or_told(name: str, content: bytes, magic: bytes) -> None:
    ending = {"webdataset": "tar", "hf-dataset": "parquet"}.get(name, name)
    with suppress(Broken):
        read(name, files(**{f"x_dot_{ending}": magic + content + magic}), {})


@pytest.mark.statistical
@pytest.mark.parametrize("name", ["parquet", "webdataset", "hf-dataset"])
def test_memory_stays_flat(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_writing, "_ROWS", 500)
    encoder_of = format_of(name).encoder
    assert encoder_of is not None
    box = {"class": "a", "x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}
    rows = [row(i, {"boxes": {"boxes": [box] * 10}}) for i in range(125)]
    peaks = []
    for blocks in (10, 40):
        encoder = encoder_of(job({"shape": "boxes"}))
        tracemalloc.start()
        for _ in range(blocks):
            encoder.add(rows)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0], peaks


def test_every_format_of_the_table_is_what_it_says() -> None:
    for name in MODULES:
        found = format_of(name)
        assert found.name == name and (found.encoder or found.decode)


def test_a_class_is_the_name_beside_its_number_and_what_the_template_writes() -> None:
    schema = {"shape": "choice", "classes": ["pos", "neg", "1"]}
    for label, said, wanted in (
        (1, "pos", "pos"),
        ("1", "pos", "pos"),
        ("1.0", "", "1"),
        (1, "", "neg"),
    ):
        line = json.dumps({"text": "hello", "label": label, "label_text": said}).encode()
        (found,) = read("jsonl", files(a_dot_jsonl=line), schema)[0]
        assert found.value == {"choices": {"classes": [wanted]}}, (label, said)
