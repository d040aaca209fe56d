"""Folders that LLaMA-Factory reads, as zips: data as JSON Lines, and `dataset_info.json` that says
which column is what.

Examples whose prompt is a text are in its Alpaca form, conversations in its ShareGPT form, where
people and tools speak at odd places and the assistant at even ones: others are left out and told. A
system turn stands in a column of its own. Ties and two bad candidates make no pair, as in `trl`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import IO, ClassVar

import orjson

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import spool
from libs.formats.llm.decode import decode
from libs.formats.llm.examples import (
    SHAPES_OF_COMPARISONS,
    SHAPES_OF_EXAMPLES,
    Turns,
    comparisons,
    marked,
    turn,
)
from libs.formats.llm.trl import LineEncoder
from libs.formats.zip_writer import ZipStream

INFO = "dataset_info.json"
_NAMES = {"user": "human", "tool": "observation", "assistant": "gpt"}
_OPENAI = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "system_tag": "system",
}


class FolderEncoder(LineEncoder):
    """Lines go into files on disk, one for each layout that occurs; `layouts` says each one's entry
    of `dataset_info.json`."""

    layouts: ClassVar[Mapping[str, Doc]]

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._files: dict[str, IO[bytes]] = {}
        self._zip = ZipStream()

    def encode(self, row: Doc) -> bytes:
        key = {"id": row["source_key"]} if row["source_key"] else {}
        made = list(self.lines(row))
        for line in made:
            layout = line.pop("")
            file = self._files.setdefault(layout, spool())
            file.write(orjson.dumps({**key, **line}, option=orjson.OPT_APPEND_NEWLINE))
        self.objects += len(made)
        return b""

    def end(self) -> Iterator[bytes]:
        stem = re.sub(r"[^A-Za-z0-9_]+", "_", self.job.name.rpartition("/")[2]) or "labels"
        info = {}
        for layout in sorted(self._files):
            name = f"{stem}_{layout}"
            info[name] = {"file_name": f"{name}.jsonl", **self.layouts[layout]}
            self._files[layout].seek(0)
            yield from self._zip.put_file(f"{name}.jsonl", self._files[layout])
            self._files[layout].close()
        self._zip.put(INFO, orjson.dumps(info, option=orjson.OPT_INDENT_2))
        yield self._zip.close()


class SftEncoder(FolderEncoder):
    format = "llamafactory-sft"
    layouts: ClassVar[Mapping[str, Doc]] = {
        "alpaca": {
            "formatting": "alpaca",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        },
        "sharegpt": {
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system"},
        },
    }

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in self.examples(row):
            if one.plain:
                text = one.prompt[0]["content"]
                yield {"": "alpaca", "instruction": text, "input": "", "output": one.completion}
                continue
            system, turns = _alternating([*one.prompt, turn("assistant", one.completion)])
            yield {"": "sharegpt", "conversations": [_said(t) for t in turns], "system": system}


class DpoEncoder(FolderEncoder):
    format = "llamafactory-dpo"
    layouts: ClassVar[Mapping[str, Doc]] = {
        "dpo": {
            "ranking": True,
            "formatting": "sharegpt",
            "columns": {
                "messages": "conversations",
                "chosen": "chosen",
                "rejected": "rejected",
                "system": "system",
            },
        }
    }

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in self.pairs(row):
            system, turns = _alternating([*one.prompt, turn("assistant", one.chosen)])
            yield {
                "": "dpo",
                "conversations": [_said(t) for t in turns[:-1]],
                "chosen": _said(turn("assistant", one.chosen)),
                "rejected": _said(turn("assistant", one.rejected)),
                "system": system,
            }
            if one.margin:
                self.tell(row, "llamafactory-dpo has no place for strength")


class KtoEncoder(FolderEncoder):
    format = "llamafactory-kto"
    layouts: ClassVar[Mapping[str, Doc]] = {
        "kto": {
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "kto_tag": "label"},
            "tags": _OPENAI,
        }
    }

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in comparisons(self.job, row):
            found = list(marked(one))
            if not found:
                raise Unfit("tied candidates are neither good nor bad")
            if sum(map(len, one.groups)) + len(one.unranked) > len(found):
                self.tell(row, "candidates between the best and the worst are left out")
            for text, good in found:
                turns = [*one.prompt, turn("assistant", text)]
                _alternating(turns)
                yield {"": "kto", "messages": turns, "label": good}


def _alternating(turns: Turns) -> tuple[str, Turns]:
    """The system turn's text and the others; raises `Unfit` where roles do not take turns."""
    system = ""
    if turns and turns[0]["role"] == "system":
        system, turns = turns[0]["content"], turns[1:]
    for place, one in enumerate(turns):
        if one["role"] not in (("user", "tool"), ("assistant",))[place % 2]:
            raise Unfit(f"turn {place + 1} is of {one['role']}: people and assistant take turns")
    return system, turns


def _said(one: dict[str, str]) -> dict[str, str]:
    return {"from": _NAMES[one["role"]], "value": one["content"]}


def _format(encoder: type[FolderEncoder], shapes: frozenset[str]) -> Format:
    return Format(encoder.format, f"{encoder.format}-{{:05}}.zip", shapes, encoder, decode)


FORMATS = {
    "llamafactory-sft": _format(SftEncoder, SHAPES_OF_EXAMPLES),
    "llamafactory-dpo": _format(DpoEncoder, SHAPES_OF_COMPARISONS),
    "llamafactory-kto": _format(KtoEncoder, SHAPES_OF_COMPARISONS),
}
