"""Assists that ask a model: stretches of a recording are cut out and written, texts are rewritten.
The models are small, the inference server and its protocol are the real embedded ones."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from labelmill.annotation.v1.annotation_pb2 import Composite, PartValue, Value

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, Unavailable
from libs.common.store import open_store
from services.prelabel_gateway.assists import Assists
from services.prelabel_gateway.domain import Assist, Project, Route
from services.prelabel_gateway.inference.client import Inference
from services.prelabel_gateway.inference.embedded_server import EmbeddedServer
from services.prelabel_gateway.object_inputs import clip
from services.prelabel_gateway.service import PrelabelGateway
from services.prelabel_gateway.store import COLLECTIONS

NAME = "tenants/acme/projects/p"
RATE = 8000
CONFIG = """
backend: "python"
max_batch_size: 8
input [{{ name: "INPUT" data_type: TYPE_STRING dims: [1] }}]
output [{{ name: "VALUE" data_type: TYPE_STRING dims: [1] }}]
parameters {{ key: "capability" value {{ string_value: "{capability}" }} }}
"""
MODEL = '''
import io, json, wave
import numpy as np
import triton_python_backend_utils as pb_utils


def heard(content):
    """How loud the recording is says what was said in it."""
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        seconds = file.getnframes() / file.getframerate()
    loud = float(np.abs(samples.astype(float)).mean())
    if loud < 50:
        return {"error": "no speech"}
    text = f"{seconds:.2f} s at {round(loud, -2):.0f}"
    return {"value": {"segments": {"segments": [{"start": 0.0, "end": seconds, "text": text}]}}}


def written(content):
    return {"value": {"text": {"text": content.decode().upper()}}}


class TritonPythonModel:
    def initialize(self, args):
        self.answer = heard if args["model_name"] == "ear" else written

    def execute(self, requests):
        made = []
        for request in requests:
            given = pb_utils.get_input_tensor_by_name(request, "INPUT").as_numpy().ravel()
            answers = [json.dumps(self.answer(one)).encode() for one in given]
            rows = np.array(answers, dtype=object).reshape(-1, 1)
            made.append(pb_utils.InferenceResponse([pb_utils.Tensor("VALUE", rows)]))
        return made
'''


def recording(*levels: int) -> bytes:
    """A second of a tone at each level."""
    tone = np.sin(np.arange(RATE) * 2 * np.pi * 200 / RATE)
    samples = np.concatenate([level * tone for level in levels]).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def data(*levels: int) -> str:
    uri = "data:audio/wav;base64," + base64.b64encode(recording(*levels)).decode()
    return orjson.dumps({"audio": uri, "text": "hello"}).decode()


@pytest.fixture
async def assists(tmp_path: Path) -> AsyncIterator[Any]:
    models = tmp_path / "models"
    for name, capability in (("ear", "transcription"), ("pen", "rewriting")):
        (models / name / "1").mkdir(parents=True)
        (models / name / "config.pbtxt").write_text(CONFIG.format(capability=capability))
        (models / name / "1" / "model.py").write_text(MODEL)
    store = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    async with EmbeddedServer(models) as server:
        inference = Inference(server.url)
        blobs = Blobs(f"file://{tmp_path}/blobs")
        service = PrelabelGateway(store, FakeClock(), blobs, inference, orjson.loads)

        async def offering(
            transcriber: str = "ear", writer: str = "pen", per: str = "", **more: Any
        ) -> Assists:
            offered = (
                Assist("transcribe", transcriber, "audio"),
                Assist("rewrite", writer, "text"),
            )
            project = Project(NAME, 1, "tpl", Route(), assists=offered, per=per, **more)
            await service.remember_projects([project])
            return Assists(store, blobs, inference, orjson.loads)

        yield offering
        await inference.close()
    await store.close()


async def test_segments_without_words_get_those_that_are_heard_in_them(assists: Any) -> None:
    segments = [
        {"start": 1.0, "end": 2.0, "speaker": "S1"},
        {"start": 2.25, "end": 2.75},
        {"end": 1.0, "text": "kept"},
        {"start": 3.0, "end": 4.0},
    ]
    asked = {"segments": {"segments": segments}}
    found = await (await assists()).assist(NAME, "transcribe", data(3000, 1000, 2000, 0), asked, "")
    assert (found["model"], found["model_version"]) == ("ear", "1")
    first, second, third, silent = found["value"]["segments"]["segments"]
    assert first == {**segments[0], "text": "1.00 s at 600"}
    assert second["text"] == "0.50 s at 1300" and third == segments[2]
    assert silent == segments[3], "nothing was said there"


async def test_a_text_is_what_is_heard_in_all(assists: Any) -> None:
    found = await (await assists()).assist(NAME, "transcribe", data(1000, 1000), {"text": {}}, "")
    assert found["value"] == {"text": {"text": "2.00 s at 600"}}


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ({"text": {"text": "ab"}}, {"text": {"text": "AB"}}),
        (
            {"rewrite": {"before": "ab", "after": "x", "classes": ["c"]}},
            {"rewrite": {"before": "ab", "after": "AB", "classes": ["c"]}},
        ),
        (
            {"conversation": {"turns": [{"content": "q"}, {"role": "assistant", "content": "ab"}]}},
            {"conversation": {"turns": [{"content": "q"}, {"role": "assistant", "content": "AB"}]}},
        ),
    ],
)
async def test_a_rewrite_is_proposed_where_the_text_is(
    assists: Any, value: Any, after: Any
) -> None:
    found = await (await assists()).assist(NAME, "rewrite", data(0), value, "")
    assert found["value"] == after and found["model"] == "pen"


@pytest.mark.parametrize(
    ("capability", "value", "words"),
    [
        ("transcribe", {"segments": {}}, "1 to 20 segments"),
        ("transcribe", {"segments": {"segments": [{"start": 8.0, "end": 9.0}]}}, "ends before"),
        ("transcribe", {"segments": {"segments": [{"start": 2.0, "end": 1.0}]}}, "from 2 to 1"),
        ("transcribe", {"segments": {"segments": [{"end": 100.0}]}}, "at most 60 s"),
        ("rewrite", {"text": {}}, "no text to rewrite"),
    ],
)
async def test_what_cannot_be_asked_is_told(
    assists: Any, capability: str, value: Any, words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        await (await assists()).assist(NAME, capability, data(1000), value, "")


@pytest.mark.parametrize(
    ("writer", "words"),
    [("", "names no model"), ("ear", "does transcription"), ("gone", "not found")],
)
async def test_without_its_model_the_person_goes_on(assists: Any, writer: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        await (await assists(writer=writer)).assist(
            NAME, "rewrite", data(0), {"text": {"text": "ab"}}, ""
        )


async def test_a_text_of_one_segment_is_what_is_heard_in_it(assists: Any) -> None:
    asking = await assists(per="cut")
    segments = {"segments": [{"start": 1.25, "end": 2.0}]}
    inputs = Composite(
        parts=[
            PartValue(part="other", value=Value(segments={"segments": [{"end": 1}]})),
            PartValue(part="cut", value=Value(segments=segments)),
        ]
    )
    asked = (NAME, "transcribe", data(3000, 1000), {"text": {}}, "17")
    found = await asking.assist(*asked, inputs)
    assert found["value"] == {"text": {"text": "0.75 s at 600"}}
    with pytest.raises(Invalid, match="the object of cut"):
        await asking.assist(*asked, Composite())


async def test_a_model_is_asked_only_for_what_the_labels_are(assists: Any) -> None:
    """Of a task about one segment's text, not for those of the others, worked blind by whom?"""
    asking = await assists(schema={"shape": "text"})
    others = {"segments": {"segments": [{"end": 1.0}]}}
    with pytest.raises(Invalid, match="must hold text") as refused:
        await asking.assist(NAME, "transcribe", data(3000, 1000), others, "")
    assert refused.value.field == "value"


def test_no_recording_is_told_and_a_long_one_is_read_as_far_as_needed() -> None:
    (reason,) = clip.clips(b"no sound", [{"end": 1.0}])
    assert "cannot be read" in str(reason)
    segments = [{"start": 0.5, "end": 1.5}, {"end": 100.0}, {"end": 2.5}, {"start": 7, "end": 8}]
    first, long, second, beyond = clip.clips(recording(1000, 1000), segments)
    assert "at most 60 s" in str(long) and "ends before" in str(beyond)
    with wave.open(io.BytesIO(first)) as file:  # type: ignore[arg-type]
        assert (file.getframerate(), file.getnframes()) == (16_000, 16_000)
    with wave.open(io.BytesIO(second)) as file:  # type: ignore[arg-type]
        assert file.getnframes() == pytest.approx(32_000, abs=64), "as much as there is"
