"""Tasks that go over the objects of a label: each object's own is what the model is shown."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from labelmill.annotation.v1.annotation_pb2 import Composite
from labelmill.task_dispatch.v1.task_dispatch_pb2 import Task
from PIL import Image

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.codec import doc_to_message
from libs.common.errors import Invalid
from libs.common.store import open_store
from services.prelabel_gateway.domain import Project, Route
from services.prelabel_gateway.inference.client import Model
from services.prelabel_gateway.object_inputs.crop import crops
from services.prelabel_gateway.object_inputs.scope import cutting, object_of
from services.prelabel_gateway.service import PrelabelGateway
from services.prelabel_gateway.store import COLLECTIONS
from services.template.validation import Unfit, check_parts

Doc = dict[str, Any]
NAME = "tenants/acme/projects/p.colour"
COLOURS = ["red", "green", "blue"]


def picture() -> bytes:
    """120 x 60 pixels: the left third red, the middle green, the right blue."""
    pixels = np.zeros((60, 120, 3), np.uint8)
    for channel in range(3):
        pixels[:, 40 * channel : 40 * (channel + 1), channel] = 255
    return png(pixels)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def seen(content: bytes | str) -> np.ndarray:
    assert isinstance(content, bytes), content
    return np.asarray(Image.open(io.BytesIO(content)))


def box(x: float, y: float, width: float, height: float) -> Doc:
    return {"x": x, "y": y, "width": width, "height": height}


@pytest.mark.parametrize(
    "one",
    [
        box(45, 5, 30, 40),
        {"rect": box(45, 5, 30, 40)},
        {"quad": {"points": [45, 5, 75, 5, 75, 45, 45, 45]}},
        {"polygon": {"rings": [{"points": [45, 5, 75, 5, 60, 45]}]}},
        {"rotated": {"x": 60, "y": 25, "width": 40, "height": 30, "angle": 90.0}},
    ],
)
def test_an_object_is_cut_out_with_a_little_around_it(one: Doc) -> None:
    (cut,) = crops(picture(), [one])
    pixels = seen(cut)
    assert sorted(pixels.shape[:2]) == [36, 46]
    assert (pixels[2:-2, 2:-2] == [0, 255, 0]).all()


def test_what_is_written_upside_down_is_turned_upright() -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:20, 40:] = 255
    upside_down = {"quad": {"points": [80, 40, 0, 40, 0, 0, 80, 0]}}
    (cut,) = crops(png(pixels), [upside_down])
    found = seen(cut)[..., 0]
    assert found[30:, :30].min() == 255 and found[:15].max() == 0, "now at the lower left"


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (box(200, 5, 30, 40), "outside the picture"),
        (box(5, 5, 0.5, 40), "smaller than two pixels"),
        ({"mask": {"width": 120, "height": 60, "counts": "x"}}, "cannot be cut out"),
        ({"start": 1.0, "end": 2.0}, "cannot be cut out"),
    ],
)
def test_what_cannot_be_cut_is_told_and_the_rest_is_cut(one: Doc, words: str) -> None:
    bad, good = crops(picture(), [one, box(5, 5, 30, 40)])
    assert isinstance(bad, str) and words in bad
    assert seen(good)[20, 20].tolist() == [255, 0, 0]


def test_no_picture_is_told_for_each() -> None:
    assert ["cannot be read" in str(one) for one in crops(b"no picture", [{}, {}])] == [True, True]


def test_spans_are_cut_by_code_points() -> None:
    cut = cutting("text-classification")
    text = "😀 Ada met Bob".encode()
    assert cut(text, [{"start": 2, "end": 5}, {"start": 50, "end": 60}]) == [
        b"Ada",
        "a span without text",
    ]


class Eye:
    """An inference server whose model says which colour a picture mostly has."""

    asked = 0

    async def model(self, name: str, version: str = "") -> Model:
        return Model(name, "1", "image-classification", COLOURS, 64)

    async def infer(self, _: Any, __: str, values: list[bytes], *___: Any) -> Doc:
        self.asked += 1
        rows = [seen(one).reshape(-1, 3).mean(0) + 1e-6 for one in values]
        return {"PROBS": np.array([row / row.sum() for row in rows])}


class Counted(Blobs):
    """Blobs that count how often they are read."""

    reads = 0

    async def get(self, key: str) -> bytes:
        self.reads += 1
        return await super().get(key)


def inputs(*objects: Doc, part: str = "places") -> Any:
    return doc_to_message(
        {"parts": [{"part": part, "value": {"boxes": {"boxes": list(objects)}}}]}, Composite
    )


async def test_each_object_is_drafted_alone_and_its_picture_read_once(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    blobs, eye = Counted(f"file://{tmp_path}/blobs"), Eye()
    await blobs.put("blobs/acme/picture", picture())
    service = PrelabelGateway(store, FakeClock(), blobs, eye, orjson.loads)  # type: ignore[arg-type]
    route = Route("m", "", "image-classification", "image")
    schema = {"shape": "choice", "classes": COLOURS}
    project = Project(NAME, 1, "tpl", route, tuple(COLOURS), schema=schema, per="places")
    await service.remember_projects([project])
    places = [box(45, 5, 30, 40), box(85, 5, 30, 40), box(500, 5, 30, 40), box(5, 5, 30, 40)]
    data = orjson.dumps({"image": "blob:blobs/acme/picture"}).decode()
    tasks = [
        Task(name=f"{NAME}/tasks/t{i}", version=1, data=data, element=str(i), inputs=inputs(one))
        for i, one in enumerate(places)
    ]
    tasks.append(Task(name=f"{NAME}/tasks/t9", version=1, data=data))
    await service.draft_tasks(NAME, tasks)
    messages: list[Any] = [e.message() for e in await store.pending_events(10)]
    done = [t for m in messages if "Completed" in type(m).__name__ for t in m.tasks]
    drafts = {t.task.name[-2:]: list(t.prediction.value.choices.classes) for t in done}
    assert drafts == {"t0": ["green"], "t1": ["blue"], "t3": ["red"]}
    failed = [t for m in messages if "Failed" in type(m).__name__ for t in m.tasks]
    assert {t.task.name[-2:]: t.reason for t in failed} == {
        "t2": "lies outside the picture, or is smaller than two pixels",
        "t9": "it is not known which object this is about",
    }
    assert (blobs.reads, eye.asked) == (1, 1)
    with pytest.raises(Invalid, match="one object of places each"):
        await service.assist(NAME, data)
    await store.close()


def test_the_object_is_that_of_the_part_it_goes_over() -> None:
    stood_on = inputs(box(1, 2, 3, 4))
    stood_on.MergeFrom(inputs(box(5, 6, 7, 8), part="others"))
    assert object_of(stood_on, "others") == box(5, 6, 7, 8)
    assert object_of(stood_on, "none") is None
    # As somebody may send it who leaves the label out.
    assert object_of(doc_to_message({"parts": [{"part": "places"}]}, Composite), "places") is None


def test_a_model_that_sees_one_object_alone_drafts_no_places() -> None:
    places = {
        "name": "places",
        "label_schema": {"shape": "boxes", "classes": ["thing"]},
        "loss": "boxes",
        "merge_rule": "boxes",
    }
    route = {"model": "m", "capability": "image-boxes", "input": "image"}
    within = {**places, "name": "within", "needs": ["places"], "per": "places"}
    fields = [{"name": "image", "type": "image", "required": True}]
    check_parts([places, within], fields)
    with pytest.raises(Unfit, match="drafts choice or text of it; the labels are boxes"):
        check_parts([places, {**within, "model_route": route}], fields)
