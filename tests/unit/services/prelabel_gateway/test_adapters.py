"""Adapters: answers of models become drafts the template can hold, or reasons."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest

from services.prelabel_gateway import adapters
from services.prelabel_gateway.adapters import images, space
from services.prelabel_gateway.domain import Doc, Impossible

SPANS = {"shape": "spans", "classes": ["person", "place"]}
SEGMENTS = {"shape": "segments", "classes": ["speech"]}
RECT = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}
QUAD = {"points": [10.0, 20.0, 40.0, 20.0, 40.0, 60.0, 10.0, 60.0]}


def spans(*found: Doc) -> Doc:
    return {"value": {"spans": {"spans": list(found)}}}


def segments(*found: Doc) -> Doc:
    return {"value": {"segments": {"segments": list(found)}}}


def objects(*found: Doc, **rest: Any) -> Doc:
    return {"value": {"objects": {"objects": list(found)}}, **rest}


def draft(capability: str, answer: Any, schema: Doc, classes: list[str] | None = None) -> Doc:
    said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return adapters.draft_of(capability, said, classes or [], schema, b"Ada lives in Oslo")


def test_names_the_template_does_not_ask_for_are_left_out() -> None:
    person = {"end": 3, "class": "person", "score": 0.9}
    place = {"start": 13, "end": 17, "class": "place", "score": 0.7}
    found = draft("entities", spans(person, {"end": 3, "class": "misc"}, place), SPANS)
    assert found == {"value": {"spans": {"spans": [person, place]}}, "score": 0.7}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\xff", "no JSON"),
        (b"[]", "no JSON object"),
        ({"error": "too long"}, "too long"),
        ({"value": {"boxes": {}}}, "no entities document"),
        (spans({"end": 40, "class": "person"}), "does not fit the template"),
        (spans({"end": 3, "class": "person", "score": float("nan")}), "NaN"),
        (spans({"end": 3, "class": "person", "score": 1.5}), "outside 0 to 1"),
    ],
)
def test_what_no_label_can_be_made_of_is_a_reason(answer: Any, words: str) -> None:
    with pytest.raises(Impossible, match=words):
        draft("entities", answer, SPANS)


KEYPOINTS = {"shape": "objects", "classes": ["hand"], "geometries": ["keypoints"]}


def _pose(*points: Doc) -> Doc:
    return objects({"class": "hand", "keypoints": {"points": list(points)}}, points=["a"])


def test_key_points_are_drafts_as_packaged_models_tell_them() -> None:
    made = draft("hands", _pose({"x": 1.0, "y": 0.0, "visibility": "VISIBLE"}), KEYPOINTS)
    (hand,) = made["value"]["objects"]["objects"]
    assert hand["keypoints"]["points"] == [{"x": 1.0, "y": 0.0, "visibility": "VISIBLE"}]


@pytest.mark.parametrize(
    ("capability", "answer", "schema", "words"),
    [
        ("hands", _pose({"x": 1.0, "visibility": "SEEN"}), KEYPOINTS, "'SEEN' is none of"),
        ("hands", _pose({"x": 1.0, "visibility": 2}), KEYPOINTS, "2 is none of"),
        ("hands", _pose({"x": "left"}), KEYPOINTS, "no hands document"),
        ("hands", _pose({"x": [1.0]}), KEYPOINTS, "no hands document"),
        ("hands", objects({"class": "hand", "keypoints": []}), KEYPOINTS, "no hands document"),
        ("entities", spans({"start": -1, "end": 3, "class": "person"}), SPANS, "start"),
        ("entities", spans({"end": 2**40, "class": "person"}), SPANS, "does not fit|no entities"),
        ("entities", spans({"end": 3, "class": "person", "id": "\ud800"}), SPANS, "no entities"),
        ("entities", b"[" * 100_000, SPANS, "no JSON"),
    ],
)
def test_what_could_never_be_a_label_is_a_reason_and_no_error(
    capability: str, answer: Any, schema: Doc, words: str
) -> None:
    with pytest.raises(Impossible, match=words):
        draft(capability, answer, schema)


def test_a_model_of_other_classes_does_not_say_that_nothing_is_there() -> None:
    with pytest.raises(Impossible, match="none of the template's"):
        draft("entities", spans(), SPANS, ["gene"])
    assert draft("entities", spans(), SPANS, ["person"])["score"] == 0.5


def test_segments_lose_their_class_where_the_template_has_none() -> None:
    one = {"class": "speech", "start": 0.5, "end": 2.0, "score": 0.8}
    plain = draft("voice-activity", segments(one), {"shape": "segments"})
    assert plain["value"]["segments"]["segments"] == [{"start": 0.5, "end": 2.0, "score": 0.8}]
    assert draft("speakers", segments(one), SEGMENTS)["value"]["segments"]["segments"] == [one]
    with pytest.raises(Impossible, match=r"a segment from 3\.0 s to 2\.0 s"):
        draft("voice-activity", segments({**one, "start": 3.0}), SEGMENTS)


def test_a_transcription_is_text_or_segments_as_asked() -> None:
    said = segments(
        {"end": 1.0, "text": " hello ", "score": 0.9}, {"start": 1.0, "end": 2.0, "text": "you"}
    )
    found = draft("transcription", said, {"shape": "text", "texts": True})
    assert found == {"value": {"text": {"text": "hello you"}}, "score": 0.5}
    assert len(draft("transcription", said, {"shape": "segments"})["value"]["segments"]) == 1
    with pytest.raises(Impossible, match="no speech"):
        draft("transcription", segments(), {"shape": "text"})


def test_objects_are_drawn_as_the_template_asks() -> None:
    face = objects({"class": "face", "score": 0.9, "rect": RECT})
    boxes = draft("faces", face, {"shape": "boxes", "classes": ["face"]})
    assert boxes["value"]["boxes"]["boxes"] == [{"class": "face", "score": 0.9, **RECT}]
    for geometry, made in (
        ("rect", RECT),
        ("quad", QUAD),
        ("polygon", {"rings": [QUAD]}),
        ("rotated", {"x": 25.0, "y": 40.0, "width": 30.0, "height": 40.0}),
    ):
        schema = {"shape": "objects", "classes": ["face"], "geometries": [geometry]}
        (one,) = draft("faces", face, schema)["value"]["objects"]["objects"]
        assert one[geometry] == made
    with pytest.raises(Impossible, match="asks for"):
        draft("faces", face, {"shape": "objects", "classes": ["face"], "geometries": ["mask"]})


def test_boxes_become_the_objects_of_a_template_of_objects() -> None:
    boxes = {"value": {"boxes": {"boxes": [{"class": "car", "score": 0.7, **RECT}]}}, "score": 0.7}
    assert adapters.boxes_as_asked(boxes, {"shape": "boxes"}) is boxes
    found = adapters.boxes_as_asked(boxes, {"shape": "objects", "geometries": ["rect"]})
    assert found["value"]["objects"]["objects"] == [{"class": "car", "score": 0.7, "rect": RECT}]
    assert found["score"] == 0.7


def test_skeletons_take_the_order_of_the_template() -> None:
    points = [{"x": 1.0, "y": 2.0, "visibility": "VISIBILITY_VISIBLE"}, {"x": 3.0, "y": 4.0}]
    person = {"class": "person", "keypoints": {"points": points}}
    schema = {
        "shape": "objects",
        "classes": ["person"],
        "geometries": ["keypoints"],
        "skeleton": {"points": ["hip", "knee", "nose"]},
    }
    found = draft("pose", objects(person, points=["nose", "hip"]), schema)
    (one,) = found["value"]["objects"]["objects"]
    assert one["keypoints"]["points"] == [points[1], {}, points[0]]
    with pytest.raises(Impossible, match="none of the template's skeleton"):
        draft("pose", objects(person, points=["wing", "tail"]), schema)
    with pytest.raises(Impossible, match="no pose document"):
        draft("pose", objects(person, points=["nose"]), schema)


def test_what_is_written_is_regions_or_text() -> None:
    page = objects(
        {"class": "line", "text": "Total", "quad": QUAD, "score": 0.9},
        {"class": "line", "text": "7.50", "quad": QUAD, "score": 0.8},
    )
    found = draft("ocr", page, {"shape": "text", "texts": True})
    assert found == {"value": {"text": {"text": "Total\n7.50"}}, "score": 0.8}
    block = {"class": "paragraph", "text": "Total 7.50", "quad": QUAD, "score": 0.7}
    page["value"]["objects"]["objects"].append(block)
    found = draft("ocr", page, {"shape": "text", "texts": True})
    assert found == {"value": {"text": {"text": "Total 7.50"}}, "score": 0.7}
    page["value"]["objects"]["objects"].pop()
    schema = {"shape": "objects", "classes": ["line"], "geometries": ["quad"], "texts": True}
    assert len(draft("ocr", page, schema)["value"]["objects"]["objects"]) == 2


def test_cuboids_stand_in_the_template_s_frame() -> None:
    box = {"class": "car", "centre": {"x": 5.0}, "size": {"x": 4.0, "y": 2.0, "z": 1.5}}
    answer = {"value": {"cuboids": {"cuboids": [box, {**box, "class": "tree"}]}}}
    found = draft("cloud-boxes", answer, {"shape": "cuboids", "classes": ["car"], "frame": "ego"})
    assert found["value"] == {"cuboids": {"frame": "ego", "cuboids": [box]}}


def test_tracks_outside_of_reason_are_refused() -> None:
    track: Doc = {"id": "1", "class": "car", "frames": [{"rect": RECT}, {"frame": 2, "rect": RECT}]}
    schema = {"shape": "tracks", "classes": ["car"], "geometries": ["rect"]}
    answer = {"value": {"tracks": {"tracks": [track]}}}
    assert draft("tracking", answer, schema)["value"]["tracks"]["tracks"] == [track]
    track["frames"].reverse()
    with pytest.raises(Impossible, match="does not come after"):
        draft("tracking", answer, schema)


# -- what goes in -------------------------------------------------------------------------------


async def fetch(reference: str) -> bytes:
    if reference.startswith("blob:"):
        return reference.encode()
    raise Impossible("not readable")


async def test_frames_travel_as_one_archive_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = await images.give_frames(["blob:b", "blob:a"], fetch)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [b"blob:b", b"blob:a"]
    for value, words in ((3, "no frames"), (["blob:a", "x"], "not readable"), ([{}], "no frames")):
        with pytest.raises(Impossible, match=words):
            await images.give_frames(value, fetch)
    with pytest.raises(Impossible, match="601 frames"):
        await images.give_frames(["blob:a"] * 601, fetch)
    monkeypatch.setattr(images, "_MOST_BYTES", 10)
    with pytest.raises(Impossible, match="bytes of one draft"):
        await images.give_frames(["blob:a"] * 2, fetch)


async def test_clouds_travel_as_rows_of_places() -> None:
    points = np.arange(12, dtype="<f4").reshape(3, 4)

    async def file(_: str) -> bytes:
        return points.tobytes()

    packed = await space.give_cloud("blob:c", file)
    assert np.frombuffer(packed, "<f4").reshape(-1, 3).tolist() == points[:, :3].tolist()

    async def broken(_: str) -> bytes:
        return b"ply\nnothing"

    with pytest.raises(Impossible, match="cannot be read"):
        await space.give_cloud("blob:c", broken)
