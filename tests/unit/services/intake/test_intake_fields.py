"""What data fields of every type may hold."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from services.intake.field_types import DataField, Refused, check, media_of, texts_of

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n rest of it").decode()
WAV = "data:audio/wav;base64," + base64.b64encode(b"RIFF\x00\x00\x00\x00WAVEfmt ").decode()
MP4 = "data:video/mp4;base64," + base64.b64encode(b"\x00\x00\x00\x18ftypisom").decode()
BLOB = "blob:blobs/acme/0a.pcd"
AHEAD = {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5}
CAMERA = {"width": 640, "height": 480, "focal": [500, 500], "centre": [320, 240], "pose": AHEAD}
POSE = {"x": 1.0, "qw": 1.0}
TURN = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("type_", "value", "media", "texts"),
    [
        ("text", "hi", 0, 1),
        ("image", PNG, 1, 0),
        ("audio", WAV, 1, 0),
        ("video", MP4, 1, 0),
        ("cloud", BLOB, 1, 0),
        ("frames", [PNG, PNG], 2, 0),
        (
            "sweeps",
            [{"cloud": BLOB, "time": 0.1, "pose": POSE}, {"cloud": BLOB, "time": 0.2}],
            2,
            0,
        ),
        ("cameras", [{"name": "front", "image": PNG, "calibration": CAMERA}], 1, 0),
        ("cameras", [{"name": "front", "image": PNG, "calibration": {}}], 1, 0),
        ("calibration", {"cameras": [{**CAMERA, "name": "front"}]}, 0, 0),
        ("calibration", {}, 0, 0),
        ("conversation", [TURN, {"role": "assistant", "content": "hi"}], 0, 2),
        ("candidates", [{"id": "a", "text": "one"}, {"id": "b", "image": PNG}], 1, 1),
    ],
)
def test_good_values_name_their_media_and_texts(
    type_: str, value: Any, media: int, texts: int
) -> None:
    field = DataField("f", type_)
    check(field, value, "acme")
    assert len(list(media_of(field, value))) == media
    assert len(list(texts_of(field, value))) == texts


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        ("text", " ", "data.f: blank"),
        ("text", 3, "must be text"),
        ("image", WAV, "must be a data: URI"),
        ("image", PNG[:-8] + "!!!!", "base64"),
        ("image", "data:image/png;base64,AAAA", "not of the type"),
        ("image", "blob:blobs/other/a.png", "no such blob"),
        ("image", "blob:blobs/acme/../other/a.png", "no such blob"),
        ("audio", "data:audio/wav;base64,AAAA", "not of the type"),
        ("frames", [], "1 to 10000 entries"),
        ("frames", [PNG, 7], r"data.f\[1\]: must be text"),
        ("sweeps", [{"cloud": BLOB, "time": 2}, {"cloud": BLOB, "time": 1}], "ahead of it"),
        ("sweeps", [{"cloud": BLOB, "pose": {"qw": 2}}], r"data.f\[0\].pose: .* length 2, not 1"),
        ("sweeps", [{"cloud": BLOB, "time": float("nan")}], "finite"),
        ("sweeps", [{"points": BLOB}], "points: unknown field"),
        ("cameras", [{"name": "a", "image": PNG}, {"name": "a", "image": PNG}], "there twice"),
        ("cameras", [{"image": PNG}], "name: must be text"),
        ("calibration", [], "data.f: must be an object of cameras, ego, lidar"),
        ("calibration", {"cameras": [{"fx": 1.0}]}, r"data.f.cameras\[0\].fx: unknown field"),
        (
            "calibration",
            {"cameras": [{**CAMERA, "focal": [4, 4]}]},
            r"data.f.cameras\[0\].focal: .*not millimetres",
        ),
        (
            "cameras",
            [{"name": "a", "image": PNG, "calibration": {**CAMERA, "focal": [-1, 5]}}],
            r"data.f\[0\].calibration.focal: must be above zero",
        ),
        (
            "cameras",
            [{"name": "a", "image": PNG, "calibration": {**CAMERA, "width": "640"}}],
            r"data.f\[0\].calibration.width: must be a whole number",
        ),
        ("conversation", [{"role": "wizard", "content": "x"}], "role: must be one of"),
        ("conversation", [{"role": "user", "content": ""}], "content: blank"),
        ("candidates", [{"id": "a", "text": "x", "image": PNG}], "either text or image"),
        ("candidates", "abc", "must be a list"),
        ("candidates", [None], "must be an object"),
    ],
)
def test_bad_values_are_refused_by_their_path(type_: str, value: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        check(DataField("f", type_), value, "acme")


def test_the_template_can_ask_for_less() -> None:
    with pytest.raises(Refused, match="1 to 1 entries"):
        check(DataField("f", "frames", max_size=1), [PNG, PNG], "acme")
    with pytest.raises(Refused, match="larger than 10 bytes"):
        check(DataField("f", "image", max_size=10), PNG, "acme")
