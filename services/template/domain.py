"""Templates and projects: immutable versions, a versioned project, and what makes them valid."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.template import kinds
from services.template.checking import Unfit, check_route

__all__ = ["Project", "TargetVersion", "Template", "Unfit"]
Doc = dict[str, Any]
# A promise that holds more seldom, or a floor looser than this, says nothing.
LEAST_CONFIDENCE, LOOSEST_FLOOR = 0.5, 0.5
# What of a policy needs labels of one class each, and what to do where they are not.
ONE_CLASS_ONLY = {
    "planted_share": "set it to 0",
    "training": "leave it out",
    "adaptive_opinions": "set it to 0",
}


@dataclass(frozen=True)
class Template:
    """One published version; the parts are documents as in the proto."""

    name: str
    display_name: str
    create_time: datetime
    data_fields: tuple[Doc, ...]
    label_schema: Doc
    unit_of_error: str
    loss: str
    merge_rule: str
    model_route: Doc | None = None
    exports: tuple[str, ...] = ("jsonl", "csv")
    guideline: str = ""
    definition: str = ""
    loss_tolerance: float = 0.0
    parts: tuple[Doc, ...] = ()
    join: str = ""
    assists: tuple[Doc, ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Project:
    """What a tenant runs; `policy` and `target` are documents as in the proto."""

    name: str
    display_name: str
    template: str
    target: Doc | None = None
    policy: Doc | None = None
    create_time: datetime | None = None
    update_time: datetime | None = None
    version: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    target_version: int = 1

    @property
    def promise(self) -> TargetVersion:
        """The target in force, as it is kept."""
        return TargetVersion(
            name=f"{self.name}/targets/{self.target_version}",
            number=self.target_version,
            target=self.target,
            create_time=self.update_time,
        )


@dataclass(frozen=True)
class TargetVersion:
    """A promise of a project, in force from `create_time` on until the next."""

    name: str
    number: int
    target: Doc | None
    create_time: datetime | None


def template_of(name: str, parsed: Doc, definition: str, now: datetime) -> Template:
    """Template of a definition that was parsed, and so fits."""
    return Template(
        name=name,
        display_name=parsed["display_name"],
        create_time=now,
        data_fields=tuple(parsed["data_fields"]),
        label_schema=parsed["label_schema"],
        unit_of_error=parsed["unit_of_error"],
        loss=parsed["loss"],
        merge_rule=parsed["merge_rule"],
        model_route=parsed.get("model_route"),
        exports=tuple(parsed.get("exports", ("jsonl", "csv"))),
        guideline=parsed.get("guideline", ""),
        definition=definition,
        loss_tolerance=float(parsed.get("loss_tolerance", 0.0)),
        parts=tuple(parsed.get("parts", ())),
        join=parsed.get("join", ""),
        assists=tuple(parsed.get("assists", ())),
        example=json.dumps(parsed["example"]) if "example" in parsed else "",
    )


def make_project(asked: Project, name: str, template: Template, now: datetime) -> Project:
    """The project as created; raises `Unfit` where target or policy do not fit."""
    shape = template.label_schema["shape"]
    if shape in kinds.NOT_YET:
        raise Unfit("project.template", f"labels of shape {shape}: {kinds.NOT_YET[shape]}")
    _check_promise(asked, template)
    return replace(asked, name=name, create_time=now, update_time=now, version=1, target_version=1)


def change_project(project: Project, asked: Project, template: Template, now: datetime) -> Project:
    """The project with a new display name, target, policy and labels."""
    if asked.template and asked.template != project.template:
        raise Unfit("project.template", "the template version of a project never changes")
    _check_promise(asked, template)
    target = asked.target or project.target
    return replace(
        project,
        display_name=asked.display_name or project.display_name,
        target=target,
        target_version=project.target_version + (target != project.target),
        policy=asked.policy or project.policy,
        labels=asked.labels,
        update_time=now,
        version=project.version + 1,
    )


def _check_promise(asked: Project, template: Template) -> None:
    policy = asked.policy or {}
    if policy.get("machine_label") and not asked.target:
        raise Unfit("project.target", "machine_label needs a target that it must keep")
    if asked.target:
        _check_target(asked.target, template)
    if policy.get("model_route"):
        shape = template.label_schema["shape"]
        check_route(
            policy["model_route"], template.data_fields, shape, "project.policy.model_route"
        )
    for name, without in ONE_CLASS_ONLY.items():
        if policy.get(name) and template.label_schema.get("shape") != "choice":
            words = f"works where a label is one class (shape choice); {without}"
            raise Unfit(f"project.policy.{name}", words)
    if policy.get("planted_share") and not policy.get("pre_label"):
        words = "needs pre_label: a planted draft must be shown; set it to 0"
        raise Unfit("project.policy.planted_share", words)


def _check_target(target: Doc, template: Template) -> None:
    rate = target.get("max_error_rate", 0.0)
    if not 0 < rate < 1:
        words = "must be above 0 and below 1: no sample can prove an error of 0"
        raise Unfit("project.target.max_error_rate", words)
    confidence = target.get("confidence", 0.0)
    if confidence and not LEAST_CONFIDENCE <= confidence < 1:
        words = f"must be from {LEAST_CONFIDENCE} to below 1, e.g. 0.95; no sample proves 1"
        raise Unfit("project.target.confidence", words)
    for name, floor in target.get("class_floors", {}).items():
        _check_floor(name, floor, template)


def _check_floor(name: str, floor: float, template: Template) -> None:
    path = f"project.target.class_floors.{name[:100]}"
    if template.label_schema["shape"] != "choice":
        raise Unfit(path, "a floor needs labels of one class each (shape choice)")
    classes = template.label_schema.get("classes", [])
    if name not in classes:
        raise Unfit(path, f"the template has no such class; it has {', '.join(classes[:20])}")
    if not 0 < floor <= LOOSEST_FLOOR:
        words = f"is the largest error rate of the class: above 0, at most {LOOSEST_FLOOR}"
        raise Unfit(path, words)
