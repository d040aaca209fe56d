"""Spans of a text and relations between them."""

from __future__ import annotations

from collections.abc import Sequence

from libs.label_validation.checks import Doc, Misfit, check_attributes, check_objects


def check_spans(value: Doc, schema: Doc, field: str, text: str | None) -> None:
    """Spans lie within the text; relations join spans that are there, as the template lets them."""
    spans, relations = value.get("spans", []), value.get("relations", [])
    check_objects(spans, schema, f"{field}.spans")
    for i, span in enumerate(spans):
        _check_span(span, f"{field}.spans[{i}]", text)
    if relations:
        _check_relations(relations, spans, schema, f"{field}.relations")


def _check_span(span: Doc, field: str, text: str | None) -> None:
    start, end = span.get("start", 0), span.get("end", 0)
    if not 0 <= start < end:
        words = f"goes from {start} to {end}; start must be 0 or more, and end above start"
        raise Misfit(field, words)
    if text is not None and end > len(text):
        words = (
            f"goes from {start} to {end}, and the text has {len(text)} characters; places"
            " count Unicode characters from 0, and end is the one after the last"
        )
        raise Misfit(field, words)


def _check_relations(
    relations: Sequence[Doc], spans: Sequence[Doc], schema: Doc, field: str
) -> None:
    rules = {r["class"]: r for r in schema.get("relations", [])}
    class_of = {s["id"]: s.get("class", "") for s in spans if s.get("id")}
    for i, relation in enumerate(relations):
        _check_relation(relation, rules, class_of, f"{field}[{i}]")
        given = relation.get("attributes", {})
        check_attributes(given, relation["class"], schema.get("attributes", []), f"{field}[{i}]")
    for name, rule in rules.items():
        if not rule.get("cyclic"):
            _check_acyclic([r for r in relations if r["class"] == name], name, field)


def _check_relation(
    relation: Doc, rules: dict[str, Doc], class_of: dict[str, str], field: str
) -> None:
    rule = rules.get(relation.get("class", ""))
    if rule is None:
        there = ", ".join(rules) or "none"
        raise Misfit(field, f"unknown relation {relation.get('class', '')[:100]!r}; {there[:500]}")
    head, tail = relation.get("head", ""), relation.get("tail", "")
    for end, name, allowed in (("head", head, "heads"), ("tail", tail, "tails")):
        if name not in class_of:
            raise Misfit(f"{field}.{end}", f"no span has the id {name[:100]!r}")
        if rule.get(allowed) and class_of[name] not in rule[allowed]:
            words = f"is a {class_of[name]}; {rule['class']} takes {', '.join(rule[allowed])[:500]}"
            raise Misfit(f"{field}.{end}", words)
    if head == tail:
        raise Misfit(field, "goes from a span to itself")


def _check_acyclic(relations: Sequence[Doc], name: str, field: str) -> None:
    """Takes away spans that nothing leads to until none is left."""
    edges: dict[str, list[str]] = {}
    incoming: dict[str, int] = {}
    for relation in relations:
        edges.setdefault(relation["head"], []).append(relation["tail"])
        incoming[relation["tail"]] = incoming.get(relation["tail"], 0) + 1
    free = [span for span in edges if span not in incoming]
    left = len(relations)
    while free:
        for tail in edges.get(free.pop(), []):
            left -= 1
            incoming[tail] -= 1
            if not incoming[tail]:
                free.append(tail)
    if left:
        raise Misfit(field, f"relations {name!r} go round in a circle; take one of them out")
