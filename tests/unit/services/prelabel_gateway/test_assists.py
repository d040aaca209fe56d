"""Assists: what a person has begun is carried on, for the tenant's own data only."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image, ImageDraw

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid
from libs.common.store import open_store
from libs.common.store.sqlite import SqliteStore
from libs.imaging import graph_cut
from libs.sensor import rle
from services.prelabel_gateway.assists import Assists
from services.prelabel_gateway.domain import Assist, Project, Route
from services.prelabel_gateway.inference.client import Inference
from services.prelabel_gateway.service import PrelabelGateway
from services.prelabel_gateway.store import COLLECTIONS

NAME = "tenants/acme/projects/p"
OFFERED = (
    Assist("snap-mask", "", "image"),
    Assist("interpolate", "", "frames"),
    Assist("fit-cuboid", "", "cloud"),
)
DISC = (60, 40, 140, 120)


def picture() -> bytes:
    """A red disc on noisy green, 200 by 160 pixels."""
    noise = np.random.default_rng(0).normal((90, 140, 80), 10, (160, 200, 3))
    image = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    ImageDraw.Draw(image).ellipse(DISC, fill=(200, 60, 50))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def disc() -> np.ndarray:
    image = Image.new("1", (200, 160))
    ImageDraw.Draw(image).ellipse(DISC, fill=1)
    return np.asarray(image)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def inline(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64," + base64.b64encode(content).decode()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Any]:
    opened = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    yield opened
    await opened.close()


@pytest.fixture
async def assists(store: SqliteStore, tmp_path: Path) -> Assists:
    blobs = Blobs(f"file://{tmp_path}/blobs")
    await blobs.put("blobs/acme/disc.png", picture())
    await blobs.put("blobs/other/disc.png", picture())
    # No model is asked for: nothing listens there.
    inference = Inference("127.0.0.1:9")
    service = PrelabelGateway(store, FakeClock(), blobs, inference, orjson.loads)
    await service.remember_projects([Project(NAME, 1, "tpl", Route(), assists=OFFERED)])
    return Assists(store, blobs, inference, orjson.loads)


def rect(x: float, y: float, width: float, height: float) -> dict[str, Any]:
    return {"class": "disc", "rect": {"x": x, "y": y, "width": width, "height": height}}


@pytest.mark.parametrize("image", [inline(picture()), "blob:blobs/acme/disc.png"])
async def test_a_rectangle_snaps_to_what_is_in_it(assists: Assists, image: str) -> None:
    other = {"class": "disc", "polygon": {"rings": [{"points": [0, 0, 5, 0, 5, 5]}]}}
    value = {"objects": {"objects": [rect(55, 35, 90, 90), other]}}
    data = orjson.dumps({"image": image}).decode()
    made = await assists.assist(NAME, "snap-mask", data, value, "")
    first, second = made["value"]["objects"]["objects"]
    assert second == other and "rect" not in first and first["class"] == "disc"
    counts = rle.counts_from_text(first["mask"]["counts"])
    values = np.arange(len(counts)) % 2 == 1
    mask = np.repeat(values, counts).reshape(200, 160).T
    assert overlap(mask, disc()) > 0.95
    assert overlap(mask, disc()) > overlap(np.ones((160, 200), bool), disc())


def key(frame: int, x: float) -> dict[str, Any]:
    return {"frame": frame, "rect": {"x": x, "y": 1.0, "width": 9.0, "height": 9.0}}


async def test_tracks_are_filled_in_to_the_end_of_the_frames(assists: Assists) -> None:
    data = orjson.dumps({"frames": [inline(picture())] * 5}).decode()
    value = {"tracks": {"tracks": [{"class": "disc", "frames": [key(0, 0.0), key(2, 8.0)]}]}}
    made = await assists.assist(NAME, "interpolate", data, value, "")
    (track,) = made["value"]["tracks"]["tracks"]
    assert track["class"] == "disc"
    found = [(f.get("frame", 0), f["rect"].get("x", 0.0)) for f in track["frames"]]
    assert found == [(0, 0), (1, 4), (2, 8), (3, 8), (4, 8)]


async def test_boxes_in_space_stand_in_the_world_while_the_sensor_drives(assists: Assists) -> None:
    sweeps = [
        {"cloud": "", "time": n, "pose": {"x": 10.0 * n, "y": 0, "z": 0, "qw": 1, "qx": 0}}
        for n in (0, 1, 2)
    ]
    size = {"x": 4, "y": 2, "z": 1}
    ends = [{"frame": n, "centre": {"x": 20.0 - 10 * n}, "size": size} for n in (0, 2)]
    value = {"cuboid_tracks": {"frame": "lidar", "tracks": [{"class": "car", "frames": ends}]}}
    data = orjson.dumps({"frames": sweeps}).decode()
    made = await assists.assist(NAME, "interpolate", data, value, "")
    assert made["value"]["cuboid_tracks"]["frame"] == "lidar"
    (track,) = made["value"]["cuboid_tracks"]["tracks"]
    assert [f.get("centre", {}).get("x", 0.0) for f in track["frames"]] == [20, 10, 0]


def wall() -> str:
    """A cloud (KITTI's raw floats, 4 columns) of a road and two sides of a car at x 10 to 14."""
    rng = np.random.default_rng(0)
    road = np.column_stack([rng.uniform(-20, 20, (4000, 2)), np.full(4000, -1.7)])
    rear = np.column_stack([np.full(300, 10.0), rng.uniform((-1, -1.6), (1, -0.2), (300, 2))])
    side = rng.uniform((10, -1.0, -1.6), (14, -0.999, -0.2), (300, 3))
    points = np.concatenate([road, rear, side])
    rows = np.column_stack([points, np.zeros(len(points))]).astype(np.float32)
    return inline(rows.tobytes(), "application/octet-stream")


BOX = {
    "class": "car",
    "id": "c1",
    "centre": {"x": 12.2, "y": 0.1, "z": -0.9},
    "size": {"x": 4.4, "y": 2.3, "z": 1.6},
}


@pytest.mark.parametrize("shape", ["cuboids", "fusion", "cuboid_tracks"])
async def test_a_rough_box_hugs_the_points(assists: Assists, shape: str) -> None:
    holder = {"frame": "lidar", "cuboids": [BOX]}
    value: dict[str, Any] = {shape: holder}
    data, entry = {"cloud": wall()}, ""
    if shape == "fusion":
        value = {"fusion": {"cuboids": holder, "links": []}}
    if shape == "cuboid_tracks":
        frames = [{"frame": n, "centre": BOX["centre"], "size": BOX["size"]} for n in (0, 1)]
        value = {shape: {"frame": "lidar", "tracks": [{"class": "car", "frames": frames}]}}
        data, entry = {"cloud": [{"cloud": wall()}, {"cloud": wall()}]}, "1"
    made = (await assists.assist(NAME, "fit-cuboid", orjson.dumps(data).decode(), value, entry))[
        "value"
    ]
    if shape == "cuboid_tracks":
        first, box = made[shape]["tracks"][0]["frames"]
        assert first == value[shape]["tracks"][0]["frames"][0] and box["frame"] == 1
    else:
        box = made.get("fusion", made)["cuboids"]["cuboids"][0]
        assert (box["class"], box["id"]) == ("car", "c1")
    found = [box["centre"].get(k, 0.0) for k in "xyz"] + [box["size"][k] for k in "xyz"]
    assert found == pytest.approx([12, 0, -0.95, 4, 2, 1.5], abs=0.06)


@pytest.mark.parametrize(
    ("capability", "data", "value", "words", "field"),
    [
        ("rewrite", "{}", {"text": "x"}, "offers these assists: fit-cuboid, inter", "capability"),
        ("snap-mask", "[]", {}, "JSON object", "data"),
        ("snap-mask", "{", {}, "no JSON", "data"),
        ("snap-mask", '{"image": "blob:blobs/other/disc.png"}', {}, "not there", "data"),
        ("snap-mask", '{"image": "blob:blobs/acme/../other/disc.png"}', {}, "not there", "data"),
        ("snap-mask", '{"a": [{"b": "blob:blobs/other/x"}]}', {}, "not there", "data"),
        ("fit-cuboid", "{}", {"text": "x"}, "1 to 20 boxes", "value"),
        ("fit-cuboid", '{"cloud": ""}', {"cuboids": {"cuboids": [BOX]}}, "base64", "data.cloud"),
        (
            "fit-cuboid",
            orjson.dumps({"cloud": wall()}).decode(),
            {"cuboids": {"cuboids": [BOX, {**BOX, "centre": {"x": 500}}]}},
            "only 0 points",
            "value.cuboids.cuboids[1]",
        ),
        ("interpolate", "{}", {"text": "x"}, "must hold tracks", "value"),
        ("interpolate", "{}", {"tracks": {}}, "1 to 200 tracks", "value"),
        (
            "interpolate",
            '{"frames": ["", ""]}',
            {"tracks": {"tracks": [{"frames": [key(0, 0), key(2, 0)]}]}},
            "rising frames from 0 to 1",
            "value.tracks[0].frames",
        ),
        (
            "interpolate",
            "{}",
            {"tracks": {"tracks": [{"frames": [key(0, 0), key(10**9, 0)]}]}},
            "rising frames from 0 to 9999",
            "value.tracks[0].frames",
        ),
        ("snap-mask", "{}", {"objects": {}}, "1 to 20 objects", "value.objects"),
        ("snap-mask", "{}", {"objects": {"objects": [rect(0, 0, 9, 9)]}}, "no image", "data.image"),
        (
            "snap-mask",
            orjson.dumps({"image": inline(b"no picture")}).decode(),
            {"objects": {"objects": [rect(0, 0, 9, 9)]}},
            "cannot be read",
            "value.objects.objects[0].rect",
        ),
        (
            "snap-mask",
            orjson.dumps({"image": inline(picture())}).decode(),
            {"objects": {"objects": [rect(500, 500, 9, 9)]}},
            "outside the picture",
            "value.objects.objects[0].rect",
        ),
    ],
)
async def test_what_cannot_be_done_is_told(
    assists: Assists, capability: str, data: str, value: Any, words: str, field: str
) -> None:
    with pytest.raises(Invalid, match=words) as told:
        await assists.assist(NAME, capability, data, value, "")
    assert told.value.field == field


async def test_predictions_on_demand_read_the_tenants_own_blobs_only(
    assists: Assists, store: SqliteStore, tmp_path: Path
) -> None:
    blobs = Blobs(f"file://{tmp_path}/blobs")
    service = PrelabelGateway(store, FakeClock(), blobs, Inference("127.0.0.1:9"), orjson.loads)
    with pytest.raises(Invalid, match="not there"):
        await service.assist(NAME, '{"image": "blob:blobs/other/disc.png"}')


@pytest.mark.parametrize("box", [(0, 0, 200, 160), (-50, -50, 400, 400)])
def test_without_background_there_is_nothing_to_learn_from(
    box: tuple[float, float, float, float],
) -> None:
    with pytest.raises(graph_cut.Uncuttable, match="no background"):
        graph_cut.cut(picture(), box)


def test_a_picture_of_one_colour_gives_a_mask_within_its_box() -> None:
    file = io.BytesIO()
    Image.new("RGB", (80, 60), (9, 9, 9)).save(file, "PNG")
    found = graph_cut.cut(file.getvalue(), (20, 20, 30, 20))
    rows, columns = np.nonzero(found)
    assert len(rows) and rows.min() >= 17 and rows.max() <= 43 and columns.min() >= 17
