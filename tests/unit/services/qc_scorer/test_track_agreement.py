"""Losses and merging of tracks on images: identities, and hand-made cases of each kind of error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sensor import rle
from services.qc_scorer import losses
from services.qc_scorer.consensus import RULES, series
from services.qc_scorer.losses.protocol import Errors
from services.qc_scorer.losses.tracks import track_frames, tracking

Doc = dict[str, Any]


def key(frame: int, x: float, y: float = 0.0, side: float = 10.0, **more: Any) -> Doc:
    rect = {"x": x, "y": y, "width": side, "height": side}
    return {**({"frame": frame} if frame else {}), "rect": rect, **more}


def track(*frames: Doc, name: str = "a", **more: Any) -> Doc:
    return {"class": name, "frames": list(frames), **more}


def label(*found: Doc) -> Doc:
    return {"tracks": {"tracks": list(found)}}


def _random(seed: int, count: int, drawn: str) -> list[Doc]:
    """Tracks of unlike places, so that no two choices of partners are equally good."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        at = sorted(rng.choice(8, size=rng.integers(1, 4), replace=False).tolist())
        frames = []
        for frame in at:
            x, y = (float(v) for v in rng.uniform(0, 20, 2))
            more: Doc = {"outside": True} if rng.random() < 0.2 else {}
            if rng.random() < 0.2:
                more["attributes"] = {"far": "true"}
            frames.append({**({"frame": frame} if frame else {}), **more, **_shape(drawn, x, y)})
        made.append(track(*frames, name=str(rng.choice(["a", "b"]))))
    return made


def _shape(drawn: str, x: float, y: float) -> Doc:
    if drawn == "rotated":
        return {"rotated": {"x": x, "y": y, "width": 20.0, "height": 10.0, "angle": x}}
    if drawn == "polygon":
        points = [x, y, x + 20, y, x + 20, y + 15, x, y + 15]
        return {"polygon": {"rings": [{"points": points}]}}
    if drawn == "polyline":
        return {"polyline": {"points": [x, y, x + 20, y + 5]}}
    if drawn == "keypoints":
        points = [{"x": x, "y": y, "visibility": "VISIBLE"}, {"x": x + 9, "y": y + 9}]
        rect = {"x": x, "y": y, "width": 9.0, "height": 9.0}
        return {"keypoints": {"points": points, "rect": rect}}
    if drawn == "mask":
        column = int(x)
        counts = rle.text_from_counts([column * 40, 400, 2000 - column * 40])
        return {"mask": {"height": 40, "width": 60, "counts": counts}}
    return {"rect": {"x": x, "y": y, "width": 15.0, "height": 15.0}}


KINDS = ["rect", "rotated", "polygon", "polyline", "mask", "keypoints"]
labels = st.builds(lambda seed, count: seed * 10 + count, st.integers(0, 99999), st.integers(0, 4))


def of(seed: int, drawn: str) -> Doc:
    return label(*_random(seed, seed % 10 % 5, drawn))


@pytest.mark.fuzz
@settings(max_examples=150)
@given(labels, labels, st.sampled_from(KINDS))
def test_a_distance_of_tracks_is_one(first: int, second: int, drawn: str) -> None:
    a, b = of(first, drawn), of(second, drawn)
    assert losses.distance(a, a, "tracks") == 0.0
    there, back = losses.distance(a, b, "tracks"), losses.distance(b, a, "tracks")
    assert 0.0 <= there <= 1.0 and math.isclose(there, back, abs_tol=1e-9)
    assert not losses.LOSSES["tracks"].wrong(a, a)
    assert losses.errors(a, a, "tracks").count == 0.0
    assert losses.errors(a, b, "tracks").count >= 0.0


@given(labels, labels, st.sampled_from(KINDS), st.randoms(use_true_random=False))
def test_the_order_of_tracks_does_not_matter(
    first: int, second: int, drawn: str, random: Any
) -> None:
    a, b = of(first, drawn), of(second, drawn)
    mixed = list(b["tracks"]["tracks"])
    random.shuffle(mixed)
    c = label(*mixed)
    assert losses.distance(a, b, "tracks") == losses.distance(a, c, "tracks")
    assert losses.errors(a, b, "tracks") == losses.errors(a, c, "tracks")
    assert losses.distance(b, c, "tracks") == 0.0


