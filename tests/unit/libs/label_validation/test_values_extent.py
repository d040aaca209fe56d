"""Values against how far their item goes: pictures, films, recordings, clouds."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.label_validation import NOWHERE, Extent, Misfit, check_extent, extent_of, with_lists

Doc = dict[str, Any]
PICTURE = Extent(width=640, height=480, frames=10)
RECT = {"x": 600.0, "y": 400.0, "width": 100.0, "height": 100.0}
BEYOND = {**RECT, "x": 641.0}


def drawn(**shape: Any) -> Doc:
    return {"objects": {"objects": [{"class": "a"}, {"class": "a", **shape}]}}


def track(frame: int, rect: Doc) -> Doc:
    return {"tracks": {"tracks": [{"frames": [{"frame": frame, "rect": rect}]}]}}


def line(*points: float) -> Doc:
    return {"points": [float(p) for p in points]}


WITHIN: list[tuple[Doc, Extent]] = [
    ({"boxes": {"boxes": [RECT]}}, PICTURE),
    (drawn(rect=RECT), PICTURE),
    (drawn(rotated={"x": 645.0, "y": 10.0, "width": 20.0, "height": 4.0, "angle": 30.0}), PICTURE),
    (drawn(polygon={"rings": [line(630, 470, 700, 470, 700, 500)]}), PICTURE),
    (drawn(polyline=line(-10, 5, 10, 5)), PICTURE),
    (drawn(mask={"width": 640, "height": 480, "counts": "PPYZ1"}), PICTURE),
    (drawn(keypoints={"points": [{"x": 1.0, "visibility": "VISIBLE"}, {"x": 999.0}]}), PICTURE),
    (drawn(keypoints={"points": [{"x": 999.0}]}), PICTURE),
    (track(9, RECT), PICTURE),
    (track(99, BEYOND), NOWHERE),
    ({"tracks": {"tracks": [{"frames": [{"frame": 10, "outside": True}]}]}}, PICTURE),
    ({"cuboid_tracks": {"tracks": [{"frames": [{"frame": 9}]}]}}, PICTURE),
    ({"fusion": {"cameras": [{"camera": "front", "objects": [{"rect": RECT}]}]}}, PICTURE),
    ({"fusion": {"cameras": [{"camera": "front"}]}}, Extent(cameras=("back", "front"))),
    ({"segments": {"segments": [{"start": 9.0, "end": 10.05}]}}, Extent(seconds=10.0)),
    ({"points": {"count": 7}}, Extent(points=7)),
    ({"choices": {"classes": ["a"]}}, PICTURE),
]
BEYOND_IT: list[tuple[Doc, Extent, str, str]] = [
    (
        {"cuboid_tracks": {"tracks": [{"frames": [{"frame": 9}, {"frame": 10}]}]}},
        PICTURE,
        "v.cuboid_tracks.tracks[0].frames[1].frame",
        "there are 10",
    ),
    (
        {"tracks": {"tracks": [{"frames": [{"frame": 11, "outside": True}]}]}},
        PICTURE,
        "v.tracks.tracks[0].frames[0].frame",
        "there are 10",
    ),
    (
        {"fusion": {"cameras": [{"camera": "front", "objects": [{"rect": BEYOND}]}]}},
        PICTURE,
        "v.fusion.cameras[0].objects[0].rect",
        "beyond the picture",
    ),
    (
        {"fusion": {"cameras": [{"camera": "left"}]}},
        Extent(cameras=("back", "front")),
        "v.fusion.cameras[0].camera",
        "'left' is none of the item's; there are back, front",
    ),
    ({"boxes": {"boxes": [RECT, BEYOND]}}, PICTURE, "v.boxes.boxes[1]", "640 x 480"),
    (drawn(rect=BEYOND), PICTURE, "v.objects.objects[1].rect", "beyond the picture"),
    (
        drawn(rotated={"x": -30.0, "y": 10.0, "width": 20.0, "height": 4.0}),
        PICTURE,
        "v.objects.objects[1].rotated",
        "beyond",
    ),
    (drawn(quad=line(0, 481, 5, 481, 5, 490, 0, 490)), PICTURE, "v.objects.objects[1].quad", ""),
    (
        drawn(polygon={"rings": [line(-5, -5, -1, -5, -1, -1)]}),
        PICTURE,
        "v.objects.objects[1].polygon",
        "",
    ),
    (
        drawn(mask={"width": 480, "height": 640}),
        PICTURE,
        "v.objects.objects[1].mask",
        "480 x 640 pixels, and the picture of 640 x 480",
    ),
    (
        drawn(keypoints={"points": [{"x": 999.0, "visibility": "HIDDEN"}, {"x": 1.0}]}),
        PICTURE,
        "v.objects.objects[1].keypoints",
        "",
    ),
    (track(10, RECT), PICTURE, "v.tracks.tracks[0].frames[0].frame", "there are 10, counted from"),
    (track(9, BEYOND), PICTURE, "v.tracks.tracks[0].frames[0].rect", ""),
    (
        {"segments": {"segments": [{"end": 5.0}, {"start": 9.0, "end": 10.2}]}},
        Extent(seconds=10.0),
        "v.segments.segments[1]",
        "ends at 10.2 seconds, and the recording lasts 10",
    ),
    ({"points": {"count": 6}}, Extent(points=7), "v.points.count", "the cloud has 7 points"),
    (
        {"composite": {"parts": [{"part": "p", "value": {"boxes": {"boxes": [BEYOND]}}}]}},
        PICTURE,
        "v.composite.parts[0].value.boxes.boxes[0]",
        "",
    ),
]


@pytest.mark.parametrize(("value", "extent"), WITHIN)
def test_what_stays_within_or_reaches_over_an_edge_fits(value: Doc, extent: Extent) -> None:
    check_extent(value, "v", extent)


@pytest.mark.parametrize(("value", "extent", "field", "words"), BEYOND_IT)
def test_what_lies_beyond_is_told_by_its_place(
    value: Doc, extent: Extent, field: str, words: str
) -> None:
    before = copy.deepcopy(value)
    with pytest.raises(Misfit) as misfit:
        check_extent(value, "v", extent)
    assert misfit.value.field == field
    assert words in misfit.value.message
    assert value == before
    check_extent(value, "v", NOWHERE)


def test_extents_are_what_intake_found() -> None:
    found = {"probe.image.width": "640", "probe.image.height": "480", "probe.sound.duration": "1.5"}
    assert extent_of(found) == Extent(640, 480, seconds=1.5)
    assert extent_of({"probe.film.frames": "12", "mine": "7"}) == Extent(frames=12)
    assert extent_of({"probe.scans[0].cloud.points": "99"}) == Extent(points=99)


def test_where_media_differ_nothing_is_known() -> None:
    two = {f"probe.images[{i}].width": str(i) for i in (5, 6)}
    assert extent_of(two) == NOWHERE
    assert extent_of({**two, "probe.images[5].height": "7"}) == Extent(height=7)


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_picture_is_as_large_as_it_is_shown(turned: int) -> None:
    """Values 5 to 8 of EXIF lie on their side; masks and coordinates are of what people see."""
    found = {"probe.i.width": "64", "probe.i.height": "48", "probe.i.orientation": str(turned)}
    shown = Extent(48, 64) if turned > 4 else Extent(64, 48)
    assert extent_of(found) == shown
    beside = {"probe.j.width": str(shown.width), "probe.j.height": str(shown.height)}
    assert extent_of({**found, **beside}) == shown, "the same size, stored in two ways"
    film = {"probe.i.width": "64", "probe.i.height": "48", "probe.i.rotation": str(turned * 90)}
    assert extent_of(film) == (Extent(48, 64) if turned in (1, 3) else Extent(64, 48))


@given(st.dictionaries(st.sampled_from(["probe.a.width", "probe.b.points", "probe."]), st.text()))
def test_whatever_a_caller_writes_there_is_read(metadata: dict[str, str]) -> None:
    assert extent_of(metadata).width >= 0


def test_lists_say_how_many_frames_and_which_cameras_there_are() -> None:
    data = {"film": ["a", "b", "c"], "rig": [{"name": "front"}, {"name": "back"}], "text": "x"}
    types = {"film": "frames", "rig": "cameras", "text": "text", "lacking": "sweeps"}
    assert with_lists(NOWHERE, data, types) == Extent(frames=3, cameras=("front", "back"))
    assert with_lists(Extent(frames=9), data, types).frames == 9, "as they were probed"
    two = {**data, "lacking": [{}, {}]}
    assert with_lists(NOWHERE, two, types).frames == 0, "which of them is not known"
    odd = {"film": "one", "rig": [{"image": "x"}], "lacking": None}
    assert with_lists(NOWHERE, odd, types) == NOWHERE
