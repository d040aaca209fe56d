"""Crooked files of text, tables and what large models are trained on."""

from __future__ import annotations

import json
from typing import Any

from libs.formats import Doc
from tests.interop.crooked import Case

JsonLike = dict[str, Any]


def lines(*found: JsonLike) -> str:
    return "".join(json.dumps(one) + "\n" for one in found)


BAD_REPLY = {"ratings": {"ratings": [{"scale": "acceptable", "subject": "a"}]}}
GOOD_REPLY = {"ratings": {"ratings": [{"scale": "acceptable", "value": 1.0, "subject": "a"}]}}
REPLY = {"prompt": "q", "completion": "r"}
CHOSEN = {"preference": {"outcome": "CHOSEN", "chosen": "b", "rejected": "a"}}
CANDIDATES = [{"id": "a", "text": "bad"}, {"id": "b", "text": "good"}]


def said(*turns: tuple[str, str]) -> list[Doc]:
    return [{"role": role, "content": content} for role, content in turns]


_E = (
    Case(
        "a token with a blank, a comment, a no-break space",
        "conll",
        {
            "a.conll": "# sent 1\na O\nb O\n\nNew York B-LOC\n\n10\u00a0000 B-NUM\nEuro O\n",
            "b.conll": "New York\tB-LOC\n\nx\ty\tB-LOC\n\nz\tO\n",
        },
        (
            {"data": {"text": "a b"}},
            {
                "data": {"text": "10\u00a0000 Euro"},
                "value": {"spans": {"spans": [{"end": 6, "class": "NUM"}]}},
            },
            {"data": {"text": "New York"}},
            {"data": {"text": "z"}},
        ),
        ("a.conll line 5: 3 columns", "b.conll line 3: 3 columns"),
    ),
    Case(
        "arguments too many",
        "brat",
        {
            "a.txt": "ab cd",
            "a.ann": "T1\tA 0 2\tab\nT2\tB 3 5\tcd\nR1\tto Arg1:T1 Arg2:T2 Arg3:T1\n"
            "A1\tMood T1 very sad\n",
        },
        (
            {
                "value": {
                    "spans": {
                        "spans": [
                            {"end": 2, "class": "A", "id": "T1"},
                            {"start": 3, "end": 5, "class": "B", "id": "T2"},
                        ]
                    }
                }
            },
        ),
        ("line 3: a relation wants two", "line 4: an attribute"),
    ),
    Case(
        "two columns of one name, and rows of another length",
        "csv",
        {
            "a.csv": "text,label,label\nx,A,B\n",
            "b.csv": "text,label\nx,A,B\ny\nz,A\n",
            "c.csv": "text;label\nx, y;A\n",
        },
        (
            {"data": {"text": "z"}, "value": {"choices": {"classes": ["A"]}}},
            {"data": {"text": "x, y"}, "value": {"choices": {"classes": ["A"]}}},
        ),
        ("two columns are called 'label'", "line 2: 3 columns", "line 3: 1 columns"),
    ),
)

