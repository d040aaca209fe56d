"""`labelmill template try`: every entry of the catalogue from an example to files read back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.cli import main, trying
from libs.cli.client import Client
from services.template.main import Definitions
from tests.system.conftest import World
from tests.system.line import fresh

BROKEN = """
display_name: Mails
data_fields: [{name: text, type: text, required: true}]
label_schema: {shape: choice, classes: [ham, spam]}
unit_of_error: mail with a wrong class
loss: class
merge_rule: majority
exports: [jsonl]
"""


pytestmark = pytest.mark.parametrize("world", ["embedded"], indirect=True)


@pytest.fixture
def owner(world: World) -> tuple[Client, str]:
    tenant = fresh("try")
    return world.tenant(tenant), f"tenants/{tenant}"


def test_the_whole_catalogue_goes_through_the_line(
    owner: tuple[Client, str], tmp_path: Path
) -> None:
    client, tenant = owner
    listed = client.get(f"{tenant}/templates")["templates"]
    entries = [t for t in listed if t["name"].startswith("tenants/catalogue/")]
    assert len(entries) == len(Definitions.catalogue()) >= 31
    staff = trying.staff_of(client, tenant)
    with ThreadPoolExecutor(4) as pool:
        tries = list(
            pool.map(lambda t: trying.attempt(client, tenant, t, staff, tmp_path), entries)
        )
    assert {one.name: one.faults for one in tries if one.faults} == {}
    for template, one in zip(entries, tries, strict=True):
        assert {format_ for format_, *_ in one.files} == set(template["exports"])
        assert all(said for *_, said in one.files), one.files
    boxes = next(one for one in tries if one.name == "image-boxes")
    assert any("drafted by coco-boxes" in step for step in boxes.steps)


def test_what_cannot_be_tried_is_told_and_fails(
    world: World, owner: tuple[Client, str], tmp_path: Path
) -> None:
    client, tenant = owner
    file = tmp_path / "mails.yaml"
    file.write_text(BROKEN)
    key = client.post(f"{tenant}/users", {"user_id": "boss", "role": "owner"}) and client.post(
        f"{tenant}/users/boss/keys"
    )
    common = ["--url", world.platform.url, "--key", key["api_key"], "template", "try"]
    told = CliRunner().invoke(main.app, [*common, "--tenant", tenant, "--file", str(file)])
    assert told.exit_code == 1 and "the template has no example" in told.output
    good = BROKEN + "example: {data: {text: Hello Ann.}, label: {choices: {classes: [ham]}}}\n"
    file.write_text(good)
    told = CliRunner().invoke(main.app, [*common, "--tenant", tenant, "--file", str(file)])
    assert told.exit_code == 0, told.output
    assert "1 of 1 templates went through" in told.output and "the same" in told.output
