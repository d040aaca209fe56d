"""Formats of images both ways: what goes out comes back, whatever the values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Doc
from libs.formats.image import masks, shapes
from libs.formats.registry import format_of
from tests.unit.libs.formats.format_fixtures import (
    HEIGHT,
    SCHEMA,
    WIDTH,
    job,
    png,
    read,
    row,
    source_of,
    written,
)

TOLERANCE = 1e-5
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "colour": st.sampled_from(["red", "blue"]),
        "count": st.integers(-9, 9).map(str),
        "wet": st.sampled_from(["true", "false"]),
    },
)


def side(largest: int) -> st.SearchStrategy[float]:
    return st.integers(1, 100).map(lambda part: largest * part / 100)


@st.composite
def rects(draw: st.DrawFn) -> Doc:
    x, y = draw(st.floats(0, WIDTH - 1)), draw(st.floats(0, HEIGHT - 1))
    width, height = draw(side(WIDTH // 2)), draw(side(HEIGHT // 2))
    return {"rect": shapes.plain(x=round(x, 3), y=round(y, 3), width=width, height=height)}


@st.composite
def rotated(draw: st.DrawFn) -> Doc:
    angle = draw(st.integers(-179, 179).filter(bool))
    sides = {"width": draw(side(30)), "height": draw(side(20))}
    return {"rotated": shapes.plain(x=30.0, y=20.0, angle=float(angle), **sides)}


@st.composite
def polygons(draw: st.DrawFn) -> Doc:
    count = draw(st.integers(3, 9))
    turn = draw(st.floats(0, 1))
    points = []
    for i in range(count):
        at = 2 * math.pi * (i + turn) / count
        points += [round(30 + 20 * math.cos(at), 3), round(24 + 15 * math.sin(at), 3)]
    return {"polygon": {"rings": [{"points": points}]}}


@st.composite
def drawn_masks(draw: st.DrawFn) -> Doc:
    pixels = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for _ in range(draw(st.integers(1, 3))):
        y, x = draw(st.integers(0, HEIGHT - 9)), draw(st.integers(0, WIDTH - 9))
        pixels[y : y + draw(st.integers(1, 8)), x : x + draw(st.integers(1, 8))] ^= True
    pixels[0, 0] = True
    return {"mask": masks.of_pixels(pixels)}


@st.composite
def keypoints(draw: st.DrawFn, rect: bool = True, hidden: bool = True) -> Doc:
    seen = st.sampled_from([0, 1, 2] if hidden else [2])
    places = st.tuples(st.integers(1, 60).map(float), st.integers(1, 40).map(float), seen)
    points = [shapes.keypoint(*draw(places)) for _ in range(3)]
    if not any(points):
        points[0] = shapes.keypoint(3.0, 4.0, 2)
    return {"keypoints": {"points": points, **(draw(rects()) if rect else {})}}


def labels(*geometries: st.SearchStrategy[Doc], attributes: bool = True) -> st.SearchStrategy[Doc]:
    """Values of objects with one of these geometries."""
    more = ATTRIBUTES if attributes else st.just({})

    @st.composite
    def one(draw: st.DrawFn) -> Doc:
        name, told = draw(st.sampled_from(SCHEMA["classes"])), draw(more)
        return shapes.plain(**{"class": name}, attributes=told, **draw(st.one_of(*geometries)))

    return st.lists(one(), max_size=4).map(lambda all_: {"objects": shapes.plain(objects=all_)})


def one_of(value: Doc) -> Doc:
    """At most one object, as masks of several overlap."""
    return {"objects": shapes.plain(objects=value["objects"].get("objects", [])[:1])}


LINES = st.just({"polyline": {"points": [1.0, 2.0, 30.5, 40.25, 7.0, 8.0]}})
QUADS = st.just({"quad": {"points": [1.0, 2.0, 30.0, 4.0, 33.0, 21.0, 5.0, 17.0]}})
HELD: dict[str, st.SearchStrategy[Doc]] = {
    "coco": labels(rects()),
    "coco-objects": labels(rects(), polygons(), drawn_masks()),
    "coco-keypoints": labels(keypoints()),
    "yolo-detect": labels(rects(), attributes=False),
    "yolo-segment": labels(polygons(), attributes=False),
    "yolo-pose": labels(keypoints(), attributes=False),
    "yolo-obb": labels(rotated(), QUADS, attributes=False),
    "voc": labels(rects()),
    "cvat": labels(rects(), rotated(), polygons(), LINES, drawn_masks(), keypoints(rect=False)),
    "coco-panoptic": labels(drawn_masks()).map(one_of),
    "labelme": labels(rects(), polygons(), LINES, drawn_masks(), keypoints()),
    "datumaro": labels(rects(), rotated(), polygons(), LINES, drawn_masks(), keypoints()),
    "labelstudio": labels(
        rects(), rotated(), polygons(), LINES, drawn_masks(), keypoints(hidden=False)
    ),
}


def close(left: Any, right: Any) -> bool:
    """Equal, numbers within `TOLERANCE`, defaults left out or not."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, abs_tol=TOLERANCE)
    if isinstance(left, dict) and isinstance(right, dict):
        return all(close(left.get(k, 0), right.get(k, 0)) for k in {*left, *right})
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(close, left, right))
    return bool(left == right)


