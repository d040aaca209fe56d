"""Crooked files of sound."""

from __future__ import annotations

from collections.abc import Mapping

from libs.formats import Doc
from tests.interop.crooked import Case
from tests.interop.crooked_texts import lines


def segments(*found: Doc) -> Doc:
    return {"segments": {"segments": list(found)}}


_KEYS = ("alice/001", "bob/001")
HELLO = {"start": 1.0, "end": 2.0, "text": "Hello"}
WORLD = {"start": 3.0, "end": 4.0, "text": "World"}

_E = (
    Case(
        "a blank in a recording's or a speaker's name",
        "rttm",
        {
            "a.rttm": "SPEAKER my call 1 1.0 5.0 <NA> <NA> S1 <NA> <NA>\n"
            "SPEAKER my call 1 1.0 5.0 <NA> <NA> S1 <NA>\n"
            "SPEAKER r 1 1.0 0.5 <NA> <NA> John Doe <NA> <NA>\n"
            "SPEAKER r 1 1.0 1.0 <NA> <NA> J <NA> <NA>\n"
        },
        ({"key": "r", "value": segments({"start": 1.0, "end": 2.0, "speaker": "J"})},),
        ("line 1: 11 fields", "line 2: a field", "line 3: 11 fields"),
    ),
    Case(
        "a blank in a word, and a type and speaker behind the score",
        "ctm",
        {
            "a.ctm": "r 1 0 1 New York\nr 1 0 1 New York 0.5\nr 1 1 1 x NA lex anna\n"
            "r 1 2 1 a b c d e\n"
        },
        (
            {
                "value": segments(
                    {
                        "start": 1.0,
                        "end": 2.0,
                        "text": "x",
                        "words": [{"start": 1.0, "end": 2.0, "text": "x"}],
                    }
                )
            },
        ),
        ("line 1: score", "line 2: 7 fields", "line 4: 9 fields"),
    ),
    Case(
        "a blank in a speaker's name",
        "kaldi",
        {
            "d/segments": "u1 r 1 2\nu2 r 3 4 5 6\n",
            "d/text": "u1 a\u2028b \u00a0c\n",
            "d/utt2spk": "u1 Ann B\n",
        },
        ({"value": segments({"start": 1.0, "end": 2.0, "text": "a\u2028b \u00a0c"})},),
        ("utt2spk line 1: utterance and speaker", "segments line 2: 6 fields"),
    ),
    Case(
        "a no-break space in a word",
        "stm",
        {"a.stm": "r 1 ann\u00a0b 1 2 10\u00a0000 Euro\u2028now\n"},
        (
            {
                "value": segments(
                    {
                        "start": 1.0,
                        "end": 2.0,
                        "text": "10\u00a0000 Euro\u2028now",
                        "speaker": "ann\u00a0b",
                    }
                )
            },
        ),
    ),
    Case(
        "no blank line between captions",
        "srt",
        {
            "a.srt": "1\n00:00:01,000 --> 00:00:02,000\nHello\n2\n00:00:03,000 --> "
            "00:00:04,000\nWorld\n",
            "b.srt": "1\n00:00:01,000 --> 00:00:02,000\n\u2028Hello\x85\n",
            "c.srt": "1\n00:00:01,000 --> 00:00:02,000\n1984\n00:00:03,000 --> "
            "00:00:04,000\nWorld\n",
        },
        (
            {"key": "a", "value": segments(HELLO, WORLD)},
            {"key": "b", "value": segments({**HELLO, "text": "\u2028Hello\x85"})},
            {"key": "c", "value": segments({**HELLO, "text": "1984"}, WORLD)},
        ),
    ),
    Case(
        "no blank line between cues, nor behind the header",
        "webvtt",
        {
            "a.vtt": "WEBVTT\n00:01.000 --> 00:02.000\nHello\n00:03.000 --> 00:04.000\nWorld\n",
            "b.vtt": "WEBVTTX\n\n00:01.000 --> 00:02.000\nHello\n",
        },
        ({"value": segments(HELLO, WORLD)},),
        ("b.vtt: not WebVTT",),
    ),
)


def _grid(*tiers: tuple[str, tuple[tuple[object, object, str], ...]]) -> str:
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n3\n<exists>\n'
    rows = [f"{head}{len(tiers)}\n"]
    for name, intervals in tiers:
        rows.append(f'"IntervalTier"\n"{name}"\n0\n3\n{len(intervals)}\n')
        rows += [f'{start}\n{end}\n"{label}"\n' for start, end, label in intervals]
    return "".join(rows)


def _eaf(slots: Mapping[str, object], tiers: str, head: str = "", types: str = "") -> str:
    times = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{key}"' + ("/>" if at is None else f' TIME_VALUE="{at}"/>')
        for key, at in slots.items()
    )
    head = f'<HEADER TIME_UNITS="milliseconds">{head}</HEADER>'
    order = f"<TIME_ORDER>{times}</TIME_ORDER>"
    return f"<ANNOTATION_DOCUMENT>{head}{order}{tiers}{types}</ANNOTATION_DOCUMENT>"


