"""Wiring of the template service. It hears nothing: there is no `events.py`."""

from __future__ import annotations

from labelmill.template.v1.template_pb2_grpc import (
    add_ProjectsServicer_to_server,
    add_TemplatesServicer_to_server,
)

from libs.common.host import Context, Parts
from services.template.catalogue import Definitions
from services.template.rpc import ProjectsRpc, TemplatesRpc
from services.template.service import Templates
from services.template.store import COLLECTIONS as COLLECTIONS
from services.template.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    definitions = Definitions()
    service = Templates(ctx.store, ctx.clock, definitions)
    templates, projects = TemplatesRpc(service), ProjectsRpc(service)
    return Parts(
        service=service,
        servicers=[
            (
                add_TemplatesServicer_to_server,
                templates,
                "labelmill.template.v1.Templates",
            ),
            (
                add_ProjectsServicer_to_server,
                projects,
                "labelmill.template.v1.Projects",
            ),
        ],
        start=lambda: service.load_catalogue(definitions.catalogue()),
    )
