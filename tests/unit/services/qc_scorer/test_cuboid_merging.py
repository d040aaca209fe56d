"""Several people's 3D boxes, tracks and scenes, made one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sensor import boxes, rotations
from services.qc_scorer.consensus import RULES
from services.qc_scorer.losses import distance

Doc = dict[str, Any]


def cuboid(x: float, y: float = 0.0, yaw: float = 0.0, **rest: Any) -> Doc:
    return boxes.document(np.array([x, y, 0.75, 4, 2, 1.5, yaw]), **{"class": "car", **rest})


def cuboids(*some: Doc, frame: str = "lidar") -> Doc:
    return {"cuboids": {"frame": frame, "cuboids": list(some)}}


def merged(rule: str, values: list[Doc], weights: list[float] | None = None) -> Doc:
    made = RULES[rule](values, weights or [1.0] * len(values))
    assert made is not None
    return made


@pytest.mark.parametrize("rule", ["cuboids", "cuboid_tracks", "fusion"])
def test_those_who_agree_are_right(rule: str) -> None:
    key = {k: v for k, v in cuboid(3).items() if k != "class"}
    space = {"frame": "lidar", "cuboids": [cuboid(1, id="c"), cuboid(9)]}
    seen = {"class": "car", "id": "o", "rect": {"x": 1.0, "y": 1.0, "width": 5.0, "height": 5.0}}
    value: Doc = {
        "cuboids": {"cuboids": space},
        "cuboid_tracks": {
            "cuboid_tracks": {
                "frame": "world",
                "tracks": [{"class": "car", "frames": [key, {**key, "frame": 4}]}],
            }
        },
        "fusion": {
            "fusion": {
                "cuboids": space,
                "cameras": [{"camera": "front", "objects": [seen]}],
                "links": [{"cuboid": "c", "camera": "front", "object": "o"}],
            }
        },
    }[rule]
    made = merged(rule, [value] * 3)
    assert distance(made, value, rule) == 0
    if rule == "fusion":
        assert made["fusion"]["links"] == value["fusion"]["links"]


def test_a_box_is_where_most_have_it() -> None:
    votes = [cuboids(cuboid(10.0)), cuboids(cuboid(10.2)), cuboids(cuboid(11.5), cuboid(40))]
    (one,) = merged("cuboids", votes)["cuboids"]["cuboids"]
    assert one["centre"]["x"] == pytest.approx(10.2) and one["class"] == "car"
    heavy = merged("cuboids", votes, [1, 1, 3])["cuboids"]["cuboids"]
    assert [c["centre"]["x"] for c in heavy] == pytest.approx([11.5, 40])


def test_who_takes_the_back_for_the_front_is_turned_round() -> None:
    votes = [cuboids(cuboid(0, yaw=y)) for y in (0.1, -0.1, math.pi)]
    (one,) = merged("cuboids", votes)["cuboids"]["cuboids"]
    assert float(boxes.array([one])[0, 6]) == pytest.approx(0, abs=1e-9)


def test_yaw_goes_round_the_circle() -> None:
    votes = [cuboids(cuboid(0, yaw=y)) for y in (math.pi - 0.1, -math.pi + 0.1)]
    (one,) = merged("cuboids", votes)["cuboids"]["cuboids"]
    yaw = float(boxes.array([one])[0, 6])
    assert abs(float(rotations.difference(yaw, math.pi))) < 1e-9


def test_attributes_and_velocity_are_those_of_most() -> None:
    parked = {"attributes": {"state": "parked"}}
    votes = [
        cuboids(cuboid(0, velocity={"x": 1.0}, **parked)),
        cuboids(cuboid(0, velocity={"x": 3.0}, **parked)),
        cuboids(cuboid(0)),
    ]
    (one,) = merged("cuboids", votes)["cuboids"]["cuboids"]
    assert one["attributes"] == {"state": "parked"} and one["velocity"] == {"x": 2.0}


def test_another_frame_has_no_say() -> None:
    votes = [cuboids(cuboid(0)), cuboids(cuboid(0)), cuboids(cuboid(5), frame="ego")]
    made = merged("cuboids", votes)["cuboids"]
    assert made["frame"] == "lidar" and len(made["cuboids"]) == 1


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.permutations(range(4)))
def test_the_order_of_opinions_hardly_matters(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    truth = [(20.0 * i, float(rng.uniform(-5, 5)), float(rng.uniform(-3, 3))) for i in range(4)]
    votes = [
        cuboids(
            *(cuboid(x + rng.normal(0, 0.1), y, yaw + rng.normal(0, 0.02)) for x, y, yaw in truth)
        )
        for _ in range(4)
    ]
    first = merged("cuboids", votes)
    second = merged("cuboids", [votes[i] for i in order])
    assert distance(first, second, "cuboids:0.01") == 0
    # Medians of four are 0.05 m off: 0.4 m across a width of 2 m would be eight times that.
    assert distance(first, cuboids(*(cuboid(*t) for t in truth)), "cuboids:0.35") == 0


def track(*frames: tuple[int, float], gone: int = -1) -> Doc:
    keys = []
    for number, x in frames:
        pose = {k: v for k, v in cuboid(x).items() if k != "class"}
        flag = {"outside": True} if number == gone else {}
        keys.append({**({"frame": number} if number else {}), **pose, **flag})
    return {"class": "car", "frames": keys}


def test_tracks_are_merged_sweep_by_sweep() -> None:
    votes = [
        {"cuboid_tracks": {"frame": "world", "tracks": [one]}}
        for one in (
            track((0, 0.0), (8, 16.0)),
            track((0, 0.3), (4, 8.3), (8, 16.3)),
            track((0, 0.6), (8, 16.6)),
        )
    ]
    (one,) = merged("cuboid_tracks", votes)["cuboid_tracks"]["tracks"]
    found = [(f.get("frame", 0), f["centre"].get("x", 0.0)) for f in one["frames"]]
    assert found == [(0, pytest.approx(0.3)), (4, pytest.approx(8.3)), (8, pytest.approx(16.3))]


def test_a_track_ends_where_most_have_it_end() -> None:
    votes = [
        {"cuboid_tracks": {"frame": "world", "tracks": [one]}}
        for one in (
            track((0, 0.0), (6, 12.0), gone=6),
            track((0, 0.0), (6, 12.0), gone=6),
            track((0, 0.0), (8, 16.0)),
        )
    ]
    (one,) = merged("cuboid_tracks", votes)["cuboid_tracks"]["tracks"]
    assert [f.get("frame", 0) for f in one["frames"] if f.get("outside")] == [6]


def rect(own: str, x: float) -> Doc:
    return {"class": "car", "id": own, "rect": {"x": x, "y": 0.0, "width": 50.0, "height": 40.0}}


def test_links_are_those_of_most_whatever_the_ids() -> None:
    def scene(mark: str, links: list[tuple[str, str]], extra: bool = False) -> Doc:
        some = [cuboid(10, id=f"{mark}1"), cuboid(30, id=f"{mark}2")]
        seen = [rect(f"{mark}a", 100), rect(f"{mark}b", 300)]
        # What only one has has the id that another's object has with the others.
        seen += [rect("xa", 900)] if extra else []
        return {
            "fusion": {
                "cuboids": {"frame": "lidar", "cuboids": some},
                "cameras": [{"camera": "front", "objects": seen}],
                "links": [
                    {"cuboid": mark + a, "camera": "front", "object": mark + b} for a, b in links
                ],
            }
        }

    votes = [
        scene("x", [("1", "a"), ("2", "b")]),
        scene("y", [("1", "a")], extra=True),
        scene("z", [("1", "b"), ("2", "b")]),
    ]
    made = merged("fusion", votes)["fusion"]
    assert len(made["cuboids"]["cuboids"]) == len(made["cameras"][0]["objects"]) == 2
    links = {(k["cuboid"], k["object"]) for k in made["links"]}
    assert links == {("x1", "xa"), ("x2", "xb")}


def test_links_stay_where_a_heavy_opinion_is_in_another_frame() -> None:
    def scene(mark: str, frame: str) -> Doc:
        return {
            "fusion": {
                "cuboids": {"frame": frame, "cuboids": [cuboid(10, id=f"{mark}c")]},
                "cameras": [{"camera": "front", "objects": [rect(f"{mark}o", 100)]}],
                "links": [{"cuboid": f"{mark}c", "camera": "front", "object": f"{mark}o"}],
            }
        }

    votes = [scene("a", "world"), scene("b", "lidar"), scene("c", "lidar")]
    made = merged("fusion", votes, [1.5, 1.0, 1.0])["fusion"]
    (box,), (link,) = made["cuboids"]["cuboids"], made["links"]
    assert made["cuboids"]["frame"] == "lidar" and link["cuboid"] == box["id"] == "bc"
