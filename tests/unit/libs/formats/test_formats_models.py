"""What large models are trained on: labels out as examples and pairs, files of all forms in."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Broken, Doc
from tests.unit.libs.formats.format_fixtures import files, read, source_of, written

CANDIDATES = [{"id": i, "text": f"reply {i}"} for i in "abc"]
DATA = {"text": "why?", "candidates": CANDIDATES}
TALK = {"conversation": [{"role": "user", "content": "why?"}], "candidates": CANDIDATES}
CHAT = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "hello"},
]
NAMES = ("trl-sft", "trl-dpo", "trl-kto", "trl-reward", "ranking")
FOLDERS = ("llamafactory-sft", "llamafactory-dpo", "llamafactory-kto")


def made(name: str, value: Doc, data: Doc = DATA) -> tuple[list[Doc], list[str]]:
    content, problems = written(name, [value], {}, data=data, type_="text")
    again, _ = written(name, [value], {}, data=data, type_="text")
    assert content == again
    lines = content.splitlines() if name in NAMES else unpacked(content)
    found = [json.loads(line) for line in lines]
    return [{k: v for k, v in one.items() if k != "id"} for one in found], [
        p.reason for p in problems
    ]


def unpacked(content: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = json.loads(archive.read("dataset_info.json"))
        return [line for e in info.values() for line in archive.read(e["file_name"]).splitlines()]


def preference(outcome: str = "CHOSEN", **fields: Any) -> Doc:
    return {"preference": {"outcome": outcome, "chosen": "a", "rejected": "b", **fields}}


def ranking(*groups: str, **fields: Any) -> Doc:
    return {"ranking": {"groups": [{"ids": list(ids)} for ids in groups], **fields}}


def said(text: str) -> list[Doc]:
    return [{"role": "assistant", "content": text}]


def test_a_pair_is_text_or_turns_as_the_item_is() -> None:
    plain, problems = made("trl-dpo", preference())
    assert (
        plain == [{"prompt": "why?", "chosen": "reply a", "rejected": "reply b"}] and not problems
    )
    turns, _ = made("trl-dpo", preference(), TALK)
    assert turns == [
        {"prompt": TALK["conversation"], "chosen": said("reply a"), "rejected": said("reply b")}
    ]
    (reward,), _ = made("trl-reward", preference(strength=2), TALK)
    assert reward["margin"] == 2.0 and reward["chosen"][1:] == said("reply a")


@pytest.mark.parametrize("name", ["trl-dpo", "trl-reward", "llamafactory-dpo"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (preference("TIE"), "tied"),
        (preference("BOTH_BAD"), "both candidates are bad"),
        (ranking("abc"), "tied"),
        (preference(chosen="z"), "no candidate 'z'"),
        ({"rewrite": {"before": "x", "after": "x"}}, "nothing was rewritten"),
    ],
)
def test_what_makes_no_strict_pair_is_told(name: str, value: Doc, reason: str) -> None:
    lines, problems = made(name, value)
    assert not lines and len(problems) == 1 and reason in problems[0]


def test_a_ranking_makes_every_pair_of_different_ranks() -> None:
    lines, problems = made("trl-dpo", ranking("a", "bc"))
    assert [(one["chosen"], one["rejected"]) for one in lines] == [
        ("reply a", "reply b"),
        ("reply a", "reply c"),
    ]
    assert problems == ["tied candidates make no pair"]


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        (preference(), {"a": True, "b": False}),
        (preference("BOTH_BAD"), {"a": False, "b": False}),
        (ranking("a", "b", "c"), {"a": True, "c": False}),
        (ranking("a", "b", unacceptable=["b", "c"]), {"a": True, "b": False, "c": False}),
        ({"ratings": {"ratings": [{"scale": "acceptable", "subject": "b"}]}}, {"b": False}),
    ],
)
def test_marks(value: Doc, labels: dict[str, bool]) -> None:
    lines, _ = made("trl-kto", value)
    assert {one["completion"][-1]: one["label"] for one in lines} == labels
    folder, _ = made("llamafactory-kto", value)
    assert {one["messages"][-1]["content"][-1]: one["label"] for one in folder} == labels


def test_examples() -> None:
    assert made("trl-sft", {"text": {"text": "so"}})[0] == [{"prompt": "why?", "completion": "so"}]
    assert made("trl-sft", {"conversation": {"turns": CHAT}})[0] == [{"messages": CHAT}]
    prompt = {
        "text": "Say {{word}} in {{tongue}}",
        "variables": [{"name": "word"}, {"name": "tongue", "default": "Latin"}],
        "examples": [{"variables": {"word": "tree"}, "output": "arbor"}],
    }
    assert made("trl-sft", {"prompt": prompt})[0] == [
        {"prompt": "Say tree in Latin", "completion": "arbor"}
    ]
    (chat,), _ = made("llamafactory-sft", {"conversation": {"turns": CHAT}})
    assert chat["system"] == "be kind" and [t["from"] for t in chat["conversations"]] == [
        "human",
        "gpt",
    ]
    lines, problems = made("llamafactory-sft", {"conversation": {"turns": CHAT[1:2] + CHAT[1:]}})
    assert not lines and "take turns" in problems[0]


def test_replies_that_were_compared_at_a_turn() -> None:
    replies = [{"id": "x", "content": "yes", "rank": 1}, {"id": "y", "content": "no", "rank": 2}]
    replies.append({"id": "z", "content": "hm"})
    turns = [CHAT[1], {**CHAT[2], "replies": replies}, CHAT[1]]
    value = {"conversation": {"turns": turns}}
    lines, problems = made("trl-dpo", value)
    assert lines == [{"prompt": CHAT[1:2], "chosen": said("yes"), "rejected": said("no")}]
    assert problems == ["candidates without a rank make no pair"]
    assert made("trl-sft", value)[1] == [
        "trl-sft has no place for replies that were compared",
        "turns after the assistant's last one are left out",
    ]


@given(
    groups=st.permutations("abc").flatmap(
        lambda ids: st.sampled_from([[*ids], [ids[0] + ids[1], ids[2]], ["".join(ids)], ids[:2]])
    ),
    bad=st.lists(st.sampled_from("abc"), unique=True),
)
@settings(max_examples=50)
def test_rankings_come_back(groups: list[str], bad: list[str]) -> None:
    value = ranking(*groups, **({"unacceptable": sorted(bad)} if bad else {}))
    content, problems = written("ranking", [value], {}, data=DATA, type_="text")
    (sample,), faults = read("ranking", source_of("ranking", content), {})
    found = (sample.value or {})["ranking"]
    assert not problems and not faults and sample.data == DATA
    assert [set(group["ids"]) for group in found["groups"]] == [set(ids) for ids in groups]
    assert sorted(found.get("unacceptable", [])) == sorted(bad)


TEXT = st.text(min_size=1, max_size=20)


@pytest.mark.parametrize("name", ["trl-dpo", "trl-reward", "llamafactory-dpo"])
@given(chosen=TEXT, rejected=TEXT, question=TEXT)
@settings(max_examples=25)
def test_pairs_come_back(name: str, chosen: str, rejected: str, question: str) -> None:
    data = {
        "conversation": [{"role": "user", "content": question}],
        "candidates": [{"id": "a", "text": chosen}, {"id": "b", "text": rejected}],
    }
    content, _ = written(name, [preference()], {}, data=data, type_="text")
    samples, faults = read(name, source_of(name, content), {})
    if chosen == rejected:
        assert not samples and "the same" in faults[0].reason
        return
    assert samples[0].data["conversation"] == data["conversation"] and samples[0].value is not None
    texts = {one["id"]: one["text"] for one in samples[0].data["candidates"]}
    found = samples[0].value["preference"]
    assert (texts[found["chosen"]], texts[found["rejected"]]) == (chosen, rejected)


RECORDS: dict[str, tuple[Doc, Doc]] = {
    "messages": ({"messages": CHAT}, {"conversation": {"turns": CHAT}}),
    "sharegpt": (
        {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
        {"conversation": {"turns": CHAT[1:]}},
    ),
    "alpaca": ({"instruction": "a", "input": "b", "output": "c"}, {"text": {"text": "c"}}),
    "history": (
        {"instruction": "a", "output": "c", "history": [["x", "y"]], "system": "s"},
        {
            "conversation": {
                "turns": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": "x"},
                    {"role": "assistant", "content": "y"},
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "c"},
                ]
            }
        },
    ),
    "hh": (
        {"chosen": "\n\nHuman: q\n\nAssistant: no", "rejected": "\n\nHuman: q\n\nAssistant: yes"},
        {"preference": {"outcome": "CHOSEN", "chosen": "a", "rejected": "b"}},
    ),
    "kto": (
        {"messages": CHAT, "label": True},
        {"ratings": {"ratings": [{"scale": "acceptable", "value": 1.0, "subject": "a"}]}},
    ),
    "vote": (
        {"prompt": "p", "human_vote": "bothbad_vote"},
        {"preference": {"outcome": "BOTH_BAD", "chosen": "left", "rejected": "right"}},
    ),
    "images": (
        {"prompt": "p", "generations": ["x.webp", "y.webp", "z.webp"], "ranking": [5, 1, 5]},
        ranking("2", "13"),
    ),
    "parts": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}
            ]
        },
        {"conversation": {"turns": [{"role": "user", "content": "a"}]}},
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_of_many_forms(name: str) -> None:
    record, value = RECORDS[name]
    (sample,), faults = read("trl-sft", files(x_dot_json=json.dumps([record])), {})
    assert not faults and sample.value == value


def test_a_tree_follows_its_best_replies() -> None:
    def message(name: str, role: str, rank: int | None = None, *replies: Doc) -> Doc:
        return {"message_id": name, "text": name, "role": role, "rank": rank, "replies": [*replies]}

    best = message("r1", "assistant", 0, message("q2", "prompter", None))
    prompt = message("q1", "prompter", None, message("r2", "assistant", 1), best)
    source = files(x_dot_jsonl=json.dumps({"message_tree_id": "t", "prompt": prompt}))
    (sample,), _ = read("ranking", source, {})
    replies = [{"id": "r2", "content": "r2", "rank": 2}, {"id": "r1", "content": "r1", "rank": 1}]
    assert sample.value == {
        "conversation": {
            "turns": [
                {"role": "user", "content": "q1"},
                {"role": "assistant", "content": "r1", "replies": replies},
                {"role": "user", "content": "q2"},
            ]
        }
    }


def test_a_dataset_info_says_which_column_is_what() -> None:
    info = {
        "d": {
            "file_name": "d.json",
            "columns": {"messages": "talk"},
            "tags": {
                "role_tag": "who",
                "content_tag": "what",
                "user_tag": "me",
                "assistant_tag": "it",
            },
        }
    }
    talk = [{"who": "me", "what": "hi"}, {"who": "it", "what": "hello"}]
    source = files(d_dot_json=json.dumps([{"talk": talk}]), dataset_info_dot_json=json.dumps(info))
    (sample,), faults = read("llamafactory-sft", source, {})
    assert not faults and sample.value == {"conversation": {"turns": CHAT[1:]}}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"messages": [{"role": "wizard", "content": "x"}]}, "role 'wizard'"),
        ({"messages": []}, "a list of turns"),
        ({"prompt": "x"}, "no messages, completion or output"),
        ({"prompt": "x", "chosen": "y", "rejected": "y"}, "the same"),
        ({"chosen": CHAT, "rejected": [CHAT[0], *CHAT]}, "more than the last turn"),
        ({"prompt": "p", "generations": ["x"], "ranking": []}, "not as many"),
        ({"prompt": "p", "human_vote": "x"}, "human_vote"),
        ({"instruction": "a", "output": "b", "history": [1]}, "history"),
        ([], "a JSON object wanted"),
    ],
)
def test_broken_records_are_told(record: Any, reason: str) -> None:
    lines = f"{json.dumps({'messages': CHAT})}\n{json.dumps(record)}\n"
    samples, faults = read("trl-sft", files(x_dot_jsonl=lines), {})
    assert len(samples) == 1 and [f.where for f in faults] == ["x.jsonl line 2"]
    assert reason in faults[0].reason


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
KEYS = st.sampled_from(
    (
        *("messages", "prompt", "completion", "chosen", "rejected", "label", "history", "system"),
        *("responses", "generations", "ranking", "human_vote", "instances", "instruction", "turn"),
        *("message_tree_id", "message_id", "text", "role", "replies", "number", "margin"),
    )
)


@given(record=st.dictionaries(KEYS, JUNK, max_size=5))
@settings(max_examples=200)
def test_any_json_is_read_or_told(record: Doc) -> None:
    with suppress(orjson.JSONEncodeError):
        read("trl-dpo", files(x_dot_jsonl=orjson.dumps(record)), {})


@pytest.mark.parametrize("name", [*NAMES, *FOLDERS])
@given(content=st.binary(max_size=100))
@settings(max_examples=10)
def test_any_bytes_are_read_or_told(name: str, content: bytes) -> None:
    with suppress(Broken):
        read(name, files(x_dot_json=content, dataset_info_dot_json=content), {})
