"""Routes that lead straight to an RPC, as data: path, service, method, what the path binds.

`bind` fills request fields from the path; `me` names the field that takes the caller's own id;
the rest of the request is the JSON body (POST, PUT) or the query (GET).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labelmill.delivery.v1 import delivery_pb2, delivery_pb2_grpc
from labelmill.intake.v1 import intake_pb2, intake_pb2_grpc
from labelmill.prelabel_gateway.v1 import prelabel_gateway_pb2, prelabel_gateway_pb2_grpc
from labelmill.qc_scorer.v1 import qc_scorer_pb2, qc_scorer_pb2_grpc
from labelmill.review_router.v1 import review_router_pb2_grpc
from labelmill.scheduler.v1 import scheduler_pb2, scheduler_pb2_grpc
from labelmill.task_dispatch.v1 import task_dispatch_pb2, task_dispatch_pb2_grpc
from labelmill.template.v1 import template_pb2, template_pb2_grpc
from labelmill.trainer.v1 import trainer_pb2, trainer_pb2_grpc

STUBS: dict[str, tuple[str, Any]] = {
    "Templates": ("template", template_pb2_grpc.TemplatesStub),
    "Projects": ("template", template_pb2_grpc.ProjectsStub),
    "Intake": ("intake", intake_pb2_grpc.IntakeStub),
    "Tasks": ("task_dispatch", task_dispatch_pb2_grpc.TasksStub),
    "Predictions": ("prelabel_gateway", prelabel_gateway_pb2_grpc.PredictionsStub),
    "Router": ("review_router", review_router_pb2_grpc.RouterStub),
    "Quality": ("qc_scorer", qc_scorer_pb2_grpc.QualityStub),
    "Schedules": ("scheduler", scheduler_pb2_grpc.SchedulesStub),
    "Deliveries": ("delivery", delivery_pb2_grpc.DeliveriesStub),
    "Models": ("trainer", trainer_pb2_grpc.ModelsStub),
}
_MODULES = {
    "Templates": template_pb2,
    "Projects": template_pb2,
    "Intake": intake_pb2,
    "Tasks": task_dispatch_pb2,
    "Predictions": prelabel_gateway_pb2,
    "Quality": qc_scorer_pb2,
    "Schedules": scheduler_pb2,
    "Deliveries": delivery_pb2,
    "Models": trainer_pb2,
}


@dataclass(frozen=True)
class Rpc:
    """One route."""

    verb: str
    path: str
    service: str
    method: str
    bind: dict[str, str] = field(default_factory=dict)
    me: str = ""
    status: int = 200

    @property
    def request(self) -> Any:
        """Message class of the request."""
        module = _MODULES[self.service]
        name = module.DESCRIPTOR.services_by_name[self.service].methods_by_name[self.method]
        return getattr(module, name.input_type.name)

    @property
    def answer(self) -> Any:
        """Descriptor of the answer."""
        module = _MODULES[self.service]
        return (
            module.DESCRIPTOR.services_by_name[self.service]
            .methods_by_name[self.method]
            .output_type
        )

    @property
    def bound(self) -> frozenset[str]:
        """Request fields that the body may not set."""
        taken = {name.split(".", 1)[0] for name in self.bind if "." not in name}
        taken |= {self.me} if self.me else set()
        # Fields that are not read any more are not offered.
        old = {f.name for f in self.request.DESCRIPTOR.fields if f.GetOptions().deprecated}
        return frozenset(taken | {"request_id"} | old)


T = "tenants/{tenant}"
P = T + "/projects/{project}"
K = P + "/tasks/{task}"
A = K + "/assignments/{assignment}"
D = P + "/deliveries/{delivery}"
M = P + "/models/{version}"
S = P + "/skills/{annotator}"
R = P + "/refusals/{refusal}"

RPCS: tuple[Rpc, ...] = (
    Rpc("POST", f"/v1/{P}/tasks:claim", "Tasks", "ClaimTasks", {"parent": P}, "annotator"),
    Rpc("POST", f"/v1/{A}:submit", "Tasks", "SubmitAnnotation", {"name": A}, "annotator"),
    Rpc("POST", f"/v1/{A}:saveDraft", "Tasks", "SaveDraft", {"name": A}, "annotator"),
    Rpc("POST", f"/v1/{A}:review", "Tasks", "SubmitReview", {"name": A}, "reviewer"),
    Rpc("POST", f"/v1/{A}:skip", "Tasks", "SkipTask", {"name": A}, "annotator"),
    Rpc("POST", f"/v1/{A}:release", "Tasks", "ReleaseAssignment", {"name": A}, "annotator"),
    Rpc("GET", f"/v1/{P}/assignments", "Tasks", "ListAssignments", {"parent": P}, "annotator"),
    Rpc("GET", f"/v1/{P}/feedback", "Tasks", "ListFeedback", {"parent": P}, "annotator"),
    Rpc("POST", f"/v1/{P}/items:batchCreate", "Intake", "BatchCreateItems", {"parent": P}),
    Rpc("GET", f"/v1/{P}/progress", "Tasks", "GetProgress", {"name": P}),
    Rpc("GET", f"/v1/{P}/tasks", "Tasks", "ListTasks", {"parent": P}),
    Rpc("GET", f"/v1/{K}", "Tasks", "GetTask", {"name": K}),
    Rpc("POST", f"/v1/{K}:cancel", "Tasks", "CancelTask", {"name": K}),
    Rpc("GET", f"/v1/{K}/predictions", "Predictions", "ListPredictions", {"parent": K}),
    Rpc("GET", f"/v1/{K}/lineage", "Deliveries", "GetLineage", {"name": K}),
    Rpc("POST", f"/v1/{P}:predict", "Predictions", "Predict", {"parent": P}),
    Rpc("POST", f"/v1/{P}:assist", "Predictions", "Assist", {"parent": P}),
    Rpc("GET", f"/v1/{T}/models", "Predictions", "ListModels", {"parent": T}),
    Rpc("GET", f"/v1/{P}/items", "Intake", "ListItems", {"parent": P}),
    Rpc("GET", f"/v1/{P}/items/{{item}}", "Intake", "GetItem", {"name": P + "/items/{item}"}),
    Rpc("GET", f"/v1/{P}/imports", "Intake", "ListImports", {"parent": P}),
    Rpc(
        "GET",
        f"/v1/{P}/imports/{{import}}",
        "Intake",
        "GetImport",
        {"name": P + "/imports/{import}"},
    ),
    Rpc(
        "POST",
        f"/v1/{P}/imports/{{import}}:cancel",
        "Intake",
        "CancelImport",
        {"name": P + "/imports/{import}"},
    ),
    Rpc("GET", f"/v1/{P}/refusals", "Intake", "ListRefusals", {"parent": P}),
    Rpc("POST", f"/v1/{R}:appeal", "Intake", "AppealRefusal", {"name": R}),
    Rpc("POST", f"/v1/{R}:resolve", "Intake", "ResolveRefusal", {"name": R}),
    Rpc("GET", f"/v1/{T}/templates", "Templates", "ListTemplates", {"parent": T}),
    Rpc("POST", f"/v1/{T}/templates", "Templates", "PublishTemplate", {"parent": T}, status=201),
    Rpc(
        "POST",
        f"/v1/{T}/templates/{{template}}/versions/{{version}}:diff",
        "Templates",
        "DiffTemplates",
        {"name": T + "/templates/{template}/versions/{version}"},
    ),
    Rpc(
        "GET",
        f"/v1/{T}/templates/{{template}}/versions/{{version}}",
        "Templates",
        "GetTemplate",
        {"name": T + "/templates/{template}/versions/{version}"},
    ),
    Rpc("GET", f"/v1/{T}/projects", "Projects", "ListProjects", {"parent": T}),
    Rpc("POST", f"/v1/{T}/projects", "Projects", "CreateProject", {"parent": T}, status=201),
    Rpc("GET", f"/v1/{P}", "Projects", "GetProject", {"name": P}),
    Rpc("PUT", f"/v1/{P}", "Projects", "UpdateProject", {"project.name": P}),
    Rpc("GET", f"/v1/{P}/members", "Projects", "GetMembers", {"name": P}),
    Rpc("POST", f"/v1/{P}/members:change", "Projects", "ChangeMembers", {"name": P}),
    Rpc("GET", f"/v1/{P}/targets", "Projects", "ListTargets", {"parent": P}),
    Rpc("GET", f"/v1/{P}/gates", "Quality", "ListGates", {"parent": P}),
    Rpc("GET", f"/v1/{P}/skills", "Quality", "ListSkills", {"parent": P}),
    Rpc("GET", f"/v1/{S}", "Quality", "GetSkill", {"name": S}),
    Rpc("POST", f"/v1/{S}:resume", "Quality", "ResumeAnnotator", {"name": S}),
    Rpc("GET", f"/v1/{P}/suspectGold", "Quality", "ListSuspectGold", {"parent": P}),
    Rpc("GET", f"/v1/{P}/quality", "Quality", "GetQuality", {"name": P}),
    Rpc("GET", f"/v1/{P}/forecast", "Quality", "GetForecast", {"name": P}),
    Rpc("GET", f"/v1/{P}/risks", "Quality", "ListRisks", {"parent": P}),
    Rpc("POST", f"/v1/{P}/quality:planAcceptance", "Quality", "PlanAcceptance", {"name": P}),
    Rpc("POST", f"/v1/{P}/quality:requestReviews", "Quality", "RequestReviews", {"name": P}),
    Rpc("GET", f"/v1/{P}/models", "Models", "ListVersions", {"parent": P}),
    Rpc("POST", f"/v1/{M}:rollBack", "Models", "RollBack", {"name": M}),
    Rpc("GET", f"/v1/{P}/schedule", "Schedules", "GetSchedule", {"name": P}),
    Rpc("POST", f"/v1/{P}/deliveries", "Deliveries", "CreateDelivery", {"parent": P}, status=201),
    Rpc("GET", f"/v1/{P}/deliveries", "Deliveries", "ListDeliveries", {"parent": P}),
    Rpc("GET", f"/v1/{D}", "Deliveries", "GetDelivery", {"name": D}),
    Rpc("POST", f"/v1/{D}:accept", "Deliveries", "AcceptDelivery", {"name": D}),
    Rpc("POST", f"/v1/{D}:reject", "Deliveries", "RejectDelivery", {"name": D}),
    Rpc("POST", f"/v1/{D}:reissue", "Deliveries", "ReissueDelivery", {"name": D}, status=201),
)
