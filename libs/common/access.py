"""Who may call what: the authorization matrix as data, the rules on roles, and the tokens that
carry the caller.

The gateway authenticates people and programs (API key, JWT) and speaks to the services with
a short-lived token of its own making; a service trusts nothing else. `own` in `names` keeps
tenants apart. ADR 16 says why the rules are as they are.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

import jwt

from libs.common.errors import Denied, Unauthenticated
from libs.common.names import content_id

OWNER, MANAGER, REVIEWER, ANNOTATOR, SERVICE = (
    "owner",
    "manager",
    "reviewer",
    "annotator",
    "service",
)
ROLES = (OWNER, MANAGER, REVIEWER, ANNOTATOR, SERVICE)
# What the operator's key has beside the role `service`; no user and no token of a tenant has it.
OPERATOR = "operator"
# Higher may grant, keep and take lower ones and its own. A service is a manager's tool.
_RANK = {ANNOTATOR: 1, REVIEWER: 2, MANAGER: 3, SERVICE: 3, OWNER: 4}
_LEAD = frozenset({OWNER, MANAGER, SERVICE})
_REVIEW = _LEAD | {REVIEWER}
_ALL = _REVIEW | {ANNOTATOR}
_OPERATOR = frozenset({OPERATOR})
TOKEN_SECONDS = 300
# Header, and gRPC metadata, by which a service names the person it acts for.
ON_BEHALF_OF = "on-behalf-of"
_AUDIENCE = "labelmill-services"

MATRIX: dict[str, frozenset[str]] = {
    "labelmill.template.v1.Templates/GetTemplate": _ALL,
    "labelmill.template.v1.Templates/ListTemplates": _ALL,
    "labelmill.template.v1.Templates/PublishTemplate": _LEAD,
    "labelmill.template.v1.Templates/DiffTemplates": _ALL,
    "labelmill.template.v1.Projects/CreateProject": _LEAD,
    "labelmill.template.v1.Projects/GetProject": _ALL,
    "labelmill.template.v1.Projects/ListProjects": _ALL,
    "labelmill.template.v1.Projects/UpdateProject": _LEAD,
    "labelmill.template.v1.Projects/ListTargets": _LEAD,
    "labelmill.template.v1.Projects/GetMembers": _LEAD,
    "labelmill.template.v1.Projects/ChangeMembers": _LEAD,
    "labelmill.intake.v1.Intake/BatchCreateItems": _LEAD,
    "labelmill.intake.v1.Intake/GetItem": _LEAD,
    "labelmill.intake.v1.Intake/ListItems": _LEAD,
    "labelmill.intake.v1.Intake/CreateImport": _LEAD,
    "labelmill.intake.v1.Intake/GetImport": _LEAD,
    "labelmill.intake.v1.Intake/CancelImport": _LEAD,
    "labelmill.intake.v1.Intake/ListImports": _LEAD,
    "labelmill.intake.v1.Intake/ListRefusals": _LEAD,
    "labelmill.intake.v1.Intake/AppealRefusal": _LEAD,
    "labelmill.intake.v1.Intake/ResolveRefusal": _LEAD,
    "labelmill.task_dispatch.v1.Tasks/GetTask": _LEAD,
    "labelmill.task_dispatch.v1.Tasks/ListTasks": _LEAD,
    "labelmill.task_dispatch.v1.Tasks/GetProgress": _REVIEW,
    "labelmill.task_dispatch.v1.Tasks/ClaimTasks": _ALL,
    "labelmill.task_dispatch.v1.Tasks/ListAssignments": _ALL,
    "labelmill.task_dispatch.v1.Tasks/ListFeedback": _ALL,
    "labelmill.task_dispatch.v1.Tasks/SaveDraft": _ALL,
    "labelmill.task_dispatch.v1.Tasks/SubmitAnnotation": _ALL,
    "labelmill.task_dispatch.v1.Tasks/SubmitReview": _REVIEW,
    "labelmill.task_dispatch.v1.Tasks/SkipTask": _ALL,
    "labelmill.task_dispatch.v1.Tasks/ReleaseAssignment": _ALL,
    "labelmill.task_dispatch.v1.Tasks/CancelTask": _LEAD,
    "labelmill.prelabel_gateway.v1.Predictions/Predict": _ALL,
    "labelmill.prelabel_gateway.v1.Predictions/Assist": _ALL,
    "labelmill.prelabel_gateway.v1.Predictions/ListPredictions": _LEAD,
    "labelmill.prelabel_gateway.v1.Predictions/ListModels": _LEAD,
    "labelmill.review_router.v1.Router/TryRoute": _LEAD,
    "labelmill.qc_scorer.v1.Quality/ListGates": _LEAD,
    "labelmill.qc_scorer.v1.Quality/ListSkills": _LEAD,
    "labelmill.qc_scorer.v1.Quality/GetSkill": _ALL,
    "labelmill.qc_scorer.v1.Quality/ResumeAnnotator": _LEAD,
    "labelmill.qc_scorer.v1.Quality/ListSuspectGold": _LEAD,
    "labelmill.qc_scorer.v1.Quality/GetQuality": _LEAD,
    "labelmill.qc_scorer.v1.Quality/GetForecast": _LEAD,
    "labelmill.qc_scorer.v1.Quality/ListRisks": _LEAD,
    "labelmill.qc_scorer.v1.Quality/PlanAcceptance": _LEAD,
    "labelmill.qc_scorer.v1.Quality/RequestReviews": _LEAD,
    "labelmill.scheduler.v1.Schedules/GetSchedule": _LEAD,
    "labelmill.trainer.v1.Models/ListVersions": _LEAD,
    "labelmill.trainer.v1.Models/RollBack": _LEAD,
    "labelmill.delivery.v1.Deliveries/CreateDelivery": _LEAD,
    "labelmill.delivery.v1.Deliveries/GetDelivery": _LEAD,
    "labelmill.delivery.v1.Deliveries/ListDeliveries": _LEAD,
    "labelmill.delivery.v1.Deliveries/AcceptDelivery": _LEAD,
    "labelmill.delivery.v1.Deliveries/RejectDelivery": _LEAD,
    "labelmill.delivery.v1.Deliveries/ReissueDelivery": _LEAD,
    "labelmill.delivery.v1.Deliveries/GetLineage": _LEAD,
    "labelmill.operations.v1.DeadLetters/ListDeadLetters": _OPERATOR,
    "labelmill.operations.v1.DeadLetters/ReplayDeadLetters": _OPERATOR,
}


# The gateway's own routes, by what they do; those that lead to an RPC have that RPC's roles.
GATEWAY: dict[str, frozenset[str]] = {
    "CreateTenant": _OPERATOR,
    "GetTenant": _LEAD,
    "ChangeTenant": _OPERATOR,
    "ManageUsers": _LEAD,
    "Delegate": _ALL,
    "ReadAudit": _LEAD,
    "Upload": _LEAD,
    "ReadBlob": _ALL,
    "ManageWebhooks": _LEAD,
    "ReadMetrics": _OPERATOR,
}


@dataclass(frozen=True)
class Caller:
    """Who is asking. `tenant` is `tenants/t`; role `service` with tenant "" is the platform.

    `key` is the id of the API key, empty for a JWT. `delegate` is set where a service acts for the
    person `subject`: its user id and key, `bot/keys/01J...`.
    """

    subject: str
    tenant: str
    role: str
    skills: tuple[str, ...] = ()
    key: str = ""
    delegate: str = ""

    @property
    def platform(self) -> bool:
        """May act for every tenant: services among themselves and operators."""
        return self.role == SERVICE and not self.tenant


PLATFORM = Caller("platform", "", SERVICE)
_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def set_caller(caller: Caller) -> None:
    """Remember the caller for the running request."""
    _caller.set(caller)


def caller() -> Caller:
    """Return the running request's caller; raise `Unauthenticated` outside a request."""
    found = _caller.get()
    if found is None:
        raise Unauthenticated("no caller: send `authorization: Bearer <token>`")
    return found


