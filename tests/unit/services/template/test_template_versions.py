"""A published version stays as it is, and projects under way keep theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Invalid
from libs.common.store.sqlite import SqliteStore
from services.template import store as template_store
from services.template.catalogue import Definitions
from services.template.domain import Project
from services.template.service import Templates

TENANT = "tenants/a"


async def test_projects_keep_their_version_and_a_diff_says_what_the_next_breaks(
    tmp_path: Path,
) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}/store", "template")
    await store.open(template_store.COLLECTIONS)
    service = Templates(store, SystemClock(), Definitions())
    text = Definitions.catalogue()["image-rotated-boxes"]
    first = await service.publish(TENANT, "ships", text)
    asked = Project(name="", display_name="Ships", template=first.name)
    project = await service.create(TENANT, "p", asked, "")
    narrower = text.replace(", storage tank]", "]")
    second = await service.publish(TENANT, "ships", narrower)
    assert second.name.endswith("/versions/2")
    assert await service.template(first.name) == first
    assert (await service.project(project.name)).template == first.name
    found = await service.diff(first.name, second.name, "")
    assert "label_schema.classes.storage tank" in [c.path for c in found if c.breaks]
    with pytest.raises(Invalid, match="rotated"):
        await service.diff(first.name, "", text.replace("loss: rotated", "loss: word"))
    clouds = await service.publish(TENANT, "clouds", Definitions.catalogue()["cloud-boxes"])
    made = await service.create(TENANT, "c", Project("", "Clouds", clouds.name), "")
    assert made.template == clouds.name