@pytest.mark.parametrize("format_", HELD)
@settings(max_examples=25)
@given(data=st.data())
def test_what_a_format_can_hold_comes_back(format_: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(HELD[format_], max_size=3))
    content, problems = written(format_, values)
    assert not problems
    if not values:
        return
    samples, faults = read(format_, source_of(format_, content))
    assert not faults
    assert [s.key for s in samples] == [f"a/{i}.png" for i in range(1, len(values) + 1)]
    for value, sample in zip(values, samples, strict=True):
        assert not sample.left_out
        assert close(value, sample.value), (value, sample.value)


@pytest.mark.parametrize("format_", HELD)
def test_the_same_labels_are_the_same_bytes(format_: str) -> None:
    value = {"objects": {"objects": [{"class": "cat", **BOX}]}}
    assert written(format_, [value, value])[0] == written(format_, [value, value])[0]


# Formats that write classes by number.
INDEXED = [f for f in HELD if f.startswith(("coco", "yolo", "datumaro"))]
BOXES = [f for f in HELD if "boxes" in format_of(f).shapes]
BOX: Doc = {"rect": {"x": 1.0, "y": 2.0, "width": 10.0, "height": 20.0}}


@pytest.mark.parametrize("format_", BOXES)
def test_boxes_come_back_as_the_template_has_them(format_: str) -> None:
    boxes = {"boxes": {"boxes": [{"class": "dog", **BOX["rect"]}]}}
    schema = {**SCHEMA, "shape": "boxes"}
    content, problems = written(format_, [boxes], schema)
    samples, faults = read(format_, source_of(format_, content), schema)
    assert close(samples[0].value, boxes) and not faults and not problems


@pytest.mark.parametrize("format_", [f for f in HELD if format_of(f).pattern.endswith(".zip")])
def test_media_are_packed_beside_their_labels_where_asked(format_: str) -> None:
    value = {"objects": {"objects": []}}
    source = source_of(format_, written(format_, [value], media=True)[0])
    samples, _ = read(format_, source)
    assert source.read(samples[0].media["image"]) == png()


@pytest.mark.parametrize("format_", HELD)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"image": "data:image/png;base64,AAAA"}, "the image cannot be read"),
        ({"image": "data:image/png;base64,?"}, "not base64"),
        ({"image": "blob:blobs/t/missing.png"}, "cannot be opened: FileNotFoundError"),
        ({"image": "blob:blobs/other/1.png"}, "neither a data: URI nor a blob of this tenant"),
        ({"text": "x"}, "the item has no image"),
    ],
)
def test_a_label_without_its_image_is_told_and_the_rest_goes_on(
    format_: str, data: Doc, reason: str
) -> None:
    content, problems = written(format_, [{"objects": {}}], data=data)
    assert [(p.format, p.whole) for p in problems] == [(format_, True)]
    assert reason in problems[0].reason
    assert content


