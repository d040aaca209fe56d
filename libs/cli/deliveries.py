"""A delivery, from asking for it to its files in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from libs.cli.client import Client, Refused

Doc = dict[str, Any]
_UNDER_WAY = ("PENDING", "FREEZING", "WRITING")
# Seconds in which accepted labels come to delivery, and the answer while they have not.
_COMING_SECONDS, _NOT_YET = 60.0, 409


def delivered(
    client: Client,
    project: str,
    formats: list[str],
    seen: Callable[[Doc], None] = lambda made: None,
) -> tuple[Doc, int]:
    """(completed delivery, accepted labels it lacks) of every label that is accepted by now. The
    last of them take a moment to come, so that it is asked for until they are there; after a while
    it has those that are. `seen` is told how it goes. Raises `Refused`."""
    made, accepted = _begun(client, project, formats)
    made = finished(client, made, seen)
    return made, max(0, accepted - made["label_count"])


def finished(client: Client, made: Doc, seen: Callable[[Doc], None] = lambda made: None) -> Doc:
    """The delivery once it is complete; raises `Refused` where it fails."""
    while made["state"] in _UNDER_WAY:
        time.sleep(0.2)
        made = client.get(made["name"])
        seen(made)
    if made["state"] != "COMPLETED":
        raise Refused(500, f"{made['state']}: {made['reason']}")
    return made


def _begun(client: Client, project: str, formats: list[str]) -> tuple[Doc, int]:
    last = time.monotonic() + _COMING_SECONDS
    while True:
        accepted = client.get(f"{project}/progress")["accepted_count"]
        late = time.monotonic() > last
        body = {"formats": formats, "least_count": 0 if late else accepted}
        try:
            return client.post(f"{project}/deliveries", body), accepted
        except Refused as refused:
            if refused.status != _NOT_YET or late or not accepted:
                raise
        time.sleep(0.3)


def download(client: Client, delivery: Doc, to: Path) -> None:
    """Every file of a delivery into a folder."""
    for file in delivery["files"]:
        client.download(f"{delivery['name']}/files/{file['path']}", to / file["path"])
