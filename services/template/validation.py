"""Do the pieces of a definition go together? Documents in, `Unfit` with the path at fault out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from services.template.label_shapes import (
    ASSISTS,
    CAPABILITIES,
    JOINS,
    KINDS,
    LISTS,
    TOLERANCES,
    Capability,
)

Doc = dict[str, Any]
# Shapes whose labels are lists of things, each of which may be a task of its own.
_LISTED = ("objects", "boxes", "spans", "segments", "tracks", "cuboids", "cuboid_tracks", "map")
# Shapes a model can draft that is shown an object of such a list alone: they name no places.
_ALONE = ("choice", "text")


class Unfit(Exception):
    """A definition or project that cannot be; `field` is the path at fault."""

    def __init__(self, field_: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field_, message


def check_definition(parsed: Doc) -> None:
    """Raises `Unfit` unless fields, labels, losses, routes, parts and assists go together."""
    fields, parts = parsed["data_fields"], parsed.get("parts", [])
    check_unique([f["name"] for f in fields], "data_fields", "data field")
    check_work(parsed, fields, "")
    check_parts(parts, fields)
    _check_join(parsed, parts)
    shapes = {p["label_schema"]["shape"] for p in (parsed, *parts)}
    for i, assist in enumerate(parsed.get("assists", [])):
        _check_assist(assist, fields, shapes, f"assists.{i}")


def check_unique(names: Sequence[str], path: str, what: str) -> None:
    """No name twice."""
    counts = Counter(names)
    twice = next((n for n in names if counts[n] > 1), None)
    if twice is not None:
        raise Unfit(path, f"{what} {twice[:100]!r} is there twice")


def check_work(work: Doc, fields: Sequence[Doc], at: str) -> None:
    """A template or a part: label schema, loss, merge rule, tolerance and model route."""
    schema = work["label_schema"]
    shape, kind = schema["shape"], KINDS[schema["shape"]]
    if work["loss"] not in kind.losses:
        words = f"labels of shape {shape} are counted by loss {' or '.join(kind.losses)}"
        raise Unfit(f"{at}loss", words)
    if work["merge_rule"] not in kind.rules:
        words = f"labels of shape {shape} are merged by merge_rule {' or '.join(kind.rules)}"
        raise Unfit(f"{at}merge_rule", words)
    _check_tolerance(work.get("loss_tolerance", 0), work["loss"], f"{at}loss_tolerance")
    _check_fields(shape, fields, "data_fields" if not at else f"{at}shows")
    check_schema(schema, f"{at}label_schema")
    if work.get("model_route"):
        check_route(work["model_route"], fields, shape, f"{at}model_route")
        check_known(work["model_route"], schema.get("classes", []), shape, f"{at}model_route")


def _check_tolerance(tolerance: float, loss: str, path: str) -> None:
    limit = TOLERANCES.get(loss)
    if tolerance and limit is None:
        raise Unfit(path, f"loss {loss} knows no tolerance; leave it out")
    if limit is not None and not 0 <= tolerance <= limit.most:
        raise Unfit(path, f"must be from 0 to {limit.most:g}: the {limit.unit}")


def _check_fields(shape: str, fields: Sequence[Doc], path: str) -> None:
    wanted = KINDS[shape].fields
    if wanted and not any(f["type"] in wanted for f in fields):
        raise Unfit(path, f"labels of shape {shape} need a field of type {' or '.join(wanted)}")
    texts = [f for f in fields if f["type"] == "text"]
    if shape == "spans" and not (len(texts) == 1 and texts[0].get("required")):
        raise Unfit(path, "spans need one field of type text, required: true, to be in")


def check_schema(schema: Doc, path: str) -> None:
    """Limits that belong to the shape, and that name classes and points that exist."""
    shape, kind = schema["shape"], KINDS[schema["shape"]]
    classes = schema.get("classes", [])
    if kind.classes and not classes:
        raise Unfit(f"{path}.classes", f"labels of shape {shape} need classes")
    most, least = schema.get("max_objects", 0), schema.get("min_objects", 0)
    if most and least > most:
        raise Unfit(f"{path}.min_objects", f"{least} is above max_objects, {most}")
    odd = [g for g in schema.get("geometries", []) if g not in kind.geometries]
    if odd:
        words = f"labels of shape {shape} are drawn as {', '.join(kind.geometries) or 'nothing'}"
        raise Unfit(f"{path}.geometries", words)
    if schema.get("relations") and shape != "spans":
        raise Unfit(f"{path}.relations", "only spans have relations; leave them out")
    if schema.get("directed") and shape != "map":
        raise Unfit(f"{path}.directed", "only maps have classes with a direction; leave it out")
    _check_known(schema.get("directed", []), classes, f"{path}.directed")
    _check_attributes(schema.get("attributes", []), classes, f"{path}.attributes")
    _check_relations(schema.get("relations", []), classes, f"{path}.relations")
    _check_skeleton(schema.get("skeleton"), f"{path}.skeleton")
    _check_scales(schema, f"{path}.scales")


def _check_attributes(attributes: Sequence[Doc], classes: Sequence[str], path: str) -> None:
    check_unique([a["name"] for a in attributes], path, "attribute")
    for i, attribute in enumerate(attributes):
        if (attribute["type"] == "choice") != bool(attribute.get("choices")):
            raise Unfit(
                f"{path}.{i}.choices", "an attribute of type choice, and no other, has them"
            )
        if attribute.get("min", 0) > attribute.get("max", 0):
            raise Unfit(f"{path}.{i}.min", "is above max")
        _check_known(attribute.get("classes", []), classes, f"{path}.{i}.classes")


def _check_relations(relations: Sequence[Doc], classes: Sequence[str], path: str) -> None:
    check_unique([r["class"] for r in relations], path, "relation")
    for i, relation in enumerate(relations):
        for end in ("heads", "tails"):
            _check_known(relation.get(end, []), classes, f"{path}.{i}.{end}")


def _check_known(names: Sequence[str], known: Sequence[str], path: str) -> None:
    unknown = next((n for n in names if n not in known), None)
    if unknown is not None:
        raise Unfit(path, f"{unknown[:100]!r} is not there; there are {', '.join(known)[:500]}")


def _check_skeleton(skeleton: Doc | None, path: str) -> None:
    if not skeleton:
        return
    count, edges = len(skeleton["points"]), skeleton.get("edges", [])
    check_unique(skeleton["points"], f"{path}.points", "point")
    if len(edges) % 2 or any(not 0 <= e < count for e in edges):
        raise Unfit(f"{path}.edges", f"must be pairs of places in points, from 0 to {count - 1}")
    if len(skeleton.get("sigmas", [])) not in (0, count):
        raise Unfit(f"{path}.sigmas", f"must be one for each of the {count} points, or none")


def _check_scales(schema: Doc, path: str) -> None:
    scales = schema.get("scales", [])
    if schema["shape"] == "ratings" and not scales:
        raise Unfit(path, "ratings need scales")
    check_unique([s["name"] for s in scales], path, "scale")
    for i, scale in enumerate(scales):
        if not scale["min"] < scale["max"]:
            raise Unfit(f"{path}.{i}.max", "must be above min")


def check_route(route: Doc, fields: Sequence[Doc], shape: str, path: str) -> None:
    """Raises `Unfit` unless the capability reads the route's input and drafts the shape."""
    if not route.get("model"):
        return
    able = CAPABILITIES.get(route.get("capability", ""))
    if able is None:
        raise Unfit(f"{path}.capability", f"must be one of {', '.join(CAPABILITIES)}")
    _check_input(route.get("input", ""), fields, able, f"{path}.input")
    if shape not in able.shapes:
        words = f"{route['capability']} drafts {' or '.join(able.shapes)}; the labels are {shape}"
        raise Unfit(f"{path}.capability", words)