def _tier(name: str, annotations: str, parent: str = "", type_: str = "x") -> str:
    child = f' PARENT_REF="{parent}"' if parent else ""
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="{type_}"{child}>{annotations}</TIER>'


def _aligned(key: str, first: str, last: str, text: str) -> str:
    refs = f'TIME_SLOT_REF1="{first}" TIME_SLOT_REF2="{last}"'
    value = f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>"
    inner = f'<ALIGNABLE_ANNOTATION ANNOTATION_ID="{key}" {refs}>{value}</ALIGNABLE_ANNOTATION>'
    return f"<ANNOTATION>{inner}</ANNOTATION>"


def _referring(key: str, parent: str, text: str, before: str = "") -> str:
    previous = f' PREVIOUS_ANNOTATION="{before}"' if before else ""
    refs = f'ANNOTATION_ID="{key}" ANNOTATION_REF="{parent}"{previous}'
    value = f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>"
    return f"<ANNOTATION><REF_ANNOTATION {refs}>{value}</REF_ANNOTATION></ANNOTATION>"


def _speech(start: float, end: float, text: str, **fields: object) -> Doc:
    found: Doc = {"start": start, "end": end, "text": text, **fields}
    return {k: v for k, v in found.items() if v}


_A_TO_B = _aligned("a1", "t1", "t2", "hi") + _aligned("a2", "t2", "t2", "x")
_LINKED = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/x%20y/{}" MIME_TYPE="audio/x-wav"{}/>'
_TYPES = '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="{0}" CONSTRAINTS="{0}"/>'

_I = (
    Case(
        "one interval without a length, one with a comma",
        "textgrid",
        {"a.TextGrid": _grid(("A", ((0, 1, "hi"), (1, 1, "x"), ("1,5", 2, "y"), (2, 3, "yo"))))},
        (
            {
                "value": segments(
                    _speech(0, 1.0, "hi", speaker="A"), _speech(2.0, 3.0, "yo", speaker="A")
                )
            },
        ),
        ("tier 'A': line 17: from 1 to 1", "tier 'A': line 19: xmin: '1,5'"),
    ),
    Case(
        "a word that is called as its tier, and tiers of aligners",
        "textgrid",
        {
            "a.TextGrid": _grid(("no", ((0, 1, "no"), (1, 2, "yes")))),
            "b.TextGrid": _grid(
                ("words", ((0, 0.5, "a"), (0.5, 1, "b"), (2.5, 3, "c"))), ("phones", ((0, 1, "p"),))
            ),
            "c.TextGrid": _grid(("Ann - words", ((0, 1, "a"),)), ("Ann - phones", ((0, 1, "p"),))),
            "d.TextGrid": _grid(("Ann", ((0, 2, "a b"),)), ("words", ((0, 1, "a"), (1, 2, "b")))),
        },
        (
            {
                "value": segments(
                    _speech(0, 1.0, "no", speaker="no"), _speech(1.0, 2.0, "yes", speaker="no")
                )
            },
            {
                "left_out": ("1 phones of tier phones",),
                "value": segments(
                    _speech(
                        0,
                        1.0,
                        "a b",
                        words=[{"end": 0.5, "text": "a"}, _speech(0.5, 1.0, "b")],
                    ),
                    _speech(2.5, 3.0, "c", words=[_speech(2.5, 3.0, "c")]),
                ),
            },
            {
                "value": segments(
                    _speech(0, 1.0, "a", speaker="Ann", words=[{"end": 1.0, "text": "a"}])
                )
            },
            {
                "value": segments(
                    _speech(
                        0,
                        2.0,
                        "a b",
                        speaker="Ann",
                        words=[{"end": 1.0, "text": "a"}, _speech(1.0, 2.0, "b")],
                    )
                )
            },
        ),
    ),
    Case(
        "one annotation without a length, one without a slot, a time origin, the link's sound",
        "elan",
        {
            "d/a.eaf": _eaf(
                {"t1": 1000, "t2": 2000, "t3": "x"},
                _tier("A", _A_TO_B + _aligned("a3", "t1", "t3", "y")),
                _LINKED.format("take%201.wav", ' TIME_ORIGIN="500"'),
            ),
            "d/a.wav": b"RIFF",
            "d/take 1.wav": b"RIFF",
        },
        (
            {
                "key": "d/a",
                "media": {"audio": "d/take 1.wav"},
                "value": segments(_speech(1.5, 2.5, "hi", speaker="A")),
            },
        ),
        ("annotation a2: from 2.5 to 2.5", "annotation a3: there is no time slot 't3'"),
    ),
    Case(
        "subdivisions and associations of a parent",
        "elan",
        {
            "a.eaf": _eaf(
                {"t1": 8000, "t2": None, "t3": None, "t4": 8300, "t5": 10000, "t6": 11000},
                _tier(
                    "S",
                    _aligned("w1", "t1", "t2", "one")
                    + _aligned("w2", "t2", "t3", "two")
                    + _aligned("w3", "t3", "t6", "three"),
                    "P",
                )
                + _tier("P", _aligned("p", "t1", "t6", "one two three"))
                + _tier(
                    "M",
                    _referring("m2", "w1", "e", "m1") + _referring("m1", "w1", "on"),
                    "S",
                    "Symbolic_Subdivision",
                )
                + _tier("G", _referring("g", "p", "eins"), "P", "Symbolic_Association")
                + _tier("H", _aligned("h", "t4", "t5", "nod")),
                types=_TYPES.format("Symbolic_Subdivision") + _TYPES.format("Symbolic_Association"),
            )
        },
        (
            {
                "value": segments(
                    _speech(8.0, 8.5, "on", speaker="M"),
                    _speech(8.0, 9.0, "one", speaker="S"),
                    _speech(8.0, 11.0, "one two three", speaker="P"),
                    _speech(8.0, 11.0, "eins", speaker="G"),
                    _speech(8.3, 10.0, "nod", speaker="H"),
                    _speech(8.5, 9.0, "e", speaker="M"),
                    _speech(9.0, 10.0, "two", speaker="S"),
                    _speech(10.0, 11.0, "three", speaker="S"),
                )
            },
        ),
    ),
)

