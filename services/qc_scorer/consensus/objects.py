"""Objects that more than half of the weight drew, each made of those that are one: geometry by its
own kind, attributes by vote, texts word by word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from services.qc_scorer.consensus import words
from services.qc_scorer.consensus.geometries import GEOMETRIES, Merged, estimated, heaviest
from services.qc_scorer.consensus.merging import weighted_median
from services.qc_scorer.losses.image import masks
from services.qc_scorer.losses.image.geometry import Drawn, geometry, things
from services.qc_scorer.losses.image.objects import Rule, matched
from services.qc_scorer.losses.protocol import Doc

# Two lines that are this many pixels apart may still be meant to be one.
SAME = Rule(reach=20.0, mutual=True)


class Group(NamedTuple):
    """What several drew of one object, the heaviest first."""

    members: list[Doc]
    weights: list[float]


def rule(ways: Mapping[str, Merged]) -> Callable[[Sequence[Doc], Sequence[float]], Doc]:
    """The merge rule that makes geometries in these ways."""

    def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
        groups = grouped([things(value) for value in values], weights)
        made = [_merged(group, sum(weights), ways) for group in groups]
        kept = _numbered(_apart([thing for thing in made if thing is not None], values))
        if "boxes" in values[0]:
            return {"boxes": {"boxes": [_box(thing) for thing in kept]}}
        return {"objects": {"objects": kept}}

    return merge


def grouped(opinions: Sequence[Sequence[Doc]], weights: Sequence[float]) -> list[Group]:
    """Objects that more than half of the weight drew."""
    groups: list[Group] = []
    for index in sorted(range(len(opinions)), key=lambda i: -weights[i]):
        heads = Drawn([group.members[0] for group in groups])
        pairs = {j: i for i, j in matched(heads, Drawn(opinions[index]), SAME).tolist()}
        for j, thing in enumerate(opinions[index]):
            if j not in pairs:
                groups.append(Group([], []))
            group = groups[pairs.get(j, -1)]
            group.members.append(thing)
            group.weights.append(weights[index])
    return [g for g in groups if 2.0 * sum(g.weights) > sum(weights)]


def _merged(group: Group, whole: float, ways: Mapping[str, Merged]) -> Doc | None:
    names = [geometry(thing) for thing in group.members]
    name = str(heaviest(names, group.weights))
    same = [i for i, other in enumerate(names) if other == name]
    drawn = [group.members[i][name] for i in same]
    made = agreed(drawn, [group.weights[i] for i in same], whole, ways[name])
    if made is None:
        return None
    head = group.members[0]
    rest = {**attributes(group), **_text(group), **_flags(group)}
    kept = {"id": head["id"]} if "id" in head else {}
    return {"class": head.get("class", ""), **kept, **rest, name: made}


def agreed(drawn: Sequence[Doc], weights: Sequence[float], whole: float, way: Merged) -> Doc | None:
    """One geometry of several; what more than half of the weight of all drew exactly alike, and
    nobody otherwise, stands as it was drawn."""
    if 2.0 * sum(weights) > whole and all(one == drawn[0] for one in drawn):
        return drawn[0]
    return way(drawn, weights, whole)


def _apart(made: list[Doc], values: Sequence[Doc]) -> list[Doc]:
    """Where nobody drew two masks on one pixel, what they make has none either: it stays with the
    first, which the heaviest drew."""
    if any(_crossing(things(value)) for value in values):
        return made
    taken = np.empty((0, 2), dtype=np.int64)
    kept = []
    for thing in made:
        if "mask" in thing:
            free = masks.without(masks.runs([thing["mask"]])[0], taken)
            taken = masks.together([taken, free])
            size = thing["mask"]["height"], thing["mask"]["width"]
            thing = {**thing, "mask": masks.mask_of(free, *size)}
            if not len(free):
                continue
        kept.append(thing)
    return kept


def _crossing(drawn: Sequence[Doc]) -> bool:
    """Do two masks of one label share a pixel?"""
    runs = masks.runs([thing["mask"] for thing in drawn if "mask" in thing])
    return bool(runs) and sum(map(masks.size, runs)) > masks.size(masks.together(runs))


def attributes(group: Group) -> Doc:
    """Each by vote; to leave it out is a vote, too."""
    given = [thing.get("attributes", {}) for thing in group.members]
    names = list(dict.fromkeys(name for one in given for name in one))
    votes = {name: heaviest([one.get(name) for one in given], group.weights) for name in names}
    made = {name: value for name, value in votes.items() if value is not None}
    return {"attributes": made} if made else {}


def _text(group: Group) -> Doc:
    """As all wrote it; else word by word, or by character where nobody wrote two words."""
    texts = [str(thing.get("text", "")) for thing in group.members]
    text: str | None = texts[0]
    if len(set(texts)) > 1:
        unspaced = all(len(one.split()) < 2 for one in texts)
        text = words.merge_texts(texts, group.weights, unspaced)
        text = str(heaviest(texts, group.weights)) if text is None else text
    return {"text": text} if text else {}


def _flags(group: Group) -> Doc:
    crowd = heaviest([thing.get("crowd", False) for thing in group.members], group.weights)
    order = weighted_median([thing.get("order", 0) for thing in group.members], group.weights)
    return {**({"crowd": True} if crowd else {}), **({"order": order} if order > 0 else {})}


def _numbered(made: list[Doc]) -> list[Doc]:
    """The reading order counted anew, from 1: medians may be equal or leave gaps."""
    read = sorted((i for i, t in enumerate(made) if "order" in t), key=lambda i: made[i]["order"])
    for number, i in enumerate(read, 1):
        made[i]["order"] = number
    return made


def _box(thing: Doc) -> Doc:
    rest = {k: v for k, v in thing.items() if k != "rect"}
    return {**rest, **thing["rect"]}


merge = rule(GEOMETRIES)
merge_masks = rule({**GEOMETRIES, "mask": estimated})
