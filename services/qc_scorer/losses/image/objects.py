"""Objects of one image, each compared by its own geometry.

Two are one where class and geometry agree: 1 - IoU of areas and masks or 1 - OKS of key points at
most the tolerance, lines at most so many pixels apart. An object missed, extra, misplaced, of
another class, or with another attribute is an error; one misplaced is one error, not two. Crowds
and areas to ignore are neither found nor missed, nor is what lies in those of the truth (COCO).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.losses.image import areas, keypoints, masks
from services.qc_scorer.losses.image.geometry import KEYPOINTS, LINE, MASK, RECT, Drawn, things
from services.qc_scorer.losses.matching import MOST_CELLS, best, candidates, single, surest
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss
from services.qc_scorer.losses.space import lines
from services.qc_scorer.losses.text.normalisers import NORMALISERS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# 1 - similarity, and pixels between lines, that are no error unless the template says otherwise.
SLACK, REACH = 0.5, 5.0
# Of pairs that fit equally well, those that also say the same are one.
PREFERRED = 1e-6


@dataclass(frozen=True)
class Rule:
    """How objects are compared. `mutual`: neither side is the truth."""

    slack: float = SLACK
    reach: float = REACH
    sigmas: tuple[float, ...] = ()
    # None: what is written in an object is not compared.
    normaliser: str | None = None
    ordered: bool = False
    mutual: bool = False


@dataclass(frozen=True)
class Compared:
    """Pairs (m, 2) that are one object; places of what has no partner; pairs not equal in all
    else; objects of the truth that count."""

    pairs: IntArray
    missing: list[int]
    extra: list[int]
    changed: int
    units: int


def compare(truth: Sequence[Doc], label: Sequence[Doc], rule: Rule) -> Compared:
    """Two lists of `ImageObject`."""
    solid = [[o for o in side if not o.get("crowd")] for side in (truth, label)]
    true, said = Drawn.beside(*solid)
    pairs = matched(true, said, rule)
    missing = sorted(set(range(len(true))) - set(pairs[:, 0].tolist()))
    extra = sorted(set(range(len(said))) - set(pairs[:, 1].tolist()))
    extra = _outside(said, extra, [o for o in truth if o.get("crowd")], rule)
    units = len(true)
    if rule.mutual:
        missing = _outside(true, missing, [o for o in label if o.get("crowd")], rule)
    changed = _changed(true, said, pairs, rule)
    return Compared(pairs, missing, extra, changed, units)


def matched(a: Drawn, b: Drawn, rule: Rule) -> IntArray:
    """(m, 2) objects that are one."""
    if not len(a) or not len(b):
        return np.empty((0, 2), dtype=np.int64)
    table = _at_once(a, b)
    if table is not None:
        table[table < 1.0 - rule.slack - EPSILON] = 0.0
        where = np.nonzero(table)
        pairs, alike = surest(np.stack(where, axis=1), table[where])
    else:
        blocks = candidates(_grown(a, rule), _grown(b, rule), (a.classes, b.classes))
        found = [surest(block, gains(a, b, block, rule)) for block in blocks]
        pairs = np.concatenate([some for some, _ in found])
        alike = np.concatenate([some for _, some in found])
    if single(pairs):
        return pairs
    said = [[_says(one, rule) for one in side.objects] for side in (a, b)]
    same = [said[0][i] == said[1][j] for i, j in pairs.tolist()]
    return best(pairs, alike + PREFERRED * np.array(same), (len(a), len(b)))


def _at_once(a: Drawn, b: Drawn) -> FloatArray | None:
    """(n, m) IoU of rectangles with each other, or of masks, of one class: what pycocotools tells
    in one call. None for all else, for what has no area, and for more than a table should hold."""
    kind = a.kind
    if kind not in (RECT, MASK) or b.kind != kind or len(a) * len(b) > MOST_CELLS:
        return None
    left, right = (a.sides, b.sides) if kind == RECT else (a.encoded, b.encoded)
    if kind == RECT and min(a.sides[:, 2:].min(), b.sides[:, 2:].min()) <= 0:
        return None
    if kind == MASK and not masks.all_drawn([*a.encoded, *b.encoded]):
        return None
    table = masks.alike(left, right)
    if len({*a.classes, *b.classes}) > 1:
        table[np.array(a.classes)[:, None] != np.array(b.classes)] = 0.0
    return table


def _grown(drawn: Drawn, rule: Rule) -> FloatArray:
    """Bounds, with as much round lines and key points as may still match."""
    bounds = drawn.bounds
    if drawn.kinds.max() <= MASK:
        return bounds
    margin = np.where(drawn.kinds == LINE, rule.reach, 0.0)
    joints = drawn.kinds == KEYPOINTS
    margin[joints] = _around(bounds[joints], rule)
    return bounds + margin[:, None] * np.array([-1.0, -1.0, 1.0, 1.0])


def _around(bounds: FloatArray, rule: Rule) -> FloatArray:
    """(n,) how far from their rectangles key points may be that are still alike enough."""
    size = bounds[:, 2:] - bounds[:, :2]
    spread = 2.0 * max((*rule.sigmas, keypoints.SIGMA))
    likeness = min(max(1.0 - rule.slack, 1e-300), 1.0)
    near = spread * np.sqrt(-2.0 * math.log(likeness) * size.prod(axis=1))
    return np.asarray(near + size.max(axis=1, initial=0.0))


def gains(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule) -> FloatArray:
    """(k,) how alike pairs (k, 2) are, above 0 to 1; 0 where they are not one object."""
    ways = _WAYS[a.kinds[pairs[:, 0]], b.kinds[pairs[:, 1]]]
    different = set(ways.tolist())
    if len(different) == 1:
        found = _alike(a, b, pairs, rule, different.pop())
    else:
        found = np.zeros(len(pairs))
        for way in different:
            where = np.flatnonzero(ways == way)
            found[where] = _alike(a, b, pairs[where], rule, way)
    none = np.flatnonzero(found == 0)
    if not len(none):
        return found
    large = _as_large(a.bounds[pairs[none, 0]], b.bounds[pairs[none, 1]])
    for k in none[large].tolist():
        # What has no area overlaps nothing, not even itself.
        found[k] = float(a.drawn_as(int(pairs[k, 0])) == b.drawn_as(int(pairs[k, 1])))
    return found


def _alike(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule, way: int) -> FloatArray:
    if way == _NONE:
        return np.zeros(len(pairs))
    found = _COMPARED[way](a, b, pairs, rule)
    if way != _APART:
        found[found < 1.0 - rule.slack - EPSILON] = 0.0
    return found


def _as_large(a: FloatArray, b: FloatArray) -> NDArray[np.bool_]:
    """(k,) Are the bounds of pairs the same, or none?"""
    return np.asarray(((a == b) | np.isnan(a)).all(axis=1))


def _rectangles(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule) -> FloatArray:
    return areas.rect_iou(a.bounds[pairs[:, 0]], b.bounds[pairs[:, 1]])


def _areas(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule) -> FloatArray:
    return areas.iou(a.areas[pairs[:, 0]], b.areas[pairs[:, 1]])


def _pixels(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule) -> FloatArray:
    both = (a.kinds[pairs[:, 0]] == MASK) & (b.kinds[pairs[:, 1]] == MASK)
    found = np.zeros(len(pairs))
    if both.any():
        left, right = a.places[pairs[both, 0]], b.places[pairs[both, 1]]
        # Pairs come in blocks of rising firsts: no more than these are compared with all.
        first, last = int(left.min()), int(left.max())
        found[both] = masks.alike(a.encoded[first : last + 1], b.encoded)[left - first, right]
    if not both.all():
        found[~both] = masks.iou(*_painted(a, b, pairs[~both]))
    return found


def _painted(a: Drawn, b: Drawn, pairs: IntArray) -> tuple[list[IntArray], list[IntArray]]:
    """Runs of both, on pictures of the size that the mask among them has."""
    left, right = [], []
    for i, j in pairs.tolist():
        mask = a.objects[i].get("mask") or b.objects[j]["mask"]
        left.append(a.painted(i, mask["height"], mask["width"]))
        right.append(b.painted(j, mask["height"], mask["width"]))
    return left, right


def _keypoints(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule) -> FloatArray:
    left, right = a.joints.of(pairs[:, 0]), b.joints.of(pairs[:, 1])
    alike = keypoints.oks(left, right, rule.sigmas)
    return (alike + keypoints.oks(right, left, rule.sigmas)) / 2.0 if rule.mutual else alike


def _lines(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule) -> FloatArray:
    left, right = a.paths.of(a.places[pairs[:, 0]]), b.paths.of(b.places[pairs[:, 1]])
    apart = lines.distance(left, right)
    near = apart <= rule.reach + EPSILON
    return np.where(near, 1.0 / (1.0 + apart / max(rule.reach, EPSILON)), 0.0)


_COMPARED = (_rectangles, _areas, _pixels, _keypoints, _lines)
_APART, _NONE = 4, 5
# How two kinds are compared, by their numbers: a mask with an area as pixels, lines with lines.
_WAYS = np.array(
    [
        [0, 1, 2, _NONE, _NONE],
        [1, 1, 2, _NONE, _NONE],
        [2, 2, 2, _NONE, _NONE],
        [_NONE, _NONE, _NONE, 3, _NONE],
        [_NONE, _NONE, _NONE, _NONE, _APART],
    ]
)


def _outside(drawn: Drawn, alone: list[int], crowds: list[Doc], rule: Rule) -> list[int]:
    """Those of `alone` that no crowd of their class excuses: with a share of their own area in it
    that would make them one."""
    if not crowds or not alone:
        return alone
    around = Drawn([_outlined(thing) for thing in crowds])
    some = Drawn([_outlined(drawn.objects[i]) for i in alone])
    excused: set[int] = set()
    for pairs in candidates(some.bounds, around.bounds, (some.classes, around.classes)):
        share = share_inside(some, around, pairs)
        excused |= set(pairs[share >= 1.0 - rule.slack - EPSILON, 0].tolist())
    return [place for i, place in enumerate(alone) if i not in excused]


def _outlined(thing: Doc) -> Doc:
    """Key points as their rectangle."""
    if "keypoints" not in thing:
        return thing
    left, top, right, low = keypoints.bounds(thing["keypoints"])
    rect = {"x": left, "y": top, "width": right - left, "height": low - top}
    return {"class": thing.get("class", ""), "rect": rect}


def share_inside(a: Drawn, b: Drawn, pairs: IntArray) -> FloatArray:
    """(k,) share of each first one's area that the second covers; 0 of what has no area."""
    found = np.zeros(len(pairs))
    ways = _WAYS[a.kinds[pairs[:, 0]], b.kinds[pairs[:, 1]]]
    both, pixels = ways <= 1, ways == 2
    if both.any():
        mine, around = a.areas[pairs[both, 0]], b.areas[pairs[both, 1]]
        found[both] = areas.overlap(mine, around) / np.maximum(areas.size(mine), EPSILON)
    if pixels.any():
        left, right = _painted(a, b, pairs[pixels])
        whole = np.array([masks.size(one) for one in left])
        found[pixels] = masks.overlap(left, right) / np.maximum(whole, 1)
    return found


