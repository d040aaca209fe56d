"""Tables of strangers: what they would unpack to is told before they do."""

from __future__ import annotations

import io
import tracemalloc

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Unfit
from libs.formats.decoding import json_of
from libs.formats.source import of_file
from libs.untrusted import tables
from libs.untrusted.tables import TooLarge, check_feather


def parquet(table: pa.Table, **how: object) -> io.BytesIO:
    out = io.BytesIO()
    pq.write_table(table, out, **how)
    return out


def test_rows_are_as_they_were_written() -> None:
    rows = [
        {"text": "a", "n": 1, "list": ["x", "y"], "blob": b"\x00", "none": None},
        {"text": None, "n": 2, "list": [], "blob": b"", "none": None},
    ]
    for how in ({}, {"use_dictionary": False}, {"compression": "zstd", "row_group_size": 1}):
        file = parquet(pa.Table.from_pylist(rows), **how)
        assert list(tables.rows_of(tables.parquet_file(file))) == rows


def test_a_large_text_that_many_rows_name_is_there_once() -> None:
    """100,000 rows of a text of a megabyte: a hundred gigabytes that never come to be."""
    indices = pa.array([0] * 100_000, pa.int32())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 1_000_000]))
    file = parquet(pa.table({"text": column}))
    assert file.tell() < 200_000
    before = pa.total_allocated_bytes()
    rows = tables.rows_of(tables.parquet_file(file))
    tracemalloc.start()
    assert all(len(next(rows)["text"]) == 1_000_000 for _ in range(1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000 and pa.total_allocated_bytes() - before < 50_000_000


def test_rows_and_bytes_beyond_bounds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    file = parquet(pa.table({"n": [0] * 5000}), compression="zstd", use_dictionary=False)
    with monkeypatch.context() as patched:
        patched.setattr(tables, "MAX_ROWS", 4999)
        with pytest.raises(TooLarge, match="5000 rows"):
            tables.parquet_file(file)
    with monkeypatch.context() as patched:
        patched.setattr(tables, "MAX_GROUP_BYTES", 10)
        with pytest.raises(TooLarge, match="row group 0"):
            tables.parquet_file(file)
    monkeypatch.setattr(tables, "RATIO_FROM", 1000)
    monkeypatch.setattr(tables, "MAX_RATIO", 2)
    with pytest.raises(TooLarge, match="unpacks to"):
        tables.parquet_file(file)


@pytest.mark.parametrize("compression", ["lz4", "zstd", "uncompressed"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_a_feather_file_is_measured_without_being_unpacked(
    compression: str, dictionary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = pa.array(["a" * 5000] * 400)
    table = pa.table(
        {"n": pa.array([0] * 400), "t": texts.dictionary_encode() if dictionary else texts}
    )
    out = io.BytesIO()
    feather.write_feather(table, out, compression=compression)
    check_feather(out.getvalue())
    seen: list[int] = []
    monkeypatch.setattr(tables, "_check", lambda total, size: seen.append(total))
    check_feather(out.getvalue())
    whole = 5000 if dictionary else 2_000_000
    assert (seen[-1] > whole) == (compression != "uncompressed")


def test_a_feather_bomb_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    feather.write_feather(pa.table({"n": [0] * 1_000_000}), out, compression="zstd")
    monkeypatch.setattr(tables, "RATIO_FROM", 1_000_000)
    monkeypatch.setattr(tables, "MAX_RATIO", 100)
    with pytest.raises(TooLarge, match="unpacks to"):
        check_feather(out.getvalue())


@given(st.data())
def test_a_damaged_feather_file_is_told(data: st.DataObject) -> None:
    out = io.BytesIO()
    feather.write_feather(pa.table({"n": [0] * 100, "t": ["a"] * 100}), out, compression="lz4")
    content = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        check_feather(bytes(content))
    except (TooLarge, ValueError, OSError, pa.ArrowException) as error:
        assert str(error)


def test_json_of_nothing_but_brackets_is_not_read() -> None:
    """Fifteen megabytes that would be half a gigabyte."""
    assert len(json_of(of_file("a.json", b"[" + b"[]," * 999 + b"[]]"), "a.json")) == 1000
    bomb = of_file("a.json", b"[" + b"[]," * 5_000_000 + b"[]]")
    tracemalloc.start()
    with pytest.raises(Unfit, match="lists and objects"):
        json_of(bomb, "a.json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000
