"""A folder comes in by the command line, is cleaned, appealed, and becomes tasks."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from typer.testing import CliRunner

from libs.cli.main import app
from tests.system.conftest import World
from tests.system.line import fresh, until

TEMPLATE = "tenants/catalogue/templates/image-classification/versions/1"


def picture(turn: int, size: int) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").rotate(turn).resize((size, size)).save(out, "PNG")
    return out.getvalue()


def test_an_import_is_reported_appealed_and_labelled(world: World, tmp_path: Path) -> None:
    tenant = fresh("cleaning")
    owner = world.tenant(tenant)
    policy = {"cleaning": {"min_pixels": 100, "near_duplicates": "REFUSE"}}
    body = {"project_id": "p", "project": {"template": TEMPLATE, "policy": policy}}
    project = owner.post(f"tenants/{tenant}/projects", body)["name"]
    files = {"good": picture(40, 200), "small": picture(100, 50), "again": picture(40, 190)}
    for name, content in files.items():
        (tmp_path / f"{name}.png").write_bytes(content)
    key = owner.post(f"tenants/{tenant}/users/owner/keys")["api_key"]
    run = CliRunner(env={"LABELMILL_URL": world.platform.url, "LABELMILL_KEY": key}).invoke
    said = run(app, ["import", project, str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert "1 admitted, 0 duplicates, 2 refused" in said.output
    for word in ("too_small", "near_duplicate"):
        assert word in said.output
    (made,) = owner.get(f"{project}/imports")["imports"]
    assert made["report"]["refused"] == {"too_small": 1, "near_duplicate": 1}
    found = owner.get(f"{project}/refusals")["refusals"]
    small = next(r for r in found if r["code"] == "too_small")
    assert small["appealable"] and small["import_id"] == made["name"].rsplit("/", 1)[-1]
    assert (
        "APPEALED" in run(app, ["refusal", "appeal", small["name"], "thumbnails are fine"]).output
    )
    said = run(app, ["refusal", "resolve", small["name"], "agreed", "--admit"])
    assert said.output.startswith("ADMITTED tenants/"), said.output
    again = owner.post(f"{small['name']}:resolve", {"state": "ADMITTED", "reason": "agreed"})
    assert again["item"]
    until(lambda: owner.get(f"{project}/progress")["task_count"] == 2, "two tasks")
