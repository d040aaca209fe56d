"""Is a value about this item's prompt, and no other's?

A conversation goes on from the item's own turns, a rewrite begins with one of its texts. An item's
prompt is its conversation, or its text as one turn of a user (as `libs.formats.llm.examples` has
it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from libs.label_validation.checks import Doc, Misfit

# Shapes of values that `check_prompted` says something about; parts of an item may be of these.
PROMPTED = frozenset({"conversation", "rewrite", "composite"})
# Key of a schema: the data field whose text is rewritten, where the template's assists say it.
SOURCE = "source"
_SHOWN = 80


def with_source(schema: Doc, assists: Sequence[Doc]) -> Doc:
    """Return the schema with the data field that rewrites are of, by the template's assists."""
    named = [a["input"] for a in assists if a["capability"] == "rewrite" and a.get("input")]
    return {**schema, SOURCE: named[0]} if named else schema


def check_prompted(
    value: Doc, schema: Doc, field: str, data: Mapping[str, Any], types: Mapping[str, str]
) -> None:
    """Raise `Misfit` unless the value is about the item of `data`, whose fields are of `types`
    (name -> type). What the item does not have ties nothing."""
    if "conversation" in value:
        _check_turns(value["conversation"].get("turns", []), _prompt(data, types), field)
    if "rewrite" in value:
        _check_before(value["rewrite"], list(_texts(data, types, schema)), field)
    for i, part in enumerate(value.get("composite", {}).get("parts", [])):
        # An entry's own text is with the task that goes over it, not with the whole item.
        if not part.get("element"):
            own = schema.get("parts", {}).get(part.get("part", ""), {})
            path = f"{field}.composite.parts[{i}].value"
            check_prompted(part.get("value", {}), own, path, data, types)


def _prompt(data: Mapping[str, Any], types: Mapping[str, str]) -> list[tuple[str, str]]:
    """(role, content) of each turn."""
    for type_ in ("conversation", "text"):
        for name, known in types.items():
            given = data.get(name) if known == type_ else None
            if isinstance(given, list):
                return [(str(one.get("role")), _plain(one.get("content"))) for one in given]
            if isinstance(given, str):
                return [("user", _plain(given))]
    return []


def _check_turns(turns: list[Doc], prompt: list[tuple[str, str]], field: str) -> None:
    path = f"{field}.conversation.turns"
    for i, (role, content) in enumerate(prompt):
        if i >= len(turns):
            raise Misfit(path, f"must begin with the item's {len(prompt)} turns, unchanged")
        given = turns[i]
        if (given.get("role"), _plain(given.get("content"))) != (role, content):
            words = f"must be the item's own turn, of {role}: {content[:_SHOWN]!r}"
            raise Misfit(f"{path}[{i}]", words)
    if prompt and prompt[-1][0] != "assistant":
        _check_answer(turns, len(prompt), path)
    for i, turn in enumerate(turns):
        if turn.get("replies") and turn.get("role") != "assistant":
            words = f"only replies of assistant are compared, not of {turn.get('role')}"
            raise Misfit(f"{path}[{i}].replies", words)


def _check_answer(turns: list[Doc], asked: int, path: str) -> None:
    """The item's turns are answered, and whatever else is asked after them."""
    if len(turns) == asked:
        raise Misfit(path, "there is no answer after the item's turns")
    if turns[asked].get("role") != "assistant":
        raise Misfit(f"{path}[{asked}].role", "must be assistant: the item wants an answer")
    if turns[-1].get("role") != "assistant":
        words = "must be assistant: what is asked last has no answer"
        raise Misfit(f"{path}[{len(turns) - 1}].role", words)


def _check_before(rewrite: Doc, texts: list[str], field: str) -> None:
    if texts and _plain(rewrite.get("before")) not in texts:
        shown = " or ".join(repr(one[:_SHOWN]) for one in texts[:3])
        raise Misfit(f"{field}.rewrite.before", f"must be the item's own text, {shown}")


def _texts(data: Mapping[str, Any], types: Mapping[str, str], schema: Doc) -> Iterator[str]:
    """Texts of the item that may be rewritten; of a template that names one, that one alone."""
    source = schema.get(SOURCE, "")
    for name, type_ in types.items():
        if type_ not in ("text", "conversation", "candidates") or (source and name != source):
            continue
        given = data.get(name)
        if isinstance(given, str):
            yield _plain(given)
        elif isinstance(given, list):
            found = (one.get("content") or one.get("text") for one in given)
            yield from (_plain(one) for one in found if isinstance(one, str))


def _plain(text: Any) -> str:
    """With one kind of line ends: forms send their own."""
    return str(text or "").replace("\r\n", "\n")
