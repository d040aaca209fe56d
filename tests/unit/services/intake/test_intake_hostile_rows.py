"""Imports: hostile rows, addresses and files are refused alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libs.common.errors import Invalid
from services.intake.domain import Import, ImportState, NewItem
from tests.unit.services.intake.import_desk import GOOD, Desk

ROWS: dict[str, bytes] = {
    "surrogate": rb'{"text": "\ud800"}',
    "surrogate in the key": rb'{"data": {"text": "x y"}, "source_key": "\udfff"}',
    "surrogate in the metadata": rb'{"data": {"text": "x y"}, "metadata": {"\ud800": "v"}}',
    "surrogate in a field's name": rb'{"\ud800": "x"}',
    "surrogate in a label": rb'{"data": {"text": "a"}, "gold": {"text": {"text": "\ud800"}}}',
    "nul": rb'{"text": "a\u0000b"}',
    "nul in the key": rb'{"data": {"text": "x y"}, "source_key": "a\u0000b"}',
    "nan": b'{"text": NaN}',
    "infinity in a label": b'{"data": {"text": "a"}, "gold": {"number": Infinity}}',
    "huge number": b'{"text": 1' + b"0" * 400 + b"}",
    "huge digits": b'{"text": ' + b"9" * 5000 + b"}",
    "huge exponent": b'{"text": 1e999}',
    "deep": b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep in a label": b'{"data": {"text": "a"}, "gold": ' + b'{"a":' * 999 + b"1" + b"}" * 1000,
    "key of a megabyte": b'{"' + b"k" * 1_000_000 + b'": 1}',
    "source key of a megabyte": (
        b'{"data": {"text": "a"}, "source_key": "' + b"k" * 1_000_000 + b'"}'
    ),
    "name twice": b'{"text": "this", "text": "or this"}',
    "name twice in a label": (
        b'{"data": {"text": "a"}, "gold": {"choices": {"classes": ["cat"], "classes": ["dog"]}}}'
    ),
    "metadata without end": (
        b'{"data": {"text": "a"}, "metadata": {"a": "' + b"v" * 1_000_000 + b'"}}'
    ),
    "list for an object": b'{"data": {"text": "a"}, "gold": [1]}',
    "bytes": b'{"text": "\xff\xfe"}',
    "no object": b'"text"',
}  # fmt: skip


@pytest.mark.parametrize("row", sorted(ROWS))
async def test_a_hostile_row_is_refused_alone(desk: Desk, row: str) -> None:
    await desk.open("acme")
    made = await desk.bring(GOOD + b"\n" + ROWS[row] + b"\n" + GOOD.replace(b"good", b"next"))
    assert (made.state, made.admitted_count, made.refused_count) == ("SUCCEEDED", 2, 1), made
    assert await desk.reasons()


@pytest.mark.parametrize("row", ["surrogate", "nul", "huge number", "deep"])
async def test_a_hostile_item_of_a_call_is_refused_alone(desk: Desk, row: str) -> None:
    await desk.open("acme")
    items = [NewItem(ROWS[row].decode()), NewItem('{"text": "good"}', "\ud800")]
    found = await desk.intake.admit(
        "tenants/acme/projects/p", "", [*items, NewItem('{"text": "good"}')]
    )
    assert [one[0] for one in found] == ["REFUSED", "REFUSED", "ADMITTED"]


@pytest.mark.parametrize(
    "url",
    ["https://[::1", "https://a:99999/", "https://a:x/", "https://[v1.x]/", "https://a b/",
     "https://a\\@b/", "https://\ud800/", "http://[fe80::1%25lo]/", "https://" + "a" * 300 + "/"],
)  # fmt: skip
async def test_an_address_that_is_none_is_a_refusal(desk: Desk, url: str) -> None:
    await desk.open("acme", field="image")
    made = await desk.bring(json.dumps({"image": url}).encode())
    assert (made.state, made.refused_count) == ("SUCCEEDED", 1), made
    with pytest.raises(Invalid):
        await desk.ask("acme", url=url, source="s")


async def test_a_folder_is_no_upload_and_a_lost_one_ends_the_import(desk: Desk) -> None:
    await desk.open("acme")
    await desk.blobs.put("uploads/acme/1/f", GOOD)
    now, name = desk.clock.now(), "tenants/acme/projects/p"
    folder = Import(name, "", "uploads/acme/1", "jsonl", ImportState.PENDING, now, now)
    with pytest.raises(Invalid, match="no such finished upload"):
        await desk.intake.create_import(folder, "")
    lost = await desk.ask("acme", GOOD)
    await desk.blobs.delete(lost.blob)
    await desk.intake.run_imports()
    ended = await desk.intake.import_(lost.name)
    assert ended.state == "FAILED" and "not in the blob store" in ended.reason


async def test_what_nobody_foresaw_is_refused_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry that the store cannot take is found by halves; the others are in."""
    from services.intake import admission

    await desk.open("acme")
    real = admission._item_doc

    def odd(dataset: str, one: Any, settled: Any, digest: str) -> dict[str, Any]:
        doc = real(dataset, one, settled, digest)
        return {**doc, "data": object()} if "odd" in doc["data"] else doc

    monkeypatch.setattr(admission, "_item_doc", odd)
    rows = [{"text": "odd" if i == 5 else f"text {i}"} for i in range(12)]
    made = await desk.bring("\n".join(map(json.dumps, rows)).encode())
    assert (made.state, made.admitted_count, made.refused_count) == ("SUCCEEDED", 11, 1)
    assert made.position == 12
