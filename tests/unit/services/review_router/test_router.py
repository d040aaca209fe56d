"""What happens next: total, and never against the promise."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.review_router.domain import Action, Coins, Facts, Phase, Policy, route
from services.review_router.gates import Gate
from services.review_router.service import coins

HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
share = st.floats(0, 1)
predictions = st.one_of(
    st.none(), st.builds(lambda s: {"value": HAM, "score": s, "model": "m"}, share)
)
verdicts = st.lists(
    st.sampled_from(
        [{"verdict": "APPROVED"}, {"verdict": "REJECTED"}, {"verdict": "FIXED", "value": HAM}]
    ),
    max_size=4,
)
facts = st.builds(
    Facts,
    task=st.just("t"),
    task_version=st.integers(1, 9),
    gold=st.booleans(),
    prediction=predictions,
    again=st.booleans(),
    sampled=st.booleans(),
    stage=st.sampled_from(["ANNOTATION", "REVIEW", "ADJUDICATION", "AUDIT"]),
    annotation_count=st.integers(0, 6),
    replica_count=st.integers(1, 4),
    disputed=st.booleans(),
    consensus=st.just(HAM),
    confidence=share,
    matches_prediction=st.booleans(),
    draft_shown=st.booleans(),
    blind=st.booleans(),
    verdicts=verdicts.map(tuple),
)
policies = st.builds(
    Policy,
    replica_count=st.integers(0, 4),
    review_share=share,
    audit_share=share,
    people_audit_share=share,
    machine_label=st.booleans(),
    pre_label=st.booleans(),
)
gates = st.builds(Gate, name=st.just("g"), open=st.booleans(), threshold=share)
chances = st.builds(Coins, share, share, share, share)


@given(facts, policies, gates, st.sampled_from(Phase), chances)
def test_every_task_has_a_next_step_and_machines_only_what_is_proved(
    known: Facts, policy: Policy, gate: Gate, phase: Phase, chance: Coins
) -> None:
    made = route(known, policy, gate, phase, chance)
    assert made.task_version == known.task_version and made.reason
    source = (made.label or {}).get("source")
    if source == "MACHINE":
        assert policy.machine_label and gate.open and not known.gold
        assert known.prediction and known.prediction["score"] >= gate.threshold
        assert known.annotation_count == 0 and not made.sampled
        assert known.again or chance.sample >= policy.audit_share
    if made.action is Action.ACCEPT:
        assert made.label is not None and made.label["value"]
    if made.sampled:
        assert made.blind and made.replica_count >= 2
    if phase is Phase.COLD_START and made.action is Action.ANNOTATE and not known.annotation_count:
        assert made.blind or known.verdicts


@given(facts, policies, gates, st.sampled_from(Phase), chances)
def test_a_known_answer_looks_like_any_other_task(
    known: Facts, policy: Policy, gate: Gate, phase: Phase, chance: Coins
) -> None:
    """Draft or none, early or late: by the same coins as if its answer were not known. What needs
    no people looks like evidence there."""
    untouched = replace(known, annotation_count=0, verdicts=(), again=False)
    gold = route(replace(untouched, gold=True), policy, gate, phase, chance)
    other = route(replace(untouched, gold=False), policy, gate, phase, chance)
    assert gold.action is Action.ANNOTATE and not gold.sampled
    if other.action is Action.ACCEPT:
        assert gold.blind and gold.priority == 1.0 + chance.order
    else:
        assert (gold.blind, gold.priority) == (other.blind, other.priority)


def test_disputes_end_with_a_reviewer_who_decides() -> None:
    known = Facts("t", 1, annotation_count=3, replica_count=3, disputed=True, consensus=HAM)
    policy, gate, chance = Policy(replica_count=1), Gate(), Coins(1, 1, 1, 0)
    assert route(known, policy, gate, Phase.WARM_UP, chance).action is Action.ADJUDICATE
    judged = Facts(
        "t",
        2,
        annotation_count=3,
        replica_count=3,
        disputed=True,
        consensus=HAM,
        stage="ADJUDICATION",
        verdicts=({"verdict": "APPROVED"},),
    )
    again = route(judged, policy, gate, Phase.WARM_UP, chance)
    assert again.action is Action.ADJUDICATE, "there is nothing to approve"


@given(facts, policies, gates, st.sampled_from(Phase), chances)
def test_what_is_held_goes_back_with_its_hint_and_nowhere_else(
    known: Facts, policy: Policy, gate: Gate, phase: Phase, chance: Coins
) -> None:
    held = replace(known, held=True, hint="look again")
    made = route(held, policy, gate, phase, chance)
    assert made.action is Action.RETURN and made.comment == "look again" and made.label is None
    assert route(known, policy, gate, phase, chance).action is not Action.RETURN


def test_an_objection_is_reviewed_once() -> None:
    known = Facts("t", 1, annotation_count=1, consensus=HAM, objected=True)
    policy, gate, chance = Policy(), Gate(), Coins(1, 1, 1, 0)
    assert route(known, policy, gate, Phase.STEADY, chance).action is Action.REVIEW
    judged = replace(known, stage="REVIEW", verdicts=({"verdict": "APPROVED"},))
    assert route(judged, policy, gate, Phase.STEADY, chance).action is Action.ACCEPT


def test_coins_are_stable_uniform_and_secret() -> None:
    many = [coins(b"secret", f"t{i}") for i in range(4000)]
    assert many[7] == coins(b"secret", "t7") != coins(b"other", "t7")
    for purpose in ("sample", "review", "audit", "order"):
        tenths = Counter(int(getattr(c, purpose) * 10) for c in many)
        assert set(tenths) == set(range(10))
        assert all(abs(n - 400) < 100 for n in tenths.values())


def test_a_group_has_one_coin_and_one_place_in_each_lot() -> None:
    mine = [coins(b"secret", f"t{i}", "gate/1", "scene") for i in range(50)]
    assert len({(c.lot, c.tie_breaker) for c in mine}) == 1
    assert len({c.standing for c in mine}) == len({c.sample for c in mine}) == 50
    assert mine[0].lot != coins(b"secret", "t0", "gate/2", "scene").lot, "fresh in each lot"
    assert mine[0].lot != coins(b"secret", "t0", "gate/1", "other").lot
    # Items without a group keep the coins they always had; one may be called like a group.
    assert coins(b"secret", "t0", "gate/1", "") == coins(b"secret", "t0", "gate/1")
    assert coins(b"secret", "scene", "gate/1").lot != mine[0].lot
    rest = [coins(b"secret", "t0", "gate/1", f"scene {i}").lot for i in range(4000)]
    assert abs(sum(c < 0.3 for c in rest) / 4000 - 0.3) < 0.03
