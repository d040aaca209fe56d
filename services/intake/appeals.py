"""Appeals: a refused item that should be admitted all the same, and who decided it."""

from __future__ import annotations

from dataclasses import replace

from libs.common import names
from libs.common.access import Caller
from libs.common.clock import Clock
from libs.common.codec import Doc, from_doc
from libs.common.errors import NotFound, OutOfTurn
from libs.common.store import Store, Unit
from services.intake import store
from services.intake.admission import Admission, Settled
from services.intake.domain import NewItem, Outcome, Project, RefusalState


class Appeals:
    """REFUSED -> APPEALED -> ADMITTED or UPHELD."""

    def __init__(self, store_: Store, clock: Clock, admission: Admission) -> None:
        self._store, self._clock, self._admission = store_, clock, admission

    async def appeal(self, name: str, reason: str, who: Caller) -> Doc:
        """The refusal, APPEALED; asked again by the same person it is the same."""

        async def work(unit: Unit) -> Doc:
            refusal = await _refusal(unit, name)
            if not refusal.get("appealable"):
                raise OutOfTurn(
                    "nothing of this item can be admitted: it could not be read or was not kept;"
                    " mend it and send it again",
                    field="name",
                )
            if refusal["state"] not in (RefusalState.REFUSED, RefusalState.APPEALED):
                raise OutOfTurn(f"the refusal is {refusal['state']} already", field="name")
            appeal = {"appeal": reason, "appellant": who.subject}
            return _put(unit, refusal, {"state": RefusalState.APPEALED.value, **appeal})

        return await self._store.transact(work)

    async def resolve(
        self, project: Project, name: str, state: RefusalState, reason: str, who: Caller
    ) -> Doc:
        """The refusal, ADMITTED with its item stored, or UPHELD."""

        async def work(unit: Unit) -> Doc:
            refusal = await _refusal(unit, name)
            if refusal["state"] == state:
                return refusal
            if refusal["state"] != RefusalState.APPEALED:
                words = "appeal it first" if refusal["state"] == RefusalState.REFUSED else "decided"
                raise OutOfTurn(f"the refusal is {refusal['state']}: {words}", field="name")
            item = ""
            if state is RefusalState.ADMITTED:
                item = await self._admit(unit, project, refusal, reason)
            decided = {"resolution": reason, "resolver": who.subject, "item": item}
            return _put(unit, refusal, {"state": state.value, **decided})

        return await self._store.transact(work)

    async def _admit(self, unit: Unit, project: Project, refusal: Doc, reason: str) -> str:
        held = from_doc(NewItem, refusal["held"])
        metadata = {**(held.metadata or {}), "cleaning.admitted": f"{refusal['reason']}; {reason}"}
        item = replace(held, metadata=metadata)
        checked = self._admission.check(project, [item])
        (settled,) = await self._admission.admit(
            unit, project, refusal["dataset"], checked, hold=False
        )
        return _admitted(settled)


def _admitted(settled: Settled) -> str:
    if settled.outcome is Outcome.REFUSED:
        why = settled.refused.detail if settled.refused else ""
        raise OutOfTurn(f"the item does not fit the template: {why}", field="name")
    return settled.name


async def _refusal(unit: Unit, name: str) -> Doc:
    names.parse(name, "tenants/*/projects/*/refusals/*")
    found = await unit.get(store.REFUSALS, name)
    if found is None:
        raise NotFound(f"{name[:200]} was not found", field="name")
    return found


def _put(unit: Unit, refusal: Doc, changes: Doc) -> Doc:
    after = {**refusal, **changes, "version": refusal.get("version", 1) + 1}
    unit.put(store.REFUSALS, after)
    return after
