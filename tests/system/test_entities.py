"""Spans over REST: two people mark entities, a reviewer settles where they differ, delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libs.cli.client import Client, Refused
from tests.system.conftest import World
from tests.system.line import add_person, delivered, fresh, until

TEXTS = ("Ada Lovelace went to Oslo.", "𝒪slo heard Grace in May.")
CATALOGUE = "tenants/catalogue/templates/named-entities/versions/1"
# The second text: the reviewer's truth, and what one of the two marked instead.
TRUTH = ((0, 4, "place"), (11, 16, "person"), (20, 23, "date"))
SHORT = ((0, 4, "place"), (11, 15, "person"), (20, 23, "date"))
AGREED = ((0, 12, "person"), (21, 25, "place"))


def marked(places: tuple[tuple[int, int, str], ...]) -> dict[str, Any]:
    return {"spans": {"spans": [{"start": a, "end": b, "class": c} for a, b, c in places]}}


def _places(value: dict[str, Any]) -> frozenset[tuple[int, int, str]]:
    return frozenset((s["start"], s["end"], s["class"]) for s in value["spans"]["spans"])


def _submit(person: Client, held: dict[str, Any], value: dict[str, Any]) -> None:
    body = {"fencing_token": held["fencing_token"], "value": value}
    person.post(f"{held['name']}:submit", body)


def _claim(person: Client, project: str, count: int, stage: str) -> dict[str, dict[str, Any]]:
    """What the person got, by text."""
    held: dict[str, dict[str, Any]] = {}

    def claim() -> bool:
        body = {"max_tasks": 10, **({"stage": stage} if stage else {})}
        for one in person.post(f"{project}/tasks:claim", body)["assignments"]:
            held[one["data"]["text"]] = one
        return len(held) >= count

    until(claim, f"{count} tasks to claim")
    return held


def _entities(owner: Client, tenant: str) -> str:
    # Every label of one person gets a blind second opinion.
    policy = {"people_audit_share": 1.0}
    body = {"project_id": "p", "project": {"template": CATALOGUE, "policy": policy}}
    return str(owner.post(f"tenants/{tenant}/projects", body)["name"])


def test_marked_by_two_settled_by_a_reviewer_delivered(world: World, tmp_path: Path) -> None:
    tenant = fresh("entities")
    owner = world.tenant(tenant)
    project = _entities(owner, tenant)
    hostile = {"data": {"text": "short"}, "gold": marked(((0, 6, "person"),))}
    items = [*({"data": {"text": t}} for t in TEXTS), hostile]
    found = owner.post(f"{project}/items:batchCreate", {"items": items})["results"]
    assert [r["outcome"] for r in found] == ["ADMITTED", "ADMITTED", "REFUSED"]
    assert "gold.spans.spans[0]: goes from 0 to 6" in found[2]["reason"]

    staff = {n: Client(world.platform.url, add_person(owner, tenant, n)) for n in ("ann", "bob")}
    for name, second in (("ann", TRUTH), ("bob", SHORT)):
        held = _claim(staff[name], project, len(TEXTS), "" if name == "ann" else "AUDIT")
        _refuses(staff[name], held[TEXTS[1]])
        _submit(staff[name], held[TEXTS[0]], marked(AGREED if name == "ann" else AGREED[::-1]))
        _submit(staff[name], held[TEXTS[1]], marked(second))

    judge = Client(world.platform.url, add_person(owner, tenant, "judge", "reviewer"))
    (held,) = _claim(judge, project, 1, "REVIEW").values()
    assert held["data"]["text"] == TEXTS[1]
    seen = {_places(opinion) for opinion in held["annotations"]}
    # The draft of the template's model, where it is built, is one more.
    assert seen >= {frozenset(TRUTH), frozenset(SHORT)} and len(held["annotations"]) <= 3
    token = held["fencing_token"]
    beyond = {"fencing_token": token, "verdict": "FIXED", "value": marked(((0, 25, "place"),))}
    with pytest.raises(Refused, match="24 characters"):
        judge.post(f"{held['name']}:review", beyond)
    judge.post(f"{held['name']}:review", {**beyond, "value": marked(TRUTH)})
    until(lambda: owner.get(f"{project}/progress")["accepted_count"] == 2, "both settled")
    quality = lambda: owner.get(f"{project}/quality")  # noqa: E731
    # Chance may draw one as evidence for the model instead of for an audit: two blind opinions too.
    until(lambda: quality().get("verified_count") == 2, "both verified")
    assert quality()["audit_errors"] == 0, "the label that was about to go out was right"

    labels = delivered(owner, project, 2, tmp_path)
    by_text = {x["data"]["text"]: x["value"]["spans"]["spans"] for x in labels}
    assert {text: _texts(text, spans) for text, spans in by_text.items()} == {
        TEXTS[0]: ["Ada Lovelace person", "Oslo place"],
        TEXTS[1]: ["𝒪slo place", "Grace person", "May date"],
    }


def _refuses(person: Client, held: dict[str, Any]) -> None:
    """What is no marking of this text is told by its place, and changes nothing."""
    for places, words in (
        (((0, 4, "place"), (20, 25, "date")), "value.spans.spans[1]"),
        (((4, 4, "place"),), "end above start"),
        (((0, 4, "planet"),), "unknown class 'planet'"),
        (((-1, 4, "place"),), "start"),
    ):
        with pytest.raises(Refused) as refused:
            _submit(person, held, marked(places))
        assert refused.value.status == 422
        assert words in str(refused.value)


def _texts(text: str, spans: list[dict[str, Any]]) -> list[str]:
    found = sorted((s.get("start", 0), s["end"], s["class"]) for s in spans)
    return [f"{text[a:b]} {c}" for a, b, c in found]
