"""What is in a media file: facts, faults and a fingerprint, by decoders that stay bounded.

One module a kind of media. A file that is none raises `Corrupt`; what can be read but is
cut off, blank or odd is a `Finding`, and the project's policy says what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from services.intake.probing.finding import Corrupt as Corrupt
from services.intake.probing.finding import Finding as Finding
from services.intake.probing.finding import Probe as Probe

_MODULES = {"image": "image", "audio": "audio", "video": "video", "cloud": "cloud"}


def probe(kind: str, content: bytes, name: str) -> Probe:
    """Probes the bytes of a file called `name`; raises `Corrupt` where they are no such media."""
    module = import_module(f"services.intake.probing.{_MODULES[kind]}")
    one: Callable[[bytes, str], Probe] = module.probe
    return one(content, name)
