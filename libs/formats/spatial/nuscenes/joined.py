"""Boxes of nuScenes' samples joined to labels: with those on images, and over time."""

from __future__ import annotations

from libs.formats import Doc
from libs.formats.image import shapes
from libs.formats.spatial import boxes3d


def fusion(held: list[Doc], flat: dict[str, list[Doc]], frame: str) -> Doc:
    """3D boxes and those on images; who names the same instance is linked."""
    ids: dict[str, str] = {}
    for place, box in enumerate(held, 1):
        box.setdefault("id", f"c{place}")
        ids[box.pop("instance")] = box["id"]
    cameras, links, count = [], [], 0
    for camera, objects in flat.items():
        for one in objects:
            count += 1
            one.setdefault("id", f"o{count}")
            instance = one.pop("instance")
            if instance in ids:
                links.append({"cuboid": ids[instance], "camera": camera, "object": one["id"]})
        cameras.append({"camera": camera, "objects": objects})
    cuboids = shapes.plain(frame=frame, cuboids=held)
    return shapes.plain(cuboids=cuboids, cameras=cameras, links=links)


def track(boxes: list[tuple[int, Doc]], times: list[float]) -> Doc:
    """What all boxes have is the track's, what changes is told where it does."""
    first = boxes[0][1]
    shared = {
        name: value
        for name, value in first.get("attributes", {}).items()
        if all(box.get("attributes", {}).get(name) == value for _, box in boxes)
    }
    frames, said = [], dict[str, str]()
    for place, box in boxes:
        told = {k: v for k, v in box.get("attributes", {}).items() if k not in shared}
        new = {k: v for k, v in told.items() if said.get(k) != v}
        said |= told
        known = {k: box[k] for k in ("size", "rotation")}
        made = shapes.plain(frame=place, time=times[place], attributes=new, **known)
        frames.append({**made, "centre": box["centre"]})
    key = first.get("id", "")
    return boxes3d.track(first["class"], key, frames, len(times) - 1, attributes=shared)
