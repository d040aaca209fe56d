"""Formats of recordings: what goes out comes back, and broken files are told line by line."""

from __future__ import annotations

import io
import math
import struct
import tracemalloc
import wave
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Broken, Doc, Fault
from libs.formats.image.shapes import plain
from libs.formats.registry import format_of
from tests.unit.libs.formats.format_fixtures import files, job, read, row, source_of, written

NAMES = ("nemo", "kaldi", "rttm", "stm", "ctm", "textgrid", "srt", "webvtt", "elan")
ENDS = {
    **{"nemo": "jsonl", "rttm": "rttm", "stm": "stm", "ctm": "ctm", "textgrid": "TextGrid"},
    **{"srt": "srt", "webvtt": "vtt", "elan": "eaf", "kaldi": "/segments"},
}
# What of a segment each format holds.
HELD = {
    "nemo": {"text", "speaker", "language"},
    "kaldi": {"text", "speaker"},
    "rttm": {"speaker"},
    "stm": {"text", "speaker", "language"},
    "textgrid": {"text", "speaker"},
    "srt": {"text"},
    "webvtt": {"text", "speaker"},
    "elan": {"text", "speaker"},
}
WORDS = st.lists(st.sampled_from(["yes", "no", "你好", "<b>", "a&b", '"x"', "é"]), min_size=1).map(
    " ".join
)


@st.composite
def recordings(draw: st.DrawFn) -> Doc:
    """Segments in whole milliseconds that begin one after the other, and may overlap."""
    start, made = 0, []
    for _ in range(draw(st.integers(1, 5))):
        start += draw(st.integers(1, 3000))
        length = draw(st.integers(1, 4000))
        one = plain(
            start=start / 1000,
            end=(start + length) / 1000,
            text=draw(WORDS),
            speaker=draw(st.sampled_from(["", "anna", "bo"])),
            language=draw(st.sampled_from(["", "en", "zh-CN"])),
        )
        made.append(one)
    return {"segments": {"segments": made}}


def kept(value: Doc, fields: set[str]) -> list[Doc]:
    found = value["segments"].get("segments", [])
    made = [{k: v for k, v in one.items() if k in {"start", "end", *fields}} for one in found]
    return sorted(made, key=lambda one: sorted((k, str(v)) for k, v in one.items()))


