"""Formats of labelled text: what goes out comes back, and broken files are told."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Broken, Doc, records
from libs.formats.image.shapes import plain
from libs.formats.text.spacy.decode import string_hash
from libs.formats.text.text_spans import joined, tag_spans, tokens
from tests.unit.libs.formats.format_fixtures import files, read, source_of, written

RELATED = {"classes": ["A", "B"], "relations": [{"name": "to"}]}
ALPHABET = st.sampled_from(list("ab B,.\n\t好是😀é'_9"))
NAMES = ("conll", "spacy", "brat", "doccano", "prodigy")
ENDS = {"conll": "conll", "spacy": "spacy", "brat": "ann", "doccano": "jsonl", "prodigy": "jsonl"}


@st.composite
def labelled(draw: st.DrawFn, overlapping: bool = True) -> tuple[str, Doc]:
    """A text and spans of it that begin and end with a visible character."""
    text = draw(st.text(ALPHABET, min_size=1, max_size=40))
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    if overlapping and pairs:
        pairs.append((pairs[0][0], pairs[-1][1]))
    spans = [
        plain(start=start, end=end, **{"class": draw(st.sampled_from("AB"))})
        for start, end in dict.fromkeys(pairs)
        if text[start:end].strip() and text[start:end] == text[start:end].strip()
    ]
    return text, {"spans": plain(spans=sorted(spans, key=place))}


def place(one: Doc) -> tuple[int, int]:
    return one.get("start", 0), -one["end"]


def back(name: str, text: str, value: Doc, schema: Doc) -> tuple[Any, list[str]]:
    content, problems = written(name, [value], schema, type_="text", data={"text": text})
    again, _ = written(name, [value], schema, type_="text", data={"text": text})
    assert content == again
    samples, faults = read(name, source_of(name, content), schema)
    assert not faults and len(samples) == (0 if any(p.whole for p in problems) else 1)
    return samples[0] if samples else None, [p.reason for p in problems]


@pytest.mark.parametrize("name", ["spacy", "brat", "doccano", "prodigy"])
@given(made=labelled())
@settings(max_examples=40)
def test_text_and_spans_come_back(name: str, made: tuple[str, Doc]) -> None:
    text, value = made
    sample, problems = back(name, text, value, {"classes": ["A", "B"], "shape": "spans"})
    assert sample.data["text"] == text and not problems
    found = sample.value["spans"].get("spans", [])
    bare = [{k: v for k, v in one.items() if k != "id"} for one in found]
    assert sorted(bare, key=str) == sorted(value["spans"].get("spans", []), key=str)


@given(made=labelled(overlapping=False))
@settings(max_examples=40)
def test_conll_keeps_spans_and_tokens(made: tuple[str, Doc]) -> None:
    text, value = made
    if not text.strip():
        return
    sample, _ = back("conll", text, value, {})
    found = sample.value["spans"].get("spans", [])
    words = [text[start:end] for start, end in tokens(text, value["spans"].get("spans", []))]
    assert sample.data["text"] == joined(words)[0]
    assert [one["class"] for one in found] == [s["class"] for s in value["spans"].get("spans", [])]


@pytest.mark.parametrize("name", ["brat", "doccano", "prodigy"])
def test_relations_come_back(name: str) -> None:
    spans = [{"end": 2, "class": "A", "id": "T1"}, {"start": 3, "end": 5, "class": "B", "id": "T2"}]
    relations = [
        {"class": "to", "head": "T1", "tail": "T2"},
        {"class": "to", "head": "T2", "tail": "T1"},
    ]
    value = {"spans": {"spans": spans, "relations": relations}}
    sample, problems = back(name, "ab cd", value, RELATED)
    names = {one["id"]: place(one) for one in sample.value["spans"]["spans"]}
    ends = [(names[r["head"]], names[r["tail"]]) for r in sample.value["spans"]["relations"]]
    assert not problems and ends == [((0, -2), (3, -5)), ((3, -5), (0, -2))]


@pytest.mark.parametrize("name", ["spacy", "doccano", "prodigy"])
def test_classes_come_back(name: str) -> None:
    value = {"choices": {"classes": ["B"]}}
    sample, problems = back(name, "some text", value, {"classes": ["A", "B"], "shape": "choices"})
    assert (sample.value, problems) == (value, [])


def test_what_conll_cannot_hold_is_told() -> None:
    spans = [{"end": 4, "class": "A", "id": "x"}, {"start": 2, "end": 5, "class": "B"}]
    sample, problems = back("conll", "ab cd", {"spans": {"spans": spans}}, {})
    assert [one["class"] for one in sample.value["spans"]["spans"]] == ["A"]
    assert "conll has no place for overlapping spans" in problems
    assert "conll has no place for id of spans" in problems


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("B-A I-A O B-B", [(0, 2, "A"), (3, 4, "B")]),
        ("I-A I-A I-B B-B", [(0, 2, "A"), (2, 3, "B"), (3, 4, "B")]),
        ("B-A E-A S-B O", [(0, 2, "A"), (2, 3, "B")]),
        ("B-A L-A U-B B-A", [(0, 2, "A"), (2, 3, "B"), (3, 4, "A")]),
    ],
)
def test_all_kinds_of_tags(tags: str, wanted: list[Any]) -> None:
    marks = [(tag[0], tag[2:]) for tag in tags.split()]
    assert tag_spans(marks) == wanted


def test_weibo_tokens_lose_their_digit_and_cjk_has_no_spaces() -> None:
    source = files(x_dot_conll="张0\tB-PER\n三1\tI-PER\n来0\tO\n\nEU NNP B-ORG\nsays VBZ O\n")
    (first, second), faults = read("conll", source, {})
    assert not faults and first.data == {"text": "张三来"} and second.data == {"text": "EU says"}
    assert first.value == {"spans": {"spans": [{"end": 2, "class": "PER"}]}}


def test_hashes_are_those_of_spacy() -> None:
    assert string_hash("hello") == 5983625672228268878 and string_hash("ORG") == 383
    assert string_hash("Positive_regulation") == 16586437442488046963 and string_hash("") == 0


def test_of_two_values_of_one_brat_attribute_the_second_is_told() -> None:
    ann = "T1\tGene 0 2\tab\nA1\tSure T1 no\nA2\tSure T1 no\nA3\tSure T1 yes\n"
    (sample,), (fault,) = read("brat", files(x_dot_ann=ann, x_dot_txt="ab cd"), {})
    assert sample.value is not None
    assert sample.value["spans"]["spans"][0]["attributes"] == {"Sure": "no"}
    assert "line 4" in fault.where and "twice, with two values" in fault.reason


def test_brat_events_attributes_notes_and_pieces() -> None:
    ann = (
        "T1\tGene 0 2\tab\nT2\tAct 3 5\tcd\nT3\tGap 0 1;4 5\ta d\nE1\tAct:T2 Theme:T1\n"
        "M1\tNegation E1\n"
        "A1\tKind T1 big\n#1\tAnnotatorNotes T1\tsee this\n*\tEquiv T1 T2\nR1\tIn Arg1:T1 Arg2:T9\n"
        "T4\tGene 0 99\tx\nT5\tGene 0 2\tzz\nN1\tReference T1 DB:1\tname\n"
    )
    (sample,), faults = read("brat", files(x_dot_ann=ann, x_dot_txt="ab cd"), {})
    assert sample.value == {
        "spans": {
            "spans": [
                {
                    "end": 2,
                    "class": "Gene",
                    "id": "T1",
                    "attributes": {"Kind": "big", "note": "see this"},
                },
                {
                    "start": 3,
                    "end": 5,
                    "class": "Act",
                    "id": "T2",
                    "attributes": {"Negation": "true"},
                },
            ],
            "relations": [
                {"class": "Theme", "head": "T2", "tail": "T1"},
                {"class": "Equiv", "head": "T1", "tail": "T2"},
            ],
        }
    }
    assert [fault.where for fault in faults] == ["x.ann line 10", "x.ann line 11", "x.ann line 9"]
    assert "spans in pieces" in sample.left_out


def test_cyclic_relations_are_only_relations() -> None:
    line = (
        '{"text": "ab", "entities": [{"id": 0, "start_offset": 0, "end_offset": 1, "label": "A"}], '
        '"relations": [{"from_id": 0, "to_id": 0, "type": "self"}]}'
    )
    (sample,), faults = read("doccano", files(x_dot_jsonl=line), {})
    assert not faults and (sample.value or {})["spans"]["relations"][0]["head"] == "0"


BAD = {
    "conll": ("EU\n", "a token and a tag wanted"),
    "conll ": ("EU X-ORG\n", "is not a tag"),
    "doccano": ('{"text": "ab", "label": [[0, 9, "A"]]}', "not inside a text of 2"),
    "doccano ": ('{"text": "ab", "entities": [{"id": 1}]}', "start"),
    "prodigy": (
        '{"text": "ab", "spans": [{"start": 1.5, "end": 2, "label": "A"}]}',
        "whole number",
    ),
    "prodigy ": ('{"text": "ab", "answer": "accept"}', "no spans"),
    "spacy": ("hello", "not a DocBin"),
    "brat": ("T1\tA 0 1\ta\n", "x.txt, is not there"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_broken_is_told(name: str) -> None:
    text, reason = BAD[name]
    known = name.strip()
    samples, faults = read(known, files(**{f"x_dot_{ENDS[known]}": text}), {})
    assert not samples and len(faults) == 1 and reason in faults[0].reason


def test_doccanos_tables_and_fasttext() -> None:
    source = files(
        a_dot_csv="label,foo,text\npositive,1,good\n,2,bare\nx,y\n",
        b_dot_txt="__label__p __label__q nice\n__label__p\n",
        c_dot_xlsx=b"PK",
    )
    samples, faults = read("doccano", source, {"shape": "choices"})
    assert [(s.data["text"], s.value) for s in samples] == [
        ("good", {"choices": {"classes": ["positive"]}}),
        ("bare", None),
        ("nice", {"choices": {"classes": ["p", "q"]}}),
    ]
    assert [fault.where for fault in faults] == ["a.csv line 4", "b.txt line 2", "c.xlsx"]


@pytest.mark.parametrize("name", NAMES)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@settings(max_examples=30)
def test_any_bytes_are_read_or_told(name: str, content: bytes) -> None:
    source = files(**{f"x_dot_{ENDS[name]}": content, "x_dot_txt": "abc"})
    with suppress(Broken):
        read(name, source, {})


@given(
    junk=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    ),
    field=st.sampled_from(["label", "entities", "relations", "spans", "accept", "cats", "text"]),
)
@settings(max_examples=80)
def test_any_json_is_read_or_told(junk: Any, field: str) -> None:
    line = orjson.dumps({"text": "abc", "label": [], field: junk})
    for name in ("doccano", "prodigy", "jsonl"):
        samples, faults = read(name, files(x_dot_jsonl=line), {})
        assert len(samples) + len(faults) == 1


def test_a_huge_line_is_told_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_LINE", 40)
    long = '{"text": "' + "a" * 200 + '", "label": ["A"]}'
    source = files(x_dot_jsonl=f'{long}\n{{"text": "b", "label": ["A"]}}\n')
    (sample,), (fault,) = read("doccano", source, {})
    assert sample.data == {"text": "b"}
    assert (fault.where, fault.reason) == ("x.jsonl line 1", "longer than 40 bytes")


def test_json_that_breaks_off_is_told_and_what_stood_before_is_read() -> None:
    record = '{"text": "a", "label": ["A"]}'
    for text in (f"[{record}, {record}, {{", f'{{\n"text": "a",\n"label": []}}\n{record}\n{{,'):
        samples, (fault,) = read("doccano", files(x_dot_json=text), {})
        assert len(samples) == 2 and fault.where == "x.json record 3"
