"""Use cases of the template service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from labelmill.template.v1 import events_pb2, template_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, to_doc, to_message
from libs.common.errors import AlreadyExists, Conflict, Invalid, NotFound
from libs.common.offload import aside
from libs.common.store import Store, Unit
from services.template import domain, store
from services.template.compatibility import Change, changes
from services.template.domain import Project, TargetVersion, Template


class Parser(Protocol):
    """Reads a definition's text into data."""

    def parse(self, text: str) -> Doc: ...


@contextmanager
def fitting() -> Iterator[None]:
    """What does not fit is an invalid request."""
    try:
        yield
    except domain.Unfit as unfit:
        raise Invalid(unfit.message, field=unfit.field) from unfit


def _own_models(tenant: str, named: Doc, path: str) -> None:
    """Raise `Invalid` where a definition or a policy names a model of another tenant."""
    parts = [
        (f".parts.{i}.model_route.model", part.get("model_route"))
        for i, part in enumerate(named.get("parts") or ())
    ]
    assists = [(f".assists.{i}.model", one) for i, one in enumerate(named.get("assists") or ())]
    training = named.get("training") or {}
    routes = [(".model_route.model", named.get("model_route")), *parts, *assists]
    for place, holder in routes:
        _own_model(tenant, (holder or {}).get("model", ""), path + place)
    _own_model(tenant, training.get("embedding", ""), f"{path}.training.embedding")


def _own_model(tenant: str, model: str, path: str) -> None:
    if not names.may_use_model(tenant, model):
        raise Invalid(f"there is no model {model[:200]!r} here", field=path)


