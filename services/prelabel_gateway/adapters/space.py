"""Drafts about point clouds: 3D boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from libs.sensor import point_clouds
from services.prelabel_gateway.adapters.answers import Adapter, Fetch, drafted, named
from services.prelabel_gateway.domain import Doc, Impossible


async def give_cloud(value: Any, fetch: Fetch) -> bytes:
    """The cloud's points as rows of three float32 (x, y, z in metres), whatever its format."""
    if not isinstance(value, str):
        raise Impossible("the item has no cloud there")
    try:
        cloud = point_clouds.read(await fetch(value))
    except point_clouds.Unreadable as unreadable:
        raise Impossible(f"the cloud cannot be read: {unreadable}") from unreadable
    return np.ascontiguousarray(cloud.points[:, :3], dtype="<f4").tobytes()


def cuboids(document: Doc, schema: Doc) -> Doc:
    """3D boxes in the frame of the template's labels: the cloud's own."""
    found = named(document["value"]["cuboids"].get("cuboids", []), schema)
    return drafted("cuboids", "cuboids", found, frame=schema.get("frame") or "lidar")


ADAPTERS = {"cloud-boxes": Adapter(give_cloud, cuboids)}
