"""Every format of texts is read alike in every encoding that is marked or declared."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Broken, Doc
from libs.formats.registry import format_of
from libs.formats.source import Source
from tests.unit.libs.formats.format_fixtures import read, source_of, written

TEXT = {"data": {"text": "好 ab é"}, "type_": "text"}
SOUND = {"data": {"audio": "data:,"}, "type_": "audio"}
SPANS: Doc = {"spans": {"spans": [{"end": 1, "class": "A"}, {"start": 2, "end": 4, "class": "B"}]}}
WORD: Doc = {"start": 1.0, "end": 2.0, "text": "é好"}
SEGMENTS: Doc = {
    "segments": {"segments": [{**WORD, "speaker": "Zoë", "words": [WORD]}, {"end": 1, "text": "a"}]}
}
REPLIES = {"text": "é", "candidates": [{"id": "a", "text": "好"}, {"id": "b", "text": "x"}]}
CHOSEN: Doc = {"preference": {"outcome": "CHOSEN", "chosen": "a", "rejected": "b"}}
COMPARED = {"data": REPLIES, "type_": "text"}
CLASSES: Doc = {"choices": {"classes": ["B"]}}
# Format -> (label, what it is about).
WRITTEN: dict[str, tuple[Doc, Any]] = {
    **dict.fromkeys(("conll", "brat", "doccano", "prodigy"), (SPANS, TEXT)),
    **dict.fromkeys(
        ("nemo", "kaldi", "rttm", "stm", "ctm", "textgrid", "srt", "webvtt", "elan"),
        (SEGMENTS, SOUND),
    ),
    **dict.fromkeys(("trl-dpo", "trl-kto", "ranking", "llamafactory-dpo"), (CHOSEN, COMPARED)),
    **dict.fromkeys(("jsonl", "csv"), (CLASSES, TEXT)),
}
SCHEMA: Doc = {"classes": ["A", "B"], "encoding": ""}


def recoded(source: Source, encoding: str) -> Source:
    """Every file of texts in another encoding."""
    held = {}
    for name in source.names:
        text = source.read(name).decode()
        # What an XML file declares must be true of it; without a mark, expat wants one to be.
        held[name] = text.replace(' encoding="UTF-8"', "").encode(encoding)
    return Source({k: len(v) for k, v in held.items()}, lambda name: io.BytesIO(held[name]))


@pytest.mark.parametrize("name", sorted(WRITTEN))
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "gb18030", "utf-16-le"])
def test_what_is_marked_or_declared_is_read(name: str, encoding: str) -> None:
    value, about = WRITTEN[name]
    content, _ = written(name, [value], SCHEMA, **about)
    wanted = read(name, source_of(name, content), {**SCHEMA, "encoding": ""})
    assert wanted[0] and not wanted[1]
    declared = encoding if encoding in ("gb18030", "utf-16-le") else ""
    found = read(
        name, recoded(source_of(name, content), encoding), {**SCHEMA, "encoding": declared}
    )
    assert found == wanted


@given(
    text=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"]),
)
@settings(max_examples=60)
def test_any_text_of_a_caption_comes_back(text: str, encoding: str) -> None:
    srt = f"1\n00:00:01,000 --> 00:00:02,000\n-{text}\n".encode(encoding)
    schema = {"encoding": encoding} if encoding == "gb18030" else {}
    (sample,), faults = read("srt", _one("x.srt", srt), schema)
    assert not faults and (sample.value or {})["segments"]["segments"][0]["text"] == f"-{text}"


def test_a_bad_line_of_a_declared_encoding_costs_only_itself() -> None:
    good = "r 1 anna 1 2 好\n".encode("gb18030")
    source = _one("x.stm", good + b"r 1 anna 2 3 \xff\xff\n" + good)
    (sample,), (fault,) = read("stm", source, {"encoding": "gb18030"})
    assert len((sample.value or {})["segments"]["segments"]) == 2
    assert "x.stm line 2" in fault.where and "not GB18030" in fault.reason
    half = "r 1 anna 2 3 \ud800\n".encode("utf-16-le", "surrogatepass")
    wide = "﻿r 1 anna 1 2 好\n".encode("utf-16-le") + half + "r 1 b 1 2 c".encode("utf-16-le")
    (sample,), (fault,) = read("stm", _one("x.stm", wide), {})
    assert len((sample.value or {})["segments"]["segments"]) == 2 and "line 2" in fault.where


def test_an_encoding_that_nobody_knows_is_told() -> None:
    with pytest.raises(Broken, match="'utf-9' is not known"):
        read("stm", _one("x.stm", b""), {"encoding": "utf-9"})
    assert format_of("stm").decode is not None


def _one(name: str, content: bytes) -> Source:
    return Source({name: len(content)}, lambda _: io.BytesIO(content))