def check_known(route: Doc, classes: Sequence[str], shape: str, path: str) -> None:
    """Raise `Unfit` where the route says which classes the model knows, and it cannot label these:
    a single choice needs all of them, else each other class would get a wrong name."""
    known = route.get("classes", [])
    unknown = [one for one in classes if one not in known]
    enough = not unknown if shape == "choice" else len(unknown) < len(classes)
    if known and classes and not enough:
        words = f"{route.get('model', 'the model')} does not know {', '.join(unknown)[:300]}"
        raise Unfit(f"{path}.classes", f"{words}; take model_route out, or name another model")


def _check_input(name: str, fields: Sequence[Doc], able: Capability, path: str) -> None:
    types = {f["name"]: f["type"] for f in fields}
    if types.get(name) not in able.inputs:
        words = f"must name a data field of type {' or '.join(able.inputs)}; there are {types}"
        raise Unfit(path, words)


def _check_assist(assist: Doc, fields: Sequence[Doc], shapes: set[str], path: str) -> None:
    able = ASSISTS[assist["capability"]]
    _check_input(assist["input"], fields, able, f"{path}.input")
    if not shapes & set(able.shapes):
        words = f"helps with labels of shape {' or '.join(able.shapes)}; there are none"
        raise Unfit(f"{path}.capability", words)