_F = (
    Case(
        "marks as numbers and texts",
        "trl-kto",
        {
            "a.jsonl": lines(
                *({**REPLY, "label": one} for one in (False, 0, 0.0, "False", "0", True, 1, "true"))
            )
        },
        (*({"value": BAD_REPLY},) * 5, *({"value": GOOD_REPLY},) * 3),
    ),
    Case(
        "what is no mark",
        "trl-kto",
        {"a.jsonl": lines(*({**REPLY, "label": one} for one in (2, "bad", None, "", 0.5, [])))},
        (),
        tuple(f"line {n}: label: true or false" for n in range(1, 7)),
    ),
    Case(
        "marks as numbers",
        "llamafactory-kto",
        {
            "a.json": json.dumps(
                [{"messages": said(("user", "q"), ("assistant", "r")), "kto_tag": 0}]
            )
        },
        ({"value": BAD_REPLY},),
    ),
    Case(
        "marks of classes as numbers and texts",
        "prodigy",
        {
            "a.jsonl": lines(
                {
                    "text": "x",
                    "cats": {"A": 1, "B": 0, "C": "true", "D": "0", "E": 0.7, "F": False},
                },
                {"text": "x", "cats": {"A": "often"}},
                {"text": "x", "cats": {"A": 7}},
                {"text": "x", "options": [{"id": 1, "text": "A"}], "accept": [1.0]},
                {"text": "x", "accept": None},
            )
        },
        (
            {"value": {"choices": {"classes": ["A", "C", "E"]}}},
            {"value": {"choices": {"classes": ["A"]}}},
        ),
        ("line 2: cats.A: true or false", "line 3: cats.A: true", "line 5: accept"),
    ),
    Case(
        "ids 1 and 1.0",
        "doccano",
        {
            "a.jsonl": lines(
                {
                    "text": "ab",
                    "entities": [
                        {"id": 0, "start_offset": 0, "end_offset": 1, "label": "A"},
                        {"id": 1.0, "start_offset": 1, "end_offset": 2, "label": "B"},
                    ],
                    "relations": [{"from_id": 1, "to_id": 0.0, "type": "to"}],
                },
                {"text": "x", "label": [], "cats": {"A": 1, "B": "false"}},
            )
        },
        (
            {
                "value": {
                    "spans": {
                        "spans": [
                            {"end": 1, "class": "A", "id": "0"},
                            {"start": 1, "end": 2, "class": "B", "id": "1"},
                        ],
                        "relations": [{"class": "to", "head": "1", "tail": "0"}],
                    }
                }
            },
            {"value": {"choices": {"classes": ["A"]}}},
        ),
    ),
    Case(
        "numbers of classes, marks of classes, and what may be either",
        "jsonl",
        {
            "a.jsonl": lines(
                {"text": "x", "label": 1},
                {"text": "x", "label": 1.0},
                {"text": "x", "label": [0, 1, 1]},
                {"text": "x", "A": 0, "B": "True", "C": False},
                {"text": "x", "label": -1},
                {"text": "x", "label": True},
                {"text": "x", "label": [2, 2]},
                {"text": "x", "label": 0.5},
            )
        },
        (
            {"value": {"choices": {"classes": ["B"]}}},
            {"value": {"choices": {"classes": ["B"]}}},
            {"value": {"choices": {"classes": ["B", "C"]}}},
            {"value": {"choices": {"classes": ["B"]}}},
            {"value": None, "left_out": ("a text without a label",)},
            {"value": {"choices": {"classes": ["true"]}}},
        ),
        ("line 7: label", "line 8: label"),
        {"classes": ["A", "B", "C"]},
    ),
)

_H = (
    Case(
        "the prompt stands in chosen and rejected, too",
        "trl-dpo",
        {
            "a.jsonl": lines(
                {
                    "prompt": "q",
                    "chosen": said(("user", "q"), ("assistant", "good")),
                    "rejected": said(("user", "q"), ("assistant", "bad")),
                },
                {
                    "prompt": said(("system", "s"), ("user", "q")),
                    "chosen": said(("system", "s"), ("user", "q"), ("assistant", "good")),
                    "rejected": said(("system", "s"), ("user", "q"), ("assistant", "bad")),
                },
                {
                    "prompt": "q",
                    "chosen": said(("system", "s"), ("user", "q"), ("assistant", "good")),
                    "rejected": said(("system", "s"), ("user", "q"), ("assistant", "bad")),
                },
                {
                    "prompt": "another",
                    "chosen": said(("user", "q"), ("assistant", "good")),
                    "rejected": said(("user", "q"), ("assistant", "bad")),
                },
            )
        },
        (
            {"value": CHOSEN, "data": {"text": "q", "candidates": CANDIDATES}},
            *(
                {
                    "value": CHOSEN,
                    "data": {
                        "conversation": said(("system", "s"), ("user", "q")),
                        "candidates": CANDIDATES,
                    },
                },
            )
            * 2,
        ),
        ("line 4: chosen and rejected begin with other turns than the prompt",),
    ),
    Case(
        "the prompt stands in the completion, too",
        "trl-kto",
        {
            "a.jsonl": lines(
                {
                    "prompt": said(("user", "q")),
                    "completion": said(("user", "q"), ("assistant", "r")),
                    "label": 1,
                }
            )
        },
        (
            {
                "value": GOOD_REPLY,
                "data": {
                    "conversation": said(("user", "q")),
                    "candidates": [{"id": "a", "text": "r"}],
                },
            },
        ),
    ),
)


CASES = (*_E, *_F, *_H)
