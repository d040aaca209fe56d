"""What goes with each shape of labels: losses, merge rules, data fields, tolerances, limits.

A table only; `domain` and `composition` ask it. Losses and rules are those of qc-scorer, geometries
those of the validator in `libs.label_validation`.
"""

from __future__ import annotations

from dataclasses import dataclass

# Types of data fields.
MEDIA = ("image", "audio", "video", "cloud")
DATA_FIELDS = (
    "text",
    *MEDIA,
    "frames",
    "sweeps",
    "cameras",
    "calibration",
    "conversation",
    "candidates",
)
# A part may be worked once per entry of these.
LISTS = ("frames", "sweeps", "cameras", "conversation", "candidates")
# What an entry of a list is to the task that goes over it.
ENTRIES = {
    "frames": "image",
    "sweeps": "cloud",
    "cameras": "image",
    "conversation": "text",
    "candidates": "text",
}
_IMAGES = ("rect", "rotated", "polygon", "polyline", "mask", "keypoints", "quad")
_DRAWN = ("image", "frames", "video", "cameras")
_CLOUDS = ("cloud", "sweeps")


@dataclass(frozen=True)
class Kind:
    """A shape: `losses` and `rules` (the first is usual), `value` its field in a label, `fields`
    the types of which an item must require one (none: any item will do), `classes` whether it must
    name classes, `geometries` what its objects may be drawn as, `counted` whether the shape has
    objects, classes or turns to be counted."""

    losses: tuple[str, ...]
    rules: tuple[str, ...]
    value: str
    fields: tuple[str, ...] = ()
    classes: bool = False
    geometries: tuple[str, ...] = ()
    counted: bool = True


_OBJECTS = (
    "objects",
    "rotated",
    "polygons",
    "masks",
    "panoptic",
    "keypoints",
    "lines",
    "regions",
)
KINDS = {
    "choice": Kind(("class",), ("majority",), "choices", classes=True, counted=False),
    "choices": Kind(("set", "hierarchy"), ("majority", "classes"), "choices", classes=True),
    "text": Kind(
        ("text", "word", "character"), ("majority", "words", "characters"), "text", counted=False
    ),
    "boxes": Kind(("boxes",), ("boxes",), "boxes", _DRAWN, True),
    "spans": Kind(("span", "relations"), ("spans",), "spans", ("text",), True),
    "objects": Kind(_OBJECTS, ("objects", "masks"), "objects", _DRAWN, True, _IMAGES),
    "segments": Kind(("segments", "transcript"), ("segments",), "segments", ("audio", "video")),
    "tracks": Kind(("tracks",), ("tracks",), "tracks", ("frames", "video"), True, _IMAGES[:-1]),
    "cuboids": Kind(("cuboids", "bev", "centre"), ("cuboids",), "cuboids", _CLOUDS, True),
    "points": Kind(("points",), ("points",), "points", ("cloud",), True, counted=False),
    "cuboid_tracks": Kind(
        ("cuboid_tracks",), ("cuboid_tracks",), "cuboid_tracks", ("sweeps",), True
    ),
    "map": Kind(
        ("map",), ("map",), "map", (*_CLOUDS, "cameras", "image"), True, ("line", "area", "box")
    ),
    "fusion": Kind(("fusion",), ("fusion",), "fusion", _CLOUDS, True, _IMAGES),
    "conversation": Kind(
        ("conversation", "response"), ("conversation", "majority"), "conversation"
    ),
    "ranking": Kind(("ranking",), ("ranking",), "ranking", ("candidates",), counted=False),
    "preference": Kind(
        ("preference",), ("majority",), "preference", ("candidates",), counted=False
    ),
    "ratings": Kind(("ratings",), ("ratings",), "ratings", counted=False),
    "rewrite": Kind(("rewrite",), ("rewrite", "majority"), "rewrite", ("text",), counted=False),
    "prompt": Kind(("prompt",), ("majority",), "prompt", counted=False),
    "composite": Kind(("composite",), ("majority",), "composite", counted=False),
}


