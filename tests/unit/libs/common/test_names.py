"""Names: what fits, who owns what, shards and ids that never change."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import names
from libs.common.errors import Invalid, NotFound

SEGMENT = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~@-]{0,20}", fullmatch=True)
PATTERN = "tenants/*/projects/*/tasks/*"


@given(SEGMENT, SEGMENT, SEGMENT)
def test_a_name_gives_back_its_ids(tenant: str, project: str, task: str) -> None:
    name = f"tenants/{tenant}/projects/{project}/tasks/{task}"
    assert names.parse(name, PATTERN) == (tenant, project, task)
    assert names.tenant_of(name) == f"tenants/{tenant}"
    assert names.project_of(name) == f"tenants/{tenant}/projects/{project}"
    assert 0 <= names.shard_of(name) < names.SHARDS


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "tenants/t/projects/p/tasks",
        "tenants/t/projects/p/tasks/",
        "tenants/t/projects/p/tasks/a/b",
        "tenants/t/projects/p/items/a",
        "tenants//projects/p/tasks/a",
        "tenants/t/projects/p/tasks/../x",
        "tenants/t/projects/p/tasks/.hidden",
        "tenants/t/projects/p/tasks/a b",
        "tenants/t/projects/p/tasks/a\n",
        "tenants/t/projects/p/tasks/a\u0000",
        "tenants/t/projects/p/tasks/é",
        f"tenants/t/projects/p/tasks/{'x' * 129}",
        "/tenants/t/projects/p/tasks/a",
    ],
)
def test_a_name_that_does_not_fit_is_refused_with_its_form(wrong: str) -> None:
    with pytest.raises(Invalid, match="is not a name of the form tenants/") as refused:
        names.parse(wrong, PATTERN)
    assert refused.value.field == "name"


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        found = names.parse(text, PATTERN)
    except Invalid:
        return
    assert all(names.is_segment(part) for part in found)


@given(SEGMENT, SEGMENT)
def test_a_name_is_its_tenants_and_nobody_elses(mine: str, other: str) -> None:
    name = f"tenants/{mine}/projects/p"
    names.own(name, f"tenants/{mine}")
    if mine != other:
        with pytest.raises(NotFound):
            names.own(name, f"tenants/{other}")


@pytest.mark.parametrize("name", ["", "tenants", "tenants/", "projects/p", "tenants-t/projects/p"])
def test_what_has_no_tenant_belongs_to_nobody(name: str) -> None:
    for tenant in ("tenants/t", "tenants", "t"):
        with pytest.raises(NotFound):
            names.own(name, tenant)


def test_a_tenant_whose_name_begins_like_anothers_is_another() -> None:
    with pytest.raises(NotFound):
        names.own("tenants/acme-2/projects/p", "tenants/acme")


@pytest.mark.parametrize("name", ["tenants/t", "tenants/t/projects", "tenants/t/projects/", "x"])
def test_outside_a_project_there_is_no_project(name: str) -> None:
    with pytest.raises(Invalid):
        names.project_of(name)


def test_shards_never_change() -> None:
    """Stored keys and the order of events rest on them: a change needs a migration."""
    kept = {"01j0000000000000000000000a": 7, "a": 3, "item-17": 2, "": 0}
    project = "tenants/t/projects/p"
    assert {i: names.shard_of(f"{project}/tasks/{i}") for i in kept} == kept
    for each, shard in kept.items():
        assert names.shard_of(f"{project}/items/{each}") == shard, "an item's task is in its shard"


def test_shards_are_filled_evenly() -> None:
    found = Counter(names.shard_of(f"x/{names.new_id()}") for _ in range(8000))
    assert len(found) == names.SHARDS and max(found.values()) < 1.3 * 8000 / names.SHARDS


def test_content_ids_never_change() -> None:
    """Two uploads of the same content must meet, today's and next year's."""
    assert names.content_id("a", "b") == "1w2cvkpsedn6kpk10fr8mkdaz3"
    assert names.content_id("") == "1rxgrh19hz0w2jdfqx68k5qvj9"


@given(st.lists(st.text(max_size=9), max_size=3), st.lists(st.text(max_size=9), max_size=3))
def test_content_ids_differ_as_content_does(one: list[str], two: list[str]) -> None:
    ids = names.content_id(*one), names.content_id(*two)
    assert all(len(each) == 26 and names.is_segment(each) for each in ids)
    assert (ids[0] == ids[1]) == ("\x1f".join(one) == "\x1f".join(two))


def test_new_ids_are_unique_and_sort_by_time() -> None:
    first = [names.new_id() for _ in range(1000)]
    time.sleep(0.002)
    later = names.new_id()
    assert len(set(first)) == 1000 and max(first) < later
    assert all(len(each) == 26 and names.is_segment(each) for each in first)


ids = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@given(ids, ids, ids, ids)
def test_no_two_projects_train_a_model_of_one_name(a: str, b: str, c: str, d: str) -> None:
    one, other = f"tenants/{a}/projects/{b}", f"tenants/{c}/projects/{d}"
    assert (names.trained_model(one) == names.trained_model(other)) == (one == other)
    assert names.may_use_model(f"tenants/{a}", names.trained_model(other)) == (a == c)


def test_hyphens_part_nothing() -> None:
    first, second = "tenants/a/projects/b--c", "tenants/a--b/projects/c"
    assert names.trained_model(first) != names.trained_model(second)
    part = names.trained_model("tenants/a/projects/speech.words")
    assert part == "a~speech.words" and names.is_segment(part)
    assert names.may_use_model("tenants/a", "text-features")
    assert not names.may_use_model("tenants/a", "a--b--c"), "whose it is cannot be told"
