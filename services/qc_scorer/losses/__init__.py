"""When are two labels equal? Losses by name, one module per family (QUALITY, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from services.qc_scorer.losses import classes, composite
from services.qc_scorer.losses.audio import segments, transcripts
from services.qc_scorer.losses.image import objects, panoptic
from services.qc_scorer.losses.language_model import generation, rankings, ratings
from services.qc_scorer.losses.protocol import Doc, Errors, Loss
from services.qc_scorer.losses.space import cuboids, fusion, maps, points
from services.qc_scorer.losses.text import spans, words
from services.qc_scorer.losses.tracks import cuboid_tracks, tracks

# Every loss that a template may name (`services/template`); what each measures: docs/agreement.md.
LOSSES: dict[str, Loss] = {
    "class": classes.CLASS,
    "set": classes.SET,
    "hierarchy": classes.HIERARCHY,
    "boxes": objects.GEOMETRY,
    "rotated": objects.GEOMETRY,
    "polygons": objects.GEOMETRY,
    "masks": objects.GEOMETRY,
    "keypoints": objects.GEOMETRY,
    "lines": objects.LINES,
    "regions": objects.REGIONS,
    "objects": objects.OBJECTS,
    "panoptic": panoptic.PANOPTIC,
    "tracks": tracks.TRACKS,
    "points": points.POINTS,
    "map": maps.MAP,
    "cuboids": cuboids.CUBOIDS,
    "bev": cuboids.BEV,
    "centre": cuboids.CENTRE,
    "cuboid_tracks": cuboid_tracks.CUBOID_TRACKS,
    "fusion": fusion.FUSION,
    "span": spans.SPANS,
    "text": words.TEXT,
    "word": words.WORD,
    "character": words.CHARACTER,
    "segments": segments.SEGMENTS,
    "transcript": transcripts.TRANSCRIPT,
    "ranking": rankings.RANKING,
    "preference": rankings.PREFERENCE,
    "ratings": ratings.RATINGS,
    "rewrite": generation.REWRITE,
    "prompt": generation.PROMPT,
    "response": generation.RESPONSE,
    "conversation": generation.CONVERSATION,
    "relations": spans.RELATIONS,
}


def differs(a: Doc, b: Doc, loss: str) -> bool:
    """Is `b` an error where `a` is right? `loss` as `with_tolerance` names it."""
    found, tolerance = named(loss)
    return a != b and found.wrong(a, b, tolerance)


def distance(a: Doc, b: Doc, loss: str) -> float:
    """0 where two values are equal, 1 where they have nothing in common."""
    found, tolerance = named(loss)
    return found.distance(a, b, tolerance)


def errors(truth: Doc, label: Doc, loss: str) -> Errors:
    """Errors of `label`, and how many units the truth has."""
    found, tolerance = named(loss)
    return found.errors(truth, label, tolerance)


def with_tolerance(loss: str, tolerance: float, options: Mapping[str, str] | None = None) -> str:
    """The name of a loss, its tolerance and what it needs of the label schema with it:
    `word:0.05`, `keypoints:0.3;sigmas=0.026,0.025`."""
    text = f"{loss}:{tolerance:g}" if tolerance else loss
    if LOSSES[loss].options is None:
        return text
    return ";".join([text, *(f"{k}={v}" for k, v in (options or {}).items() if v)])


@lru_cache(maxsize=1024)
def named(loss: str) -> tuple[Loss, float | None]:
    """(loss, its tolerance or None for the default) of a text by `with_tolerance`."""
    text, *said = loss.split(";")
    name, _, tolerance = text.partition(":")
    found = LOSSES[name]
    if said and found.options is not None:
        found = found.options(dict(option.split("=", 1) for option in said))
    return found, float(tolerance) if tolerance else None


# Its parts are compared by the others.
LOSSES["composite"] = composite.composite(named)
