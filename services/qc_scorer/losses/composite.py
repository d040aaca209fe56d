"""Labels made of parts: each part is compared by a loss of its own.

Which loss is the template's to say: option `part.NAME=LOSS:TOLERANCE` for each part; without it a
part is compared by the usual loss of its shape. A part that one label lacks is one error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.qc_scorer.losses.protocol import Doc, Errors, Loss

# The first loss that `docs/agreement.md` names for a shape, where shape and loss differ in name.
USUAL = {
    "choices": "set",
    "text": "word",
    "spans": "relations",
    "segments": "segments",
}
PREFIX = "part."
Key = tuple[str, str]
Named = Callable[[str], tuple[Loss, float | None]]


def composite(named: Named, losses: Mapping[str, str] | None = None) -> Loss:
    """named: how a loss's text is read; losses: part -> text of its loss."""
    chosen = dict(losses or {})

    def loss_of(part: str, value: Doc) -> tuple[Loss, float | None]:
        shape = next(iter(value))
        return named(chosen.get(part) or USUAL.get(shape, shape))

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        true, said = parts(truth), parts(label)
        count, units = float(len(true.keys() ^ said.keys())), 0.0
        for key in sorted(true):
            loss, own = loss_of(key[0], true[key])
            found = loss.errors(true[key], said.get(key, true[key]), own)
            wrong = key in said and loss.wrong(true[key], said[key], own)
            count, units = count + (found.count if wrong else 0.0), units + found.units
        return Errors(count, units)

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        """Mean over all parts."""
        left, right = parts(a), parts(b)
        far = float(len(left.keys() ^ right.keys()))
        for key in sorted(left.keys() & right.keys()):
            loss, own = loss_of(key[0], left[key])
            far += loss.distance(left[key], right[key], own)
        return far / max(1, len(left.keys() | right.keys()))

    def options(said: Mapping[str, str]) -> Loss:
        given = {k.removeprefix(PREFIX): v for k, v in said.items() if k.startswith(PREFIX)}
        return composite(named, given)

    return Loss(distance, errors, options=options)


def parts(value: Doc) -> dict[Key, Doc]:
    """(part, entry) -> value."""
    given = value.get("composite", {}).get("parts", [])
    return {(p.get("part", ""), p.get("element", "")): p["value"] for p in given if p.get("value")}
