"""Formats that large models are trained on."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from libs.formats import Doc, Sample
from tests.interop import judges
from tests.interop.frame import Result, Row, Written, difference, read, round_trip

Check = Callable[[Doc], bool]
# Columns and their kinds as TRL's documentation names them, texts and turns alike.
_REPLIES: dict[str, dict[str, Any]] = {
    "trl-dpo": {"prompt": (str, list), "chosen": (str, list), "rejected": (str, list)},
    "trl-kto": {"prompt": (str, list), "completion": (str, list), "label": bool},
    "trl-reward": {"chosen": list, "rejected": list},
    "ranking": {"prompt": (str, list), "responses": list},
}
_LOADED = ("trl-sft", "trl-dpo", "trl-kto", "trl-reward")


def formats(
    format_: str,
    paths: Sequence[str],
    schema: Doc | None = None,
    label: str = "",
    refused: int = 0,
    comparable: bool = True,
) -> Row:
    """Reads every path, writes it and reads it again; the lines are checked against the columns
    that the trainer's documentation names, and loaded by `datasets` where it is what loads them.
    Without `comparable` a label becomes several lines, so that it does not come back as it was."""

    def check(data: Path) -> Result:
        result, good, seen, told = Result(judged="-"), 0, 0, 0
        for path in paths:
            samples, faults = read(format_, data / path, schema)
            result.read(1, samples, [])
            told += len(faults)
            labelled = [replace(s, key=str(n)) for n, s in enumerate(samples, 1)]
            before = list(result.wrong)
            written = round_trip(result, format_, labelled, schema or {}, None, ())
            if not comparable:
                result.wrong, result.lost = before, 0
            lines = _lines(format_, written, result)
            seen += len(lines)
            good += sum(map(_fits(format_), lines))
            if format_ in _LOADED and lines:
                _load(result, format_, written, lines)
            if comparable and not written.problems:
                _data(result, format_, written, labelled, schema)
        result.same("records refused", told, refused)
        result.judged = f"{good} of {seen} lines"
        result.same("lines as documented", good, seen)
        return result

    return Row(f"{format_}{label}", tuple(paths), check)


def _lines(format_: str, written: Written, result: Result) -> list[Doc]:
    """Lines of a file, or of the files that `dataset_info.json` names."""
    if not format_.startswith("llamafactory"):
        return [json.loads(line) for line in written.content.splitlines()]
    made = []
    with zipfile.ZipFile(BytesIO(written.content)) as archive:
        for entry in json.loads(archive.read("dataset_info.json")).values():
            lines = [json.loads(one) for one in archive.read(entry["file_name"]).splitlines()]
            columns = [*entry["columns"].values()]
            missing = [c for c in columns if any(c not in line for line in lines)]
            result.same("columns of dataset_info.json that are not there", missing, [])
            made += lines
    return made


def _fits(format_: str) -> Check:
    if format_ == "trl-sft":
        return lambda line: _turns(line["messages"]) if "messages" in line else _plain(line)
    if format_.startswith("llamafactory"):
        return _alternating
    kinds = _REPLIES[format_]
    return lambda line: all(_kind(line.get(name), kind) for name, kind in kinds.items())


def _plain(line: Doc) -> bool:
    return all(isinstance(line.get(name), str) for name in ("prompt", "completion"))


def _kind(value: Any, kind: Any) -> bool:
    if not isinstance(value, kind) or value == []:
        return False
    return not isinstance(value, list) or "rank" in value[0] or _turns(value)


def _turns(turns: Any) -> bool:
    roles = ("system", "user", "assistant", "tool")
    return all(one["role"] in roles and isinstance(one["content"], str) for one in turns)


def _alternating(line: Doc) -> bool:
    """Alpaca's two texts, or people and tools at odd places and the assistant at even ones."""
    if "instruction" in line:
        return bool(line["instruction"]) and isinstance(line["output"], str)
    turns = line.get("conversations") or line["messages"]
    names = [one.get("from") or one["role"] for one in turns]
    names = names[1:] if names[0] == "system" else names
    people, model = ("human", "observation", "user", "tool"), ("gpt", "assistant")
    return all(name in (people, model)[place % 2] for place, name in enumerate(names))


def _load(result: Result, format_: str, written: Written, lines: Sequence[Doc]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written.put(Path(folder), "ours.jsonl")
        found = judges.run("tables", "table_rows", {"reader": "datasets", "path": str(path)})
    result.same(f"{format_}: lines by datasets", found, lines)


def _data(
    result: Result, format_: str, written: Written, samples: Sequence[Sample], schema: Doc | None
) -> None:
    """Prompts and candidates come back as well."""
    pattern = "x.zip" if written.content.startswith(b"PK") else "x.jsonl"
    again, _ = read(format_, written.source(pattern), schema)
    back = {one.key: one.data for one in again}
    lost = [one.key for one in samples if difference(one.data, back.get(one.key, {}))]
    result.same("data that came back otherwise", lost, [])


_LLM = "interop/llm_formats"
_ALPACA = (f"{_LLM}/alpaca_en_demo.json", f"{_LLM}/alpaca_zh_demo.json")
_MEDIA_ALPACA = ("media/llm_sft/alpaca_zh_200", "media/llm_sft/self_instruct_seed175")
_CHATS = (f"{_LLM}/fastchat_sharegpt.json", f"{_LLM}/glaive_toolcall_zh_demo.json")
_PAIRS = (
    f"{_LLM}/dpo_en_demo.json",
    f"{_LLM}/dpo_zh_demo.json",
    "media/llm_rlhf_multiturn/dpo_zh_100/dpo_zh.json",
    "media/llm_rlhf_multiturn/hh_rlhf_200/hh_harmless_200.jsonl",
)
_TREES = ("media/llm_rm_ranking/oasst_trees_60/oasst_trees.jsonl", f"{_LLM}/oasst_messages.jsonl")
_CAST = ("media/llm_qa_rewriting/cast2020_25/2020_manual_evaluation_topics_v1.0.json",)
_KTO = (f"{_LLM}/kto_en_demo.json",)
_IMAGES = ("media/t2i_preference/imagereward_4img/human_rankings.json",)
_VOTES = ("media/t2i_preference/genai_arena_votes_1000/votes.jsonl",)
ROWS = (
    formats("trl-sft", (*_ALPACA, *_MEDIA_ALPACA)),
    formats("trl-sft", (*_CHATS, f"{_LLM}/mllm_demo.json"), label=" (conversations)"),
    formats("trl-sft", _CAST, label=" (rewrites)", comparable=False),
    formats("llamafactory-sft", (*_ALPACA, *_MEDIA_ALPACA, *_CHATS)),
    formats("trl-dpo", _PAIRS),
    formats("trl-dpo", _TREES, label=" (trees)", comparable=False),
    formats("trl-dpo", _VOTES, label=" (votes without candidates)", comparable=False),
    formats("trl-reward", _PAIRS),
    formats("trl-kto", _KTO),
    formats("trl-kto", _PAIRS, label=" (of pairs)", comparable=False),
    formats("llamafactory-dpo", _PAIRS),
    formats("llamafactory-kto", _KTO),
    formats("ranking", _IMAGES),
    formats("ranking", _TREES, label=" (trees)", comparable=False),
)