def test_each_kind_of_error_is_counted_in_object_frames() -> None:
    truth = label(track(key(0, 0), key(9, 90)), track(key(0, 0, 50), key(9, 0, 50)))
    assert losses.errors(truth, truth, "tracks") == Errors(0.0, 20.0)
    one, two = truth["tracks"]["tracks"]
    # Missed from frame 7 on; extra; misplaced; of another class; with another attribute.
    short = label(one, track(key(0, 0, 50), key(7, 0, 50, outside=True)))
    assert losses.errors(truth, short, "tracks").count == 3.0
    more = label(one, two, track(key(4, 200), key(6, 200, outside=True)))
    assert losses.errors(truth, more, "tracks").count == 2.0
    assert losses.errors(truth, label(one, track(key(0, 30, 50))), "tracks").count == 10.0
    assert losses.errors(truth, label(one, {**two, "class": "b"}), "tracks").count == 10.0
    told = track(key(0, 0, 50), key(5, 0, 50, attributes={"far": "true"}))
    assert losses.errors(truth, label(one, told), "tracks").count == 5.0


def test_an_identity_switch_is_an_error_however_late() -> None:
    crossing = [track(key(0, 0), key(9, 90)), track(key(0, 0, 50), key(9, 90, 50))]
    swapped = label(
        track(key(0, 0), key(7, 70), key(8, 80, 50), key(9, 90, 50)),
        track(key(0, 0, 50), key(7, 70, 50), key(8, 80), key(9, 90)),
    )
    assert losses.errors(label(*crossing), swapped, "tracks") == Errors(2.0, 20.0)
    assert losses.differs(label(*crossing), swapped, "tracks")


def test_a_track_that_ends_a_little_late_is_right_and_one_that_ends_early_is_not() -> None:
    truth = label(track(key(0, 0), key(10, 100), key(11, 100, outside=True)))
    late = label(track(key(0, 0), key(10, 100), key(12, 100, outside=True)))
    early = label(track(key(0, 0), key(5, 50, outside=True)))
    assert losses.errors(truth, late, "tracks").count == 1.0
    assert not losses.differs(truth, late, "tracks")
    assert losses.differs(truth, late, "tracks:0.05")
    assert losses.differs(truth, early, "tracks")
    assert losses.differs(truth, label(), "tracks") and losses.differs(label(), truth, "tracks")


def test_the_last_key_frame_stands_to_the_end_of_either_label() -> None:
    stands = label(track(key(0, 0)), track(key(0, 50), key(20, 50)))
    ends = label(track(key(0, 0), key(20, 0)), track(key(0, 50)))
    assert losses.errors(stands, ends, "tracks") == Errors(0.0, 42.0)


@pytest.mark.statistical
def test_a_label_of_two_key_frames_far_apart_is_compared_in_bounded_memory() -> None:
    truth = label(track(key(0, 0), key(2_000_000_000, 0)))
    moved = label(track(key(0, 3), key(2_000_000_000, 3)))
    assert not losses.differs(truth, moved, "tracks")
    found = losses.errors(truth, label(), "tracks")
    assert found.count == found.units == pytest.approx(2e9, rel=1e-5)


