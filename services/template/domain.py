"""Templates and projects: immutable versions, a versioned project, and what makes them valid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.template import label_shapes
from services.template.validation import Unfit, check_route

__all__ = ["Project", "TargetVersion", "Template", "Unfit"]
Doc = dict[str, Any]
# A promise that holds more seldom, or a floor looser than this, says nothing.
LEAST_CONFIDENCE, LOOSEST_FLOOR = 0.5, 0.5
# A proof of it takes millions of labels without an error; of less, more than anybody makes.
LEAST_RATE = 1e-6
# A list travels with every event about its project.
MOST_MEMBERS = 2000
# Of a target that names none, as the proto says.
CONFIDENCE = 0.95
# What of a policy speaks of whole labels, and not of those of a part.
_WHOLE = ("model_route", "training", "injected_error_share", "adaptive_annotations", "cleaning")
# Types of data fields that embeddings are made of.
EMBEDDED = ("text", "image")
# What of a policy needs labels of one class each, and what to do where they are not.
ONE_CLASS_ONLY = {
    "injected_error_share": "set it to 0",
    "training": "leave it out",
    "adaptive_annotations": "set it to 0",
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
    # Of a part: the part whose objects its tasks go over.
    per: str = ""


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
    # Of a project that works one part of another's items.
    parent_project: str = ""
    part: str = ""
    # {listed, people}; None is open to everybody.
    members: Doc | None = None

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
    _check_promise(asked, template)
    made = replace(asked, name=name, create_time=now, update_time=now, version=1, target_version=1)
    return replace(made, parent_project="", part="")


def change_project(project: Project, asked: Project, template: Template, now: datetime) -> Project:
    """The project with a new display name, target, policy and labels."""
    if asked.template and asked.template != project.template:
        raise Unfit("project.template", "the template version of a project never changes")
    if asked.members is not None and asked.members != project.members:
        raise Unfit("project.members", "leave them out; members:change changes them")
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


def change_members(
    project: Project, add: Sequence[str], remove: Sequence[str], listed: bool | None, now: datetime
) -> Project:
    """Return the project with other members; raise `Unfit` for more than an event should carry."""
    known = project.members or {}
    people = [p for p in dict.fromkeys([*known.get("people", ()), *add]) if p not in set(remove)]
    if len(people) > MOST_MEMBERS:
        words = f"a list has at most {MOST_MEMBERS} people; open the project to everybody"
        raise Unfit("add", words)
    closed = bool(known.get("listed")) if listed is None else listed
    members = {"listed": closed, "people": people}
    return replace(project, members=members, update_time=now, version=project.version + 1)


# What annotators and reviewers see of a policy: what they need for work, and nothing of how
# it is checked or paid.
_OF_WORKERS = ("lease_seconds", "annotator_cap", "required_skills")


def for_workers(project: Project) -> Project:
    """Return what annotators and reviewers see of a project."""
    policy = {k: v for k, v in (project.policy or {}).items() if k in _OF_WORKERS}
    return replace(
        project, policy=policy or None, target=None, target_version=0, labels={}, members=None
    )


def part_project(project: Project, template: Template, part: str) -> Project:
    """The project that works one part of another's items: its policy, but for what speaks of the
    whole label (ADR 14), and an equal share of its promise (ADR 15)."""
    policy = {k: v for k, v in (project.policy or {}).items() if k not in _WHOLE}
    target = _share(project.target or {}, len(template.parts))
    return replace(
        project,
        name=f"{project.name}.{part}",
        display_name=f"{project.display_name}: {part.replace('_', ' ')}".lstrip(": "),
        policy=policy or None,
        target=target or None,
        parent_project=project.name,
        part=part,
    )


def _share(target: Doc, parts: int) -> Doc:
    """What each of so many parts must keep, so that the whole's promise is kept where each has one
    task an item: a whole is wrong with any of its parts."""
    if not target:
        return {}
    risk = 1.0 - (target.get("confidence") or CONFIDENCE)
    rate = target.get("max_error_rate", 0.0) / parts
    kept = {k: v for k, v in target.items() if k != "class_error_limits"}
    return {**kept, "max_error_rate": rate, "confidence": 1.0 - risk / parts}


def part_template(template: Template, name: str) -> Template:
    """The template of a part's tasks: the fields it shows, its own schema, loss and rule."""
    part = next(p for p in template.parts if p["name"] == name)
    shows, per = part.get("shows"), part.get("per", "")
    fields = [f for f in template.data_fields if not shows or f["name"] in (*shows, per)]
    shape = part["label_schema"]["shape"]
    return replace(
        template,
        display_name=f"{template.display_name}: {name.replace('_', ' ')}",
        data_fields=tuple(_single(f) if f["name"] == per else f for f in fields),
        label_schema=part["label_schema"],
        unit_of_error=part["unit_of_error"],
        loss=part["loss"],
        merge_rule=part["merge_rule"],
        model_route=part.get("model_route"),
        exports=("jsonl", "csv") if shape in ("choice", "choices", "text") else ("jsonl",),
        guideline="\n\n".join(filter(None, (part.get("guideline"), template.guideline))),
        loss_tolerance=float(part.get("loss_tolerance", 0.0)),
        assists=tuple(
            one
            for one in template.assists
            if shape in label_shapes.ASSISTS[one["capability"]].shapes
        ),
        parts=(),
        join="",
        example="",
        per="" if per in {f["name"] for f in template.data_fields} else per,
    )


def _single(one: Doc) -> Doc:
    """A list as the tasks have it that go over its entries."""
    return {**one, "type": label_shapes.ENTRIES[one["type"]]}


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
    if training := policy.get("training"):
        _check_training(training, template)
    if policy.get("injected_error_share") and not policy.get("pre_label"):
        words = "needs pre_label: a planted draft must be shown; set it to 0"
        raise Unfit("project.policy.injected_error_share", words)


def _check_training(training: Doc, template: Template) -> None:
    """Embeddings are made of a text or a picture; whether the model is there is not known here."""
    types = {f["name"]: f["type"] for f in template.data_fields}
    if types.get(training.get("input", "")) not in EMBEDDED:
        words = f"must name a data field of type {' or '.join(EMBEDDED)}; there are {types}"
        raise Unfit("project.policy.training.input", words)


def _check_target(target: Doc, template: Template) -> None:
    rate = target.get("max_error_rate", 0.0)
    if not LEAST_RATE <= rate < 1:
        words = f"must be from {LEAST_RATE:g} to below 1: no sample can prove an error of 0"
        raise Unfit("project.target.max_error_rate", words)
    confidence = target.get("confidence", 0.0)
    if confidence and not LEAST_CONFIDENCE <= confidence < 1:
        words = f"must be from {LEAST_CONFIDENCE} to below 1, e.g. 0.95; no sample proves 1"
        raise Unfit("project.target.confidence", words)
    for name, floor in target.get("class_error_limits", {}).items():
        _check_floor(name, floor, template)


def _check_floor(name: str, floor: float, template: Template) -> None:
    path = f"project.target.class_error_limits.{name[:100]}"
    if template.label_schema["shape"] != "choice":
        raise Unfit(path, "a floor needs labels of one class each (shape choice)")
    classes = template.label_schema.get("classes", [])
    if name not in classes:
        raise Unfit(path, f"the template has no such class; it has {', '.join(classes[:20])}")
    if not LEAST_RATE <= floor <= LOOSEST_FLOOR:
        words = f"is the largest error rate of the class: {LEAST_RATE:g} to {LOOSEST_FLOOR}"
        raise Unfit(path, words)