def check_parts(parts: Sequence[Doc], fields: Sequence[Doc]) -> None:
    """Each part is sound for itself, and needs only parts that can come before it."""
    by_name = {p["name"]: p for p in parts}
    check_unique([p["name"] for p in parts], "parts", "part")
    for i, part in enumerate(parts):
        _check_part(part, by_name, fields, f"parts.{i}")
    try:
        TopologicalSorter({p["name"]: p.get("needs", []) for p in parts}).prepare()
    except CycleError as error:
        raise Unfit("parts", f"wait for each other: {' -> '.join(error.args[1])}") from error


def _check_part(part: Doc, parts: dict[str, Doc], fields: Sequence[Doc], path: str) -> None:
    if part["label_schema"]["shape"] == "composite":
        raise Unfit(f"{path}.label_schema.shape", "a part is no composite of parts itself")
    needs = part.get("needs", [])
    _check_known(needs, list(parts), f"{path}.needs")
    _check_known(
        part.get("rejects", []), part["label_schema"].get("classes", []), f"{path}.rejects"
    )
    names = [f["name"] for f in fields]
    _check_known(part.get("shows", []), names, f"{path}.shows")
    shown = [f for f in fields if f["name"] in part.get("shows", names)]
    check_work(part, shown, f"{path}.")
    per = part.get("per")
    lists = [f["name"] for f in fields if f["type"] in LISTS]
    listed = [n for n in needs if parts[n]["label_schema"]["shape"] in _LISTED]
    shape = part["label_schema"]["shape"]
    if per in listed and part.get("model_route", {}).get("model") and shape not in _ALONE:
        words = f"a model that sees one object of {per} alone drafts {' or '.join(_ALONE)} of it"
        raise Unfit(f"{path}.model_route", f"{words}; the labels are {shape}")
    if per and per not in (*lists, *listed):
        words = "must name a data field with a list, or a needed part whose labels are lists"
        raise Unfit(f"{path}.per", f"{words}; there are {', '.join([*lists, *listed]) or 'none'}")


def _check_join(parsed: Doc, parts: Sequence[Doc]) -> None:
    join, shape = parsed.get("join", ""), parsed["label_schema"]["shape"]
    if bool(parts) != bool(join):
        raise Unfit("join", f"goes with parts; it is one of {', '.join(JOINS)}")
    if join and shape not in JOINS[join]:
        raise Unfit(
            "join", f"{join} makes labels of shape {JOINS[join][0]}; the template's are {shape}"
        )
    if shape == "composite" and not parts:
        raise Unfit("parts", "labels of shape composite need parts")
