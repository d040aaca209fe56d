"""Records of datasets with a form of their own: trees of Open Assistant, votes of arenas, rankings
of ImageReward, tasks of Self-Instruct, rewritten questions of TREC CAsT.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from libs.formats import Doc, Sample, Unfit
from libs.formats.decoding import id_of, mapping, number
from libs.formats.image.shapes import plain
from libs.formats.llm.examples import turn

_MOST_DEPTH = 1_000
_OUTCOMES = {
    "leftvote": ("CHOSEN", "left", "right"),
    "rightvote": ("CHOSEN", "right", "left"),
    "tievote": ("TIE", "left", "right"),
    "bothbad_vote": ("BOTH_BAD", "left", "right"),
}
_ROLES = {"prompter": "user", "assistant": "assistant"}


def foreign(doc: Doc, key: str) -> list[Sample] | None:
    """Samples of a record of one of these datasets; None if it is of none."""
    for columns, read in _READERS:
        if columns <= doc.keys():
            return read(doc, key)
    return None


def _tree(doc: Doc, key: str) -> list[Sample]:
    return _message(mapping(doc["prompt"], "prompt"), id_of(doc["message_tree_id"]))


def _message(doc: Doc, key: str) -> list[Sample]:
    """One conversation along the best replies, each of the assistant's turns with all replies that
    were compared and their ranks (0 stays unranked). Other branches end with their reply."""
    turns: list[Doc] = []
    replies: list[Doc] = []
    here, passed = doc, 0
    while True:
        role = _ROLES.get(str(here.get("role")))
        if role is None or not isinstance(here.get("text"), str):
            raise Unfit(f"message {str(here.get('message_id'))[:50]}: role and text wanted")
        turns.append(plain(role=role, content=here["text"], replies=replies))
        found = [mapping(one, "reply") for one in here.get("replies") or []]
        if not found or len(turns) >= _MOST_DEPTH:
            break
        best = min(found, key=_rank)
        passed += sum(len(one.get("replies") or []) for one in found if one is not best)
        compared = role == "user" and len(found) > 1
        replies = [_reply(one) for one in found] if compared else []
        passed += 0 if compared else len(found) - 1
        here = best
    left_out = ("messages of other branches",) if passed else ()
    return [Sample(key, {"conversation": {"turns": turns}}, left_out=left_out)]


def _rank(message: Doc) -> float:
    rank = message.get("rank")
    return float("inf") if rank is None else number(rank, "rank")


def _reply(message: Doc) -> Doc:
    rank = message.get("rank")
    known = 0 if rank is None else int(number(rank, "rank")) + 1
    return plain(id=id_of(message.get("message_id")), content=message.get("text"), rank=known)


def _vote(doc: Doc, key: str) -> list[Sample]:
    vote = str(doc["human_vote"])
    if vote not in _OUTCOMES:
        raise Unfit(f"human_vote {vote[:50]!r} is not one of {', '.join(_OUTCOMES)}")
    outcome, chosen, rejected = _OUTCOMES[vote]
    value = {"preference": {"outcome": outcome, "chosen": chosen, "rejected": rejected}}
    name = id_of(doc.get("idx", key))
    told = ("the candidates, which the file does not have",)
    return [Sample(name, value, {"text": str(doc["prompt"])}, left_out=told)]


def _images(doc: Doc, key: str) -> list[Sample]:
    paths, ranks = doc["generations"], doc["ranking"]
    if not isinstance(paths, list) or not isinstance(ranks, list) or len(paths) != len(ranks):
        raise Unfit("generations and ranking are not as many")
    groups: dict[float, list[str]] = {}
    for place, rank in enumerate(ranks, 1):
        groups.setdefault(number(rank, "ranking"), []).append(str(place))
    value = {"ranking": {"groups": [{"ids": groups[rank]} for rank in sorted(groups)]}}
    candidates = [{"id": str(n), "image": str(path)} for n, path in enumerate(paths, 1)]
    return [Sample(key, value, {"text": str(doc["prompt"]), "candidates": candidates})]


def _task(doc: Doc, key: str) -> list[Sample]:
    samples = []
    for number_, one in enumerate(_list(doc["instances"]), 1):
        instance = mapping(one, "instance")
        given = str(instance.get("input") or "")
        text = f"{doc['instruction']}\n{given}" if given else str(doc["instruction"])
        value = {"text": plain(text=str(instance.get("output") or ""))}
        name = key if len(doc["instances"]) == 1 else f"{key}/{number_}"
        samples.append(Sample(name, value, {"text": text}))
    return samples


def _topic(doc: Doc, key: str) -> list[Sample]:
    """Each question with those before it as its conversation."""
    samples, before = [], []
    for one in _list(doc["turn"]):
        said = mapping(one, "turn")
        raw, better = said.get("raw_utterance"), said.get("manual_rewritten_utterance")
        if not isinstance(raw, str) or not isinstance(better, str):
            raise Unfit("turn: raw_utterance and manual_rewritten_utterance wanted")
        value = {"rewrite": plain(before=raw, after=better)}
        before.append(turn("user", raw))
        name = f"{id_of(doc['number'])}_{id_of(said.get('number', len(before)))}"
        samples.append(Sample(name, value, {"text": raw, "conversation": list(before)}))
    return samples


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit(f"a list wanted, not {str(value)[:50]!r}")
    return value


# Columns that tell the dataset, and how it is read.
_READERS: tuple[tuple[set[str], Callable[[Doc, str], list[Sample]]], ...] = (
    ({"message_tree_id", "prompt"}, _tree),
    ({"message_id", "text", "role"}, _message),
    ({"prompt", "human_vote"}, _vote),
    ({"prompt", "generations", "ranking"}, _images),
    ({"instruction", "instances"}, _task),
    ({"number", "turn"}, _topic),
)
