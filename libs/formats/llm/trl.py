"""Files that TRL's trainers read, JSON Lines ("Dataset formats and types" of its documentation).

`trl-sft` has `messages`, or `prompt` and `completion` where the item is a text; `trl-dpo` a line a
pair, `prompt`, `chosen`, `rejected`, turns or texts alike; `trl-kto` a line a reply, `prompt`,
`completion`, `label`; `trl-reward` whole conversations `chosen` and `rejected`, with `margin` where
people said how much better. `ranking` is ours: `prompt` and `responses` with ranks from 1, ties
included. `id` is the item's key.

A tie makes no pair, and two bad candidates none either: both are told.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from libs.formats import Doc, Format, Unfit
from libs.formats.encoding import RowEncoder
from libs.formats.llm.decode import decode
from libs.formats.llm.examples import (
    SHAPES_OF_COMPARISONS,
    SHAPES_OF_EXAMPLES,
    Comparison,
    Example,
    Pair,
    Reply,
    Turns,
    comparisons,
    examples,
    marked,
    pairs,
    ties,
    turn,
)


class LineEncoder(RowEncoder):
    """`lines` are the JSON objects of one label."""

    def encode(self, row: Doc) -> bytes:
        key = {"id": row["source_key"]} if row["source_key"] else {}
        made = [{**key, **line} for line in self.lines(row)]
        self.objects += len(made)
        return b"".join([orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in made])

    def lines(self, row: Doc) -> Iterator[Doc]:
        raise NotImplementedError

    def examples(self, row: Doc) -> list[Example]:
        turns = row["value"].get("conversation", {}).get("turns", ())
        if any(one.get("replies") for one in turns):
            self.tell(row, f"{self.format} has no place for replies that were compared")
        if turns and turns[-1]["role"] != "assistant":
            self.tell(row, "turns after the assistant's last one are left out")
        return examples(self.job, row)

    def pairs(self, row: Doc) -> Iterator[Pair]:
        """Raises `Unfit` where there is none; tells ties and replies without a rank."""
        found = comparisons(self.job, row)
        made = [pair for one in found for pair in pairs(one)]
        if row["value"].get("preference", {}).get("outcome") == "BOTH_BAD":
            raise Unfit("both candidates are bad; a pair wants a better one")
        if any(ties(one) for one in found):
            if not made:
                raise Unfit("the candidates are tied; a pair wants a better one")
            self.tell(row, "tied candidates make no pair")
        if any(one.unranked for one in found):
            self.tell(row, "candidates without a rank make no pair")
        if not made:
            raise Unfit("no two candidates are ranked")
        yield from made


class SftEncoder(LineEncoder):
    format = "trl-sft"

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in self.examples(row):
            if one.plain:
                yield {"prompt": one.prompt[0]["content"], "completion": one.completion}
            else:
                yield {"messages": [*one.prompt, turn("assistant", one.completion)]}


class DpoEncoder(LineEncoder):
    format = "trl-dpo"

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in self.pairs(row):
            yield {
                "prompt": _prompt(one.prompt, one.plain),
                "chosen": _reply(one.chosen, one.plain),
                "rejected": _reply(one.rejected, one.plain),
            }
            if one.margin:
                self.tell(row, "trl-dpo has no place for strength; trl-reward has its margin")


class KtoEncoder(LineEncoder):
    format = "trl-kto"

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in comparisons(self.job, row):
            found = list(marked(one))
            if not found:
                raise Unfit("tied candidates are neither good nor bad")
            left = sum(map(len, one.groups)) + len(one.unranked) - len(found)
            if left:
                self.tell(row, "candidates between the best and the worst are left out")
            for text, good in found:
                yield {
                    "prompt": _prompt(one.prompt, one.plain),
                    "completion": _reply(text, one.plain),
                    "label": good,
                }


class RewardEncoder(LineEncoder):
    format = "trl-reward"

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in self.pairs(row):
            margin = {"margin": float(one.margin)} if one.margin else {}
            yield {
                "chosen": [*one.prompt, turn("assistant", one.chosen)],
                "rejected": [*one.prompt, turn("assistant", one.rejected)],
                **margin,
            }


class RankingEncoder(LineEncoder):
    format = "ranking"

    def lines(self, row: Doc) -> Iterator[Doc]:
        for one in comparisons(self.job, row):
            if one.strength:
                self.tell(row, "ranking has no place for strength; trl-reward has its margin")
            yield {"prompt": _prompt(one.prompt, one.plain), "responses": list(_responses(one))}


def _responses(found: Comparison) -> Iterator[Doc]:
    """Equal ranks are ties, and the next rank is the next number; null is not ranked."""
    for rank, group in enumerate(found.groups, 1):
        yield from (_response(reply, rank) for reply in group)
    yield from (_response(reply, None) for reply in found.unranked)


def _response(reply: Reply, rank: int | None) -> Doc:
    content = {"image": reply.image} if reply.image else {"text": reply.text}
    return {"id": reply.id, **content, "rank": rank, "acceptable": reply.acceptable}


def _prompt(prompt: Turns, plain: bool) -> str | Turns:
    return prompt[0]["content"] if plain else prompt


def _reply(text: str, plain: bool) -> str | Turns:
    return text if plain else [turn("assistant", text)]


def _format(encoder: type[LineEncoder], shapes: frozenset[str]) -> Format:
    return Format(encoder.format, f"{encoder.format}-{{:05}}.jsonl", shapes, encoder, decode)


FORMATS = {
    "trl-sft": _format(SftEncoder, SHAPES_OF_EXAMPLES),
    "trl-dpo": _format(DpoEncoder, SHAPES_OF_COMPARISONS),
    "trl-kto": _format(KtoEncoder, SHAPES_OF_COMPARISONS),
    "trl-reward": _format(RewardEncoder, SHAPES_OF_COMPARISONS),
    "ranking": _format(RankingEncoder, SHAPES_OF_COMPARISONS),
}
