"""What all say, or most say exactly alike, is not changed by being merged."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from services.qc_scorer import consensus
from services.qc_scorer.consensus import RULES
from tests.unit.libs.label_validation.test_values import FITTING, ROAD, SQUARE

Doc = dict[str, Any]
# Shape -> rules that merge it, and a loss.
MERGED = {
    "choices": (("majority", "classes"), "set"),
    "text": (("words", "characters"), "word"),
    "boxes": (("boxes", "objects"), "boxes"),
    "objects": (("objects",), "objects"),
    "spans": (("spans",), "relations"),
    "segments": (("segments",), "transcript"),
    "tracks": (("tracks",), "tracks"),
    "points": (("points",), "points"),
    "map": (("map",), "map"),
    "cuboids": (("cuboids",), "cuboids"),
    "cuboid_tracks": (("cuboid_tracks",), "cuboid_tracks"),
    "fusion": (("fusion",), "fusion"),
    "ranking": (("ranking",), "ranking"),
    "preference": (("majority",), "preference"),
    "ratings": (("ratings",), "ratings"),
    "rewrite": (("rewrite",), "rewrite"),
    "prompt": (("majority",), "prompt"),
    "conversation": (("conversation",), "conversation"),
    "composite": (("majority",), "composite"),
}


def test_every_shape_and_rule_is_among_them() -> None:
    assert MERGED.keys() == FITTING.keys()
    assert {rule for rules, _ in MERGED.values() for rule in rules} == RULES.keys() - {"masks"}


@pytest.mark.parametrize("shape", MERGED)
def test_what_all_say_stands_as_they_say_it(shape: str) -> None:
    rules, loss = MERGED[shape]
    value = {shape: FITTING[shape][1]}
    for rule in rules:
        for count in (1, 2, 3):
            said = [copy.deepcopy(value) for _ in range(count)]
            assert consensus.merge(said, rule, loss) == (value, 1.0)
            assert said == [value] * count


def drawn(**shape: Any) -> Doc:
    return {"objects": {"objects": [{"class": "a", **shape}]}}


BENT = [0.0, 0.0, 3.1, 0.4, 9.7, 0.2, 10.3, 7.7]
HOLED = [{"points": SQUARE}, {"points": [1.0, 1, 2, 1, 2, 2, 1, 2], "hole": True}]
OTHER = {"rect": {"x": 500.0, "y": 500.0, "width": 9.0, "height": 9.0}}
LANE = {"class": "lane", "line": {"points": [0.0, 0, 0, 3.3, 0.1, 0, 9.1, 0.7, 0.2]}}
SITE = {"class": "site", "area": {"points": ROAD}}


@pytest.mark.parametrize(
    "shape",
    [{"polygon": {"rings": HOLED}}, {"polyline": {"points": BENT}}, {"quad": {"points": BENT}}],
)
def test_a_geometry_that_most_drew_alike_keeps_its_corners(shape: Doc) -> None:
    value = drawn(**shape)
    merged = RULES["objects"]([drawn(**OTHER), value, copy.deepcopy(value)], [1.0, 1.0, 1.0])
    assert merged == value


def test_so_does_what_lies_on_the_ground() -> None:
    value = {"map": {"frame": "ego", "elements": [LANE, SITE]}}
    nothing: Doc = {"map": {"frame": "ego", "elements": []}}
    merged = RULES["map"]([value, nothing, copy.deepcopy(value)], [1.0, 1.0, 1.0])
    assert merged == value


def test_spans_are_voted_on_with_their_attributes() -> None:
    def marked(tone: str, end: int = 4) -> Doc:
        span = {"start": 0, "end": end, "class": "person", "attributes": {"tone": tone}}
        return {"spans": {"spans": [span]}}

    merged = RULES["spans"]([marked("kind"), marked("rude", 3), marked("kind")], [1.0] * 3)
    assert merged == marked("kind")


def spoken(text: str, **more: Any) -> Doc:
    return {"start": 1.0, "end": 2.0, "class": "speech", "speaker": "A", "text": text, **more}


def test_segments_keep_their_id_and_the_times_of_the_words_they_end_with() -> None:
    words = [{"start": 1.0, "end": 1.4, "text": "good"}, {"start": 1.5, "end": 2.0, "text": "day"}]
    opinions = [
        [spoken("good day", id="s1", words=words)],
        [spoken("good day")],
        [spoken("good way", id="x", words=[{"start": 1.0, "end": 2.0, "text": "good way"}])],
    ]
    values = [{"segments": {"segments": some}} for some in opinions]
    (made,) = RULES["segments"](values, [1.0] * 3)["segments"]["segments"]  # type: ignore[index]
    assert made == spoken("good day", id="s1", words=words)
    changed = copy.deepcopy(values[2:] * 2 + values[:1])
    (other,) = RULES["segments"](changed, [1.0] * 3)["segments"]["segments"]  # type: ignore[index]
    assert other["text"] == "good way" and other["words"] == opinions[2][0]["words"]


def test_ids_that_several_gave_to_different_segments_are_there_once() -> None:
    first, second = spoken("a", id="1"), {**spoken("b", id="1"), "start": 2.5, "end": 4.0}
    plain = [{k: v for k, v in one.items() if k != "id"} for one in (first, second)]
    opinions = ([first], [plain[0], second], plain)
    values = [{"segments": {"segments": some}} for some in opinions]
    merged = RULES["segments"](values, [1.2, 1.0, 0.5])
    assert merged == {"segments": {"segments": [first, plain[1]]}}
