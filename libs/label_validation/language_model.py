"""What large models are trained on: rankings, preferences, ratings, rewrites, prompts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from libs.label_validation.checks import Doc, Misfit, check_classes, check_count, check_unique

_VARIABLE = re.compile(r"\{\{\s*([^{}\s]{1,100})\s*\}\}")
_STEP = 1e-6


def check_ranking(value: Doc, schema: Doc, field: str, candidates: Sequence[str] | None) -> None:
    """Each candidate once; ties only where the template allows them."""
    groups = [group.get("ids", []) for group in value.get("groups", [])]
    ids = [one for group in groups for one in group]
    check_unique(ids, f"{field}.groups", "candidate")
    unacceptable = value.get("unacceptable", [])
    _check_known([*ids, *unacceptable], candidates, f"{field}.groups")
    tied = next((i for i, group in enumerate(groups) if len(group) > 1), None)
    if tied is not None and not schema.get("ties"):
        raise Misfit(f"{field}.groups[{tied}]", "ties candidates; the template allows no ties")
    missing = sorted(set(candidates or ()) - set(ids) - set(unacceptable))
    if missing:
        words = f"{', '.join(missing)[:500]} not ranked; rank each or call it unacceptable"
        raise Misfit(f"{field}.groups", words)


def _check_known(ids: Sequence[str], candidates: Sequence[str] | None, field: str) -> None:
    unknown = next((i for i in ids if candidates is not None and i not in candidates), None)
    if unknown is not None:
        there = ", ".join(candidates or ())[:500]
        raise Misfit(field, f"unknown candidate {unknown[:100]!r}; there are {there}")


def check_preference(value: Doc, schema: Doc, field: str, candidates: Sequence[str] | None) -> None:
    """Two candidates of the item, and a tie only where it is allowed."""
    if value.get("outcome") == "TIE" and not schema.get("ties"):
        raise Misfit(f"{field}.outcome", "is a tie; the template allows no ties")
    chosen, rejected = value.get("chosen", ""), value.get("rejected", "")
    if value.get("outcome") == "CHOSEN" and not chosen:
        raise Misfit(f"{field}.chosen", "must name the better candidate")
    if chosen and chosen == rejected:
        raise Misfit(f"{field}.rejected", "is the same candidate as chosen")
    _check_known([c for c in (chosen, rejected) if c], candidates, field)
    check_ratings(value, schema, field, candidates)


def check_ratings(value: Doc, schema: Doc, field: str, candidates: Sequence[str] | None) -> None:
    """Values of the template's scales, one per scale and candidate."""
    scales = {scale["name"]: scale for scale in schema.get("scales", [])}
    said = value.get("ratings", [])
    for i, rating in enumerate(said):
        _check_rating(rating, scales, f"{field}.ratings[{i}]")
        if rating.get("subject"):
            _check_known([rating["subject"]], candidates, f"{field}.ratings[{i}].subject")
    names = [f"{r.get('scale', '')} of {r.get('subject', '') or 'the item'}" for r in said]
    check_unique(names, f"{field}.ratings", "rating")


def _check_rating(rating: Doc, scales: dict[str, Doc], field: str) -> None:
    scale = scales.get(rating.get("scale", ""))
    if scale is None:
        there = ", ".join(scales) or "none"
        words = f"unknown scale {rating.get('scale', '')[:100]!r}; there are {there[:500]}"
        raise Misfit(f"{field}.scale", words)
    value, least, most = rating.get("value", 0.0), scale.get("min", 0.0), scale.get("max", 0.0)
    if not least <= value <= most:
        raise Misfit(f"{field}.value", f"must be from {least:g} to {most:g}")
    step = scale.get("step", 0.0)
    if step and abs(math.remainder(value - least, step)) > _STEP:
        raise Misfit(f"{field}.value", f"must be {least:g} and steps of {step:g} from there")


def check_conversation(value: Doc, schema: Doc, field: str) -> None:
    """Turns that say something; ratings of replies by the template's scales."""
    turns = value.get("turns", [])
    if not turns:
        raise Misfit(f"{field}.turns", "there is none; a conversation has at least one")
    check_count(len(turns), schema, f"{field}.turns")
    for i, turn in enumerate(turns):
        path, replies = f"{field}.turns[{i}]", turn.get("replies", [])
        if not turn.get("content", "").strip() and not replies:
            raise Misfit(f"{path}.content", "must not be empty")
        _check_replies(turn, replies, path)
        for j, reply in enumerate(replies):
            check_ratings(reply, schema, f"{path}.replies[{j}]", None)
        _check_ranks([r.get("rank", 0) for r in replies], schema, f"{path}.replies")


def _check_replies(turn: Doc, replies: Sequence[Doc], path: str) -> None:
    """The conversation goes on with one of the replies that were compared."""
    check_unique([r["id"] for r in replies if r.get("id")], f"{path}.replies", "reply")
    said, offered = turn.get("content", ""), [r.get("content", "") for r in replies]
    if said and replies and all(offered) and said not in offered:
        raise Misfit(f"{path}.content", "must be one of the turn's replies, or empty")


def _check_ranks(ranks: Sequence[int], schema: Doc, field: str) -> None:
    given = [rank for rank in ranks if rank]
    if len(set(given)) != len(given) and not schema.get("ties"):
        raise Misfit(field, "two replies have the same rank; the template allows no ties")


def check_rewrite(value: Doc, schema: Doc, field: str) -> None:
    """What became of a text; that it is one of the item's, `prompted` sees to."""
    if not value.get("after", "").strip():
        raise Misfit(f"{field}.after", "must not be empty; repeat the text where it was right")
    check_classes(value.get("classes", []), schema.get("classes", []), f"{field}.classes")


def check_prompt(value: Doc, schema: Doc, field: str) -> None:
    """A prompt whose variables are described, and examples that fill them."""
    used = set(_VARIABLE.findall(value.get("text", "") + value.get("system", "")))
    rules = {v.get("name", ""): v for v in value.get("variables", [])}
    check_unique([v.get("name", "") for v in value.get("variables", [])], field, "variable")
    for name in sorted(used ^ rules.keys()):
        what = "is named in the text and not described" if name in used else "is used nowhere"
        raise Misfit(f"{field}.variables", f"{name[:100]!r} {what}")
    for i, example in enumerate(value.get("examples", [])):
        _check_example(example.get("variables", {}), rules, f"{field}.examples[{i}]")
    check_classes(value.get("classes", []), schema.get("classes", []), f"{field}.classes")


def _check_example(given: Doc, rules: dict[str, Doc], field: str) -> None:
    for name, value in given.items():
        if name not in rules:
            raise Misfit(f"{field}.variables", f"{name[:100]!r} is no variable of the prompt")
        choices = rules[name].get("choices", [])
        if choices and value not in choices:
            raise Misfit(f"{field}.variables.{name}", f"must be one of {', '.join(choices)[:500]}")
    missing = [n for n, r in rules.items() if r.get("required") and n not in given]
    if missing:
        raise Misfit(f"{field}.variables", f"{missing[0]!r} is required and not filled")
