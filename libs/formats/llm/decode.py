"""Reads what large models are trained on, whoever wrote it: each record says by its columns what it
is. OpenAI messages, ShareGPT, Alpaca, prompts and completions; pairs (DPO, reward models, HH-RLHF);
KTO marks; rankings of ours; and what `dialogue_foreign` knows.

A `dataset_info.json` beside the files (LLaMA-Factory) says which column and which tag is which.
Pairs become a preference over two candidates in the order of their texts, so that the order tells
nothing. A mark becomes the rating `acceptable`, 1 or 0.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.decoding import id_of, json_of, mapping, mark, number, whole
from libs.formats.image.shapes import plain
from libs.formats.llm.examples import ACCEPTABLE, Turns, turn
from libs.formats.llm.foreign import foreign
from libs.formats.records import Record, each_record, files
from libs.formats.source import Source

_INFO = "dataset_info.json"
# Names of our columns -> those of files without a dataset_info.json, first found.
_COLUMNS = {
    "messages": ("messages", "conversations", "conversation"),
    "prompt": ("prompt", "instruction", "question", "query"),
    "query": ("input",),
    "response": ("completion", "output", "response", "answer"),
    "chosen": ("chosen",),
    "rejected": ("rejected",),
    "kto_tag": ("label", "kto_tag"),
    "system": ("system",),
    "history": ("history",),
}
_ROLES = {
    **{"human": "user", "user": "user", "prompter": "user", "gpt": "assistant"},
    **{"assistant": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant"},
    **{"system": "system", "developer": "system", "tool": "tool", "observation": "tool"},
    **{"function": "tool", "ipython": "tool", "function_call": "assistant"},
}
_HH = re.compile(r"\n\n(Human|Assistant):")


@dataclass(frozen=True)
class Layout:
    """Our name of a column -> the file's; the file's names of roles -> ours."""

    columns: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(_COLUMNS))
    roles: dict[str, str] = field(default_factory=lambda: dict(_ROLES))
    role_tag: str = ""
    content_tag: str = ""

    def get(self, doc: Doc, name: str) -> Any:
        return next((doc[c] for c in self.columns[name] if doc.get(c) not in (None, "")), None)


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    layouts: dict[str, Layout] = {}
    names = files(source, ".jsonl", ".json")
    for name in names:
        if posixpath.basename(name) == _INFO:
            try:
                layouts |= _layouts(mapping(json_of(source, name), _INFO))
            except Unfit as unfit:
                yield Fault(name, str(unfit))
    for name in names:
        if posixpath.basename(name) != _INFO:
            layout = layouts.get(posixpath.basename(name), Layout())
            yield from each_record(source, [name], _Reader(layout, schema).read)


def _layouts(info: Doc) -> dict[str, Layout]:
    made = {}
    for entry in info.values():
        if isinstance(entry, dict) and isinstance(entry.get("file_name"), str):
            made[entry["file_name"]] = _layout(entry)
    return made


def _layout(entry: Doc) -> Layout:
    given = {k: v for k, v in (entry.get("columns") or {}).items() if isinstance(v, str)}
    tags = {k: v for k, v in (entry.get("tags") or {}).items() if isinstance(v, str)}
    roles = {
        "user_tag": "user",
        "assistant_tag": "assistant",
        "observation_tag": "tool",
        "function_tag": "assistant",
        "system_tag": "system",
    }
    named = {tags[tag]: role for tag, role in roles.items() if tag in tags}
    columns = {**_COLUMNS, **{k: (v,) for k, v in given.items()}}
    return Layout(
        columns, {**_ROLES, **named}, tags.get("role_tag", ""), tags.get("content_tag", "")
    )


class _Reader:
    def __init__(self, layout: Layout, schema: Doc) -> None:
        self._layout, self._schema = layout, schema

    def read(self, record: Record) -> list[Sample]:
        doc = mapping(record.doc, "record")
        key = id_of(doc.get("id")) or id_of(doc.get("source_key")) or record.key
        found = foreign(doc, key)
        if found is not None:
            return found
        left_out = [k for k in ("tools", "images", "videos", "audios") if doc.get(k)]
        return [self._sample(doc, key, left_out)]

    def _sample(self, doc: Doc, key: str, left_out: list[str]) -> Sample:
        get = self._layout.get
        if isinstance(doc.get("responses"), list):
            return self._ranking(doc, key, left_out)
        if get(doc, "chosen") is not None and get(doc, "rejected") is not None:
            return self._pair(doc, key, left_out)
        turns, plain_prompt = self._conversation(doc, left_out)
        tag = next((c for c in self._layout.columns["kto_tag"] if c in doc), None)
        if tag is not None:
            return _marked(turns, plain_prompt, mark(doc[tag], tag), key, left_out)
        return self._example(turns, plain_prompt, key, left_out)

    def _example(self, turns: Turns, plain_: bool, key: str, left_out: list[str]) -> Sample:
        shape = self._schema.get("shape", "text" if plain_ else "conversation")
        if shape == "text" and turns[-1]["role"] == "assistant":
            value = {"text": plain(text=turns[-1]["content"])}
            return Sample(key, value, _prompt(turns[:-1], plain_), left_out=tuple(left_out))
        data = _prompt(turns[:-1], False) if turns[-1]["role"] == "assistant" and turns[1:] else {}
        return Sample(
            key, {"conversation": {"turns": _lean(turns)}}, data, left_out=tuple(left_out)
        )

    def _conversation(self, doc: Doc, left_out: list[str]) -> tuple[Turns, bool]:
        """Prompt and reply as turns, and whether the prompt is a plain text."""
        get = self._layout.get
        messages = get(doc, "messages")
        if messages is not None:
            turns = self._turns(messages, left_out)
            system = get(doc, "system")
            if isinstance(system, str) and turns[0]["role"] != "system":
                turns.insert(0, turn("system", system))
            return turns, False
        prompt, plain_ = self._prompt(doc, left_out)
        response = get(doc, "response")
        if response is None:
            raise Unfit(f"no messages, completion or output; columns are {', '.join(doc)[:200]}")
        reply = self._reply(response, left_out)
        if reply[1:] and _ends(reply[:-1], prompt):
            return reply, plain_ and len(reply) == 1 + len(prompt)
        return [*prompt, *reply], plain_

    def _prompt(self, doc: Doc, left_out: list[str]) -> tuple[Turns, bool]:
        get = self._layout.get
        prompt = get(doc, "prompt")
        if isinstance(prompt, list):
            return self._turns(prompt, left_out), False
        if not isinstance(prompt, str):
            raise Unfit(f"no prompt or instruction; columns are {', '.join(doc)[:200]}")
        query = get(doc, "query")
        text = f"{prompt}\n{query}" if isinstance(query, str) else prompt
        turns = [turn("user", text)]
        for said in reversed(get(doc, "history") or []):
            if not isinstance(said, list) or len(said) != 2:
                raise Unfit("history: pairs of instruction and response wanted")
            turns = [turn("user", str(said[0])), turn("assistant", str(said[1])), *turns]
        system = get(doc, "system")
        if isinstance(system, str):
            turns.insert(0, turn("system", system))
        return turns, len(turns) == 1

    def _turns(self, messages: Any, left_out: list[str]) -> Turns:
        if not isinstance(messages, list) or not messages:
            raise Unfit("messages: a list of turns wanted")
        return [self._turn(mapping(one, "turn"), left_out) for one in messages]

    def _turn(self, one: Doc, left_out: list[str]) -> dict[str, str]:
        layout = self._layout
        name = one.get(layout.role_tag or ("role" if "role" in one else "from"))
        content = one.get(layout.content_tag or ("content" if "content" in one else "value"))
        role = layout.roles.get(str(name), "")
        if not role:
            raise Unfit(f"role {str(name)[:50]!r} is not one of {', '.join(sorted(layout.roles))}")
        if name == "function_call" or one.get("tool_calls"):
            left_out.append("calls of tools are kept as text")
        if one.get("tool_calls") and not content:
            content = orjson.dumps(one["tool_calls"]).decode()
        return turn(role, _content(content, left_out))

    def _reply(self, reply: Any, left_out: list[str]) -> Turns:
        """What the assistant is to say: a text, a turn, or turns."""
        if isinstance(reply, str):
            return [turn("assistant", reply)]
        return self._turns([reply] if isinstance(reply, dict) else reply, left_out)

    def _pair(self, doc: Doc, key: str, left_out: list[str]) -> Sample:
        sides = [self._layout.get(doc, side) for side in ("chosen", "rejected")]
        if all(isinstance(one, str) and _HH.match(one) for one in sides):
            sides = [_dialogue(one) for one in sides]
        replies = [self._reply(one, left_out) for one in sides]
        has_prompt = any(self._layout.get(doc, k) is not None for k in ("messages", "prompt"))
        prompt, plain_ = self._pair_prompt(doc, left_out) if has_prompt else ([], False)
        if any(len(one) != 1 for one in replies):
            whole_prompt = _shared(replies)
            if prompt and not _ends(whole_prompt, prompt):
                raise Unfit("chosen and rejected begin with other turns than the prompt")
            # Where a system turn stands before the prompt, the prompt alone is not all of it.
            if len(whole_prompt) > len(prompt):
                prompt, plain_ = whole_prompt, False
            replies = [one[len(whole_prompt) :] for one in replies]
        if any(len(one) != 1 for one in replies):
            raise Unfit("chosen and rejected differ in more than the last turn")
        if any(one[0]["role"] != "assistant" for one in replies):
            raise Unfit("the last turn of chosen and rejected is not the assistant's")
        strength = whole(doc.get("margin") or 0, "margin")
        return _preference(
            key, prompt, plain_, [one[0]["content"] for one in replies], strength, left_out
        )

    def _pair_prompt(self, doc: Doc, left_out: list[str]) -> tuple[Turns, bool]:
        if self._layout.get(doc, "messages") is None:
            return self._prompt(doc, left_out)
        without = {k: v for k, v in doc.items() if k not in ("chosen", "rejected")}
        return self._conversation(without, left_out)

    def _ranking(self, doc: Doc, key: str, left_out: list[str]) -> Sample:
        prompt, plain_ = self._prompt(doc, left_out)
        ranks: dict[float, list[str]] = {}
        candidates, bad = [], []
        for place, one in enumerate(doc["responses"], 1):
            response = mapping(one, "response")
            name = id_of(response.get("id")) or str(place)
            candidates.append({"id": name, **{k: response[k] for k in _KINDS if response.get(k)}})
            if response.get("rank") is not None:
                ranks.setdefault(number(response["rank"], "rank"), []).append(name)
            given = response.get("acceptable")
            if given is not None and not mark(given, "acceptable"):
                bad.append(name)
        # In the order of their names: the order of a file tells the ranks.
        candidates.sort(key=lambda one: (len(one["id"]), one["id"]))
        groups = [{"ids": ranks[rank]} for rank in sorted(ranks)]
        value = {"ranking": plain(groups=groups, unacceptable=bad)}
        data = {**_prompt(prompt, plain_), "candidates": candidates}
        return Sample(key, value, data, left_out=tuple(dict.fromkeys(left_out)))


_KINDS = ("text", "image")


def _preference(
    key: str,
    prompt: Turns,
    plain_: bool,
    replies: list[str],
    strength: int,
    left_out: list[str],
) -> Sample:
    ordered = sorted(replies)
    if ordered[0] == ordered[1]:
        raise Unfit("chosen and rejected are the same")
    candidates = [{"id": name, "text": text} for name, text in zip("ab", ordered, strict=True)]
    chosen = "ab"[ordered.index(replies[0])]
    rejected = "ab"[ordered.index(replies[1])]
    value = {
        "preference": plain(outcome="CHOSEN", chosen=chosen, rejected=rejected, strength=strength)
    }
    data = {**_prompt(prompt, plain_), "candidates": candidates}
    return Sample(key, value, data, left_out=tuple(dict.fromkeys(left_out)))


def _marked(turns: Turns, plain_: bool, good: bool, key: str, left_out: list[str]) -> Sample:
    if turns[-1]["role"] != "assistant" or not turns[1:]:
        raise Unfit("the last turn is not the assistant's")
    rating = plain(scale=ACCEPTABLE, value=float(good), subject="a")
    data = {
        **_prompt(turns[:-1], plain_),
        "candidates": [{"id": "a", "text": turns[-1]["content"]}],
    }
    value = {"ratings": {"ratings": [rating]}}
    return Sample(key, value, data, left_out=tuple(dict.fromkeys(left_out)))


def _prompt(turns: Turns, plain_: bool) -> Doc:
    if plain_ and len(turns) == 1:
        return {"text": turns[0]["content"]}
    return {"conversation": turns}


def _lean(turns: Turns) -> list[Doc]:
    return [plain(**one) for one in turns]


def _content(content: Any, left_out: list[str]) -> str:
    """Text of a turn; of parts, those that are text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Unfit(f"content: a text wanted, not {str(content)[:50]!r}")
    parts = [mapping(part, "part of content") for part in content]
    if any("text" not in part for part in parts):
        left_out.append("parts of turns that are not text")
    return "\n".join(str(part["text"]) for part in parts if "text" in part)


def _dialogue(text: str) -> list[dict[str, str]]:
    """HH-RLHF's "\\n\\nHuman: ...\\n\\nAssistant: ..."."""
    pieces = _HH.split(text)
    names = {"Human": "user", "Assistant": "assistant"}
    said = zip(pieces[1::2], pieces[2::2], strict=True)
    return [turn(names[name], words.strip()) for name, words in said]


def _ends(turns: Turns, prompt: Turns) -> bool:
    """Are the last of the turns the prompt, white space around it aside?"""
    words = [(one["role"], one["content"].strip()) for one in turns]
    wanted = [(one["role"], one["content"].strip()) for one in prompt]
    return words[-len(wanted) :] == wanted


def _shared(replies: list[Turns]) -> Turns:
    """The turns that both begin with, but for the last one."""
    made: Turns = []
    shortest = min(map(len, replies)) - 1
    for one, other in list(zip(*replies, strict=False))[: max(0, shortest)]:
        if one != other:
            break
        made.append(one)
    return made
