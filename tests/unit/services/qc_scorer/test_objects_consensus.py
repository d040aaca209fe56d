"""What several people's objects make together, each geometry by its own way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from labelmill.annotation.v1.annotation_pb2 import Value

from libs.common.codec import doc_to_message
from libs.common.rpc import validate
from services.qc_scorer import consensus
from services.qc_scorer.consensus import objects, staple
from services.qc_scorer.losses.image import areas, masks

Doc = dict[str, Any]
SIDE = 30


def label(*things: Doc) -> Doc:
    return {"objects": {"objects": [{"class": "a", **thing} for thing in things]}}


def rect(x: float, y: float = 0.0, width: float = 10.0, height: float = 10.0) -> Doc:
    return {"rect": {"x": x, "y": y, "width": width, "height": height}}


def mask_of(picture: np.ndarray) -> Doc:
    flat = np.flatnonzero(np.diff(np.concatenate([[0], picture.T.reshape(-1), [0]])))
    return {"mask": masks.mask_of(flat.reshape(-1, 2), *picture.shape)}


def picture_of(mask: Doc) -> np.ndarray:
    flat = np.zeros(mask["height"] * mask["width"], dtype=bool)
    for start, end in masks.runs([mask])[0].tolist():
        flat[start:end] = True
    return flat.reshape(mask["width"], mask["height"]).T


def disc(x: float, y: float, radius: float) -> np.ndarray:
    down, across = np.mgrid[:SIDE, :SIDE]
    return np.asarray((across - x) ** 2 + (down - y) ** 2 <= radius**2)


def merged(*opinions: Doc, rule: str = "objects", weights: list[float] | None = None) -> list[Doc]:
    made = consensus.RULES[rule](list(opinions), weights or [1.0] * len(opinions))
    assert made is not None
    validate(doc_to_message(made, Value))
    return list(made["objects"]["objects"])


def test_what_most_drew_is_kept_at_the_median() -> None:
    opinions = [label(rect(0), rect(50)), label(rect(1), rect(80)), label(rect(3))]
    assert merged(*opinions) == [{"class": "a", **rect(1)}]
    both = [{"class": "a", **rect(0)}, {"class": "a", **rect(50)}]
    assert merged(*opinions, weights=[5, 1, 1]) == both


def test_attributes_texts_and_order_are_voted_on() -> None:
    def told(text: str, order: int, **attributes: str) -> Doc:
        return {**rect(0), "text": text, "order": order, "attributes": attributes}

    other = {**rect(50), "order": 2}
    opinions = [
        label(told("Stop here", 5, colour="red", far="true"), other),
        label(told("Stop hare", 4, colour="red"), other),
        label(told("Step here", 1, colour="blue"), other),
    ]
    first, second = merged(*opinions)
    assert first["attributes"] == {"colour": "red"} and first["text"] == "Stop here"
    assert (first["order"], second["order"]) == (2, 1)


def test_a_word_is_read_letter_by_letter() -> None:
    opinions = [label({**rect(0), "text": text}) for text in ("出口左转", "出口右转", "山口左转")]
    assert merged(*opinions)[0]["text"] == "出口左转"


def test_a_turned_rectangle_is_the_same_a_quarter_on() -> None:
    one = {"x": 10.0, "y": 10.0, "width": 20.0, "height": 6.0, "angle": 178.0}
    two = {**one, "angle": -178.0}
    three = {**one, "width": 6.0, "height": 20.0, "angle": 90.0}
    (made,) = merged(*[label({"rotated": r}) for r in (one, two, three)])
    assert made["rotated"]["width"] == 20.0
    assert abs(abs(made["rotated"]["angle"]) - 180.0) < 1.0


@pytest.mark.fuzz
@given(st.lists(st.lists(st.floats(0, 9), min_size=8, max_size=8), min_size=3, max_size=5))
def test_a_polygon_is_where_most_have_their_inside(moves: list[list[float]]) -> None:
    corners = [0.0, 0.0, 40.0, 0.0, 40.0, 40.0, 0.0, 40.0]
    drawn = [[round(c + m, 3) for c, m in zip(corners, move, strict=True)] for move in moves]
    docs = [{"polygon": {"rings": [{"points": points}]}} for points in drawn]
    (made,) = merged(*[label(doc) for doc in docs])
    shapes = areas.shapes([*docs, made])
    x, y = np.meshgrid(np.arange(0.5, 50), np.arange(0.5, 50))
    votes = sum(shapely.contains_xy(shape, x, y).astype(int) for shape in shapes[:-1])
    near = np.min([shapely.distance(s.boundary, shapely.points(x, y)) for s in shapes], axis=0)
    wrong = (shapely.contains_xy(shapes[-1], x, y) != (2 * votes > len(docs))) & (near > 1e-6)
    assert not wrong.any()


def test_a_hole_that_most_left_is_one() -> None:
    outer = {"points": [0.0, 0, 40, 0, 40, 40, 0, 40]}
    hole = {"points": [10.0, 10, 20, 10, 20, 20, 10, 20], "hole": True}
    whole, holed = ({"polygon": {"rings": rings}} for rings in ([outer], [outer, hole]))
    (made,) = merged(label(holed), label(holed), label(whole))
    assert areas.shapes([made])[0].area == pytest.approx(1500.0)
    assert [ring.get("hole", False) for ring in made["polygon"]["rings"]] == [False, True]


def test_lines_are_averaged_whichever_way_they_run() -> None:
    forth = {"polyline": {"points": [0.0, 0, 50, 0, 100, 0]}}
    back = {"polyline": {"points": [100.0, 4, 0, 4]}}
    (made,) = merged(label(back), label(forth))
    assert made["polyline"]["points"] == pytest.approx([100.0, 2, 50, 2, 0, 2])


def test_quads_are_read_from_the_same_corner() -> None:
    first = {"quad": {"points": [0.0, 0, 10, 0, 10, 4, 0, 4]}}
    turned = {"quad": {"points": [10.0, 0, 10, 4, 0, 4, 0, 0]}}
    (made,) = merged(label(first), label(turned), label(turned))
    assert made["quad"]["points"] == first["quad"]["points"]


def test_key_points_are_voted_seen_and_then_placed() -> None:
    def drawn(x: float, seen: str) -> Doc:
        still = {"x": 1.0, "y": 2.0, "visibility": "VISIBLE"}
        moved = {"x": x, "y": 5.0, "visibility": seen}
        return label({"keypoints": {"points": [still, moved], **rect(0, 0, 40, 40)}})

    opinions = [drawn(3, "VISIBLE"), drawn(4, "VISIBLE"), drawn(30, "UNSPECIFIED")]
    (made,) = merged(*opinions)
    assert made["keypoints"]["points"][1] == {"x": 3.5, "y": 5.0, "visibility": "VISIBLE"}
    (made,) = merged(*opinions, weights=[1, 1, 3])
    assert made["keypoints"]["points"][1] == {}


@given(st.lists(st.tuples(*[st.floats(10, 12)] * 2, st.floats(8, 9)), min_size=3, max_size=6))
def test_masks_are_voted_on_pixel_by_pixel(discs: list[tuple[float, float, float]]) -> None:
    pictures = [disc(*one) for one in discs]
    (made,) = merged(*[label(mask_of(p)) for p in pictures])
    voted = sum(p.astype(int) for p in pictures) * 2 > len(pictures)
    assert (picture_of(made["mask"]) == voted).all()


def test_a_mask_is_believed_of_whom_the_others_bear_out() -> None:
    truth = disc(15, 15, 9)
    pictures = [truth, truth, truth, disc(15, 15, 12), disc(12, 15, 9)]
    (made,) = merged(*[label(mask_of(p)) for p in pictures], rule="masks")
    assert (picture_of(made["mask"]) == truth).all()


def _reference(marked: np.ndarray) -> np.ndarray:
    """STAPLE pixel by pixel, as its paper states it (equations 15 to 19)."""
    prior, p, q = marked.mean(), np.full(len(marked), 0.99999), np.full(len(marked), 0.99999)
    chance = np.zeros(marked.shape[1])
    for _ in range(100):
        a, b = np.full(marked.shape[1], prior), np.full(marked.shape[1], 1 - prior)
        for row, sure, clear in zip(marked, p, q, strict=True):
            a *= np.where(row, sure, 1 - sure)
            b *= np.where(row, 1 - clear, clear)
        chance = a / (a + b)
        p = (marked * chance).sum(axis=1) / chance.sum()
        q = (~marked * (1 - chance)).sum(axis=1) / (1 - chance).sum()
    return chance


@pytest.mark.parametrize("seed", range(4))
def test_chances_by_pattern_are_those_of_single_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random(2_000) < 0.4
    slips = (0.1, 0.2, 0.3, 0.05)
    marked = np.array([np.where(rng.random(2_000) < slip, ~truth, truth) for slip in slips])
    patterns, at, counts = np.unique(marked.T, axis=0, return_inverse=True, return_counts=True)
    chance, p, _ = staple.chances(patterns, counts.astype(float), [1.0] * 4)
    assert chance[at.reshape(-1)] == pytest.approx(_reference(marked), abs=1e-5)
    assert p[3] > p[0] > p[1] > p[2]


def test_masks_that_share_no_pixel_share_none_when_merged() -> None:
    left = [disc(9, 15, r) for r in (6, 7, 6, 7)]
    right = [disc(21, 15, r) & ~a for r, a in zip((8, 6, 7.5, 6), left, strict=True)]
    both = zip(left, right, strict=True)
    opinions = [label(mask_of(a), {**mask_of(b), "class": "b"}) for a, b in both]
    made = [picture_of(thing["mask"]) for thing in merged(*opinions, rule="masks")]
    assert len(made) == 2 and not (made[0] & made[1]).any()


@pytest.mark.parametrize("rule", ["objects", "masks"])
def test_what_all_say_is_what_they_make(rule: str) -> None:
    said = label(
        rect(0),
        {"rotated": {**rect(50)["rect"], "angle": 30.0}},
        mask_of(disc(9, 9, 5)),
        {"polyline": {"points": [0.0, 90, 50, 90]}},
        {"quad": {"points": [0.0, 70, 9, 70, 9, 79, 0, 79]}},
    )
    value, share = consensus.merge([said, {**said}, {**said}], rule, "objects")
    assert share == 1.0
    assert len(value["objects"]["objects"]) == 5
    assert math.isclose(value["objects"]["objects"][1]["rotated"]["angle"], 30.0)


def test_boxes_stay_boxes() -> None:
    boxes = [{"class": "a", "x": x, "y": 0.0, "width": 9.0, "height": 9.0} for x in (0.0, 1.0, 2.0)]
    value, _ = consensus.merge([{"boxes": {"boxes": [box]}} for box in boxes], "boxes", "boxes")
    assert value == {"boxes": {"boxes": [boxes[1]]}}


def test_classes_are_voted_on_one_by_one() -> None:
    def chosen(*names: str) -> Doc:
        return {"choices": {"classes": list(names)}}

    value, share = consensus.merge(
        [chosen("a", "b"), chosen("b", "c"), chosen("a")], "classes", "set"
    )
    assert (value, share) == (chosen("a", "b"), 1 / 3)


def test_groups_are_of_who_drew_them() -> None:
    groups = objects.grouped([[{"class": "a", **rect(0)}], [{"class": "a", **rect(1)}]], [1.0, 2.0])
    assert [g.weights for g in groups] == [[2.0, 1.0]]