@pytest.mark.parametrize(
    ("format_", "one", "reason"),
    [
        ("coco", {"rotated": {"x": 9.0, "width": 4.0, "height": 2.0}}, "a rotated is not a box"),
        ("coco-objects", {"polyline": {"points": [0, 0, 1, 1]}}, "no place for a polyline"),
        ("coco-objects", {"quad": {"points": [0, 0, 9, 0, 9, 9, 0, 9]}}, "polygon of four corners"),
        ("coco-keypoints", BOX, "has no key points"),
        ("yolo-detect", {**BOX, "attributes": {"wet": "true"}}, "no place for attributes"),
        ("yolo-detect", {**BOX, "score": 0.5}, "no place for score"),
        ("yolo-segment", BOX, "no place for a rect"),
        ("yolo-obb", {"polyline": {"points": [0, 0, 1, 1]}}, "no place for a polyline"),
        ("voc", {"rotated": {"x": 9.0, "width": 4.0, "height": 2.0}}, "no place for a rotated"),
        ("voc", {**BOX, "text": "hello"}, "no place for text"),
        ("labelme", {**BOX, "crowd": True}, "no place for crowd"),
        ("datumaro", {**BOX, "order": 1}, "no place for order"),
        ("coco-panoptic", BOX, "no place for a rect"),
        ("labelstudio", {**BOX, "order": 1}, "no place for crowds and reading order"),
        ("cvat", {**BOX, "score": 0.5}, "no place for score"),
        ("cvat", {"quad": {"points": [0, 0, 9, 0, 9, 9, 0, 9]}}, "quad is written as a polygon"),
    ],
)
def test_what_a_format_cannot_hold_is_told(format_: str, one: Doc, reason: str) -> None:
    value = {"objects": {"objects": [{"class": "cat", **one}]}}
    _, problems = written(format_, [value])
    assert any(reason in p.reason and not p.whole for p in problems), problems


@pytest.mark.parametrize(
    "format_", [f for f in HELD if f not in ("voc", "cvat", "labelstudio", "labelme")]
)
def test_a_class_the_template_lacks_leaves_the_label_out(format_: str) -> None:
    value = {"objects": {"objects": [{"class": "cow", **BOX}]}}
    _, problems = written(format_, [value])
    assert problems[0].whole and "'cow' is not one of the template's" in problems[0].reason


def test_a_polygon_with_a_hole_is_a_mask_in_coco() -> None:
    rings = [{"points": [0, 0, 20, 0, 20, 20, 0, 20]}]
    rings.append({"points": [5, 5, 15, 5, 15, 15, 5, 15], "hole": True})  # type: ignore[dict-item]
    value = {"objects": {"objects": [{"class": "cat", "polygon": {"rings": rings}}]}}
    content, problems = written("coco-objects", [value])
    samples, _ = read("coco-objects", source_of("coco-objects", content))
    assert "holes" in problems[0].reason
    mask = samples[0].value["objects"]["objects"][0]["mask"]  # type: ignore[index]
    assert masks.area(mask) == pytest.approx(300, abs=45)


def spans_of(text: str) -> st.SearchStrategy[list[Doc]]:
    places = st.integers(0, len(text) - 2).flatmap(
        lambda a: st.tuples(st.just(a), st.integers(a + 1, len(text) - 1))
    )
    return st.lists(places, max_size=4, unique=True).map(
        lambda all_: [shapes.plain(start=a, end=b, **{"class": "cat"}) for a, b in all_]
    )


TEXT = "caf\u00e9 \U0001f600 and \u4f60\u597d, \U0001f680!"


@given(spans_of(TEXT))
def test_spans_come_back_from_label_studio_by_code_points(spans: list[Doc]) -> None:
    value = {"spans": shapes.plain(spans=spans)}
    options = {"data": {"text": TEXT}, "type_": "text"}
    content, problems = written("labelstudio", [value], **options)
    samples, faults = read("labelstudio", source_of("labelstudio", content), {"shape": "spans"})
    assert samples[0].value == value and not problems and not faults


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ({"choices": {"classes": ["cat", "dog"]}}, "text"),
        ({"text": {"text": "a\nb"}}, "text"),
        (
            {
                "spans": {
                    "spans": [
                        {"start": 1, "end": 2, "class": "cat", "id": "r1"},
                        {"end": 1, "class": "dog", "id": "x", "attributes": {"colour": "red"}},
                    ],
                    "relations": [{"class": "of", "head": "r1", "tail": "x"}],
                }
            },
            "text",
        ),
        (
            {"segments": {"segments": [
                {"class": "cat", "end": 1.5, "text": "hello", "speaker": "A"},
                {"class": "dog", "start": 1.0, "end": 2.25},
            ]}},
            "audio",
        ),
    ],
)  # fmt: skip
def test_other_shapes_come_back_from_label_studio(value: Doc, type_: str) -> None:
    data = {"text": "some text"} if type_ == "text" else {"audio": "blob:blobs/t/a.wav"}
    content, problems = written("labelstudio", [value], data=data, type_=type_)
    schema = {**SCHEMA, "shape": next(iter(value))}
    samples, faults = read("labelstudio", source_of("labelstudio", content), schema)
    assert samples[0].value == value and not problems and not faults


def frame(number: int, x: float, **more: object) -> Doc:
    rect = shapes.plain(x=x, y=2.0, width=10.0, height=5.0)
    return shapes.plain(frame=number, **more, rect=rect)


