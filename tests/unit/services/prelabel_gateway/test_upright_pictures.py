"""One space for coordinates: the picture as it is shown, for models, crops, snaps and files."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from libs.common.blobs import Blobs
from libs.formats import Doc, Job
from libs.formats.media import otherwise_framed, size_of
from libs.formats.registry import format_of
from libs.formats.source import Source
from libs.imaging import graph_cut, orientation
from services.prelabel_gateway.domain import Route
from services.prelabel_gateway.object_inputs import upright
from services.prelabel_gateway.object_inputs.crop import crops
from services.prelabel_gateway.object_inputs.select import Inputs
from tests.unit.libs.formats.format_fixtures import PROJECT, SCHEMA, read, row, source_of

# As stored; a red corner at the upper left of 64 x 48.
STORED = np.full((48, 64, 3), 128, np.uint8)
STORED[:16, :16] = (250, 20, 20)


def photo(turned: int, kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[orientation.TAG] = turned
    out = io.BytesIO()
    Image.fromarray(STORED).save(out, kind, exif=exif, quality=95)
    return out.getvalue()


def shown(content: bytes) -> np.ndarray:
    """As Pillow's own rule shows it."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.int16)


def plain(content: bytes) -> np.ndarray:
    """As a model reads it that knows nothing of EXIF."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"), np.int16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_models_and_crops_see_the_picture_upright(turned: int, kind: str) -> None:
    content = photo(turned, kind)
    wanted = shown(content)
    given = upright.as_shown(content)
    assert np.abs(plain(given) - wanted).max() <= 24
    assert upright.as_shown(given) is given
    assert (given is content) == (turned == 1)
    assert np.abs(np.asarray(graph_cut.read(content), np.int16) - wanted).max() <= 24
    assert size_of(io.BytesIO(content)) == (wanted.shape[1], wanted.shape[0])


def test_an_object_is_cut_where_it_is_shown() -> None:
    content = photo(6)
    red = np.argwhere(shown(content)[:, :, 0] > 200)
    (top, left), (low, right) = red.min(0), red.max(0)
    box = {"rect": {"x": left, "y": top, "width": right - left + 1, "height": low - top + 1}}
    (cut,) = crops(content, [box])
    assert isinstance(cut, bytes)
    assert np.median(plain(cut)[:, :, 0]) > 200


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"RIFF0000WAVE", b"text", b"\x89PNG"])
def test_what_is_no_picture_stays_as_it_is(content: bytes) -> None:
    assert upright.as_shown(content) is content


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(f"file://{tmp_path}")


@pytest.mark.parametrize("inline", [True, False])
async def test_a_photograph_of_a_phone_reaches_the_model_upright(
    blobs: Blobs, inline: bool
) -> None:
    content = photo(6)
    await blobs.put("blobs/t/p.jpg", content)
    uri = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    data = json.dumps({"image": uri if inline else "blob:blobs/t/p.jpg"})
    route = Route("m", "", "object-detection", "image")
    given = await Inputs(blobs, json.loads).of(route, "object-detection", data)
    assert isinstance(given, bytes)
    assert plain(given).shape == (64, 48, 3)


BOX = {"class": "cat", "rect": {"x": 12.0, "y": 54.0, "width": 24.0, "height": 6.0}}
SIZED = ["labelstudio", "yolo-detect", "coco", "coco-objects", "voc", "cvat", "datumaro", "labelme"]


@pytest.mark.parametrize("format_", SIZED)
def test_files_say_the_size_as_shown_and_places_come_back(format_: str) -> None:
    fields = ({"name": "image", "type": "image"},)
    job = Job(PROJECT, "t", SCHEMA, fields, lambda _: io.BytesIO(photo(6)))
    encoder_of: Any = format_of(format_).encoder
    encoder = encoder_of(job)
    one = row(1, {"objects": {"objects": [BOX]}}, {"image": "blob:blobs/t/p.jpg"}, "p.jpg")
    content = encoder.begin() + encoder.add([one]) + b"".join(encoder.end())
    samples, faults = read(format_, source_of(format_, content))
    assert not faults
    value: Doc = samples[0].value or {}
    got = value["objects"]["objects"][0]["rect"]
    assert got == pytest.approx(BOX["rect"])
    sides = samples[0].metadata
    assert (sides.get("width"), sides.get("height")) == ("48", "64")


def test_shares_of_yolo_are_of_the_picture_as_it_is_shown() -> None:
    held = {"p.jpg": photo(6), "p.txt": b"0 0.5 0.9 0.5 0.1", "classes.txt": b"cat"}
    source = Source({k: len(v) for k, v in held.items()}, lambda name: io.BytesIO(held[name]))
    (sample,), _ = read("yolo-detect", source)
    rect = (sample.value or {})["objects"]["objects"][0]["rect"]
    assert rect == pytest.approx({"x": 12.0, "y": 54.4, "width": 24.0, "height": 6.4})


@pytest.mark.parametrize(
    ("turned", "sides", "words"),
    [(6, ("64", "48"), "48 x 64"), (6, ("48", "64"), ""), (1, ("64", "48"), ""), (6, ("", ""), "")],
)
def test_labels_of_a_tool_that_does_not_turn_pictures_are_refused(
    turned: int, sides: tuple[str, str], words: str
) -> None:
    said = dict(zip(("width", "height"), sides, strict=True))
    told = otherwise_framed(photo(turned), said)
    assert (words in told) if words else not told


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        (("128", "96"), "a picture of 128 x 96 pixels, this one is of 64 x 48"),
        (("48", "64"), "of 48 x 64 pixels, this one is of 64 x 48"),
        (("64.0", "48.0"), ""),
        (("0", "0"), ""),
        (("nan", "48"), ""),
    ],
)
def test_labels_of_a_picture_of_another_size_are_refused(
    sides: tuple[str, str], words: str
) -> None:
    told = otherwise_framed(photo(1), dict(zip(("width", "height"), sides, strict=True)))
    assert (words in told) if words else not told
