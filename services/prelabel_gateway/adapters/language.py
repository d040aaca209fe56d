"""Drafts about texts: names in them."""

from __future__ import annotations

from services.prelabel_gateway.adapters.answers import Adapter, drafted, give_text, named
from services.prelabel_gateway.domain import Doc


def entities(document: Doc, schema: Doc) -> Doc:
    """Spans of the template's classes; places count code points."""
    return drafted("spans", "spans", named(document["value"]["spans"].get("spans", []), schema))


ADAPTERS = {"entities": Adapter(give_text, entities)}