FRAMES: Doc = {"frames": [f"blob:blobs/t/{i}.png" for i in range(6)]}
TRACKS = {
    "tracks": {
        "tracks": [
            {"class": "cat", "id": "7", "frames": [frame(0, 0.0), frame(4, 8.0)]},
            {"class": "dog", "id": "9", "frames": [frame(1, 3.0), frame(3, 4.0, outside=True)]},
        ]
    }
}


def test_tracks_are_written_frame_by_frame_to_mot() -> None:
    content, problems = written("mot", [TRACKS], data=FRAMES, type_="frames")
    assert not problems
    source = source_of("mot", content)
    rows = source.text("a/1/gt/gt.txt").splitlines()
    assert rows[:2] == ["1,7,1,3,10,5,1,1,1", "2,7,3,3,10,5,1,1,1"]
    cells = [r.split(",") for r in rows]
    assert [frame_ for frame_, track, *_ in cells if track == "7"] == list("123456")
    assert [frame_ for frame_, track, *_ in cells if track == "9"] == list("23")
    assert "seqLength=6\nimWidth=64\nimHeight=48" in source.text("a/1/seqinfo.ini")
    samples, faults = read("mot", source)
    again, _ = written("mot", [samples[0].value or {}], data=FRAMES, type_="frames")
    assert again == content and not faults


def test_films_of_one_name_do_not_share_a_folder_in_mot() -> None:
    make = format_of("mot").encoder
    assert make is not None
    encoder, keys = make(job(SCHEMA, "frames")), ("f/a.mp4", "f/a.avi", "f/a.mp4")
    rows = [row(n, TRACKS, FRAMES, key) for n, key in enumerate(keys, 1)]
    content = encoder.begin() + encoder.add(rows) + b"".join(encoder.end())
    samples, faults = read("mot", source_of("mot", content))
    assert not faults and len({one.key for one in samples}) == len(keys)


def test_tracks_come_back_from_cvat() -> None:
    value: Doc = {"tracks": {"tracks": [
        {"class": "cat", "attributes": {"colour": "red"}, "frames": [
            frame(0, 1.0), frame(4, 8.0, attributes={"wet": "true"}, occluded=True),
            frame(5, 8.0, outside=True)]},
        {"class": "dog", "source": "MACHINE", "frames": [
            {"polygon": {"rings": [{"points": [1.0, 2.0, 3.0, 4.0, 5.0, 2.0]}]}}]},
        {"class": "cat", "frames": [{"frame": 2, "keypoints": {"points": [
            {}, shapes.keypoint(1.0, 2.0, 1), shapes.keypoint(3.0, 4.0, 2)]}}]},
    ]}}  # fmt: skip
    content, problems = written("cvat", [value], data=FRAMES, type_="frames")
    samples, faults = read("cvat", source_of("cvat", content))
    assert not problems and not faults
    assert samples[0].value == value


def test_frames_are_called_like_their_film_in_cvat() -> None:
    encoder = format_of("cvat").encoder
    assert encoder is not None
    one = row(
        1, {"tracks": {"tracks": [{"class": "cat", "frames": [frame(0, 1.0)]}]}}, FRAMES, "t.mp4"
    )
    made = encoder(job(type_="frames"))
    content = made.begin() + made.add([one]) + b"".join(made.end())
    samples, _ = read("cvat", source_of("cvat", content))
    assert [sample.key for sample in samples] == ["t.mp4"]


@pytest.mark.parametrize("format_", ["cvat", "labelme", "datumaro"])
def test_classes_of_whole_images_come_back(format_: str) -> None:
    value = {"choices": {"classes": ["cat", "dog"]}}
    content, problems = written(format_, [value])
    schema = {**SCHEMA, "shape": "choices"}
    samples, faults = read(format_, source_of(format_, content), schema)
    assert samples[0].value == value and not problems and not faults


def test_parts_of_a_polygon_stay_one_object_where_groups_are_known() -> None:
    rings = [
        {"points": [0.0, 0.0, 9.0, 0.0, 9.0, 9.0]},
        {"points": [20.0, 20.0, 30.0, 20.0, 30.0, 30.0]},
    ]
    value = {"objects": {"objects": [{"class": "cat", "polygon": {"rings": rings}}] * 2}}
    for format_ in ("coco-objects", "labelme", "datumaro"):
        content, problems = written(format_, [value])
        samples, faults = read(format_, source_of(format_, content))
        assert samples[0].value == value and not problems and not faults
