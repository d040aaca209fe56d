"""What a new version of a template breaks for work under way and for who reads its deliveries.

Two definitions that were parsed in, `Change`s out, by path. A change breaks if a label that fitted
before may not fit now, is counted or merged otherwise, or cannot be delivered as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Doc = dict[str, Any]
# Kept by people and readers, not by labels.
_WORDS = (
    "display_name",
    "guideline",
    "unit_of_error",
    "example",
    "assists",
    "model_route",
    "needs",
    "rejects",
)
_COUNTED = ("loss", "merge_rule", "join", "per", "shows")


@dataclass(frozen=True)
class Change:
    """One difference: `path` into the definition, `breaks` whether work or readers are hurt."""

    path: str
    breaks: bool
    text: str


def changes(old: Doc, new: Doc) -> list[Change]:
    """All differences of two definitions, those that break first."""
    found = [*_work(old, new, ""), *_named(old, new, "data_fields", "name", _field)]
    before, after = old.get("exports", ["jsonl", "csv"]), new.get("exports", ["jsonl", "csv"])
    found += _set(before, after, "exports")
    found += _named(old, new, "parts", "name", _work)
    return sorted(found, key=lambda change: not change.breaks)


def _work(old: Doc, new: Doc, at: str) -> Iterator[Change]:
    """A template or a part."""
    for key in (*_COUNTED, *_WORDS):
        if old.get(key) != new.get(key):
            yield _changed(f"{at}{key}", old.get(key), new.get(key), breaks=key in _COUNTED)
    tighter, looser = old.get("loss_tolerance", 0), new.get("loss_tolerance", 0)
    if tighter != looser:
        # 0 is the loss's default, which may be either.
        breaks = looser < tighter or not tighter
        yield _changed(f"{at}loss_tolerance", tighter, looser, breaks)
    yield from _schema(old["label_schema"], new["label_schema"], f"{at}label_schema.")


def _changed(path: str, old: Any, new: Any, breaks: bool) -> Change:
    if (
        isinstance(old, str | int | float)
        and isinstance(new, str | int | float)
        and "\n" not in f"{old}"
    ):
        return Change(path, breaks, f"{old} -> {new}"[:500])
    return Change(path, breaks, "added" if old is None else "removed" if new is None else "changed")


def _schema(old: Doc, new: Doc, at: str) -> Iterator[Change]:
    yield from _set(old.get("classes", []), new.get("classes", []), f"{at}classes")
    # No geometries named means all: naming some narrows it.
    before, after = old.get("geometries", []), new.get("geometries", [])
    if before != after:
        breaks = bool(after) and (not before or bool(set(before) - set(after)))
        yield Change(f"{at}geometries", breaks, f"{before or 'all'} -> {after or 'all'}")
    for key in ("shape", "frame", "normaliser", "skeleton", "directed"):
        if old.get(key) != new.get(key):
            yield _changed(f"{at}{key}", old.get(key), new.get(key), breaks=True)
    for key in ("texts", "exclusive"):
        if old.get(key, False) != new.get(key, False):
            yield _changed(
                f"{at}{key}", old.get(key, False), new.get(key, False), bool(new.get(key))
            )
    if old.get("ties", False) != new.get("ties", False):
        yield _changed(
            f"{at}ties", old.get("ties", False), new.get("ties", False), not new.get("ties")
        )
    yield from _limits(old, new, at)
    yield from _named(old, new, "attributes", "name", _attribute, at)
    yield from _named(old, new, "relations", "class", _any_change, at)
    yield from _named(old, new, "scales", "name", _any_change, at)


def _limits(old: Doc, new: Doc, at: str) -> Iterator[Change]:
    """Upper limits where 0 means the platform's, and the lower one."""
    for key in ("max_objects", "range"):
        before, after = old.get(key, 0), new.get(key, 0)
        if before != after:
            lower = (after or float("inf")) < (before or float("inf"))
            yield _changed(f"{at}{key}", before, after, lower)
    before, after = old.get("min_objects", 0), new.get("min_objects", 0)
    if before != after:
        yield _changed(f"{at}min_objects", before, after, after > before)


def _attribute(old: Doc, new: Doc, at: str) -> Iterator[Change]:
    yield from _set(old.get("choices", []), new.get("choices", []), f"{at}choices")
    if old.get("required", False) != new.get("required", False):
        required = bool(new.get("required"))
        yield _changed(f"{at}required", not required, required, required)
    for key in ("type", "classes", "min", "max"):
        if old.get(key) != new.get(key):
            yield _changed(f"{at}{key}", old.get(key), new.get(key), breaks=True)


def _any_change(old: Doc, new: Doc, at: str) -> Iterator[Change]:
    if old != new:
        yield Change(at.rstrip("."), True, "changed")


def _field(old: Doc, new: Doc, at: str) -> Iterator[Change]:
    if old["type"] != new["type"]:
        yield _changed(f"{at}type", old["type"], new["type"], breaks=True)
    if old.get("required", False) != new.get("required", False):
        required = bool(new.get("required"))
        yield _changed(f"{at}required", not required, required, required)
    before, after = old.get("max_size", 0), new.get("max_size", 0)
    if before != after:
        lower = (after or float("inf")) < (before or float("inf"))
        yield _changed(f"{at}max_size", before, after, lower)


def _named(old: Doc, new: Doc, key: str, by: str, inner: Any, at: str = "") -> Iterator[Change]:
    """Lists of things with names: gone, new, or changed within. One that is new breaks only where
    it must be there."""
    before, after = ({one[by]: one for one in side.get(key, [])} for side in (old, new))
    for name in {**before, **after}:
        path = f"{at}{key}.{name}"
        if name not in after:
            yield Change(path, True, "removed")
        elif name not in before:
            one = after[name]
            yield Change(path, bool(one.get("required")) or key in ("parts", "scales"), "added")
        else:
            yield from inner(before[name], after[name], f"{path}.")


def _set(old: Sequence[str], new: Sequence[str], path: str) -> Iterator[Change]:
    for name in old:
        if name not in new:
            yield Change(f"{path}.{name}", True, "removed; a new name is a new one")
    for name in new:
        if name not in old:
            yield Change(f"{path}.{name}", False, "added")
