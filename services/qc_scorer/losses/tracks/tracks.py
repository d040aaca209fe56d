"""Tracks of one video or series of frames.

Key frames are interpolated, and every object in every frame is a unit (an object-frame). Two are
one where class, attributes and geometry agree, as `objects` compares them: 1 - IoU at most the
tolerance. In a frame an object missed, extra, misplaced or of another class or attributes is an
error, one misplaced is one; and so is each frame in which an object becomes another (an identity
switch). A label is wrong where identities switch, or where a track has no equal partner: over the
frames that either is in, the mean likeness of two equal tracks is at least 1 - the tolerance; so
frames more or less at an end are no error of the whole. The distance is 1 - IDF1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import orjson

from services.qc_scorer.losses.image.objects import Rule
from services.qc_scorer.losses.matching import best
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss
from services.qc_scorer.losses.tracks.track_frames import IntArray, Shared, shared, tracks_of
from services.qc_scorer.losses.tracks.tracking import continued, identified, switches


def partners(table: Shared, least: float) -> IntArray:
    """(m, 2) tracks that are one: those whose mean likeness over the frames that either is in is at
    least `least`, one to one, best in sum."""
    pairs, alike = table.over(table.gains)
    _, both = table.over(np.ones(len(table.gains)))
    sizes = [side.sizes for side in table.sides]
    mean = alike / (sizes[0][pairs[:, 0]] + sizes[1][pairs[:, 1]] - both)
    mean[mean < least - EPSILON] = 0.0
    return best(pairs, mean, (len(sizes[0]), len(sizes[1])))


def counted(table: Shared) -> Errors:
    """Object-frames missing, extra or matched with another than before, of those of the truth."""
    matches = continued(table)
    frames = [side.frames for side in table.sides]
    places, inverse = np.unique(np.concatenate(frames), return_inverse=True)
    at = np.split(inverse, [len(frames[0])])
    # Of what is matched both sides have one: the larger rest is missing or extra.
    most = np.maximum(*(np.bincount(side, minlength=len(places)) for side in at))
    count = most.sum() - len(matches) + len(switches(table, matches))
    return Errors(float(count * table.step), float(len(frames[0]) * table.step))


def misses(table: Shared, least: float) -> bool:
    """Do identities switch, or has a track no partner that is at least `least` like it?"""
    if len(switches(table, continued(table))):
        return True
    there = [int(np.count_nonzero(side.sizes)) for side in table.sides]
    equal = len(partners(table, least))
    return there != [equal, equal]


def far(table: Shared) -> float:
    """1 - IDF1."""
    units = sum(len(side.tracks) for side in table.sides)
    return 1.0 - 2.0 * identified(table) / units if units else 0.0


def _ordered(value: Doc) -> list[Doc]:
    """By what they are: of those that fit equally well the same are taken, however they are
    listed."""
    return sorted(tracks_of(value), key=lambda t: orjson.dumps(t, option=orjson.OPT_SORT_KEYS))


def _loss(rule: Rule) -> Loss:
    def tolerant(tolerance: float | None) -> Rule:
        return rule if tolerance is None else replace(rule, slack=tolerance)

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        mutual = replace(tolerant(tolerance), mutual=True)
        return far(shared(tracks_of(a), tracks_of(b), mutual))

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        return counted(shared(_ordered(truth), _ordered(label), tolerant(tolerance)))

    def differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
        table = shared(_ordered(truth), _ordered(label), tolerant(tolerance))
        return misses(table, 1.0 - tolerant(tolerance).slack)

    def options(said: Mapping[str, str]) -> Loss:
        sigmas = tuple(float(s) for s in said.get("sigmas", "").split(",") if s)
        return _loss(replace(rule, sigmas=sigmas))

    return Loss(distance, errors, differs, options)


TRACKS = _loss(Rule())
