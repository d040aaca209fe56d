"""Losses of 3D boxes, 3D tracks and 2D-3D scenes on hand-made cases and at random."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sensor import boxes
from services.qc_scorer.losses import differs, distance, errors
from services.qc_scorer.losses.space import detection_3d

Doc = dict[str, Any]
SEEDS = st.integers(0, 2**32 - 1)
LOSSES = ("cuboids", "bev", "centre")


def cuboid(x: float, y: float = 0.0, yaw: float = 0.0, name: str = "car", **rest: Any) -> Doc:
    row = np.array([x, y, 0.75, 4, 2, 1.5, yaw])
    return boxes.document(row, **{"class": name, **rest})


def cuboids(*some: Doc, frame: str = "lidar") -> Doc:
    return {"cuboids": {"frame": frame, "cuboids": list(some)}}


TRUTH = cuboids(cuboid(10), cuboid(20, 3), cuboid(30, -3, name="truck"))


@pytest.mark.parametrize("loss", LOSSES)
def test_equal_boxes_are_right_in_any_order(loss: str) -> None:
    turned = cuboids(*reversed(TRUTH["cuboids"]["cuboids"]))
    assert errors(TRUTH, turned, loss).count == 0 == distance(TRUTH, turned, loss)
    assert errors(TRUTH, turned, loss).units == 3


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("label", "count", "far"),
    [
        (cuboids(), 3, 1),
        (cuboids(cuboid(10), cuboid(20, 3)), 1, 1 / 3),
        (cuboids(cuboid(10), cuboid(20, 3), cuboid(30, -3)), 1, 2 / 4),
        (cuboids(cuboid(10), cuboid(20, 9), cuboid(30, -3, name="truck")), 1, 2 / 4),
        (cuboids(*TRUTH["cuboids"]["cuboids"], cuboid(50)), 1, 1 / 4),
        (
            cuboids(cuboid(10, attributes={"state": "parked"}), *TRUTH["cuboids"]["cuboids"][1:]),
            1,
            1 / 3,
        ),
        (cuboids(*TRUTH["cuboids"]["cuboids"], frame="ego"), 3, 1),
    ],
)
def test_each_fault_is_one_error(loss: str, label: Doc, count: int, far: float) -> None:
    assert errors(TRUTH, label, loss).count == count
    assert distance(TRUTH, label, loss) == pytest.approx(far)
    assert differs(TRUTH, label, loss)


@pytest.mark.parametrize(
    ("loss", "moved", "right"),
    [
        # 1 m along 4 m: IoU 3/5. 2 m: 1/3.
        ("bev:0.5", cuboid(11), True),
        ("bev:0.3", cuboid(11), False),
        ("bev", cuboid(12), False),
        ("cuboids:0.5", cuboid(11), True),
        ("cuboids:0.3", cuboid(11), False),
        ("centre:2", cuboid(11.9), True),
        ("centre:1", cuboid(11.9), False),
        ("centre", cuboid(12.1), False),
        # Backwards: only the volume's loss asks.
        ("cuboids", cuboid(10, yaw=math.pi), False),
        ("bev", cuboid(10, yaw=math.pi), True),
        ("centre", cuboid(10, yaw=math.pi), True),
    ],
)
def test_tolerances_are_the_losses_own(loss: str, moved: Doc, right: bool) -> None:
    assert differs(cuboids(cuboid(10)), cuboids(moved), loss) is not right


def test_height_counts_in_volumes_only() -> None:
    high = copy.deepcopy(cuboid(10))
    high["centre"]["z"] += 1.0
    assert not differs(cuboids(cuboid(10)), cuboids(high), "bev")
    assert differs(cuboids(cuboid(10)), cuboids(high), "cuboids")


def drawn(seed: int, count: int = 6) -> Doc:
    rng = np.random.default_rng(seed)
    names = ("car", "truck")
    some = [
        cuboid(*rng.uniform(-8, 8, 2), rng.uniform(-3, 3), names[int(rng.integers(2))])
        for _ in range(int(rng.integers(count)))
    ]
    return cuboids(*some)


@settings(max_examples=60)
@given(SEEDS, st.sampled_from(LOSSES))
def test_distances_are_symmetric_and_between_0_and_1(seed: int, loss: str) -> None:
    a, b = drawn(seed), drawn(seed + 1)
    assert 0 <= distance(a, b, loss) <= 1
    assert distance(a, b, loss) == pytest.approx(distance(b, a, loss))
    assert distance(a, a, loss) == 0 == errors(a, a, loss).count
    found = errors(a, b, loss)
    assert found.units == len(a["cuboids"]["cuboids"]) and (found.count > 0) == differs(a, b, loss)


# -- tracks -------------------------------------------------------------------------------------


def key(frame: int, x: float, y: float = 0.0, **rest: Any) -> Doc:
    return {**({"frame": frame} if frame else {}), **cuboid(x, y), **rest}


def track(*frames: Doc, name: str = "car") -> Doc:
    return {"class": name, "frames": [{k: v for k, v in f.items() if k != "class"} for f in frames]}


def tracks(*some: Doc, frame: str = "world") -> Doc:
    return {"cuboid_tracks": {"frame": frame, "tracks": list(some)}}


DRIVE = tracks(track(key(0, 0), key(9, 18)), track(key(0, 0, 9), key(9, 18, 9)))


def test_more_key_frames_of_one_way_are_the_same_track() -> None:
    dense = tracks(
        track(*(key(n, 2 * n) for n in range(10))), track(*(key(n, 2 * n, 9) for n in range(10)))
    )
    assert (
        errors(DRIVE, dense, "cuboid_tracks").count == 0 == distance(DRIVE, dense, "cuboid_tracks")
    )
    assert errors(DRIVE, dense, "cuboid_tracks").units == 20


def test_an_identity_switch_is_an_error_of_its_own() -> None:
    crossed = tracks(
        track(key(0, 0), key(4, 8), key(5, 10, 9), key(9, 18, 9)),
        track(key(0, 0, 9), key(4, 8, 9), key(5, 10), key(9, 18)),
    )
    found = errors(DRIVE, crossed, "cuboid_tracks")
    assert found.count == 2 and differs(DRIVE, crossed, "cuboid_tracks")
    assert distance(DRIVE, crossed, "cuboid_tracks") == pytest.approx(0.5)


def test_frames_missed_at_the_end_are_errors_of_frames_not_of_the_track() -> None:
    gone = track(key(0, 0), key(8, 16), key(9, 18, outside=True))
    short = tracks(gone, DRIVE["cuboid_tracks"]["tracks"][1])
    assert errors(DRIVE, short, "cuboid_tracks").count == 1
    assert not differs(DRIVE, short, "cuboid_tracks")
    assert differs(DRIVE, tracks(DRIVE["cuboid_tracks"]["tracks"][0]), "cuboid_tracks")
    other = {**DRIVE["cuboid_tracks"], "frame": "lidar"}
    assert distance(DRIVE, {"cuboid_tracks": other}, "cuboid_tracks") == 1


# -- 2D-3D scenes -------------------------------------------------------------------------------


def rect(own: str, x: float) -> Doc:
    return {"class": "car", "id": own, "rect": {"x": x, "y": 10.0, "width": 50.0, "height": 30.0}}


def scene(links: list[tuple[str, str]], shift: float = 0.0, rename: str = "") -> Doc:
    space = {
        "frame": "lidar",
        "cuboids": [cuboid(10, id=f"{rename}c1"), cuboid(30, id=f"{rename}c2")],
    }
    seen = [rect(f"{rename}o1", 100 + shift), rect(f"{rename}o2", 400)]
    return {
        "fusion": {
            "cuboids": space,
            "cameras": [{"camera": "front", "objects": seen}],
            "links": [
                {"cuboid": f"{rename}{a}", "camera": "front", "object": f"{rename}{b}"}
                for a, b in links
            ],
        }
    }


LINKED = scene([("c1", "o1"), ("c2", "o2")])


@pytest.mark.parametrize(
    ("label", "count", "far"),
    [
        (scene([("c1", "o1"), ("c2", "o2")], rename="my-"), 0, 0),
        (scene([("c1", "o2"), ("c2", "o1")]), 2, 4 / 8),
        (scene([("c1", "o1")]), 1, 1 / 6),
        (scene([]), 2, 2 / 6),
        # The object is another one, and so is the link to it.
        (scene([("c1", "o1"), ("c2", "o2")], shift=200), 2, 4 / 8),
        ({"fusion": {}}, 6, 1),
    ],
)
def test_links_are_right_where_both_ends_are(label: Doc, count: int, far: float) -> None:
    found = errors(LINKED, label, "fusion")
    assert (found.count, found.units) == (count, 6)
    assert distance(LINKED, label, "fusion") == pytest.approx(far)
    assert distance(label, LINKED, "fusion") == pytest.approx(far)


@pytest.mark.parametrize(
    ("loss", "empty"),
    [
        ("cuboids", {"cuboids": {"frame": "lidar"}}),
        ("cuboid_tracks", {"cuboid_tracks": {"frame": "world"}}),
        ("fusion", {"fusion": {}}),
    ],
)
def test_nothing_is_equal_to_nothing(loss: str, empty: Doc) -> None:
    assert distance(empty, empty, loss) == 0 and errors(empty, empty, loss).units == 0


def test_a_thousand_boxes_are_compared_in_memory_for_what_is_near() -> None:
    def many(dx: float) -> Doc:
        return cuboids(*(cuboid(10.0 * i + dx, 10.0 * (i % 7)) for i in range(1500)))

    assert errors(many(0), many(0.5), "cuboids").count == 0
    assert errors(many(0), many(3), "cuboids").count == 1500


# -- the field's numbers ------------------------------------------------------------------------


def test_perfect_boxes_score_one_and_none_score_nothing() -> None:
    sure = cuboids(*({**one, "score": 0.9} for one in TRUTH["cuboids"]["cuboids"]))
    found = detection_3d.measure([(TRUTH, sure)])
    assert found.ap == pytest.approx({"car": 1.0, "truck": 1.0})
    told = {k: found.errors[k] for k in ("translation", "scale", "orientation")}
    assert told == dict.fromkeys(told, 0.0)
    none = detection_3d.measure([(TRUTH, cuboids())])
    assert none.mean_ap == 0 and none.nds == 0 and set(none.errors.values()) == {1.0}
    assert detection_3d.measure([]).mean_ap == 0


def test_the_errors_are_those_of_the_pairs() -> None:
    truth = cuboids(cuboid(10, velocity={"x": 3.0}, attributes={"state": "moving"}))
    said: Doc = {"velocity": {"x": 1.0}, "attributes": {"state": "parked"}, "score": 0.5}
    label = cuboids(cuboid(11, yaw=0.5, **said))
    found = detection_3d.measure([(truth, label)])
    assert found.errors == pytest.approx(
        {"translation": 1, "scale": 0, "orientation": 0.5, "velocity": 2, "attribute": 1}
    )
    assert found.mean_ap == pytest.approx(2 / 4), "near enough at 2 and 4 m only"
    turned = cuboids(cuboid(10, yaw=math.pi, score=0.5))
    assert detection_3d.measure([(truth, turned)], ["car"]).errors["orientation"] < 1e-9
