"""3D boxes that more than half of the weight drew, each made of those that are one: centres and
sizes by median, directions by the mean rotation, attributes by vote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from libs.sensor import boxes, rotations
from services.qc_scorer.consensus.geometries import heaviest
from services.qc_scorer.consensus.merging import weighted_median
from services.qc_scorer.consensus.objects import Group, attributes
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.space.cuboids import Rule, cuboids_of, frame_of, matched

FloatArray = np.ndarray
# Centres that are this many metres apart may still be meant to be one.
SAME = Rule(reach=2.0)


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """In the frame that most weight has; what others have in another frame has no say."""
    frame = str(heaviest([frame_of(value) for value in values], weights))
    same = [i for i, value in enumerate(values) if frame_of(value) == frame]
    groups = grouped([cuboids_of(values[i]) for i in same], [weights[i] for i in same])
    kept = [g for g in groups if 2.0 * sum(g.weights) > sum(weights)]
    return {"cuboids": {"frame": frame, "cuboids": [merged(group) for group in kept]}}


def grouped(opinions: Sequence[Sequence[Doc]], weights: Sequence[float]) -> list[Group]:
    """Boxes that are one, the heaviest opinion's first."""
    groups: list[Group] = []
    for index in sorted(range(len(opinions)), key=lambda i: -weights[i]):
        heads, mine = [group.members[0] for group in groups], opinions[index]
        rows = boxes.array(heads), boxes.array(mine)
        pairs = {j: i for i, j in matched(heads, mine, *rows, SAME).tolist()}
        for j, one in enumerate(mine):
            if j not in pairs:
                groups.append(Group([], []))
            group = groups[pairs.get(j, -1)]
            group.members.append(one)
            group.weights.append(weights[index])
    return groups


def merged(group: Group) -> Doc:
    """One box of those that are one."""
    head = group.members[0]
    kept: Doc = {name: head[name] for name in ("class", "id") if name in head}
    return {**kept, **attributes(group), **pose(group.members, group.weights), **_velocity(group)}


def pose(members: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """{centre, size, rotation} of several."""
    places = np.array([[*boxes.vector(m["centre"]), *boxes.vector(m["size"])] for m in members])
    middle = [weighted_median(column.tolist(), weights) for column in places.T]
    turn = _turn([boxes.turn(m.get("rotation")) for m in members], weights)
    return {
        "centre": boxes.vector_doc(middle[:3]),
        "size": boxes.vector_doc(middle[3:]),
        "rotation": boxes.turn_doc(turn),
    }


def _turn(turns: Sequence[Sequence[float]], weights: Sequence[float]) -> FloatArray:
    """The mean rotation. Which end is the front is voted on; who took the other one for it is
    turned round."""
    turned = np.array(turns)
    yaws = rotations.yaw(turned)
    against = np.abs(rotations.difference(yaws[:, None], yaws[None])) > np.pi / 2
    support = ~against @ np.array(weights)
    wrong = against[int(support.argmax())]
    turned[wrong] = rotations.multiply(turned[wrong], np.array([0.0, 0, 0, 1]))
    return rotations.mean(turned, weights)


def _velocity(group: Group) -> Doc:
    told = [i for i, one in enumerate(group.members) if "velocity" in one]
    weights = [group.weights[i] for i in told]
    if 2.0 * sum(weights) <= sum(group.weights):
        return {}
    rows = np.array([boxes.vector(group.members[i]["velocity"]) for i in told])
    return {"velocity": boxes.vector_doc([weighted_median(c.tolist(), weights) for c in rows.T])}