def own_request(request_id: str) -> str:
    """Return the key under which a request of the caller's is remembered, empty without an id:
    two people who choose the same id have made two requests."""
    return content_id(caller().subject, request_id) if request_id else ""


def allow(method: str, who: Caller) -> None:
    """Raise `Denied` unless the caller's role may use `package.Service/Method`, or the route of
    the gateway that `GATEWAY` names."""
    roles = MATRIX.get(method) or GATEWAY.get(method) or frozenset()
    if who.role not in roles and not (who.platform and OPERATOR in roles):
        raise Denied(f"role {who.role or 'none'} may not call {method.rsplit('/', 1)[-1]}")


def act_as(person: str, who: Caller) -> None:
    """Raise `Denied` where somebody would work in another person's name, or the operator at all:
    an opinion belongs to somebody of the tenant."""
    if who.platform:
        raise Denied("the operator's key does nobody's work; use a key of the tenant")
    if person == who.subject:
        return
    hint = ""
    if who.role == SERVICE:
        hint = f"; where they have delegated to it, send `{ON_BEHALF_OF}: {person[:200]}`"
    raise Denied(f"{who.subject} may not act as {person[:200]}{hint}", field="annotator")


def delegated(who: Caller, person: str, role: str, skills: tuple[str, ...]) -> Caller:
    """Return the caller that a service becomes for a person who has delegated to it: theirs are
    name, skills and role, of which no more goes along than is needed for work."""
    worker = role if _RANK[role] <= _RANK[REVIEWER] else REVIEWER
    means = f"keys/{who.key}" if who.key else "jwt"
    return Caller(person, who.tenant, worker, skills, delegate=f"{who.subject}/{means}")