@dataclass(frozen=True)
class Tolerance:
    """`most` is the largest tolerance of a loss, in the loss's own `unit`; more, and nobody would
    call two labels the same. `default` holds where a template names none."""

    most: float
    default: float
    unit: str


_OVERLAP = Tolerance(0.95, 0.5, "1 - IoU that is no error")
_DEGREE = Tolerance(0.95, 0.5, "distance of two texts that is no error")
# Losses that are not here know no tolerance.
TOLERANCES = {
    "word": Tolerance(0.5, 0.0, "word error rate that is no error"),
    "character": Tolerance(0.5, 0.0, "character error rate that is no error"),
    "transcript": Tolerance(0.5, 0.0, "word error rate that is no error"),
    "hierarchy": Tolerance(0.95, 0.0, "share of a path that may differ"),
    "boxes": _OVERLAP,
    "rotated": _OVERLAP,
    "polygons": _OVERLAP,
    "masks": _OVERLAP,
    "regions": _OVERLAP,
    "objects": _OVERLAP,
    "panoptic": Tolerance(0.5, 0.5, "1 - IoU that is no error"),
    "keypoints": Tolerance(0.95, 0.5, "1 - OKS that is no error"),
    "lines": Tolerance(1000.0, 5.0, "pixels between two lines that are no error"),
    "segments": Tolerance(10.0, 0.25, "seconds at either end that are no error"),
    "tracks": _OVERLAP,
    "cuboids": _OVERLAP,
    "bev": _OVERLAP,
    "centre": Tolerance(10.0, 2.0, "metres between two centres that are no error"),
    "points": Tolerance(0.95, 0.0, "1 - mIoU that is no error"),
    "cuboid_tracks": Tolerance(10.0, 2.0, "metres between two centres that are no error"),
    "map": Tolerance(10.0, 1.0, "metres between two lines that are no error"),
    "fusion": Tolerance(10.0, 2.0, "metres between two centres that are no error"),
    "ranking": Tolerance(0.5, 0.0, "distance of two orders that is no error"),
    "ratings": Tolerance(100.0, 0.0, "points of the scale that are no error"),
    "rewrite": _DEGREE,
    "response": _DEGREE,
    "prompt": _DEGREE,
    "conversation": _DEGREE,
}


@dataclass(frozen=True)
class Capability:
    """What a model does: types of the data field it reads, shapes it can draft."""

    inputs: tuple[str, ...]
    shapes: tuple[str, ...]


CAPABILITIES = {
    "text-classification": Capability(("text",), ("choice",)),
    "image-classification": Capability(("image",), ("choice",)),
    "image-boxes": Capability(("image", "cameras", "frames"), ("boxes", "objects")),
    "entities": Capability(("text",), ("spans",)),
    "ocr": Capability(("image",), ("objects", "text")),
    "pose": Capability(("image", "frames"), ("objects",)),
    "hands": Capability(("image", "frames"), ("objects",)),
    "faces": Capability(("image", "frames"), ("boxes", "objects")),
    "masks": Capability(("image", "frames"), ("objects",)),
    "voice-activity": Capability(("audio", "video"), ("segments",)),
    "transcription": Capability(("audio", "video"), ("segments", "text")),
    "speakers": Capability(("audio", "video"), ("segments",)),
    "cloud-boxes": Capability(("cloud", "sweeps"), ("cuboids",)),
    "tracking": Capability(("frames", "video"), ("tracks",)),
}
# What a model offers while a person works.
ASSISTS = {
    "interpolate": Capability(("frames", "video", "sweeps"), ("tracks", "cuboid_tracks")),
    "fit-cuboid": Capability(("cloud", "sweeps"), ("cuboids", "cuboid_tracks", "fusion")),
    "snap-mask": Capability(("image", "frames", "cameras"), ("objects", "fusion")),
    "transcribe": Capability(("audio", "video"), ("segments", "text")),
    "rewrite": Capability(("text", "conversation"), ("text", "rewrite", "conversation")),
}
# How parts become the item's label -> the shape it then has.
JOINS = {
    "composite": ("composite",),
    "segments": ("segments",),
    "regions": ("objects",),
    "fusion": ("fusion",),
}