class Templates:
    """Template versions and projects."""

    def __init__(self, store_: Store, clock: Clock, parser: Parser) -> None:
        self._store, self._clock, self._parser = store_, clock, parser

    async def load_catalogue(self, entries: dict[str, str]) -> None:
        """Publishes the shipped definitions; one that changed becomes a new version."""
        for template_id, text in entries.items():
            await self.publish(names.CATALOGUE, template_id, text)

    async def publish(self, parent: str, template_id: str, definition: str) -> Template:
        """The next version; the same definition again gives the version that has it."""
        names.parse(parent, "tenants/*")
        with fitting():
            parsed = await aside(len(definition), lambda: self._parser.parse(definition))
        _own_models(parent, parsed, "definition")
        series = f"{parent}/templates/{template_id}"

        async def work(unit: Unit) -> Template:
            newest = await store.newest_version(self._store, series)
            if newest is not None and newest.definition == definition:
                return newest
            number = int(newest.name.rsplit("/", 1)[-1]) + 1 if newest else 1
            name = f"{series}/versions/{number}"
            with fitting():
                template = await aside(
                    len(definition),
                    lambda: domain.template_of(name, parsed, definition, self._clock.now()),
                )
            doc = {**to_doc(template), "parent": parent, "series": series, "number": number}
            unit.insert(store.TEMPLATES, [doc])
            return template

        return await self._store.transact(work)

    async def diff(self, name: str, other: str, definition: str) -> list[Change]:
        """What the other version, or else the definition, changes in the named version."""
        old = (await self.template(name)).definition
        new = (await self.template(other)).definition if other else definition

        def compare() -> list[Change]:
            return changes(self._parser.parse(old), self._parser.parse(new))

        with fitting():
            return await aside(len(old) + len(new), compare)

    async def template(self, name: str) -> Template:
        found = await store.template_by_name(self._store, name)
        if found is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return found

    async def templates(self, parent: str) -> list[Template]:
        """Newest versions of the tenant's own templates and of the catalogue's."""
        newest: dict[str, Template] = {}
        for template in await store.templates_of(self._store, [parent, names.CATALOGUE]):
            series, number = template.name.rsplit("/versions/", 1)
            known = newest.get(series)
            if known is None or int(known.name.rsplit("/", 1)[-1]) < int(number):
                newest[series] = template
        return list(newest.values())

    async def create(
        self, parent: str, project_id: str, asked: Project, request_id: str
    ) -> Project:
        """A new project; the same request again answers with the same project."""
        names.parse(parent, "tenants/*")
        name = f"{parent}/projects/{project_id}"
        said = names.content_id(repr(to_doc(asked)))

        async def work(unit: Unit) -> Project:
            known = await store.project_by_name(unit, name)
            if known is not None:
                return await self._repeated(unit, known, request_id, said)
            template = await self._visible(asked.template, parent)
            _own_models(parent, asked.policy or {}, "project.policy")
            with fitting():
                project = domain.make_project(asked, name, template, self._clock.now())
            for made in self._with_parts(project, template):
                unit.insert(store.PROJECTS, [{**to_doc(made), "parent": parent}])
                store.keep_promise(unit, made)
            if request_id:
                request = {"name": f"{parent}:{request_id}", "made": name, "said": said}
                unit.insert(store.REQUESTS, [request])
            self._announce(unit, project, template)
            return project

        return await self._store.transact(work)

    async def project(self, name: str) -> Project:
        found = await store.project_by_name(self._store, name)
        if found is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return found

    async def projects(self, parent: str, page_size: int, after: str) -> list[Project]:
        return await store.projects_of(self._store, parent, after, page_size or 100)

    async def update(self, asked: Project) -> Project:
        """`Conflict` unless `asked.version` is the current one."""

        async def work(unit: Unit) -> Project:
            project = await store.project_by_name(unit, asked.name)
            if project is None:
                raise NotFound(f"{asked.name[:200]} was not found", field="project.name")
            if asked.version != project.version:
                raise Conflict(
                    f"version {asked.version} is not the current one, {project.version}",
                    field="project.version",
                )
            if project.parent_project:
                words = f"follows {project.parent_project}; change that"
                raise Invalid(words, field="project.name")
            template = await self.template(project.template)
            _own_models(names.tenant_of(asked.name), asked.policy or {}, "project.policy")
            with fitting():
                changed = domain.change_project(project, asked, template, self._clock.now())
            if changed.target_version != project.target_version:
                for made in self._with_parts(changed, template):
                    store.keep_promise(unit, made)
            self._save(unit, changed, template)
            return changed

        return await self._store.transact(work)

    async def change_members(
        self, name: str, add: Sequence[str], remove: Sequence[str], listed: bool | None
    ) -> Project:
        """Opens or closes the project, adds and removes people; a part follows its whole."""

        async def work(unit: Unit) -> Project:
            project = await store.project_by_name(unit, name)
            if project is None:
                raise NotFound(f"{name[:200]} was not found", field="name")
            if project.parent_project:
                raise Invalid(f"follows {project.parent_project}; change that", field="name")
            template = await self.template(project.template)
            with fitting():
                changed = domain.change_members(project, add, remove, listed, self._clock.now())
            self._save(unit, changed, template)
            return changed

        return await self._store.transact(work)

    def _save(self, unit: Unit, project: Project, template: Template) -> None:
        """Keeps and tells a changed project, and those of its parts."""
        parent = names.tenant_of(project.name)
        for made in self._with_parts(project, template):
            unit.put(store.PROJECTS, {**to_doc(made), "parent": parent})
        self._announce(unit, project, template)

    async def targets(self, name: str) -> list[TargetVersion]:
        """Every promise the project ever made, newest first."""
        await self.project(name)
        return await store.targets_of(self._store, name)

    async def _visible(self, name: str, tenant: str) -> Template:
        if not name.startswith((f"{tenant}/", f"{names.CATALOGUE}/")):
            raise Invalid(f"there is no template {name[:200]!r}", field="project.template")
        found = await store.template_by_name(self._store, name)
        if found is None:
            raise Invalid(f"there is no template {name[:200]!r}", field="project.template")
        return found

    async def _repeated(self, unit: Unit, known: Project, request_id: str, said: str) -> Project:
        doc = request_id and await unit.get(
            store.REQUESTS, f"{names.tenant_of(known.name)}:{request_id}"
        )
        if doc and doc["made"] == known.name and doc.get("said", said) == said:
            return known
        raise AlreadyExists(f"{known.name} exists already", field="project_id")

    def _with_parts(self, project: Project, template: Template) -> list[Project]:
        return [
            project,
            *(domain.part_project(project, template, p["name"]) for p in template.parts),
        ]

    def _announce(self, unit: Unit, project: Project, template: Template) -> None:
        """Tells the project as it is now, and those of its parts."""
        self._tell(unit, project, template)
        for part in template.parts:
            mine = domain.part_project(project, template, part["name"])
            self._tell(unit, mine, domain.part_template(template, part["name"]))

    def _tell(self, unit: Unit, project: Project, template: Template) -> None:
        message = events_pb2.ProjectUpdated(
            project=to_message(project, template_pb2.Project),
            template=to_message(template, template_pb2.Template),
        )
        unit.emit(names.event_key(project.name, 0), message)