def leads(who: Caller) -> bool:
    """May look at other people's work?"""
    return who.role in _LEAD


def reviews(who: Caller) -> None:
    """Raise `Denied` unless the caller may judge other people's work."""
    if who.role not in _REVIEW:
        raise Denied(f"role {who.role} does not review; claim without a stage", field="stage")


def outranks(who: Caller, role: str) -> None:
    """Raise `Denied` where a role above the caller's own would be granted, kept or taken."""
    if not who.platform and _RANK[role] > _RANK.get(who.role, 0):
        raise Denied(f"role {who.role} may not see to the role {role}", field="role")


def lesser(role: str, other: str) -> str:
    """Return the lower of two roles, the first where they are equal."""
    return role if _RANK[role] <= _RANK[other] else other


def is_member(who: Caller, listed: bool, people: Collection[str]) -> bool:
    """May the caller see the project: one open to everybody (not `listed`), or one whose list
    names them? Who leads sees every project of the tenant."""
    return leads(who) or not listed or who.subject in people


def mint(who: Caller, key: str) -> str:
    """Return a token the services believe for `TOKEN_SECONDS`."""
    claims = {
        "sub": who.subject,
        "tenant": who.tenant,
        "role": who.role,
        "skills": list(who.skills),
        "key": who.key,
        "delegate": who.delegate,
        "aud": _AUDIENCE,
        "exp": int(time.time()) + TOKEN_SECONDS,
    }
    return jwt.encode(claims, key, algorithm="HS256")


def believe(token: str, key: str) -> Caller:
    """Return a token's caller; raise `Unauthenticated` if forged, expired or not for services."""
    caller_, expires = _decode(token, key)
    if expires < time.time():
        raise Unauthenticated("the token has expired")
    return caller_


@lru_cache(maxsize=10_000)
def _decode(token: str, key: str) -> tuple[Caller, float]:
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"], audience=_AUDIENCE)
    except jwt.PyJWTError as error:
        raise Unauthenticated(f"the token is not valid: {error}") from error
    who = Caller(
        claims["sub"],
        claims["tenant"],
        claims["role"],
        tuple(claims["skills"]),
        claims.get("key", ""),
        claims.get("delegate", ""),
    )
    return who, claims["exp"]
