"""Steps that a store of an earlier release needs, each done once per store.

A step goes on where it was cut off by beginning anew: it may be done twice, and by two processes
at once, with the same outcome.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from libs.common.store import STEPS, Collection, Doc, Store, Unit

_PAGE = 200


async def once(store: Store, step: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the step unless this store has it."""
    if await store.get(STEPS, step) is not None:
        return
    await work()

    async def note(unit: Unit) -> None:
        unit.overwrite(STEPS, {"name": step})

    await store.transact(note)


async def mark_each(
    store: Store, step: str, collection: Collection, mark: Callable[[Unit, Doc], None]
) -> None:
    """Mark every document of a collection, once per store: a work list that a release brings
    knows nothing of what was there before, and would wait for it to move."""

    async def work() -> None:
        after: tuple[str, ...] | None = None
        while docs := await store.find(collection, {}, after=after, limit=_PAGE):

            async def mark_page(unit: Unit, page: list[Doc] = docs) -> None:
                for doc in page:
                    mark(unit, doc)

            await store.transact(mark_page)
            after = (docs[-1]["name"],)

    await once(store, step, work)


# Below these a document's keys are fields; anywhere else they may be a tenant's own names (a class
# may be called `tie`), which stay as they are.
_FIELDS_BELOW = frozenset(
    {
        *("target", "policy", "promise", "project", "schedule", "example", "definition"),
        *("item", "task", "inputs", "prediction", "annotations", "reviews", "decisions", "label"),
        *("earlier_labels", "value", "gold", "draft", "composite", "parts"),
        *("gate", "gates", "report", "reports", "quality", "anchoring", "test"),
    }
)


async def rename_fields(
    store: Store, step: str, collections: Sequence[Collection], renamed: Mapping[str, str]
) -> None:
    """Call fields of every document, below other fields too, by their new names, once per store."""

    async def work() -> None:
        for collection in collections:
            after: tuple[str, ...] | None = None
            while docs := await store.find(collection, {}, after=after, limit=_PAGE):
                old = [doc["name"] for doc in docs if _renamed(doc, renamed) != doc]

                async def write(
                    unit: Unit, names: Sequence[str] = tuple(old), into: Collection = collection
                ) -> None:
                    # Read again: another process may be at work with it by now.
                    for doc in (await unit.get_many(into, names)).values():
                        unit.overwrite(into, _renamed(doc, renamed))

                if old:
                    await store.transact(write)
                after = (docs[-1]["name"],)

    await once(store, step, work)


def _renamed(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            renamed.get(key, key): _renamed(one, renamed) if key in _FIELDS_BELOW else one
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, renamed) for one in value]
    return value
