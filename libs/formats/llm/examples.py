"""What large models are trained on, taken out of labels: examples (a prompt and its completion) and
comparisons (a prompt and its ranked replies).

A prompt is turns of `{role, content}`. It is the item's conversation, or its text as one user turn.
Candidates are the item's: `{"id", "text"}` (or `content`, or `image`); a plain text is named by its
place, from 1.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from libs.formats import Doc, Job, Unfit

SHAPES_OF_EXAMPLES = frozenset(
    {"conversation", "text", "rewrite", "prompt", "ranking", "preference"}
)
SHAPES_OF_COMPARISONS = frozenset({"conversation", "ranking", "preference", "rewrite", "ratings"})
# The scale of a single good or bad mark, 1 or 0.
ACCEPTABLE = "acceptable"
_VARIABLE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")

Turns = list[dict[str, str]]


@dataclass(frozen=True)
class Example:
    """`plain` where the prompt is a text and not a conversation."""

    prompt: Turns
    completion: str
    plain: bool


@dataclass(frozen=True)
class Reply:
    id: str
    text: str
    # Where the candidate is an image, its reference.
    image: str = ""
    acceptable: bool = True


@dataclass(frozen=True)
class Comparison:
    """Replies of one group are tied; the best group is first. `strength` of a preference, or 0."""

    prompt: Turns
    plain: bool
    groups: list[list[Reply]]
    unranked: list[Reply]
    strength: int = 0


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def prompt_of(job: Job, row: Doc) -> tuple[Turns, bool]:
    """The item's prompt, and whether it is a plain text; raises `Unfit`."""
    data = orjson.loads(row["data"])
    turns = data.get(job.field("conversation") or "conversation")
    if isinstance(turns, list) and turns:
        return [_checked(one) for one in turns], False
    text = data.get(job.field("text") or "text")
    if isinstance(text, str) and text:
        return [turn("user", text)], True
    raise Unfit("the item has neither a conversation nor a text for a prompt")


def _checked(one: object) -> dict[str, str]:
    if not isinstance(one, dict) or not isinstance(one.get("role"), str):
        raise Unfit("a turn of the item's conversation has no role")
    return turn(one["role"], str(one.get("content", "")))


def candidates_of(job: Job, row: Doc) -> dict[str, Reply]:
    """The item's candidates by their ids; raises `Unfit`."""
    found = orjson.loads(row["data"]).get(job.field("candidates") or "candidates")
    if not isinstance(found, list) or not found:
        raise Unfit("the item has no candidates")
    replies = [_candidate(one, place) for place, one in enumerate(found, 1)]
    return {reply.id: reply for reply in replies}


def _candidate(one: object, place: int) -> Reply:
    if isinstance(one, str):
        return Reply(str(place), one)
    if not isinstance(one, dict):
        raise Unfit("a candidate is neither a text nor an object with id and text")
    text = one.get("text") or one.get("content") or ""
    return Reply(str(one.get("id") or place), str(text), str(one.get("image") or ""))


def examples(job: Job, row: Doc) -> list[Example]:
    """What a model is to say; raises `Unfit`."""
    ((shape, value),) = row["value"].items()
    if shape == "conversation":
        turns = turns_of(value)
        while turns and turns[-1]["role"] != "assistant":
            turns.pop()
        if not turns:
            raise Unfit("the conversation has no turn of the assistant")
        return [Example(turns[:-1], turns[-1]["content"], False)]
    if shape == "prompt":
        return list(_filled(value))
    if shape == "rewrite":
        return [Example([turn("user", value.get("before", ""))], value.get("after", ""), True)]
    if shape == "text":
        prompt, plain = prompt_of(job, row)
        return [Example(prompt, value.get("text", ""), plain)]
    if shape in ("ranking", "preference"):
        return list(_best(comparisons(job, row)))
    raise Unfit(f"{shape} is no example of what a model is to say")


def turns_of(value: Doc) -> Turns:
    turns = value.get("turns", ())
    return [turn(one["role"], one.get("content", "") or _reply(one)) for one in turns]


def _reply(one: Doc) -> str:
    ranked = [r for r in one.get("replies", ()) if r.get("rank")]
    return min(ranked, key=lambda r: r["rank"]).get("content", "") if ranked else ""


def _filled(value: Doc) -> Iterator[Example]:
    """Each of the prompt's own examples, its variables filled in."""
    defaults = {v["name"]: v.get("default", "") for v in value.get("variables", ())}
    system = [turn("system", value["system"])] if value.get("system") else []
    if not any(one.get("output") for one in value.get("examples", ())):
        raise Unfit("the prompt has no example with an output")
    for one in value["examples"]:
        known = {**defaults, **one.get("variables", {})}
        text = _VARIABLE.sub(lambda m, known=known: known.get(m[1], m[0]), value["text"])  # type: ignore[misc]
        if one.get("output"):
            yield Example([*system, turn("user", text)], one["output"], not system)


def _best(found: Sequence[Comparison]) -> Iterator[Example]:
    for one in found:
        best = [reply for group in one.groups[:1] for reply in group if reply.acceptable]
        if not best:
            raise Unfit("no candidate is acceptable")
        yield from (Example(one.prompt, _text(reply), one.plain) for reply in best)


