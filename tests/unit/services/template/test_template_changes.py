"""What a new version breaks; versions stay as they were published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from labelmill.template.v1 import template_pb2

from libs.cli.templates import annotated
from libs.common.access import Caller
from libs.common.errors import NotFound
from libs.common.rpc import isolate
from services.template.catalogue import Definitions
from services.template.compatibility import changes

ENTRIES = Definitions.catalogue()
Doc = dict[str, Any]


@pytest.mark.parametrize(
    ("name", "change", "path", "breaks"),
    [
        ("cloud-boxes", lambda d: d["label_schema"]["classes"].remove("bus"), "classes.bus", True),
        (
            "cloud-boxes",
            lambda d: d["label_schema"]["classes"].append("tram"),
            "classes.tram",
            False,
        ),
        ("cloud-boxes", lambda d: d["label_schema"].update(frame="ego"), "frame", True),
        ("cloud-boxes", lambda d: d.update(loss_tolerance=1), "loss_tolerance", True),
        ("cloud-boxes", lambda d: d.update(loss_tolerance=3), "loss_tolerance", False),
        ("cloud-boxes", lambda d: d.update(exports=["jsonl"]), "exports.parquet", True),
        (
            "cloud-boxes",
            lambda d: d["label_schema"]["attributes"].append(
                {"name": "hidden", "type": "boolean", "required": True}
            ),
            "attributes.hidden",
            True,
        ),
        (
            "cloud-boxes",
            lambda d: d["label_schema"]["attributes"].append({"name": "hidden", "type": "boolean"}),
            "attributes.hidden",
            False,
        ),
        ("cloud-boxes", lambda d: d["label_schema"].update(max_objects=0), "max_objects", False),
        ("cloud-boxes", lambda d: d.update(guideline="# New {#new}"), "guideline", False),
        ("rm-ranking", lambda d: d["label_schema"].update(ties=False), "ties", True),
        ("rm-ranking", lambda d: d["data_fields"][0].update(type="image"), "prompt.type", True),
        ("bev-detection", lambda d: d["parts"].pop(), "parts.verify", True),
        ("text-correction", lambda d: d["label_schema"].update(shape="choice"), "shape", True),
    ],
)
def test_a_change_breaks_or_does_not(
    name: str, change: Callable[[Doc], None], path: str, breaks: bool
) -> None:
    old, new = yaml.safe_load(ENTRIES[name]), yaml.safe_load(ENTRIES[name])
    change(new)
    found = changes(old, new)
    assert [c.breaks for c in found if c.path.endswith(path)] == [breaks]


@given(st.sampled_from(sorted(ENTRIES)))
def test_a_definition_and_itself_with_notes_differ_in_nothing(name: str) -> None:
    parser = Definitions()
    noted = annotated(ENTRIES[name], name)
    assert changes(parser.parse(ENTRIES[name]), parser.parse(noted)) == []


def test_another_tenants_version_is_not_compared() -> None:
    asked = template_pb2.DiffTemplatesRequest(
        name="tenants/catalogue/templates/bev-map/versions/1",
        other="tenants/b/templates/mine/versions/1",
    )
    with pytest.raises(NotFound):
        isolate(asked, Caller("ann", "tenants/a", "owner"))
