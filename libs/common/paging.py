"""Pages of lists whose token is the name of the last resource shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.common.errors import Invalid

USUAL_SIZE = 100


def not_a_token() -> Invalid:
    """What every list says of a token that it did not give."""
    return Invalid("page_token is none that this list gave", field="page_token")


def page(request: Any, collection: str) -> tuple[int, str]:
    """Return (size, name after which the page begins) of a request with `parent`, `page_size` and
    `page_token`, of resources named `parent/collection/id`. Raise `Invalid` on another token."""
    after = after_of(request.page_token, f"{request.parent}/{collection}/")
    return request.page_size or USUAL_SIZE, after


def after_of(token: str, prefix: str) -> str:
    """Return the token, which is empty or a name that begins with the prefix and has one part
    more. Raise `Invalid` otherwise."""
    own = token.removeprefix(prefix)
    if token and (own == token or not own.isprintable() or "/" in own or not own):
        raise not_a_token()
    return token


def following(found: Sequence[Any], size: int) -> str:
    """Return the token of the next page; empty where this one is the last."""
    if len(found) < size:
        return ""
    last = found[-1]
    return str(last["name"] if isinstance(last, dict) else last.name)
