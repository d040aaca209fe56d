"""Losses of objects on images: identities, errors of hand-made cases, and the judges' numbers."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as judge

from libs.sensor import rle
from services.qc_scorer import losses
from services.qc_scorer.losses import matching
from services.qc_scorer.losses.image import areas, keypoints, masks, objects
from services.qc_scorer.losses.protocol import Errors
from services.qc_scorer.losses.space import lines

Doc = dict[str, Any]
HEIGHT, WIDTH = 40, 60
places = st.floats(0, 50).map(lambda x: round(x, 2))
lengths = st.floats(1, 30).map(lambda x: round(x, 2))
rects = st.builds(
    lambda x, y, w, h: {"rect": {"x": x, "y": y, "width": w, "height": h}},
    places,
    places,
    lengths,
    lengths,
)
rotated = st.builds(
    lambda r, a: {"rotated": {**r["rect"], "angle": a}}, rects, st.floats(-180, 180)
)
corners = st.lists(st.integers(0, 50).map(float), min_size=8, max_size=8)
quads = corners.map(lambda points: {"quad": {"points": points}})
polygons = st.lists(st.integers(0, 50).map(float), min_size=6, max_size=12).map(
    lambda p: {"polygon": {"rings": [{"points": p[: len(p) // 2 * 2]}]}}
)
polylines = corners.map(lambda points: {"polyline": {"points": points}})
pictures = st.builds(
    lambda seed, share: np.random.default_rng(seed).random((HEIGHT, WIDTH)) < share,
    st.integers(0, 999),
    st.sampled_from([0.0, 0.02, 0.5, 1.0]),
)


def mask_of(picture: np.ndarray) -> Doc:
    counts = judge.encode(np.asfortranarray(picture.astype(np.uint8)))["counts"]
    return {"height": picture.shape[0], "width": picture.shape[1], "counts": counts.decode()}


drawn_masks = pictures.map(lambda picture: {"mask": mask_of(picture)})
joint = st.builds(
    lambda x, y, v: {"x": x, "y": y, "visibility": v},
    places,
    places,
    st.sampled_from(["UNSPECIFIED", "HIDDEN", "VISIBLE"]),
)
skeletons = st.builds(
    lambda points, r: {"keypoints": {"points": points, **r}},
    st.lists(joint, min_size=3, max_size=3),
    rects,
)
anything = st.one_of(rects, rotated, quads, polygons, polylines, drawn_masks, skeletons)


def labels(geometries: st.SearchStrategy[Doc]) -> st.SearchStrategy[Doc]:
    told = st.builds(
        lambda thing, name, a, crowd: {**thing, "class": name, **a, **crowd},
        geometries,
        st.sampled_from("ab"),
        st.sampled_from([{}, {"attributes": {"far": "true"}}, {"text": "Stop!"}]),
        st.sampled_from([{}, {}, {}, {"crowd": True}]),
    )
    return st.lists(told, max_size=5).map(lambda found: {"objects": {"objects": found}})


NAMES = ["rotated", "polygons", "masks", "keypoints", "lines", "regions", "objects"]


def label(*things: Doc) -> Doc:
    return {"objects": {"objects": [{"class": "a", **thing} for thing in things]}}


def rect(x: float, y: float, width: float = 10.0, height: float = 10.0) -> Doc:
    return {"rect": {"x": x, "y": y, "width": width, "height": height}}


@pytest.mark.fuzz
@settings(max_examples=150)
@given(labels(anything), labels(anything), st.sampled_from(NAMES))
def test_a_distance_is_one(a: Doc, b: Doc, loss: str) -> None:
    assert losses.distance(a, a, loss) == 0.0
    there, back = losses.distance(a, b, loss), losses.distance(b, a, loss)
    assert 0.0 <= there <= 1.0 and math.isclose(there, back, abs_tol=1e-9)
    assert not losses.differs(a, a, loss)
    found = losses.errors(a, b, loss)
    assert found.count >= 0.0
    assert found.units == sum(not o.get("crowd") for o in a["objects"]["objects"])


@pytest.mark.fuzz
@given(labels(drawn_masks), labels(st.one_of(drawn_masks, rects)))
def test_so_is_that_of_panoptic_quality(a: Doc, b: Doc) -> None:
    there, back = losses.distance(a, b, "panoptic"), losses.distance(b, a, "panoptic")
    assert 0.0 <= there <= 1.0 and math.isclose(there, back, abs_tol=1e-9)


TEN = [{"points": [{"x": 5.0 * i, "y": 5.0, "visibility": "VISIBLE"} for i in range(10)]}]


def test_areas_have_panoptic_quality_without_masks() -> None:
    both, one = label(rect(0, 0), rect(10, 0)), label(rect(0, 0))
    assert losses.distance(both, both, "panoptic") == 0.0
    assert losses.errors(both, one, "panoptic") == Errors(1.0, 2.0)
    wide = label(
        {"quad": {"points": [0.0, 0, 1e300, 0, 1e300, 1e300, 0, 1e300]}}, {"keypoints": TEN[0]}
    )
    assert losses.errors(wide, both, "panoptic").units == 2.0


MOVED, FAR = rect(1, 0), rect(40, 40)


@pytest.mark.parametrize(
    ("truth", "said", "loss", "errors"),
    [
        (label(), label(), "objects", (0, 0)),
        (label(rect(0, 0)), label(), "objects", (1, 1)),
        (label(), label(rect(0, 0), FAR), "objects", (2, 0)),
        (label(rect(0, 0)), label(MOVED), "objects", (0, 1)),
        (label(rect(0, 0)), label(MOVED), "objects:0.1", (1, 1)),
        (label(rect(0, 0), FAR), label(FAR), "objects", (1, 2)),
        (label(rect(0, 0)), label({**rect(0, 0), "class": "b"}), "objects", (1, 1)),
        (label(rect(0, 0)), label({**rect(0, 0), "attributes": {"k": "1"}}), "boxes", (1, 1)),
        (label({**rect(0, 0), "crowd": True}), label(), "objects", (0, 0)),
        (label({**rect(0, 0, 90, 90), "crowd": True}), label(FAR, MOVED), "objects", (0, 0)),
        (label(FAR), label({**rect(0, 0, 90, 90), "crowd": True}), "objects", (1, 1)),
        (
            label({**rect(0, 0, 90, 90), "crowd": True}),
            label({"keypoints": {**TEN[0], **rect(0, 0, 50, 10)}}),
            "keypoints",
            (0, 0),
        ),
        (label({**FAR, "text": "Go"}), label({**FAR, "text": "go."}), "regions", (1, 1)),
        (label({**FAR, "text": "Go"}), label({**FAR, "text": "go."}), "polygons", (0, 1)),
        (
            label({**FAR, "text": "Go"}),
            label({**FAR, "text": "go."}),
            "regions;normaliser=words",
            (0, 1),
        ),
        (
            label({**FAR, "text": "你 好。"}),
            label({**FAR, "text": "你好"}),
            "regions:0.5;normaliser=characters",
            (0, 1),
        ),
        (
            label({**MOVED, "order": 1}, {**FAR, "order": 2}, {**rect(20, 0), "order": 3}),
            label({**MOVED, "order": 5}, {**FAR, "order": 2}, {**rect(20, 0), "order": 3}),
            "regions",
            (1, 3),
        ),
        (
            label({"polyline": {"points": [0.0, 0.0, 100.0, 0.0]}}),
            label({"polyline": {"points": [100.0, 4.0, 0.0, 4.0]}}),
            "lines",
            (0, 1),
        ),
        (
            label({"polyline": {"points": [0.0, 0.0, 100.0, 0.0]}}),
            label({"polyline": {"points": [100.0, 4.0, 0.0, 4.0]}}),
            "lines:3.5",
            (1, 1),
        ),
        (label(rect(0, 0)), label({"keypoints": TEN[0]}), "objects", (1, 1)),
        (
            {"boxes": {"boxes": [{"class": "a", "width": 10.0, "height": 10.0}]}},
            {"boxes": {"boxes": [{"class": "a", "x": 1.0, "width": 10.0, "height": 10.0}]}},
            "boxes:0.1",
            (1, 1),
        ),
        (
            label({"mask": mask_of(np.eye(9, dtype=bool))}),
            label({"mask": mask_of(np.eye(9, dtype=bool)[::-1])}),
            "masks",
            (1, 1),
        ),
        (
            label({"mask": mask_of(np.ones((10, 10), dtype=bool))}),
            label(rect(0, 0, 10, 9)),
            "masks:0.1",
            (0, 1),
        ),
    ],
)
def test_errors_are_counted(truth: Doc, said: Doc, loss: str, errors: tuple[int, int]) -> None:
    assert losses.errors(truth, said, loss) == Errors(*map(float, errors))
    assert losses.differs(truth, said, loss) == (errors[0] > 0)


@pytest.mark.parametrize("count", [40, 1_200])
def test_thousands_of_objects_are_matched_best_in_sum(count: int) -> None:
    rng = np.random.default_rng(count)
    spread = rng.random((count, 2)) * 20.0 * math.sqrt(count)
    truth = label(*[rect(x, y, 20, 20) for x, y in spread])
    moved = rng.permutation(spread + rng.normal(0, 2, spread.shape))
    found = losses.errors(truth, label(*[rect(x, y, 20, 20) for x, y in moved]), "objects:0.9")
    assert found.count < 0.2 * count


@pytest.mark.statistical
def test_a_pile_of_equal_objects_is_matched_in_bounded_memory() -> None:
    many = label(*[rect(0, 0)] * 1_200)
    assert losses.errors(many, many, "objects") == Errors(0.0, 1_200.0)
    assert losses.errors(many, label(*[rect(0, 0)] * 1_190), "objects").count == 10.0


@given(st.integers(0, 9999))
def test_the_sparse_way_to_match_finds_the_same_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = np.argwhere(rng.random((7, 9)) < 0.4)
    gains = rng.random(len(pairs))
    table = dict(zip(map(tuple, pairs.tolist()), gains.tolist(), strict=True))
    sums = [
        sum(table[tuple(pair)] for pair in way(pairs, gains, (7, 9)).tolist())
        for way in (matching.best, matching._sparse)
        if len(pairs)
    ]
    assert not sums or math.isclose(sums[0], sums[1])


@given(st.lists(st.tuples(rotated, rotated), min_size=1, max_size=5))
def test_turned_rectangles_overlap_as_shapely_says(pairs: Any) -> None:
    def judged(thing: Doc) -> shapely.Geometry:
        r = thing["rotated"]
        box = shapely.box(-r["width"] / 2, -r["height"] / 2, r["width"] / 2, r["height"] / 2)
        turned = shapely.affinity.rotate(box, r["angle"], origin=(0, 0))
        return shapely.affinity.translate(turned, r["x"], r["y"])

    a, b = (areas.shapes([pair[side] for pair in pairs]) for side in (0, 1))
    for got, (x, y) in zip(areas.iou(a, b), pairs, strict=True):
        left, right = judged(x), judged(y)
        assert got == pytest.approx(left.intersection(right).area / left.union(right).area)


@given(st.lists(st.tuples(pictures, pictures), min_size=1, max_size=4))
def test_runs_of_masks_overlap_as_pycocotools_says(pairs: Any) -> None:
    docs = [[mask_of(picture) for picture in pair] for pair in pairs]
    runs = [masks.runs(pair) for pair in docs]
    got = masks.iou([a for a, _ in runs], [b for _, b in runs])
    for iou, (a, b), (x, y) in zip(got, docs, runs, strict=True):
        left, right = masks.encoded(a), masks.encoded(b)
        assert masks.size(x) == judge.area(left) and masks.size(y) == judge.area(right)
        assert masks.mask_of(x, HEIGHT, WIDTH) == a
        if masks.size(x) + masks.size(y):
            assert iou == pytest.approx(judge.iou([left], [right], [0])[0, 0], abs=1e-12)
    each = [run for pair in runs for run in pair]
    encoded = [masks.encoded(doc) for pair in docs for doc in pair]
    np.testing.assert_array_equal(
        masks.frames(encoded), masks.bounds(each, [HEIGHT] * len(each)), strict=True
    )


alike = st.sampled_from([rects, drawn_masks]).flatmap(
    lambda drawn: st.tuples(labels(drawn), labels(drawn))
)


@pytest.mark.fuzz
@given(alike)
def test_what_is_compared_at_once_is_compared_as_all_else(sides: tuple[Doc, Doc]) -> None:
    def told() -> tuple[Errors, float]:
        return losses.errors(*sides, "objects"), losses.distance(*sides, "objects")

    at_once = told()
    with mock.patch.object(objects, "MOST_CELLS", 0):
        assert at_once == told()


@given(st.lists(pictures, min_size=1, max_size=4))
def test_encoded_masks_share_the_pixels_of_their_pictures(drawn: list[np.ndarray]) -> None:
    encoded = [masks.encoded(mask_of(picture)) for picture in drawn]
    flat = np.stack([picture.reshape(-1).astype(float) for picture in drawn])
    np.testing.assert_array_equal(masks.shared(encoded), flat @ flat.T)
    larger = masks.encoded(mask_of(np.ones((HEIGHT + 1, WIDTH), dtype=bool)))
    assert not masks.alike(encoded, [larger]).any(), "pictures of unlike size share nothing"


@given(polygons)
def test_an_area_is_filled_where_it_covers_the_middle_of_a_pixel(thing: Doc) -> None:
    area = areas.shapes([thing])[0]
    runs = masks.filled(area, HEIGHT, WIDTH)
    flat = np.zeros(HEIGHT * WIDTH, dtype=bool)
    for start, end in runs.tolist():
        flat[start:end] = True
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    inside = shapely.contains_xy(area, x, y)
    edge = shapely.distance(shapely.points(x, y), shapely.boundary(area)) < 1e-9
    assert ((inside == flat.reshape(WIDTH, HEIGHT).T) | edge).all()


def test_a_polygon_with_a_hole_has_less_area() -> None:
    ring = {"points": [0.0, 0, 10, 0, 10, 10, 0, 10]}
    hole = {"points": [2.0, 2, 8, 2, 8, 8, 2, 8], "hole": True}
    whole, holed = areas.shapes([{"polygon": {"rings": r}} for r in ([ring], [ring, hole])])
    assert (whole.area, holed.area) == (100.0, 64.0)
    assert masks.size(masks.filled(holed, 20, 20)) == 64


def test_similarity_of_key_points_is_that_of_its_formula() -> None:
    truth_ = {"points": [{"x": 10.0, "y": 10.0, "visibility": "VISIBLE"}, {"x": 5.0}], **rect(0, 0)}
    near_ = {"points": [{"x": 11.0, "y": 10.0, "visibility": "HIDDEN"}, {}], **rect(0, 0)}
    truth, near = keypoints.table([truth_]), keypoints.table([near_])
    got = keypoints.oks(truth, near, [0.1])[0]
    assert got == pytest.approx(math.exp(-1.0 / (2 * 100.0 * 0.04)))
    assert keypoints.pck(truth, near, 0.1) == 1.0
    assert keypoints.pck(truth, near, 0.05) == 0.0


def test_lines_are_as_far_apart_as_their_points_are() -> None:
    line = lines.paths([{"points": [0.0, 0, 100, 0]}])
    other = lines.paths([{"points": [0.0, 3, 50, 3, 100, 3]}])
    half = lines.paths([{"points": [0.0, 0, 50, 0]}])
    assert lines.distance(line, other)[0] == pytest.approx(3.0)
    assert lines.distance(line, half)[0] == pytest.approx(12.5 / 2, rel=0.01)


def test_paths_of_classes_are_nearer_the_longer_they_go_together() -> None:
    def chosen(*names: str) -> Doc:
        return {"choices": {"classes": list(names)}}

    cat, dog = chosen("animal/pet/cat"), chosen("animal/pet/dog")
    assert losses.distance(cat, dog, "hierarchy") == pytest.approx(1 / 3)
    assert losses.distance(cat, chosen("plant"), "hierarchy") == 1.0
    assert losses.differs(cat, dog, "hierarchy")
    assert not losses.differs(cat, dog, "hierarchy:0.34")
    assert losses.errors(chosen("a/b", "c"), chosen("c"), "hierarchy") == Errors(1.0, 2.0)
    assert losses.distance(chosen("a", "b"), chosen("b", "c"), "set") == pytest.approx(2 / 3)


def test_a_loss_is_told_with_what_it_needs_of_the_schema() -> None:
    told = losses.with_tolerance("keypoints", 0.3, {"sigmas": "0.1,0.2", "normaliser": ""})
    assert told == "keypoints:0.3;sigmas=0.1,0.2"
    assert losses.with_tolerance("class", 0.0, {"sigmas": "0.1"}) == "class"
    one = {"points": [{"x": 10.0, "y": 0.0, "visibility": "VISIBLE"}], **rect(0, 0)}
    two = {"points": [{"x": 11.0, "y": 0.0, "visibility": "VISIBLE"}], **rect(0, 0)}
    a, b = label({"keypoints": one}), label({"keypoints": two})
    assert losses.differs(a, b, "keypoints:0.3;sigmas=0.02")
    assert not losses.differs(a, b, told)


def test_the_codec_of_runs_is_that_of_pycocotools() -> None:
    picture = np.random.default_rng(0).random((200, 300)) < 0.2
    text = mask_of(picture)["counts"]
    assert rle.text_from_counts(rle.counts_from_text(text)) == text
