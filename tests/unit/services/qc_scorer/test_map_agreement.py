"""Losses and merging of ground maps: identities, hand-made cases, and the field's numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from labelmill.template.v1.template_pb2 import LabelSchema, Template

from libs.common.codec import message_to_doc
from services.qc_scorer import events, losses
from services.qc_scorer.consensus import RULES
from services.qc_scorer.losses.image import objects
from services.qc_scorer.losses.protocol import Errors
from services.qc_scorer.losses.space import lanes, maps
from services.template import validation
from services.template.label_shapes import TOLERANCES
from services.template.validation import Unfit

Doc = dict[str, Any]


def line(*points: tuple[float, float], name: str = "lane", **more: Any) -> Doc:
    return {"class": name, "line": {"points": [v for x, y in points for v in (x, y, 0.0)]}, **more}


def area(*points: tuple[float, float], name: str = "crossing", **more: Any) -> Doc:
    return {"class": name, "area": {"points": [v for x, y in points for v in (x, y, 0.0)]}, **more}


def box(x: float, y: float, yaw: float = 0.0, name: str = "car", **more: Any) -> Doc:
    made = {"x": x, "y": y, "length": 4.0, "width": 2.0, "yaw": yaw}
    return {"class": name, "box": made, **more}


def square(x: float, y: float, side: float = 4.0) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def label(*elements: Doc, frame: str = "ego") -> Doc:
    return {"map": {"frame": frame, "elements": list(elements)}}


places = st.tuples(st.floats(-20, 20), st.floats(-20, 20)).map(
    lambda p: (round(p[0], 2), round(p[1], 2))
)
classes = st.sampled_from(["lane", "kerb"])
told = st.sampled_from([{}, {"attributes": {"style": "dashed"}}])
elements = st.one_of(
    st.builds(
        lambda p, n, a: line(*p, name=n, **a),
        st.lists(places, min_size=2, max_size=5),
        classes,
        told,
    ),
    st.builds(
        lambda p, n, a: area(*p, name=n, **a),
        st.lists(places, min_size=3, max_size=6),
        classes,
        told,
    ),
    st.builds(lambda p, t, n: box(*p, t, n), places, st.floats(-3.1, 3.1), classes),
)
labels = st.lists(elements, max_size=5).map(lambda found: label(*found))


@pytest.mark.fuzz
@settings(max_examples=150)
@given(labels, labels, st.sampled_from(["map", "map:3", "map:3;directed=lane,kerb"]))
def test_a_distance_of_maps_is_one(a: Doc, b: Doc, loss: str) -> None:
    assert losses.distance(a, a, loss) == 0.0
    there, back = losses.distance(a, b, loss), losses.distance(b, a, loss)
    assert 0.0 <= there <= 1.0 and math.isclose(there, back, abs_tol=1e-9)
    found, tolerance = losses.named(loss)
    assert not found.wrong(a, a, tolerance)
    assert losses.errors(a, b, loss).units == len(a["map"]["elements"])


@pytest.mark.fuzz
@given(labels, labels, st.randoms(use_true_random=False))
def test_the_order_of_elements_does_not_matter(a: Doc, b: Doc, random: Any) -> None:
    mixed = list(b["map"]["elements"])
    random.shuffle(mixed)
    assert losses.distance(b, label(*mixed), "map") == 0.0
    assert losses.errors(a, b, "map") == losses.errors(a, label(*mixed), "map")


def test_each_kind_of_error_is_counted_once() -> None:
    lane, crossing, car = line((0, 0), (30, 0)), area(*square(10, 10)), box(5, -10)
    truth = label(lane, crossing, car)
    assert losses.errors(truth, truth, "map") == Errors(0.0, 3.0)
    assert losses.errors(truth, label(lane, crossing), "map").count == 1
    assert losses.errors(truth, label(lane, crossing, car, box(40, 40)), "map").count == 1
    assert losses.errors(truth, label(line((0, 3), (30, 3)), crossing, car), "map").count == 1
    kerb = {**lane, "class": "kerb"}
    assert losses.errors(truth, label(kerb, crossing, car), "map").count == 1
    dashed = {**lane, "attributes": {"style": "dashed"}}
    assert losses.errors(truth, label(dashed, crossing, car), "map").count == 1


@pytest.mark.parametrize(("off", "wrong"), [(0.9, False), (1.1, True)])
def test_the_tolerance_is_metres(off: float, wrong: bool) -> None:
    straight = label(line((0, 0), (30, 0)))
    finer = label(line((0, off), (11, off), (30, off)))
    assert losses.differs(straight, finer, "map") is wrong
    assert not losses.differs(straight, finer, "map:1.5")
    # Outlines: moved along one axis, two of four sides are off by all of it, two by none.
    assert losses.differs(label(box(0, 0)), label(box(2.6 * off, 0)), "map") is wrong


def test_direction_counts_where_the_template_says_so() -> None:
    there, back = label(line((0, 0), (30, 0))), label(line((30, 0), (0, 0)))
    assert not losses.differs(there, back, "map")
    loss = losses.with_tolerance("map", 1, {"directed": "road%2C%20main,lane"})
    assert losses.differs(there, back, loss) and not losses.differs(there, there, loss)
    named = [
        label(line((0, 0), (30, 0), name="road, main")),
        label(line((30, 0), (0, 0), name="road, main")),
    ]
    assert losses.differs(*named, loss)
    cars = [label(box(0, 0, 0.1)), label(box(0, 0, 0.1 + math.pi))]
    assert not losses.differs(*cars, "map")
    assert losses.differs(*cars, "map:1;directed=car")


def test_a_template_says_which_classes_have_a_direction() -> None:
    schema = LabelSchema(shape="map", classes=["lane", "road, main"], directed=["road, main"])
    loss = events._loss(Template(loss="map", loss_tolerance=1, label_schema=schema))
    for name, wrong in (("lane", False), ("road, main", True)):
        both = [label(line(*way, name=name)) for way in ([(0, 0), (30, 0)], [(30, 0), (0, 0)])]
        assert losses.differs(*both, loss) is wrong
    validation.check_schema(message_to_doc(schema), "label_schema")
    for shape, name in (("map", "kerb"), ("objects", "lane")):
        with pytest.raises(Unfit) as unfit:
            validation.check_schema(
                {"shape": shape, "classes": ["lane"], "directed": [name]}, "label_schema"
            )
        assert "label_schema.directed" in str(vars(unfit.value))


@settings(max_examples=50)
@given(st.lists(places, min_size=2, max_size=5), st.lists(places, min_size=2, max_size=5))
def test_the_frechet_distance_is_that_of_its_table(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    sides = [maps.Ground([line(*points)]) for points in (first, second)]
    a, b = (shapely.get_coordinates(side.paths.places[0]) for side in sides)
    far = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    table = np.full(far.shape, np.inf)
    for i, j in np.ndindex(far.shape):
        before = min(
            table[i - 1, j] if i else np.inf,
            table[i, j - 1] if j else np.inf,
            table[i - 1, j - 1] if i and j else np.inf,
        )
        table[i, j] = max(far[i, j], 0.0 if not (i or j) else before)
    got = maps.frechet(sides[0].paths.places[0], sides[1].paths.places[0])
    assert got == pytest.approx(table[-1, -1], abs=1e-9)


@pytest.mark.statistical
def test_ten_thousand_elements_are_compared_without_a_table_of_all_pairs() -> None:
    many = [line((x, y), (x + 3.0, y)) for x in range(0, 500, 5) for y in range(0, 200, 4)]
    assert losses.errors(label(*many), label(*many[1:]), "map") == Errors(1.0, float(len(many)))


def test_average_precision_by_hand() -> None:
    truth = label(line((0, 0), (30, 0)), line((0, 5), (30, 5)))
    said = label(
        line((0, 0.3), (30, 0.3), score=0.9),
        line((0, 40), (30, 40), score=0.8),
        line((0, 6.2), (30, 6.2), score=0.7),
        line((0, 0.1), (30, 0.1), score=0.1),
    )
    found = lanes.measure([(truth, said)])
    # Found at once; found third of three; and one twice, which is no hit.
    assert found.by_class == {"lane": pytest.approx((0.5, 0.5, 0.5 + 0.5 * 2 / 3))}
    assert found.mean == pytest.approx((0.5 + 0.5 + 0.5 + 1 / 3) / 3)
    assert lanes.measure([(truth, label())]).mean == 0.0
    assert lanes.measure([]).mean == 1.0


def test_areas_share_ground() -> None:
    a = label(area(*square(0, 0), name="road"), area(*square(2, 0), name="road"))
    b = label(area(*square(0, 0), name="road"), box(50, 50))
    assert lanes.area_iou(a, b) == {"road": pytest.approx(16 / 24), "car": 0.0}


# -- merging ------------------------------------------------------------------------------------


def merged(values: list[Doc], weights: list[float] | None = None) -> list[Doc]:
    made = RULES["map"](values, weights or [1.0] * len(values))
    assert made is not None and made["map"].get("frame") == values[0]["map"].get("frame")
    return list(made["map"]["elements"])


boxes_and_lines = st.one_of(
    st.builds(
        lambda p, n: line(*p, name=n),
        st.lists(places, min_size=2, max_size=5, unique=True),
        classes,
    ),
    st.builds(lambda p, t, n: box(*p, t, n), places, st.floats(-3.1, 3.1), classes),
    st.builds(lambda p, n: area(*square(*p), name=n), places, classes),
)


@settings(max_examples=60)
@given(st.lists(boxes_and_lines, max_size=4), st.integers(1, 3))
def test_what_all_drew_on_the_ground_is_what_they_make_together(
    drawn: list[Doc], people: int
) -> None:
    value = label(*drawn)
    made = {"map": {"frame": "ego", "elements": merged([value] * people)}}
    assert losses.errors(value, made, "map:0.001").count == 0.0


def test_lines_are_averaged_along_their_way() -> None:
    a = line((0, 0), (10, 0), (20, 0), id="l1")
    b = line((20, 1), (0, 1))
    (made,) = merged([label(a), label(b)])
    assert made["id"] == "l1"
    assert made["line"]["points"] == pytest.approx([0, 0.5, 0, 10, 0.5, 0, 20, 0.5, 0])
    back = [label(line((20, y), (0, y))) for y in (0.5, 1.0)]
    (made,) = merged([label(a), *back])
    assert made["line"]["points"][0] == pytest.approx(20.0)


def test_heights_come_along() -> None:
    a = {"class": "lane", "line": {"points": [0.0, 0, 1, 10, 0, 3]}}
    b = {"class": "lane", "line": {"points": [0.0, 0, 2, 5, 0, 3, 10, 0, 4]}}
    (made,) = merged([label(a), label(b)])
    assert made["line"]["points"] == pytest.approx([0, 0, 1.5, 5, 0, 2.5, 10, 0, 3.5])


def test_areas_are_what_most_have_inside() -> None:
    hole = {"points": [v for x, y in square(1, 1, 1) for v in (x, y, 0.0)]}
    ringed = area(*square(0, 0))
    ringed["area"]["holes"] = [hole]
    moved = area(*square(0.5, 0))
    (made,) = merged([label(ringed), label(ringed), label(moved)])
    assert made["area"]["holes"]
    assert losses.errors(label(ringed), label(made), "map:0.001").count == 0.0
    assert lanes.area_iou(label(made), label(ringed))["crossing"] == pytest.approx(1.0)


def test_boxes_are_averaged_and_few_drew_nothing() -> None:
    values = [
        label(box(0, 0, 3.1), box(50, 50)),
        label(box(0.2, 0, -3.1)),
        label(box(0.4, 0, math.pi)),
    ]
    (made,) = merged(values)
    assert made["box"]["x"] == pytest.approx(0.2) and abs(made["box"]["yaw"]) > 3.13
    assert len(merged(values, [3.0, 1.0, 1.0])) == 2


def test_a_map_in_another_frame_is_not_on_this_ground() -> None:
    values = [label(box(0, 0)), label(box(0, 0)), label(box(0, 0), frame="world")]
    assert len(merged(values)) == 1


def test_what_a_template_is_told_of_the_default_is_so() -> None:
    assert TOLERANCES["map"].default == maps.REACH
    assert TOLERANCES["tracks"].default == objects.SLACK
    assert TOLERANCES["points"].default == 0.0
