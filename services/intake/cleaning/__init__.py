"""Cleaning: what is odd about an item, and what the project's policy does about it.

`look` opens an item's media and reads its texts (in threads, no store); `verdict` turns what was
found into refused, flagged or nothing. Near-duplicates need the index and come after (`near`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import py3langid

from libs.common.blobs import Blobs
from libs.common.errors import Fault
from services.intake import field_types
from services.intake.cleaning import near, rigs
from services.intake.cleaning.personal import personal_data
from services.intake.domain import Doc, Project
from services.intake.probing import Corrupt, Finding, Probe, probe

# Bytes of one media file that are read to be probed.
MAX_MEDIA_BYTES = 1_000_000_000
_LEAST_LETTERS = 20
_LANGUAGE_CHARACTERS = 2000
# Code -> field of the policy and what it reads as; without a field the action stands.
_RULES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("corrupt", "truncated", "missing", rigs.CODE), ("", "REFUSE")),
    **dict.fromkeys(("clipped", "nan_points", "unended"), ("", "FLAG")),
    **dict.fromkeys(
        ("email", "phone", "card", "iban", "us_ssn", "cn_id", "ip"), ("personal_data", "FLAG")
    ),
    **dict.fromkeys(
        ("language", "too_short", "too_long", "too_quiet", "too_silent", "too_small", "too_sparse"),
        ("unsuitable", "REFUSE"),
    ),
    "blank": ("blank", "FLAG"),
    "near_duplicate": ("near_duplicates", "FLAG"),
}


@dataclass(frozen=True)
class Look:
    """What was seen of one item: facts of its media by path, findings, one fingerprint."""

    facts: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    print: near.Print | None = None


def action(code: str, policy: Doc) -> str:
    """OFF, FLAG or REFUSE."""
    name, default = _RULES[code]
    return policy.get(name, default) if name else default


def look(project: Project, data: Doc, blobs: Blobs) -> Look:
    """Opens everything a checked item holds."""
    policy = project.cleaning or {}
    media = [m for f, value in _values(project, data) for m in field_types.media_of(f, value)]
    texts = [t for f, value in _values(project, data) for t in field_types.texts_of(f, value)]
    facts = {
        f"probe.{f.name}.frames": str(len(value))
        for f, value in _values(project, data)
        if f.type == "frames"
    }
    findings: list[Finding] = []
    probes = []
    for one in media:
        seen = _probed(one, blobs)
        probes.append(seen)
        facts |= {f"probe.{one.path}.{k}": str(v) for k, v in seen.facts.items()}
        findings += seen.findings
        findings += _limits(one.kind, seen.facts, policy)
    findings += _of_rigs(project, data, media, blobs)
    text = "\n".join(texts)
    if text:
        findings += _of_text(text, policy)
    return Look(_bounded(facts), tuple(findings), _print_of(media, probes, text, policy))


def _of_rigs(
    project: Project, data: Doc, media: Sequence[field_types.Media], blobs: Blobs
) -> list[Finding]:
    """Of each calibration beside the item's first cloud."""
    given = [(f, value) for f, value in _values(project, data) if f.type == "calibration" and value]
    cloud = next((one for one in media if one.kind == "cloud"), None)
    if not given or cloud is None:
        return []
    try:
        content = _bytes_of(cloud, blobs)
    except (Corrupt, Fault, OSError):
        # Told when it was probed.
        return []
    return [
        found
        for f, rig in given
        for found in rigs.findings(f"data.{f.name}", rig, content, cloud.reference)
    ]


def _values(project: Project, data: Doc) -> list[tuple[field_types.DataField, Any]]:
    return [(f, data[f.name]) for f in project.data_fields if data.get(f.name) is not None]


def _bounded(facts: dict[str, str]) -> dict[str, str]:
    """An item of thousands of frames says how its first ones are."""
    return dict(list(facts.items())[:60])


def _probed(one: field_types.Media, blobs: Blobs) -> Probe:
    try:
        return probe(one.kind, _bytes_of(one, blobs), one.reference)
    except Corrupt as corrupt:
        return Probe(findings=(Finding("corrupt", f"{one.path}: {corrupt}"),))
    except (Fault, OSError) as fault:
        return Probe(findings=(Finding("missing", f"{one.path}: {fault}"),))


def _bytes_of(one: field_types.Media, blobs: Blobs) -> bytes:
    if one.reference.startswith("data:"):
        try:
            return base64.b64decode(one.reference.partition(",")[2], validate=True)
        except ValueError as error:
            raise Corrupt(f"not base64: {error}") from error
    with blobs.read(one.reference.removeprefix("blob:")) as file:
        content = file.read(MAX_MEDIA_BYTES + 1)
    if len(content) > MAX_MEDIA_BYTES:
        raise Corrupt(f"larger than {MAX_MEDIA_BYTES} bytes")
    return content


def _print_of(
    media: Sequence[field_types.Media], probes: Sequence[Probe], text: str, policy: Doc
) -> near.Print | None:
    """Only of an item that is one medium or only text: what shares a picture and asks another
    question is not the same item."""
    if action("near_duplicate", policy) == "OFF":
        return None
    if not media:
        return near.of_text(text) if text else None
    if len(media) > 1 or text or probes[0].print is None:
        return None
    return near.of_bits(media[0].kind, probes[0].print)


# -- limits of the policy --------------------------------------------------------------------


def _limits(kind: str, facts: dict[str, Any], policy: Doc) -> list[Finding]:
    found = []
    for code, fact, limit, below in _LIMITS:
        bound, value = policy.get(limit, 0), _measure(fact, facts)
        if bound and value is not None and (value < bound if below else value > bound):
            words = f"{fact} {value:g}, {'at least' if below else 'at most'} {bound:g} wanted"
            found.append(Finding(code, words))
    if kind == "audio" and policy.get("min_loudness") and "loudness" not in facts and facts:
        found.append(Finding("too_quiet", "nothing above -70 LUFS"))
    return found


def _measure(fact: str, facts: dict[str, Any]) -> float | None:
    if fact == "shorter side":
        return min(facts["width"], facts["height"]) if "width" in facts else None
    return facts.get(fact)


_LIMITS = (
    ("too_short", "duration", "min_seconds", True),
    ("too_long", "duration", "max_seconds", False),
    ("too_quiet", "loudness", "min_loudness", True),
    ("too_silent", "silence", "max_silence", False),
    ("too_small", "shorter side", "min_pixels", True),
    ("too_sparse", "points", "min_points", True),
)


def _of_text(text: str, policy: Doc) -> list[Finding]:
    found = [] if action("email", policy) == "OFF" else list(personal_data(text))
    if not any(c.isalnum() for c in text[:10_000]):
        found.append(Finding("blank", "neither a letter nor a digit"))
    wanted = policy.get("languages")
    if wanted and sum(c.isalpha() for c in text[:_LANGUAGE_CHARACTERS]) >= _LEAST_LETTERS:
        language = py3langid.classify(text[:_LANGUAGE_CHARACTERS])[0]
        if language not in wanted:
            words = f"looks like {language}, wanted {', '.join(wanted)}"
            found.append(Finding("language", words))
    return found
