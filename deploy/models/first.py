"""What a first project needs: trained classifiers of texts and of pictures, built with progress.
Others are built when they are asked for (`make models NAMES=...`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from deploy.models import build as whole
from deploy.models.carriers import step
from deploy.models.workshop import is_marked, workshop
from tools import datasets

FIRST = ("spam-text", "digits-image")


def is_built(out: Path, *marks: str) -> bool:
    """Are there models of the present sources, by one of these marks?"""
    stamp = whole._stamp()
    return any(is_marked(out / m, stamp) for m in marks)


def build_first(out: Path) -> bool:
    """Makes them unless they are there from the same sources; True where anything was made."""
    if is_built(out, "BUILT", "FIRST"):
        return False
    out.mkdir(parents=True, exist_ok=True)
    _prepare()
    with workshop(out) as folder:
        if is_built(out, "BUILT", "FIRST"):
            return True  # by the build that was waited for
        fresh = folder / "models"
        with step("training two classifiers"):
            whole._train(folder, fresh)
        for name in FIRST:
            whole._lay_out(fresh / name, name)
            shutil.rmtree(out / name, ignore_errors=True)
            shutil.move(fresh / name, out / name)
        (out / "FIRST").write_text(whole._stamp())
    return True


def build_usual(out: Path, names: Iterable[str]) -> bool:
    """Makes the usual models and those of `names`; True where anything was made."""
    if is_built(out, "BUILT"):
        return whole.build(out, names)
    _prepare()
    with step("training classifiers, fetching a detector, encoders and the usual models"):
        return whole.build(out, names)


def _prepare() -> None:
    with step("fetching digits and mails to train on"):
        for package in datasets.PACKAGES:
            datasets.fetch(package)
    with step("an environment to train in"):
        whole._python()