def comparisons(job: Job, row: Doc) -> list[Comparison]:
    """Raises `Unfit` where nothing is compared."""
    ((shape, value),) = row["value"].items()
    if shape == "conversation":
        return list(_of_turns(value))
    prompt, plain = prompt_of(job, row)
    if shape == "rewrite":
        before, after = value.get("before", ""), value.get("after", "")
        if before == after:
            raise Unfit("nothing was rewritten")
        return [Comparison(prompt, plain, [[Reply("after", after)], [Reply("before", before)]], [])]
    known = candidates_of(job, row)
    if shape == "ranking":
        return [_of_ranking(value, known, prompt, plain)]
    if shape == "preference":
        return [_of_preference(value, known, prompt, plain)]
    if shape == "ratings":
        return [_of_ratings(value, known, prompt, plain)]
    raise Unfit(f"{shape} compares nothing")


def _of_turns(value: Doc) -> Iterator[Comparison]:
    """Every turn whose replies were compared, after what was said before it."""
    turns = turns_of(value)
    compared = False
    for place, one in enumerate(value.get("turns", ())):
        groups: dict[int, list[Reply]] = defaultdict(list)
        for number, reply in enumerate(one.get("replies", ()), 1):
            made = Reply(reply.get("id") or str(number), reply.get("content", ""))
            groups[reply.get("rank", 0)].append(made)
        unranked = groups.pop(0, [])
        if groups or unranked:
            compared = True
            ordered = [groups[rank] for rank in sorted(groups)]
            yield Comparison(turns[:place], False, ordered, unranked)
    if not compared:
        raise Unfit("no turn of the conversation has replies that were compared")


def _of_ranking(value: Doc, known: dict[str, Reply], prompt: Turns, plain: bool) -> Comparison:
    bad = {*value.get("unacceptable", ())}
    groups = [[_named(known, i, i not in bad) for i in g["ids"]] for g in value.get("groups", ())]
    ranked = {reply.id for group in groups for reply in group}
    rest = [_named(known, i, i not in bad) for i in known if i not in ranked]
    return Comparison(prompt, plain, groups, rest)


def _of_preference(value: Doc, known: dict[str, Reply], prompt: Turns, plain: bool) -> Comparison:
    good = value["outcome"] != "BOTH_BAD"
    pair = [_named(known, value.get(side, ""), good) for side in ("chosen", "rejected")]
    tied = value["outcome"] != "CHOSEN"
    groups = [pair] if tied else [pair[:1], pair[1:]]
    return Comparison(prompt, plain, groups, [], value.get("strength", 0))


def _of_ratings(value: Doc, known: dict[str, Reply], prompt: Turns, plain: bool) -> Comparison:
    """By the mean over the scales, best first; `acceptable` is a mark and not a scale."""
    marks: dict[str, list[float]] = defaultdict(list)
    bad = set()
    for one in value.get("ratings", ()):
        if one.get("subject"):
            marks[one["subject"]].append(one.get("value", 0.0))
            if one["scale"] == ACCEPTABLE and one.get("value", 0.0) < 0.5:
                bad.add(one["subject"])
    if not marks:
        raise Unfit("the ratings are not about candidates")
    groups: dict[float, list[Reply]] = defaultdict(list)
    for name, values in marks.items():
        groups[sum(values) / len(values)].append(_named(known, name, name not in bad))
    return Comparison(prompt, plain, [groups[mean] for mean in sorted(groups, reverse=True)], [])


def _named(known: dict[str, Reply], name: str, acceptable: bool) -> Reply:
    if name not in known:
        raise Unfit(f"the item has no candidate {name[:100]!r}")
    found = known[name]
    return Reply(found.id, found.text, found.image, acceptable)


def _text(reply: Reply) -> str:
    if reply.image:
        raise Unfit("the candidates are images; use ranking, JSON Lines or Parquet")
    return reply.text


@dataclass(frozen=True)
class Pair:
    """Of two replies to a prompt, the better and the worse; `margin` is the strength, or 0."""

    prompt: Turns
    plain: bool
    chosen: str
    rejected: str
    margin: int


def pairs(found: Comparison) -> Iterator[Pair]:
    """Every two replies of different groups."""
    for place, better in enumerate(found.groups):
        for worse in found.groups[place + 1 :]:
            for one in better:
                for other in worse:
                    yield Pair(found.prompt, found.plain, _text(one), _text(other), found.strength)


def ties(found: Comparison) -> int:
    """Pairs that are no strict ones."""
    return sum(len(group) * (len(group) - 1) // 2 for group in found.groups)


def marked(found: Comparison) -> Iterator[tuple[str, bool]]:
    """Replies that are good or bad: what is not acceptable is bad, the best group good, and the
    last group bad where a strict order and nothing else says so."""
    told = [r for group in [*found.groups, found.unranked] for r in group if not r.acceptable]
    good = [r for group in found.groups[:1] for r in group if r.acceptable]
    if len(found.groups) > 1 and not told:
        told = found.groups[-1]
    if len(found.groups) < 2 and not told:
        good = good if len(good) == 1 else []
    yield from ((_text(reply), True) for reply in good)
    yield from ((_text(reply), False) for reply in told)
