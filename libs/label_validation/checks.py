"""What the checks of all families share: the error, classes and attributes of objects, ids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

Doc = dict[str, Any]


class Misfit(Exception):
    """A value that is no label of the template; `field` is the path at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


def check_classes(classes: Iterable[str], known: Sequence[str], field: str) -> None:
    """Every class is one of the template's; a template without classes asks for none."""
    names = frozenset(known)
    for one in classes:
        if one not in names and (known or one):
            there = f"there are {', '.join(known)[:500]}" if known else "the template has none"
            raise Misfit(field, f"unknown class {one[:100]!r}; {there}")


def check_count(count: int, schema: Doc, field: str) -> None:
    """Within the template's limits; 0 means no limit."""
    most, least = schema.get("max_objects") or 0, schema.get("min_objects") or 0
    if most and count > most:
        raise Misfit(field, f"{count} of at most {most}; leave some out")
    if count < least:
        raise Misfit(field, f"{count} of at least {least}; some are missing")


def check_objects(objects: Sequence[Doc], schema: Doc, field: str) -> None:
    """Number, classes, attributes and ids of anything that carries them."""
    check_count(len(objects), schema, field)
    check_classes((one.get("class", "") for one in objects), schema.get("classes", []), field)
    rules = schema.get("attributes", [])
    if rules or any("attributes" in one for one in objects):
        for i, one in enumerate(objects):
            check_attributes(
                one.get("attributes", {}), one.get("class", ""), rules, f"{field}[{i}]"
            )
    check_unique([one["id"] for one in objects if one.get("id")], field, "id")


def check_unique(names: Sequence[str], field: str, what: str) -> None:
    """None twice."""
    if len(set(names)) != len(names):
        twice = next(n for i, n in enumerate(names) if n in names[:i])
        raise Misfit(field, f"{what} {twice[:100]!r} is there twice; it must be unique")


def check_attributes(given: Doc, class_: str, rules: Sequence[Doc], field: str) -> None:
    """Attributes are those of the template for the class, with values of their type."""
    of_class = {r["name"]: r for r in rules if not r.get("classes") or class_ in r["classes"]}
    for name, value in given.items():
        path = f"{field}.attributes.{name[:100]}"
        if name not in of_class:
            there = ", ".join(of_class) or "none"
            raise Misfit(path, f"unknown attribute; class {class_[:100]!r} has {there[:500]}")
        _check_attribute(value, of_class[name], path)
    for name, rule in of_class.items():
        if rule.get("required") and name not in given:
            raise Misfit(f"{field}.attributes.{name}", "missing; the template requires it")


def _check_attribute(value: str, rule: Doc, path: str) -> None:
    type_ = rule.get("type", "text")
    if type_ == "choice" and value not in rule.get("choices", []):
        raise Misfit(path, f"must be one of {', '.join(rule.get('choices', []))[:500]}")
    if type_ == "boolean" and value not in ("true", "false"):
        raise Misfit(path, "must be true or false")
    if type_ == "number":
        _check_number(value, rule.get("min", 0.0), rule.get("max", 0.0), path)


def _check_number(value: str, least: float, most: float, path: str) -> None:
    try:
        number = float(value)
    except ValueError:
        raise Misfit(path, f"must be a number, not {value[:100]!r}") from None
    if not math.isfinite(number):
        raise Misfit(path, "must be a finite number")
    if (least or most) and not least <= number <= most:
        raise Misfit(path, f"must be from {least:g} to {most:g}")