def close(left: Any, right: Any) -> bool:
    return len(left) == len(right) and all(
        a.keys() == b.keys()
        and all(
            math.isclose(a[k], b[k], abs_tol=1e-6) if isinstance(a[k], float) else a[k] == b[k]
            for k in a
        )
        for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("name", sorted(HELD))
@given(value=recordings())
@settings(max_examples=25)
def test_segments_come_back(name: str, value: Doc) -> None:
    content, problems = written(name, [value], {}, type_="audio", data={"audio": "data:,"})
    samples, faults = read(name, source_of(name, content), {})
    assert not faults and len(samples) == 1 and samples[0].value is not None
    assert close(kept(samples[0].value, HELD[name]), kept(value, HELD[name]))
    told = " ".join(problem.reason for problem in problems)
    for lost in {"text", "speaker", "language"} - HELD[name]:
        present = any(lost in one for one in value["segments"]["segments"])
        assert (f"no place for a segment's {lost}" in told) == present
    assert written(name, [value], {}, type_="audio", data={"audio": "data:,"})[0] == content


def test_words_of_a_ctm_are_parted_by_pauses() -> None:
    source = files(
        x_dot_ctm="r 1 0.0 0.5 one 0.9\nr 1 0.6 0.2 two\nr 1 5.0 1 three\n;; r\nr B 1 1 b\n"
    )
    (sample,), faults = read("ctm", source, {})
    segments = (sample.value or {})["segments"]["segments"]
    assert [(s.get("start", 0.0), s["end"], s["text"]) for s in segments] == [
        (0.0, 0.8, "one two"),
        (1.0, 2.0, "b"),
        (5.0, 6.0, "three"),
    ]
    assert not faults and segments[1]["attributes"] == {"channel": "B"}
    content, problems = written("ctm", [sample.value or {}], {}, type_="audio", data={"audio": "x"})
    assert not problems and read("ctm", source_of("ctm", content), {})[0][0].value == sample.value


def test_rttm_gives_words_to_their_speakers_and_names_what_is_absent() -> None:
    text = (
        "SPEAKER r 1 0.0 2.0 <NA> <NA> anna <NA> <NA>\nLEXEME r 1 0.5 0.2 hi lex anna 0.5 <NA>\n"
        "LEXEME r 1 5.0 0.2 lost lex anna <NA> <NA>\nNOSCORE r 1 1 1 <NA> <NA> <NA> <NA>\n"
    )
    (sample,), faults = read("rttm", files(x_dot_rttm=text, other_dot_wav=b"RIFF"), {})
    assert not faults and (sample.value or {})["segments"]["segments"][0]["words"] == [
        {"start": 0.5, "end": 0.7, "text": "hi", "score": 0.5}
    ]
    assert sample.left_out == (
        "1 words outside of their speakers' segments",
        "1 lines of type NOSCORE",
        "the source has no file of this recording",
    )


SHORT = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n3\n<exists>\n2\n'
    '"IntervalTier"\n"bo"\n0\n'
    '3\n2\n0\n1\n""\n1\n3\n"two ""lines""\nhere"\n"TextTier"\n"marks"\n0\n3\n1\n2\n"x"\n'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_short_textgrid_in_any_encoding(encoding: str) -> None:
    (sample,), faults = read("textgrid", files(x_dot_TextGrid=SHORT.encode(encoding)), {})
    assert not faults and sample.left_out == ("1 points of tier marks",)
    wanted = {"start": 1.0, "end": 3.0, "text": 'two "lines"\nhere', "speaker": "bo"}
    assert (sample.value or {})["segments"]["segments"] == [wanted]


def test_a_voice_of_a_cue_is_a_speaker() -> None:
    text = "WEBVTT\n\nNOTE x\n\nc1\n00:01.000 --> 00:02.500 align:left\n"
    text += "<v Ann>Hi <b>&amp;</b></v><v Bo>yes\n"
    (sample,), faults = read("webvtt", files(x_dot_vtt=text), {})
    found = [
        (s["speaker"], s["text"], s["id"]) for s in (sample.value or {})["segments"]["segments"]
    ]
    assert not faults and found == [("Ann", "Hi &", "c1"), ("Bo", "yes", "c1")]


def test_a_slot_without_a_time_lies_between_its_neighbours() -> None:
    slots = '<TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="b"/>'
    slots += '<TIME_SLOT TIME_SLOT_ID="c" TIME_VALUE="2000"/>'
    one = '<ANNOTATION><ALIGNABLE_ANNOTATION TIME_SLOT_REF1="{}" TIME_SLOT_REF2="{}">'
    one += "<ANNOTATION_VALUE>x</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    tier = f'<TIER TIER_ID="t">{one.format("a", "b")}{one.format("b", "c")}</TIER>'
    eaf = f"<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER>{tier}</ANNOTATION_DOCUMENT>"
    (sample,), _ = read("elan", files(x_dot_eaf=eaf), {})
    found = (sample.value or {})["segments"]["segments"]
    assert [(s.get("start", 0.0), s["end"]) for s in found] == [(0.0, 1.0), (1.0, 2.0)]


def test_a_text_of_a_recording_lasts_as_long_as_it() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(struct.pack("<8000h", *[0] * 8000))
    opened = job({}, "audio")
    encoder_of = format_of("stm").encoder
    assert encoder_of is not None
    encoder = encoder_of(
        type(opened)(**{**vars(opened), "open_blob": lambda _: io.BytesIO(out.getvalue())})
    )
    one = row(1, {"text": {"text": "hello"}}, {"audio": "blob:blobs/t/1.wav"}, "a/1.wav")
    assert encoder.add([one]) == b"a/1 1 unknown 0.000 0.500 hello\n"


def test_a_whole_text_of_kaldi_has_no_segments() -> None:
    content, _ = written(
        "kaldi", [{"text": {"text": "a b"}}], {}, type_="audio", data={"audio": "x"}
    )
    (sample,), faults = read("kaldi", source_of("kaldi", content), {})
    assert (sample.value, faults) == ({"text": {"text": "a b"}}, [])


BAD = {
    "rttm": ("SPEAKER r 1 1,5 2 <NA> <NA> a <NA> <NA>", "decimal point"),
    "rttm ": ("SPEAKER r 1 nan 2 <NA> <NA> a <NA> <NA>", "not finite"),
    "stm": ("r 1 a 3 2 x", "the end must lie after the beginning"),
    "ctm": ("r 1 1", "3 fields"),
    "nemo": ('{"audio_filepath": "x", "offset": -1, "duration": 2}', "after the beginning"),
    "nemo ": ('{"text": "x"}', "no audio_filepath"),
    "srt": ("1\n00:00:02,000 --> 00:00:01,000\nx\n", "after the beginning"),
    "srt ": ("1\nhello\n", "no line with times"),
    "webvtt": ("WEBVTT\n\n00:x --> 1\nx\n", "is not two times"),
    "webvtt ": ("hello", "first line is not WEBVTT"),
    "textgrid": (SHORT.replace("\n2\n0", "\n9\n0"), ""),
    "textgrid ": (SHORT[:150], "the file ends where"),
    "textgrid  ": ("hello", "not a TextGrid"),
    "elan": ("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "refused"),
    "elan ": ("<x>", "not readable XML"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_broken_is_told(name: str) -> None:
    text, reason = BAD[name]
    known = name.strip()
    _, faults = read(known, files(**{f"x_dot_{ENDS[known]}": text}), {})
    assert len(faults) == 1 and reason in faults[0].reason and "x." in faults[0].where


def test_a_line_in_another_encoding_is_told_and_the_rest_goes_on() -> None:
    line = "SPEAKER r 1 {} 1 <NA> <NA> {} <NA> <NA>\n"
    content = line.format(1, "a").encode() + line.format(2, "ü").encode("latin-1")
    (sample,), (fault,) = read("rttm", files(x_dot_rttm=content), {})
    assert fault == Fault(
        "x.rttm line 2",
        "not UTF-8 at byte 26 of the line; save the file as UTF-8, or say its encoding",
    )
    assert len((sample.value or {})["segments"]["segments"]) == 1


@pytest.mark.parametrize("name", NAMES)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@settings(max_examples=30)
def test_any_bytes_are_read_or_told(name: str, content: bytes) -> None:
    ending = ENDS[name]
    named = "d__segments" if name == "kaldi" else f"x_dot_{ending}"
    for source in (files(**{named: content}), files(**{named: b"WEBVTT\n\n" + content})):
        with suppress(Broken):
            read(name, source, {})


@pytest.mark.statistical
def test_memory_stays_flat() -> None:
    encoder_of = format_of("rttm").encoder
    assert encoder_of is not None
    encoder = encoder_of(job({}, "audio"))
    value = {"segments": {"segments": [{"start": i, "end": i + 1} for i in range(100)]}}
    rows = [row(i, value, {"audio": "x"}, f"{i}.wav") for i in range(10)]
    encoder.add(rows)
    tracemalloc.start()
    for _ in range(50):
        encoder.add(rows)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_textgrid_ends_where_its_recording_ends() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000))
    # A stream that cannot know its length says the most that there is.
    whole = out.getvalue()
    for content in (whole, whole.replace(b"data" + whole[40:44], b"data\0\xf0\xff\x7f")):
        opened = job({}, "audio")
        held = {**vars(opened), "open_blob": lambda _, content=content: io.BytesIO(content)}
        encoder_of = format_of("textgrid").encoder
        assert encoder_of is not None
        encoder = encoder_of(type(opened)(**held))
        value = {
            "segments": {
                "segments": [{"end": 0.1, "text": "S", "speaker": "S"}, {"start": 0.2, "end": 0.3}]
            }
        }
        made = encoder.add([row(1, value, {"audio": "blob:blobs/t/1.wav"}, "1.wav")])
        source = source_of("textgrid", made + b"".join(encoder.end()))
        assert b"xmax = 0.5\n" in source.read("1.TextGrid")
        assert read("textgrid", source, {})[0][0].value == value
