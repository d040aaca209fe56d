"""What a project that trains needs of the inference server, looked at before it is made."""

from __future__ import annotations

from typing import Any

from labelmill.prelabel_gateway.v1 import prelabel_gateway_pb2

from libs.common.access import Caller
from libs.common.errors import Fault, Invalid
from libs.common.rpc import AnyPeer

# Methods whose request holds a project.
METHODS = frozenset({"CreateProject", "UpdateProject"})
_EMBEDDINGS = frozenset({"text-embedding", "image-embedding"})
_FIELD = "project.policy.training.embedding"


async def check_embedding(request: Any, predictions: AnyPeer, who: Caller) -> None:
    """Raises `Invalid` where the project is to train on a model that is not there, or is no
    embedding. While the server does not answer nothing is refused: items wait for it."""
    if not request.project.policy.HasField("training"):
        return
    name = getattr(request, "parent", "") or "/".join(request.project.name.split("/")[:2])
    asked = prelabel_gateway_pb2.ListModelsRequest(parent=name)
    try:
        models = (await predictions.call("ListModels", asked, who)).models
    except Fault:
        return
    wanted = request.project.policy.training.embedding
    able = sorted(m.name for m in models if m.capability in _EMBEDDINGS)
    there = ", ".join(able) or "none"
    model = next((m for m in models if m.name == wanted), None)
    if model is None:
        words = f"the inference server has no model {wanted!r}; embeddings there: {there}"
        raise Invalid(words, field=_FIELD)
    if model.ready and model.capability not in _EMBEDDINGS:
        words = f"model {wanted!r} does {model.capability or 'nothing known'}; embeddings there:"
        raise Invalid(f"{words} {there}", field=_FIELD)