def _changed(a: Drawn, b: Drawn, pairs: IntArray, rule: Rule) -> int:
    """Pairs whose attributes, texts or places in the reading order are not equal."""
    both = [(a.objects[i], b.objects[j]) for i, j in pairs.tolist()]
    count = sum(_says(x, rule) != _says(y, rule) for x, y in both)
    if not rule.ordered:
        return count
    orders = [(x["order"], y["order"]) for x, y in both if x.get("order") and y.get("order")]
    return min(len(both), count + _misplaced([y for _, y in sorted(orders)]))


def _says(thing: Doc, rule: Rule) -> tuple[Doc, list[str]]:
    """What else two must have equal to be equal."""
    written = NORMALISERS[rule.normaliser](thing.get("text", "")) if rule.normaliser else []
    return thing.get("attributes", {}), written


def _misplaced(order: Sequence[int]) -> int:
    """How many must move for the rest to rise (all but a longest rising row)."""
    rising: list[int] = []
    for number in order:
        at = bisect_left(rising, number)
        rising[at : at + 1] = [number]
    return len(order) - len(rising)


def _loss(rule: Rule, in_pixels: bool = False) -> Loss:
    def tolerant(tolerance: float | None) -> Rule:
        if tolerance is None:
            return rule
        if in_pixels:
            return replace(rule, reach=tolerance)
        return replace(rule, slack=tolerance)

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        found = compare(things(truth), things(label), tolerant(tolerance))
        wrong = max(len(found.missing), len(found.extra)) + found.changed
        return Errors(float(wrong), float(found.units))

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        """Share of all objects, told apart, that only one has or that are not equal."""
        mutual = replace(tolerant(tolerance), mutual=True)
        found = compare(things(a), things(b), mutual)
        wrong = len(found.missing) + len(found.extra) + found.changed
        return wrong / max(1, len(found.pairs) + len(found.missing) + len(found.extra))

    def options(said: Mapping[str, str]) -> Loss:
        sigmas = tuple(float(s) for s in said.get("sigmas", "").split(",") if s)
        normaliser = said.get("normaliser") if rule.normaliser else None
        made = replace(rule, sigmas=sigmas, normaliser=normaliser or rule.normaliser)
        return _loss(made, in_pixels)

    return Loss(distance, errors, options=options)


GEOMETRY = _loss(Rule())
LINES = _loss(Rule(), in_pixels=True)
REGIONS = _loss(Rule(normaliser="none", ordered=True))
OBJECTS = _loss(Rule(normaliser="none"))
