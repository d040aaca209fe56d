"""Planted wrong drafts: shown as any other, never the model's word, never delivered unasked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from labelmill.annotation.v1.annotation_pb2 import Prediction
from labelmill.qc_scorer.v1.events_pb2 import TasksScored
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.clock import FakeClock
from libs.common.codec import message_to_doc
from services.qc_scorer import domain as scorer
from services.qc_scorer.submission_check import service as submission_service
from services.review_router import events, injected_errors
from services.review_router.domain import Action, Coins, Facts, Phase, Policy, route
from services.review_router.gates import Gate
from services.review_router.service import coins
from services.task_dispatch import domain as dispatch
from services.task_dispatch.domain import Stage, State, Task
from services.template.domain import Project, Template, Unfit, make_project

CLASSES = ("ham", "spam", "eggs")
NEVER = Coins(1.0, 1.0, 1.0, 0.0)


def choice(name: str) -> dict[str, Any]:
    return {"choices": {"classes": [name]}}


DRAFT: dict[str, Any] = {"name": "n", "model": "m", "value": choice("ham"), "score": 0.8}
PLANTED = {**DRAFT, "injected_error": choice("spam")}
POLICY = Policy(pre_label=True, injected_error_share=0.05, classes=CLASSES)
FIRST = Facts("t", 1, prediction=DRAFT)


def first(facts: Facts, policy: Policy = POLICY, coin: float = 0.01) -> dict[str, Any]:
    made = route(facts, policy, Gate(), Phase.WARM_UP, replace(NEVER, plant=coin))
    return dict(made.prediction or {})


@pytest.mark.statistical
def test_the_coin_decides_and_every_other_class_has_its_chance() -> None:
    secret = b"for this test alone"
    found = [first(replace(FIRST, task=str(i)), POLICY, coins(secret, str(i)).plant)
             for i in range(20_000)]  # fmt: skip
    planted = [f["injected_error"]["choices"]["classes"][0] for f in found if "injected_error" in f]
    assert len(planted) / len(found) == pytest.approx(0.05, abs=0.005)
    assert planted.count("eggs") / len(planted) == pytest.approx(0.5, abs=0.06)
    assert "ham" not in planted and all(f["value"] == choice("ham") for f in found)


@pytest.mark.parametrize(
    ("facts", "policy"),
    [
        (FIRST, replace(POLICY, injected_error_share=0.0)),
        (FIRST, replace(POLICY, classes=())),
        (FIRST, replace(POLICY, classes=("ham",))),
        (FIRST, replace(POLICY, pre_label=False)),
        (replace(FIRST, gold=True), POLICY),
        (replace(FIRST, prediction={**DRAFT, "value": {"text": {"text": "a"}}}), POLICY),
    ],
)
def test_nothing_is_planted_where_nobody_sees_it_or_no_class_is_wrong(
    facts: Facts, policy: Policy
) -> None:
    assert "injected_error" not in first(facts, policy)


def test_the_gates_evidence_is_never_planted() -> None:
    made = route(FIRST, POLICY, Gate(), Phase.WARM_UP, Coins(0.0, 1, 1, 0, plant=0.0))
    assert made.sampled and "injected_error" not in (made.prediction or {})


def test_what_the_gate_lets_out_is_the_models_word() -> None:
    policy, gate = replace(POLICY, machine_label=True), Gate("g", open=True, threshold=0.5)
    made = route(replace(FIRST, prediction=PLANTED, again=True), policy, gate, Phase.MATURE, NEVER)
    assert made.label is not None and made.label["value"] == choice("ham")


def after(*answers: tuple[str, bool], draft: dict[str, Any] = PLANTED) -> Facts:
    """Facts as the router hears them: answers (class, saw the draft), the first as consensus."""
    told = TasksScored(project="p")
    one = told.tasks.add()
    one.task.name, one.task.version, one.task.replica_count = "t", 3, len(answers)
    one.task.prediction.name = "n"
    one.task.prediction.value.choices.classes.append("ham")
    if "injected_error" in draft:
        one.task.prediction.injected_error.choices.classes.append("spam")
    for who, (said, saw) in enumerate(answers):
        annotation = one.task.annotations.add(annotator=str(who), prediction="n" if saw else "")
        annotation.value.choices.classes.append(said)
    one.score.annotation_count = len(answers)
    one.score.consensus.choices.classes.append(answers[0][0])
    one.score.matches_prediction = answers[0][0] == "ham"
    one.score.disputed = len({said for said, _ in answers}) > 1
    return events._scored(one.task, one.score)


def test_a_planted_draft_that_stayed_goes_to_one_who_does_not_see_it() -> None:
    made = route(after(("spam", True)), POLICY, Gate(), Phase.STEADY, NEVER)
    assert (made.action, made.blind, made.replica_count) == (Action.ANNOTATE, True, 2)
    made = route(after(("spam", True), ("spam", True)), POLICY, Gate(), Phase.STEADY, NEVER)
    assert (made.action, made.blind, made.replica_count) == (Action.ANNOTATE, True, 3)
    differ = route(after(("spam", True), ("ham", False)), POLICY, Gate(), Phase.STEADY, NEVER)
    assert differ.action is not Action.ACCEPT
    agree = route(after(("spam", True), ("spam", False)), POLICY, Gate(), Phase.STEADY, NEVER)
    assert agree.label is not None and agree.label["source"] == "HUMAN"


def test_who_mends_a_planted_draft_did_the_work() -> None:
    made = route(after(("ham", True)), POLICY, Gate(), Phase.STEADY, NEVER)
    assert made.label is not None and made.label["source"] == "HUMAN"
    plain = route(after(("ham", True), draft=DRAFT), POLICY, Gate(), Phase.STEADY, NEVER)
    assert plain.label is not None and plain.label["source"] == "CONFIRMED"


def test_the_annotator_sees_a_draft_like_any_other() -> None:
    now = FakeClock().now()
    task = Task("t", "p", "i", "{}", "v", Stage.ANNOTATION, State.OPEN, 1, now, now,
                prediction=PLANTED)  # fmt: skip
    shown = dispatch.shown_prediction(task)
    assert shown == {**DRAFT, "value": choice("spam")}
    assert dispatch.shown_prediction(replace(task, blind=True)) is None


def test_the_models_evidence_and_the_hints_do_not_know_of_it() -> None:
    project = scorer.Project("p", 1, "class", "majority")
    task = {"label": {"value": choice("ham")}, "prediction": PLANTED}
    assert not scorer.draft_was_wrong(task, project)
    one = {"annotator": "ann", "value": choice("spam"), "prediction": "n"}
    assert submission_service._single({"prediction": DRAFT, "annotations": [one]})
    assert not submission_service._single({"prediction": PLANTED, "annotations": [one]})


def test_only_single_choices_are_planted() -> None:
    message = ProjectUpdated()
    message.template.label_schema.classes.extend(CLASSES)
    for shape, known in (("choice", list(CLASSES)), ("choices", []), ("boxes", [])):
        message.template.label_schema.shape = shape
        assert events._single_choice(message.template.label_schema) == known
    both = {**DRAFT, "value": {"choices": {"classes": ["ham", "spam"]}}}
    assert injected_errors.plant(both, CLASSES, 0.05, 0.0) == both
    sent = Prediction(name="n")
    sent.injected_error.choices.classes.append("spam")
    assert message_to_doc(sent)["injected_error"] == choice("spam")


@pytest.mark.parametrize(
    ("shape", "policy", "words"),
    [
        ("choice", {"pre_label": True, "injected_error_share": 0.02}, ""),
        ("choice", {"injected_error_share": 0.02}, "pre_label"),
        ("boxes", {"pre_label": True, "injected_error_share": 0.02}, "one class"),
        ("boxes", {"pre_label": True}, ""),
    ],
)
def test_planting_where_it_cannot_work_is_refused_with_its_field(
    shape: str, policy: dict[str, Any], words: str
) -> None:
    now = FakeClock().now()
    schema = {"shape": shape, "classes": list(CLASSES)}
    made = Template("tenants/t/templates/x/versions/1", "x", now, (), schema, "item", "class", "")
    asked = Project("", "p", made.name, policy=policy)
    if not words:
        assert make_project(asked, "p", made, now).policy == policy
        return
    with pytest.raises(Unfit, match=words) as refused:
        make_project(asked, "p", made, now)
    assert refused.value.field == "project.policy.injected_error_share"
