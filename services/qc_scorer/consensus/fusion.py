"""3D boxes, 2D objects per camera and links that several drew: boxes and objects as each kind is
merged, and the links that more than half of the weight drew between what they became."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from services.qc_scorer.consensus import cuboids, objects
from services.qc_scorer.consensus.objects import Group
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.space.cuboids import cuboids_of, frame_of

# Ids are the annotator's own: told apart by his number, until they are one.
_APART = "\x00"
Ends = tuple[str, str, str]


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    fusions = [_renamed(value.get("fusion", {}), i) for i, value in enumerate(values)]
    spaces = [{"cuboids": one.get("cuboids", {})} for one in fusions]
    boxes = cuboids.merge(spaces, weights)["cuboids"]
    # Boxes in another frame have no say, and neither have the links to them.
    same = [cuboids_of(one) if frame_of(one) == boxes["frame"] else [] for one in spaces]
    groups = cuboids.grouped(same, weights)
    became = {("", own): head for own, head in _heads(groups).items()}
    cameras = []
    for camera in dict.fromkeys(c["camera"] for one in fusions for c in one.get("cameras", [])):
        seen = [_objects(one, camera) for one in fusions]
        drawn = [{"objects": {"objects": some}} for some in seen]
        kept = objects.merge(drawn, weights)["objects"]["objects"]
        cameras.append({"camera": camera, "objects": kept})
        heads = _heads(objects.grouped(seen, weights))
        became |= {(camera, own): head for own, head in heads.items()}
    links = _links(fusions, weights, became)
    return {"fusion": _named({"cuboids": boxes, "cameras": cameras, "links": links})}


def _objects(fusion: Doc, camera: str) -> list[Doc]:
    return [o for c in fusion.get("cameras", []) if c["camera"] == camera for o in c["objects"]]


def _renamed(fusion: Doc, opinion: int) -> Doc:
    def own(one: Doc) -> Doc:
        return {**one, "id": f"{opinion}{_APART}{one['id']}"} if one.get("id") else one

    holder = fusion.get("cuboids", {})
    return {
        "cuboids": {**holder, "cuboids": [own(one) for one in holder.get("cuboids", [])]},
        "cameras": [
            {**camera, "objects": [own(one) for one in camera.get("objects", [])]}
            for camera in fusion.get("cameras", [])
        ],
        "links": [
            {
                **link,
                "cuboid": f"{opinion}{_APART}{link['cuboid']}",
                "object": f"{opinion}{_APART}{link['object']}",
            }
            for link in fusion.get("links", [])
        ],
    }


def _heads(groups: Sequence[Group]) -> dict[str, str]:
    """Id that each own id becomes, that of the group's head."""
    return {
        one["id"]: group.members[0].get("id", "")
        for group in groups
        for one in group.members
        if one.get("id")
    }


def _links(
    fusions: Sequence[Doc], weights: Sequence[float], became: Mapping[tuple[str, str], str]
) -> list[Doc]:
    votes: dict[Ends, float] = defaultdict(float)
    for fusion, weight in zip(fusions, weights, strict=True):
        for link in fusion["links"]:
            box = became.get(("", link["cuboid"]), "")
            one = became.get((link["camera"], link["object"]), "")
            if box and one:
                votes[box, link["camera"], one] += weight
    return [
        {"cuboid": box, "camera": camera, "object": one}
        for (box, camera, one), weight in votes.items()
        if 2.0 * weight > sum(weights)
    ]


def _named(fusion: Doc) -> Doc:
    """With the annotators' own ids where they are free, others numbered; links to what is not
    there are left out."""
    boxes = _free([one.get("id", "") for one in fusion["cuboids"]["cuboids"]])
    seen = {
        camera["camera"]: _free([one.get("id", "") for one in camera["objects"]])
        for camera in fusion["cameras"]
    }
    links = [
        {
            "cuboid": boxes[k["cuboid"]],
            "camera": k["camera"],
            "object": seen[k["camera"]][k["object"]],
        }
        for k in fusion["links"]
        if k["cuboid"] in boxes and k["object"] in seen.get(k["camera"], {})
    ]
    cameras = [
        {**one, "objects": [_with_id(o, seen[one["camera"]]) for o in one["objects"]]}
        for one in fusion["cameras"]
    ]
    space = fusion["cuboids"]
    kept = [_with_id(one, boxes) for one in space["cuboids"]]
    made = {"cuboids": {**space, "cuboids": kept}, "cameras": cameras, "links": links}
    return {name: value for name, value in made.items() if value}


def _free(ids: Sequence[str]) -> dict[str, str]:
    made: dict[str, str] = {}
    for own in filter(None, ids):
        name, number = own.split(_APART, 1)[-1], 1
        while name in made.values():
            number += 1
            name = f"{own.split(_APART, 1)[-1]}-{number}"
        made[own] = name
    return made


def _with_id(one: Doc, names: Mapping[str, str]) -> Doc:
    return {**one, "id": names[one["id"]]} if one.get("id") in names else one
