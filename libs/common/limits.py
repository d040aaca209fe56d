"""How large a request may be: looked at before it is read, by every door.

The most that a method takes, in bytes and in values (scalars, lists and objects of JSON). What
parses a large request holds the interpreter, so that everybody waits: these keep it to a moment.
"""

from __future__ import annotations

from dataclasses import dataclass

from libs.common.errors import Invalid

_MEGABYTE = 1_000_000
_BLOCK = 65_536
# What is in a string, left out: an escaped character, then all up to the closing quote.
_KEPT = b',"[]{}'
_DROPPED = bytes(i for i in range(256) if i not in _KEPT)


@dataclass(frozen=True)
class Limit:
    """The most a request may have."""

    bytes: int
    values: int


ORDINARY = Limit(2 * _MEGABYTE, 30_000)
# A definition is one text; the template service says how many values it may have.
_DEFINITION = Limit(8 * _MEGABYTE, 1000)
# A thousand items with small media in them.
_ITEMS = Limit(32 * _MEGABYTE, 300_000)
# A label: classes of every point of a cloud, outlines, masks.
_LABEL = Limit(16 * _MEGABYTE, 1_000_000)
_LIMITS = {
    "labelmill.template.v1.Templates/PublishTemplate": _DEFINITION,
    "labelmill.template.v1.Templates/DiffTemplates": _DEFINITION,
    "labelmill.intake.v1.Intake/BatchCreateItems": _ITEMS,
    "labelmill.task_dispatch.v1.Tasks/SubmitAnnotation": _LABEL,
    "labelmill.task_dispatch.v1.Tasks/SaveDraft": _LABEL,
    "labelmill.task_dispatch.v1.Tasks/SubmitReview": _LABEL,
    "labelmill.prelabel_gateway.v1.Predictions/Predict": _LABEL,
    "labelmill.prelabel_gateway.v1.Predictions/Assist": _LABEL,
}


def limit_of(method: str) -> Limit:
    """Return the limit of a full gRPC method name, which its REST route shares."""
    return _LIMITS.get(method, ORDINARY)


def check_size(method: str, size: int) -> None:
    """Raise `Invalid` where a serialized request is too large for its method."""
    most = limit_of(method).bytes
    if size > most:
        raise Invalid(f"the request has {size} bytes, at most {most} are taken; send it in parts")


def check_values(body: bytes, most: int) -> None:
    """Raise `Invalid` where JSON text has more values than `most`. Nothing is parsed: what is no
    JSON at all is for the parser to say."""
    if body.count(b",") >= most and _values(body, most) > most:
        raise Invalid(f"the body has more than {most} values; send it in parts", field="body")


def _values(body: bytes, most: int) -> int:
    """Count commas outside strings, block by block so that other threads get their turn."""
    count, inside, rest = 0, False, b""
    for start in range(0, len(body), _BLOCK):
        block = rest + body[start : start + _BLOCK]
        # An escape may go on in the next block.
        slashes = len(block) - len(block.rstrip(b"\\"))
        cut = len(block) - slashes % 2
        block, rest = block[:cut], block[cut:]
        block = block.replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = block.translate(None, _DROPPED).split(b'"')
        count += sum(part.count(b",") for part in parts[inside::2])
        inside ^= len(parts) % 2 == 0
        if count > most:
            break
    return count + 1
