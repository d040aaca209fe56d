"""Nearly the same as an item that was here before: fingerprints in a banded index.

A fingerprint is cut into bands; two items that share a band are compared, and no others, so a
look-up costs the same however many items there are. Images and sounds have 64 bits in four bands:
whatever differs in 3 bits or fewer shares one. Texts have 64 min-hashes of their character
5-grams (Broder 1997) in 8 bands of 8: at a similarity of 0.9 they share one in 99 of 100 cases.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from libs.common.store import Collection, Doc, Unit

NEAR = Collection("near")
# Bits of 64 in which near-duplicates may differ.
DISTANCE = {"image": 6, "audio": 4}
SIMILARITY = 0.8
# The newest of a band; older ones are found by their other bands.
_MOST = 16
_GRAM, _HASHES, _BANDS = 5, 64, 8
_LEAST_CHARACTERS = 25
_BLOCK = 4096
_SPACE = re.compile(r"\s+")
_draw = np.random.default_rng(1997)
_FACTORS = _draw.integers(1, 2**63, (_HASHES, 1), np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS = _draw.integers(0, 2**63, (_HASHES, 1), np.uint64)
_POWERS = np.uint64(1_099_511_628_211) ** np.arange(_GRAM, dtype=np.uint64)


@dataclass(frozen=True)
class Print:
    """A fingerprint: `bits` are compared, `bands` are looked up."""

    kind: str
    bits: bytes
    bands: tuple[str, ...]


def of_bits(kind: str, bits: int) -> Print:
    """Of 64 bits of an image or a sound."""
    raw = bits.to_bytes(8)
    return Print(kind, raw, tuple(f"{i}-{raw[2 * i : 2 * i + 2].hex()}" for i in range(4)))


def of_text(text: str) -> Print | None:
    """None for a text too short to be like another by anything but chance."""
    plain = _SPACE.sub(" ", text.casefold()).strip()
    if len(plain) < _LEAST_CHARACTERS:
        return None
    codes = np.frombuffer(plain.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    grams = np.lib.stride_tricks.sliding_window_view(codes, _GRAM) @ _POWERS
    least = np.full(_HASHES, np.iinfo(np.uint64).max, np.uint64)
    for start in range(0, len(grams), _BLOCK):
        mixed = grams[start : start + _BLOCK] * _FACTORS + _OFFSETS
        mixed ^= mixed >> np.uint64(29)
        least = np.minimum(least, (mixed * _FACTORS).min(axis=1))
    rows = least.reshape(_BANDS, -1)
    bands = (hashlib.blake2b(row.tobytes(), digest_size=8).hexdigest() for row in rows)
    return Print(
        "text",
        # Of the least numbers the high bits are all zero.
        (least >> np.uint64(24)).astype(np.uint8).tobytes(),
        tuple(f"{i}-{band}" for i, band in enumerate(bands)),
    )


def likeness(kind: str, a: bytes, b: bytes) -> str:
    """How like two fingerprints are, in words, where that is enough; empty where it is not."""
    if kind == "text":
        same = float((np.frombuffer(a, np.uint8) == np.frombuffer(b, np.uint8)).mean())
        # A byte is the same by chance once in 256.
        similarity = (same - 1 / 256) / (1 - 1 / 256)
        return f"similarity {similarity:.2f}" if similarity >= SIMILARITY else ""
    distance = (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()
    return f"{distance} of 64 bits differ" if distance <= DISTANCE[kind] else ""


class Index:
    """The bands that one batch needs, and what the batch adds to them."""

    def __init__(self, project: str, kept: dict[str, Doc]) -> None:
        self._project = project
        self._entries = {name: list(doc["entries"]) for name, doc in kept.items()}
        self._changed: set[str] = set()

    @classmethod
    async def of(cls, unit: Unit, project: str, prints: Sequence[Print]) -> Index:
        names = {_name(project, one.kind, band) for one in prints for band in one.bands}
        return cls(project, await unit.get_many(NEAR, sorted(names)))

    def find(self, one: Print) -> tuple[str, str]:
        """(id of the item it is like, how like); empty where there is none."""
        bits = one.bits.hex()
        seen = set[str]()
        for band in one.bands:
            for id_, other in self._entries.get(_name(self._project, one.kind, band), ()):
                if id_ in seen:
                    continue
                seen.add(id_)
                words = "0 bits differ" if other == bits else ""
                words = words or likeness(one.kind, one.bits, bytes.fromhex(other))
                if words:
                    return id_, words
        return "", ""

    def add(self, id_: str, one: Print) -> None:
        for band in one.bands:
            name = _name(self._project, one.kind, band)
            self._entries[name] = [*self._entries.get(name, ())[1 - _MOST :], [id_, one.bits.hex()]]
            self._changed.add(name)

    def keep(self, unit: Unit) -> None:
        for name in sorted(self._changed):
            unit.overwrite(NEAR, {"name": name, "entries": self._entries[name]})


def _name(project: str, kind: str, band: str) -> str:
    return f"{project}/near/{kind}-{band}"
