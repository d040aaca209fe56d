"""3D boxes, 2D objects per camera, and links between those that are the same thing.

Boxes are compared by their centres (the tolerance is in metres), objects of each camera by their
overlap. A link is right where both of its ends are, and the label links the same two: one missed,
extra or to another thing is an error, one to another thing is one, not two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.qc_scorer.losses.image import objects
from services.qc_scorer.losses.protocol import Doc, Errors, Loss
from services.qc_scorer.losses.space import cuboids

Ends = tuple[str, str, str]


@dataclass(frozen=True)
class Counts:
    """Units of both sides, of those that are one, and what is wrong."""

    truth: int
    label: int
    both: int
    missing: int
    extra: int
    changed: int
    wrong: int


def _parts(value: Doc) -> tuple[list[Doc], dict[str, list[Doc]], set[Ends]]:
    fusion = value.get("fusion", {})
    cameras = {one["camera"]: one.get("objects", []) for one in fusion.get("cameras", [])}
    links = {(one["cuboid"], one["camera"], one["object"]) for one in fusion.get("links", [])}
    return cuboids.cuboids_of(fusion), cameras, links


def _partners(truth: Sequence[Doc], label: Sequence[Doc], pairs: list[list[int]]) -> dict[str, str]:
    """Id of the truth's by id of the label's."""
    both = ((truth[i].get("id"), label[j].get("id")) for i, j in pairs)
    return {theirs: mine for mine, theirs in both if mine and theirs}


def _counted(truth: Doc, label: Doc, rule: cuboids.Rule, drawn: objects.Rule) -> list[Counts]:
    """Of boxes, of each camera's objects, of links."""
    boxes, cameras, links = _parts(truth)
    other_boxes, other_cameras, other_links = _parts(label)
    same = cuboids.frame_of(truth.get("fusion", {})) == cuboids.frame_of(label.get("fusion", {}))
    found = cuboids.compare(boxes, other_boxes, rule if same else replace(rule, reach=-1.0))
    made = [_of_boxes(found, len(boxes), len(other_boxes))]
    named = _partners(boxes, other_boxes, found.pairs.tolist())
    seen: dict[tuple[str, str], str] = {}
    for camera in sorted({*cameras, *other_cameras}):
        mine, theirs = cameras.get(camera, []), other_cameras.get(camera, [])
        compared = objects.compare(mine, theirs, drawn)
        made.append(_of_objects(compared))
        solid = [[o for o in side if not o.get("crowd")] for side in (mine, theirs)]
        partners = _partners(solid[0], solid[1], compared.pairs.tolist())
        seen |= {(camera, said): true for said, true in partners.items()}
    made.append(_of_links(links, other_links, named, seen))
    return made


def _of_boxes(found: cuboids.Compared, truth: int, label: int) -> Counts:
    both = len(found.pairs)
    return Counts(truth, label, both, found.missing, found.extra, found.changed, found.wrong)


def _of_objects(found: objects.Compared) -> Counts:
    both, missing, extra = len(found.pairs), len(found.missing), len(found.extra)
    wrong = max(missing, extra) + found.changed
    label = both + extra
    return Counts(found.units, label, both, missing, extra, found.changed, wrong)


def _of_links(
    truth: set[Ends], label: set[Ends], boxes: dict[str, str], seen: dict[tuple[str, str], str]
) -> Counts:
    said = {
        (boxes.get(box, f"?{box}"), camera, seen.get((camera, one), f"?{one}"))
        for box, camera, one in label
    }
    both = len(said & truth)
    missing, extra = len(truth) - both, len(label) - both
    return Counts(len(truth), len(label), both, missing, extra, 0, max(missing, extra))


def _loss(rule: cuboids.Rule, drawn: objects.Rule) -> Loss:
    def tolerant(tolerance: float | None) -> cuboids.Rule:
        return rule if tolerance is None else replace(rule, reach=tolerance)

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        found = _counted(truth, label, tolerant(tolerance), drawn)
        return Errors(float(sum(c.wrong for c in found)), float(sum(c.truth for c in found)))

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        """Share of all boxes, objects and links, told apart, that only one has or are not equal."""
        found = _counted(a, b, tolerant(tolerance), replace(drawn, mutual=True))
        wrong = sum(c.missing + c.extra + c.changed for c in found)
        return wrong / max(1, sum(c.both + c.missing + c.extra for c in found))

    return Loss(distance, errors)


FUSION = _loss(cuboids.Rule(), objects.Rule())
