"""Marks are read by one rule in every format that has them: never the other meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Doc, Unfit
from libs.formats.decoding import chosen, id_of, mark
from tests.unit.libs.formats.format_fixtures import files, read

TRUE = st.sampled_from([True, 1, 1.0, "1", "true", "True", " TRUE "])
FALSE = st.sampled_from([False, 0, 0.0, "0", "false", "False", "FALSE"])
NEITHER = st.one_of(
    st.integers().filter(lambda n: n not in (0, 1)),
    st.floats().filter(lambda x: x not in (0.0, 1.0)),
    st.text().filter(lambda t: t.strip().lower() not in ("0", "1", "0.0", "1.0", "true", "false")),
    st.none(),
    st.lists(st.booleans()),
    st.dictionaries(st.text(), st.booleans()),
)


def _kto(value: Any) -> bool:
    line = {"prompt": "q", "completion": "r", "label": value}
    rating = _one("trl-kto", line, {})["ratings"]["ratings"][0]
    return bool(rating.get("value", 0.0))


def _llamafactory(value: Any) -> bool:
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}]
    rating = _one("llamafactory-kto", {"messages": said, "kto_tag": value}, {})
    return bool(rating["ratings"]["ratings"][0].get("value", 0.0))


def _prodigy(value: Any) -> bool:
    return bool(_one("prodigy", {"text": "x", "cats": {"A": value}}, {})["choices"])


def _doccano(value: Any) -> bool:
    return bool(_one("doccano", {"text": "x", "cats": {"A": value}}, {})["choices"])


def _columns(value: Any) -> bool:
    schema = {"classes": ["A", "B"]}
    return bool(_one("jsonl", {"text": "x", "A": value, "B": 0}, schema)["choices"])


def _ranking(value: Any) -> bool:
    responses = [{"id": "a", "text": "x", "rank": 1, "acceptable": value}]
    found = _one("ranking", {"prompt": "q", "responses": responses}, {})
    return not found["ranking"].get("unacceptable")


def _one(format_: str, doc: Doc, schema: Doc) -> Doc:
    """The label of a file of one line; raises `Unfit` where it is a fault."""
    try:
        line = orjson.dumps(doc)
    except TypeError as error:
        # Whole numbers beyond 64 bits are no JSON of orjson's.
        raise Unfit("no JSON") from error
    samples, faults = read(format_, files(x_dot_jsonl=line), schema)
    if faults:
        raise Unfit(faults[0].reason)
    (sample,) = samples
    assert sample.value is not None
    return sample.value


READERS: tuple[Callable[[Any], bool], ...] = (
    *(_kto, _llamafactory, _prodigy, _doccano, _columns, _ranking),
)


@pytest.mark.parametrize("reader", READERS)
@given(yes=TRUE, no=FALSE)
def test_a_mark_says_what_it_says(reader: Callable[[Any], bool], yes: Any, no: Any) -> None:
    assert reader(yes) and not reader(no)


@pytest.mark.parametrize("reader", (_kto, _llamafactory))
@given(value=NEITHER)
def test_what_is_no_mark_is_a_fault(reader: Callable[[Any], bool], value: Any) -> None:
    with pytest.raises(Unfit):
        reader(value)


@given(value=NEITHER)
def test_neither_meaning_is_guessed(value: Any) -> None:
    with pytest.raises(Unfit, match="true or false"):
        mark(value, "label")
    share = isinstance(value, float) and 0 <= value <= 1
    for reader in (_prodigy, _doccano) if not share else ():
        with pytest.raises(Unfit):
            reader(value)


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_an_id_is_one_however_it_is_written(value: int) -> None:
    assert id_of(value) == id_of(float(value)) == str(value)
    assert id_of(None) == "" and id_of("1.0") == "1.0"


def test_cats_of_spacy_are_marks_or_shares() -> None:
    assert chosen({"A": 1, "B": 0, "C": True, "D": False, "E": 0.6, "F": 0.4}, "cats") == [
        *("A", "C", "E")
    ]
    for bad in (2, -0.5, "perhaps", None, float("nan")):
        with pytest.raises(Unfit):
            chosen({"A": bad}, "cats")