def test_every_second_frame_gives_about_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, other = of(12344, "rect"), of(12354, "rect")
    whole = losses.errors(truth, other, "tracks")
    assert whole.units > 10
    monkeypatch.setattr(track_frames, "MOST_SHOWN", int(whole.units) // 2 + 1)
    found = losses.errors(truth, other, "tracks")
    assert found.units == pytest.approx(whole.units, rel=0.4)


def test_measures_of_a_label_that_is_right_are_one() -> None:
    found = tracking.measure([(of(12344, "rect"), of(12344, "rect"))])
    assert (found.hota, found.idf1, found.mota, found.switches) == (1.0, 1.0, 1.0, 0)
    assert tracking.measure([]).hota == 1.0
    nothing = tracking.measure([(label(track(key(0, 0))), label())])
    assert (nothing.hota, nothing.idf1, nothing.mota) == (0.0, 0.0, 0.0)


def test_hota_by_hand() -> None:
    """One object over four frames; two tracks share it, exactly where it is."""
    truth = label(track(key(0, 0), key(3, 0)))
    halves = label(track(key(0, 0), key(2, 0, outside=True)), track(key(2, 0), key(3, 0)))
    found = tracking.measure([(truth, halves)])
    assert (found.det_a, found.ass_a, found.loc_a) == (1.0, 0.5, 1.0)
    assert found.hota == pytest.approx(math.sqrt(0.5))
    assert (found.idf1, found.mota, found.switches) == (0.5, 0.75, 1)


# -- merging ------------------------------------------------------------------------------------


def merged(values: list[Doc], weights: list[float] | None = None) -> list[Doc]:
    made = RULES["tracks"](values, weights or [1.0] * len(values))
    assert made is not None
    return list(made["tracks"]["tracks"])


@settings(max_examples=60)
@given(labels, st.sampled_from(KINDS), st.integers(1, 3))
def test_what_all_drew_is_what_they_make_together(seed: int, drawn: str, people: int) -> None:
    value = of(seed, drawn)
    made = {"tracks": {"tracks": merged([value] * people)}}
    assert losses.errors(value, made, "tracks:0.2").count == 0.0


def test_a_merged_track_is_in_the_middle_with_few_key_frames() -> None:
    a = label(track(key(0, 0), key(10, 100), id="7"))
    b = label(track(key(0, 1), key(5, 51), key(10, 101)))
    c = label(track(key(0, 2), key(3, 32), key(10, 102)))
    made = merged([a, b, c], [1.0, 1.0, 1.1])
    assert made == [track(key(0, 1), key(10, 101))]
    assert merged([a, b, c])[0]["id"] == "7"


def test_frames_are_voted_on() -> None:
    a = label(track(key(0, 0), key(20, 0)))
    b = label(track(key(0, 0), key(8, 0, outside=True), key(12, 0), key(20, 0)))
    c = label(track(key(2, 0), key(9, 0, outside=True), key(13, 0), key(20, 0)))
    (made,) = merged([a, b, c])
    shown = [(f.get("frame", 0), f.get("outside", False)) for f in made["frames"]]
    assert shown == [(0, False), (8, False), (9, True), (12, False), (20, False)]
    alone = label(track(key(0, 300), key(20, 300)), *a["tracks"]["tracks"])
    assert len(merged([alone, b, c])) == 1


def test_attributes_and_occlusion_are_voted_on_frame_by_frame() -> None:
    plain = label(track(key(0, 0), key(10, 100), attributes={"make": "x"}))
    told = label(
        track(
            key(0, 0),
            key(4, 40, attributes={"lights": "on"}, occluded=True),
            key(10, 100, occluded=True),
            attributes={"make": "x"},
        )
    )
    (made,) = merged([plain, told, told])
    assert made["attributes"] == {"make": "x"}
    assert [f.get("frame", 0) for f in made["frames"]] == [0, 4, 10]
    assert made["frames"][1]["attributes"] == {"lights": "on"}
    assert made["frames"][1]["occluded"] and "attributes" not in made["frames"][2]


def test_polygons_with_unlike_corners_are_merged_in_every_frame() -> None:
    def square(x: float, corners: int) -> Doc:
        top = [v for i in range(corners) for v in (x + 10.0 * i / (corners - 1), 0.0)]
        return {"polygon": {"rings": [{"points": [*top, x + 10.0, 10.0, x, 10.0]}]}}

    people = [label(track({**square(0.0, n)}, {"frame": 9, **square(9.0, n)})) for n in (2, 3, 4)]
    (made,) = merged(people)
    assert losses.errors(people[0], label(made), "tracks:0.05").count == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_thinned_key_frames_are_near_enough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 0.4, (60, 2)), axis=0)
    rows = [(i, {"rect": {"x": x, "y": y, "width": 5.0}}, None) for i, (x, y) in enumerate(walk)]
    kept = series.thinned(rows)
    assert kept[0] == 0 and kept[-1] == 59 and len(kept) < 40
    for axis in (0, 1):
        between = np.interp(np.arange(60), kept, walk[kept, axis])
        assert np.abs(between - walk[:, axis]).max() <= series.NEAR + 1e-9
