"""A project that trains is refused where it could never learn: a field that is not there, a model
that is not there or is no embedding."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from labelmill.prelabel_gateway.v1 import prelabel_gateway_pb2

from libs.common.access import Caller
from libs.common.errors import Unavailable
from services.template import domain
from services.template.catalogue import Definitions
from tests.unit.services.gateway.gateway_app import Recorder, gateway

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("entry", ["text-classification", "image-classification"])
def test_the_field_must_be_one_that_can_be_embedded(entry: str) -> None:
    text = Definitions().catalogue()[entry]
    template = domain.template_of("t", Definitions().parse(text), text, NOW)
    name = template.data_fields[0]["name"]

    def make(field: str) -> domain.Project:
        training = {"embedding": "e", "input": field}
        asked = domain.Project("", "", "t", policy={"training": training})
        return domain.make_project(asked, "p", template, NOW)

    assert make(name).name == "p"
    with pytest.raises(domain.Unfit, match="must name a data field") as unfit:
        make("txet")
    assert unfit.value.field == "project.policy.training.input"


class Models(Recorder):
    """Knows some models; what else is asked for it takes."""

    async def call(self, method: str, request: Any, who: Caller, *_: Any, **__: Any) -> Any:
        if method != "ListModels":
            return await super().call(method, request, who)
        if self.fail is not None:
            raise self.fail
        answer = prelabel_gateway_pb2.ListModelsResponse()
        answer.models.add(name="text-features", ready=True, capability="text-embedding")
        answer.models.add(name="spam-text", ready=True, capability="text-classification")
        return answer


def _project(embedding: str) -> dict[str, Any]:
    training = {"embedding": embedding, "input": "text"}
    return {"project_id": "p", "project": {"template": "t", "policy": {"training": training}}}


async def test_the_embedding_must_be_a_model_of_the_inference_server(tmp_path: Path) -> None:
    peer = Models()
    async with gateway(tmp_path, peer=peer) as gate:
        for wrong, words in (("text-featurs", "has no model"), ("spam-text", "does text-class")):
            answer = await gate.http.post("/v1/tenants/t/projects", json=_project(wrong))
            assert answer.status_code == 422, answer.text
            assert words in answer.text and "text-features" in answer.text
            assert "project.policy.training.embedding" in answer.text
        assert not peer.calls, "nothing was made"
        answer = await gate.http.post("/v1/tenants/t/projects", json=_project("text-features"))
        assert answer.status_code == 201


async def test_while_the_inference_server_is_away_nothing_is_refused(tmp_path: Path) -> None:
    class Away(Models):
        async def call(self, method: str, request: Any, who: Caller, *_: Any, **__: Any) -> Any:
            if method == "ListModels":
                raise Unavailable("away")
            return await super().call(method, request, who)

    async with gateway(tmp_path, peer=Away()) as gate:
        answer = await gate.http.post("/v1/tenants/t/projects", json=_project("text-featurs"))
        assert answer.status_code == 201
