"""A page_token that no list gave is refused, by every list; those that lists give lead on."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from labelmill.operations.v1.operations_pb2 import ListDeadLettersRequest

from libs.common.errors import Invalid
from libs.common.operations import DeadLetters
from libs.common.paging import after_of, following, page
from services.delivery.rpc import DeliveriesRpc
from services.gateway.routes import tenants
from services.gateway.routes.table import RPCS
from services.intake.rpc import IntakeRpc
from services.qc_scorer.review.service import Checkup
from services.qc_scorer.rpc import QualityRpc
from services.task_dispatch.rpc import TasksRpc
from services.template.rpc import ProjectsRpc, TemplatesRpc
from tests.unit.libs.common.test_codec import message_classes

PROJECT = "tenants/t/projects/p"
ODD = ["x", "0", "²", "-1", "|", "tenants/t", f"{PROJECT}/tasks/", "a\x00b", "../..", "9" * 400]
# Request -> the servicer whose list it asks for; one that no test knows fails below.
SERVICERS: dict[str, Callable[[Any], Any]] = {
    "ListItemsRequest": IntakeRpc,
    "ListImportsRequest": IntakeRpc,
    "ListRefusalsRequest": IntakeRpc,
    "ListTasksRequest": lambda service: TasksRpc(service, service, service),
    "ListSkillsRequest": QualityRpc,
    "ListSuspectGoldRequest": QualityRpc,
    "ListDeliveriesRequest": DeliveriesRpc,
    "ListProjectsRequest": ProjectsRpc,
    "ListTemplatesRequest": TemplatesRpc,
}
# Their tokens are looked at in the service.
OTHERS = {"ListRisksRequest", "ListDeadLettersRequest", "ListFeedbackRequest"}


def paged() -> dict[str, Any]:
    return {
        cls.DESCRIPTOR.name: cls
        for cls in message_classes()
        if "page_token" in cls.DESCRIPTOR.fields_by_name
    }


def test_every_list_is_known_here() -> None:
    assert paged().keys() == SERVICERS.keys() | OTHERS
    assert {r.request.DESCRIPTOR.name for r in RPCS} >= SERVICERS.keys()


@pytest.mark.parametrize("token", [*ODD, f"{PROJECT}/others/x", "tenants/u/projects/p/tasks/x"])
@pytest.mark.parametrize("name", sorted(SERVICERS))
async def test_a_list_refuses_what_is_no_token(name: str, token: str) -> None:
    cls = paged()[name]
    parent = "tenants/t" if name in ("ListProjectsRequest", "ListTemplatesRequest") else PROJECT
    servicer: Any = SERVICERS[name](SimpleNamespace())
    method = name.removesuffix("Request")
    with pytest.raises(Invalid, match="page_token") as refused:
        await getattr(servicer, method)(cls(parent=parent, page_token=token), None)
    assert refused.value.field == "page_token"


@pytest.mark.parametrize("token", ODD)
async def test_so_do_places_and_letters(token: str) -> None:
    class Known(Checkup):
        def __init__(self) -> None:
            pass

        async def _known(self, name: str) -> Any:
            return None

    with pytest.raises(Invalid, match="page_token"):
        await Known().risks(PROJECT, 5, token)
    with pytest.raises(Invalid, match="page_token"):
        await DeadLetters(None, None).page(5, ListDeadLettersRequest(page_token=token).page_token)  # type: ignore[arg-type]
    request: Any = SimpleNamespace(query_params={"page_token": token})
    with pytest.raises(Invalid, match="page_token"):
        tenants.page(request, "tenants/t/users/")


def test_a_token_leads_on() -> None:
    asked: Any = SimpleNamespace(parent=PROJECT, page_size=2, page_token="")
    assert page(asked, "tasks") == (2, "")
    found = [{"name": f"{PROJECT}/skills/auth0|ann@x.org"}] * 2
    token = following(found, 2)
    assert after_of(token, f"{PROJECT}/skills/") == token == found[-1]["name"]
    assert following(found, 3) == ""
