"""Label Studio's forms: pages, tags, dialogues, HTML, films, channels, local files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libs.formats import Doc, Fault, Sample
from libs.formats.source import of_file
from tests.unit.libs.formats.format_fixtures import files, png, read

BOX = {"x": 10, "y": 10, "width": 10, "height": 10, "rectanglelabels": ["cat"]}
SIZED = {"original_width": 100, "original_height": 100}


def tasks(data: Doc, *results: Doc) -> str:
    named = [{"id": f"q{i}", **one} for i, one in enumerate(results)]
    return json.dumps([{"id": 1, "data": data, "annotations": [{"result": named}]}])


def box(label: str, **where: Any) -> Doc:
    value = {**BOX, "rectanglelabels": [label]}
    return {"type": "rectanglelabels", "value": value, **SIZED, **where}


def got(data: Doc, *results: Doc, schema: Doc | None = None) -> tuple[list[Sample], list[Fault]]:
    return read("labelstudio", of_file("a.json", tasks(data, *results).encode()), schema or {})


def classes(samples: list[Sample]) -> dict[str, list[str]]:
    objects = {one.key: (one.value or {})["objects"].get("objects", []) for one in samples}
    return {key: [one["class"] for one in found] for key, found in objects.items()}


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"image": ["1.png", "2.png"]}, ({"item_index": 0}, {"item_index": 1})),
        ({"pages": ["1.png", "2.png"]}, ({"item_index": 0}, {"item_index": 1})),
        ({"image": "1.png", "image2": "2.png"}, ({"to_name": "img1"}, {"to_name": "img2"})),
        ({"image1": "1.png", "image2": "2.png"}, ({"to_name": "img"}, {"to_name": "img2"})),
        ({"a": "1.png", "b": "2.png"}, ({"to_name": "a"}, {"to_name": "b"})),
        (
            {"left": "1.png", "right": "2.png"},
            ({"to_name": "left_image"}, {"to_name": "right_image"}),
        ),
    ],
)
def test_each_picture_of_a_task_has_its_own_regions(data: Doc, where: tuple[Doc, Doc]) -> None:
    samples, faults = got(data, box("A", **where[0]), box("B", **where[1]))
    assert not faults
    assert classes(samples) == {"1.png": ["A"], "2.png": ["B"]}
    samples, faults = got(data, box("B", **where[1]))
    assert not faults
    assert classes(samples) == {"1.png": [], "2.png": ["B"]}


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        ({"image": ["1.png", "2.png"]}, {}, "item_index"),
        ({"image": ["1.png", "2.png"]}, {"item_index": 2}, "item_index 2"),
        ({"up": "1.png", "down": "2.png"}, {"to_name": "first"}, "up or down"),
        ({"up": "1.png", "down": "2.png"}, {}, "up or down"),
    ],
)
def test_a_region_that_does_not_say_its_picture_is_refused(
    data: Doc, where: Doc, words: str
) -> None:
    samples, faults = got(data, box("A", **where))
    assert classes(samples) == {"1.png": [], "2.png": []}
    assert words in faults[0].reason


def test_local_files_are_found_and_two_pages_of_one_name_stay_two() -> None:
    data = {"image": ["/data/local-files/?d=b%2F1.png", "s3://bucket/c/1.png"]}
    text = tasks(data, box("A", item_index=0), box("B", item_index=1))
    source = files(a_dot_json=text, b__1_dot_png=png(), c__1_dot_png=png())
    samples, faults = read("labelstudio", source, {})
    assert not faults
    assert [one.media["image"] for one in samples] == ["b/1.png", "c/1.png"]


DIALOGUE = {"talk": [{"author": "A", "text": "Hi 😀 you"}, {"author": "B", "text": "In Paris"}]}


def paragraph(text: str, *places: int) -> Doc:
    names = ("start", "startOffset", "end", "endOffset")
    value = {**dict(zip(names, places, strict=True)), "text": text, "paragraphlabels": ["LOC"]}
    value["start"], value["end"] = str(value["start"]), str(value["end"])
    return {"type": "paragraphlabels", "to_name": "dlg", "value": value}


def test_paragraphs_are_spans_of_their_joined_text() -> None:
    one, two = paragraph("Paris", 1, 3, 1, 8), paragraph("youIn Paris", 0, 6, 1, 8)
    samples, faults = got(DIALOGUE, one, two, paragraph("London", 1, 3, 1, 8))
    text = samples[0].data["text"]
    spans = (samples[0].value or {})["spans"]["spans"]
    assert [text[one["start"] : one["end"]] for one in spans] == ["Paris", "you\nIn Paris"]
    assert "not 'London'" in faults[0].reason
    assert any("dialogue" in one for one in samples[0].left_out)


def test_places_in_html_count_the_text_that_is_shown() -> None:
    html = "<p>Caf&eacute;<br/>in <b>Paris</b> 😀 now</p>"
    shown = "Café\nin Paris 😀 now"
    places = {"start": shown.index("Paris"), "end": shown.index("Paris") + 5}
    value = {"start": "/p[1]/b[1]/text()[1]", "end": "/p[1]/b[1]/text()[1]", "text": "Paris"}
    value |= {"globalOffsets": places, "hypertextlabels": ["LOC"]}  # type: ignore[dict-item]
    region: Doc = {"type": "hypertextlabels", "to_name": "text", "value": value}
    samples, faults = got({"text": html}, region)
    assert not faults
    assert samples[0].data == {"text": shown}
    (span,) = (samples[0].value or {})["spans"]["spans"]
    assert shown[span["start"] : span["end"]] == "Paris"
    value.pop("globalOffsets")
    _, faults = got({"text": html}, region)
    assert "globalOffsets" in faults[0].reason


def test_places_without_their_text_are_characters_as_the_tool_counts_them() -> None:
    value = {"start": 3, "end": 5, "labels": ["LOC"]}
    samples, faults = got({"t": "😀 Rome"}, {"type": "labels", "to_name": "tag", "value": value})
    assert not faults
    (span,) = (samples[0].value or {})["spans"]["spans"]
    assert "😀 Rome"[span["start"] : span["end"]] == "Ro"


def test_channels_of_a_recording_stay_apart_both_ways() -> None:
    regions = [
        {"type": "labels", "value": {"start": 0, "end": 1, "channel": i, "labels": ["speech"]}}
        for i in (0, 1)
    ]
    samples, faults = got({"audio": "s3://b/a.wav"}, *regions)
    assert not faults
    segments = (samples[0].value or {})["segments"]["segments"]
    assert [one["attributes"]["channel"] for one in segments] == ["0", "1"]


def test_films_are_tracks_of_key_frames() -> None:
    sequence = [
        {"frame": 1, "enabled": True, "x": 0, "y": 0, "width": 10, "height": 10, "rotation": 0},
        {"frame": 5, "enabled": False, "x": 50, "y": 0, "width": 10, "height": 10, "rotation": 0},
    ]
    value = {"sequence": sequence, "labels": ["car"], "framesCount": 9}
    samples, faults = got({"video": "a.mp4"}, {"type": "videorectangle", "value": value, **SIZED})
    assert not faults
    (track,) = (samples[0].value or {})["tracks"]["tracks"]
    assert track["class"] == "car"
    places = [(one.get("frame", 0), one.get("outside", False)) for one in track["frames"]]
    assert places == [(0, False), (4, False), (5, True)]
    assert track["frames"][1]["rect"] == {"x": 50.0, "width": 10.0, "height": 10.0}
    _, faults = got({"video": "a.mp4"}, {"type": "videorectangle", "value": value})
    assert "original_width" in faults[0].reason


def test_an_ellipse_is_a_polygon_and_told() -> None:
    value = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "ellipselabels": ["cat"]}
    samples, faults = got({"image": "a.png"}, {"type": "ellipselabels", "value": value, **SIZED})
    assert not faults
    (one,) = (samples[0].value or {})["objects"]["objects"]
    points = one["polygon"]["rings"][0]["points"]
    assert (min(points[::2]), max(points[::2])) == pytest.approx((40, 60))
    assert (min(points[1::2]), max(points[1::2])) == pytest.approx((30, 70))
    assert any("ellipse" in told for told in samples[0].left_out)
