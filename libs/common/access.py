"""Who may call what: the authorization matrix as data, and the tokens that carry the caller.

The gateway authenticates people and programs (API key, JWT) and speaks to the services with
a short-lived token of its own making; a service trusts nothing else. `own` in `names` keeps
tenants apart.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

import jwt

from libs.common.errors import Denied, Unauthenticated

OWNER, MANAGER, REVIEWER, ANNOTATOR, SERVICE = (
    "owner",
    "manager",
    "reviewer",
    "annotator",
    "service",
)
ROLES = (OWNER, MANAGER, REVIEWER, ANNOTATOR, SERVICE)
_LEAD = frozenset({OWNER, MANAGER, SERVICE})
_REVIEW = _LEAD | {REVIEWER}
_ALL = _REVIEW | {ANNOTATOR}
_OWNER = frozenset({OWNER, SERVICE})
_OPERATOR = frozenset({SERVICE})
TOKEN_SECONDS = 300
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
    "labelmill.intake.v1.Intake/BatchCreateItems": _LEAD,
    "labelmill.intake.v1.Intake/GetItem": _LEAD,
    "labelmill.intake.v1.Intake/ListItems": _LEAD,
    "labelmill.intake.v1.Intake/CreateImport": _LEAD,
    "labelmill.intake.v1.Intake/GetImport": _LEAD,
    "labelmill.intake.v1.Intake/ListImports": _LEAD,
    "labelmill.intake.v1.Intake/ListRefusals": _LEAD,
    "labelmill.intake.v1.Intake/AppealRefusal": _LEAD,
    "labelmill.intake.v1.Intake/ResolveRefusal": _LEAD,
    "labelmill.task_dispatch.v1.Tasks/GetTask": _LEAD,
    "labelmill.task_dispatch.v1.Tasks/ListTasks": _LEAD,
    "labelmill.task_dispatch.v1.Tasks/GetProgress": _REVIEW,
    "labelmill.task_dispatch.v1.Tasks/ClaimTasks": _ALL,
    "labelmill.task_dispatch.v1.Tasks/ListAssignments": _ALL,
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
    "labelmill.qc_scorer.v1.Quality/ListSuspectGold": _REVIEW,
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
    "labelmill.delivery.v1.Deliveries/GetLineage": _LEAD,
    "labelmill.operations.v1.DeadLetters/ListDeadLetters": _OPERATOR,
    "labelmill.operations.v1.DeadLetters/ReplayDeadLetters": _OPERATOR,
}


@dataclass(frozen=True)
class Caller:
    """Who is asking. `tenant` is `tenants/t`; role `service` with tenant "" is the platform."""

    subject: str
    tenant: str
    role: str
    skills: tuple[str, ...] = ()

    @property
    def platform(self) -> bool:
        """May act for every tenant: services among themselves and operators."""
        return self.role == SERVICE and not self.tenant


PLATFORM = Caller("platform", "", SERVICE)
_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def set_caller(caller: Caller) -> None:
    """Remembers the caller for the running request."""
    _caller.set(caller)


def caller() -> Caller:
    """The running request's caller; `Unauthenticated` outside a request."""
    found = _caller.get()
    if found is None:
        raise Unauthenticated("no caller: send `authorization: Bearer <token>`")
    return found


def allow(method: str, who: Caller) -> None:
    """Raises `Denied` unless the matrix lets the caller's role use `package.Service/Method`."""
    if who.role not in MATRIX.get(method, frozenset()):
        raise Denied(f"role {who.role or 'none'} may not call {method.rsplit('/', 1)[-1]}")


def act_as(person: str, who: Caller) -> None:
    """Raises `Denied` where somebody would work in another person's name."""
    if person != who.subject and who.role not in (SERVICE,):
        raise Denied(f"{who.subject} may not act as {person[:200]}", field="annotator")


def leads(who: Caller) -> bool:
    """May look at other people's work?"""
    return who.role in _LEAD


def mint(who: Caller, key: str) -> str:
    """A token the services believe for `TOKEN_SECONDS`."""
    claims = {
        "sub": who.subject,
        "tenant": who.tenant,
        "role": who.role,
        "skills": list(who.skills),
        "aud": _AUDIENCE,
        "exp": int(time.time()) + TOKEN_SECONDS,
    }
    return jwt.encode(claims, key, algorithm="HS256")


def believe(token: str, key: str) -> Caller:
    """The caller of a token; `Unauthenticated` if forged, expired or not for services."""
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
    who = Caller(claims["sub"], claims["tenant"], claims["role"], tuple(claims["skills"]))
    return who, claims["exp"]