_B = (
    Case(
        "a word of another channel's speaker",
        "rttm",
        {
            "a.rttm": "SPEAKER r 1 0 2 <NA> <NA> S1 <NA> <NA>\n"
            "SPEAKER r 2 1 2 <NA> <NA> S1 <NA> <NA>\n"
            "LEXEME r 1 1.5 0.1 hi lex S1 <NA> <NA>\n"
        },
        (
            {
                "value": segments(
                    {"end": 2.0, "speaker": "S1", "words": [_speech(1.5, 1.6, "hi")]},
                    {
                        "start": 1.0,
                        "end": 3.0,
                        "speaker": "S1",
                        "attributes": {"channel": "2"},
                    },
                )
            },
        ),
    ),
)


_L = (
    Case(
        "an evaluation map, and a recording in which nobody speaks",
        "rttm",
        {
            "a.rttm": "SPEAKER r 1 1 1 <NA> <NA> S1 <NA> <NA>\n"
            "SPEAKER r 1 9 1 <NA> <NA> S1 <NA> <NA>\n",
            "all.uem": ";; made by hand\nr 1 0.000 5\nquiet 1 0 30\nmy call 1 0 5\n",
        },
        (
            {
                "key": "r",
                "metadata": {"uem": "0.000-5.000"},
                "left_out": ("1 segments lie outside of what the UEM says was annotated",),
            },
            {"key": "quiet", "value": {"segments": {}}, "metadata": {"uem": "0.000-30.000"}},
        ),
        ("all.uem line 4: 5 fields",),
    ),
)


def _same_names(format_: str, files: Mapping[str, str], keys: tuple[str, str]) -> Case:
    """Recordings of one name in two folders, and labels of both."""
    sounds = {"alice/001.wav": b"RIFFa", "bob/001.wav": b"RIFFb"}
    found = tuple(
        {"key": key, "media": {"audio": f"{who}/001.wav"}}
        for key, who in zip(keys, ("alice", "bob"), strict=True)
    )
    return Case("recordings of one name in two folders", format_, {**files, **sounds}, found)


_TIMES = "00:00:01,000 --> 00:00:02,000"
_A = (
    _same_names(
        "nemo",
        {
            "m.jsonl": lines(
                *(
                    {"audio_filepath": f"{who}/001.wav", "duration": 1, "text": who}
                    for who in ("/data/alice", "/data/bob")
                )
            )
        },
        ("/data/alice/001.wav", "/data/bob/001.wav"),
    ),
    _same_names(
        "kaldi",
        {
            "data/text": "a1 hello\nb1 hello\n",
            "data/wav.scp": "a1 /corpus/alice/001.wav\nb1 /corpus/bob/001.wav\n",
        },
        ("/corpus/alice/001.wav", "/corpus/bob/001.wav"),
    ),
    *(
        _same_names(format_, {f"all.{format_}": line.format("alice") + line.format("bob")}, _KEYS)
        for format_, line in (
            ("rttm", "SPEAKER {}/001 1 0 1 <NA> <NA> S <NA> <NA>\n"),
            ("stm", "{}/001 1 S 0 1 hello\n"),
            ("ctm", "{}/001 1 0 1 hello\n"),
        )
    ),
    *(
        _same_names(format_, {f"{who}/001.{end}": text for who in ("alice", "bob")}, _KEYS)
        for format_, end, text in (
            ("srt", "srt", f"1\n{_TIMES}\nhello\n"),
            ("webvtt", "vtt", f"WEBVTT\n\n{_TIMES}\nhello\n"),
            ("textgrid", "TextGrid", _grid(("A", ((0, 1, "hi"),)))),
            ("elan", "eaf", _eaf({"t1": 0, "t2": 1}, _tier("A", _aligned("a", "t1", "t2", "x")))),
        )
    ),
)

CASES = (*_A, *_B, *_E, *_I, *_L)
