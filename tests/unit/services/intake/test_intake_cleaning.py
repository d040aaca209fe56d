"""Cleaning of texts and the index of near-duplicates."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.store import Unit
from libs.common.store.sqlite import SqliteStore
from services.intake.cleaning import near
from services.intake.cleaning.personal import personal_data


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("write to ada.lovelace+x@example.co.uk today", {"email"}),
        ("card 4111 1111 1111 1111, please", {"card"}),
        ("card 4111 1111 1111 1112, please", set()),
        ("IBAN DE89 3704 0044 0532 0130 00", {"iban"}),
        ("IBAN DE89 3704 0044 0532 0130 01", set()),
        ("id 11010519491231002X", {"cn_id"}),
        ("id 110105194912310021", set()),
        ("ssn 078-05-1120", {"us_ssn"}),
        ("not an ssn: 000-05-1120", {"phone"}),
        ("host 192.168.10.1 is down", {"ip"}),
        ("version 1.2.3.400", set()),
        ("call +49 30 1234 5678", {"phone"}),
        ("ring 13912345678", {"phone"}),
        ("on 2024-05-17 we met", set()),
        ("an order of 12345 pieces", set()),
        ("no digits here", set()),
    ],
)
def test_personal_data_is_found_by_form_and_checksum(text: str, codes: set[str]) -> None:
    found = list(personal_data(text))
    assert {f.code for f in found} == codes
    assert not any(word in f.detail for f in found for word in text.split() if len(word) > 6)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert len(list(personal_data(text))) <= 7
    near.of_text(text)


def words(seed: int, count: int = 60) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices("abcdefghij", k=draw.randint(2, 8))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(10))
def test_a_text_with_a_word_changed_is_like_and_another_is_not(seed: int) -> None:
    first = words(seed)
    changed = [*first[:30], "changed", *first[31:]]
    one, two = near.of_text(" ".join(first)), near.of_text("  ".join(changed).upper())
    other = near.of_text(" ".join(words(seed + 100)))
    assert one and two and other
    assert near.likeness("text", one.bits, two.bits)
    assert set(one.bands) & set(two.bands)
    assert not near.likeness("text", one.bits, other.bits)


def test_the_estimate_is_the_likeness_of_the_sets() -> None:
    """Against the Jaccard similarity of the 5-grams, within four standard errors."""
    for share in (0, 10, 20, 40):
        first, other = words(1, 200), words(2, 200)
        mixed = [*first[: 200 - share], *other[:share]]
        texts = [" ".join(w) for w in (first, mixed)]
        sets = [{t[i : i + 5] for i in range(len(t) - 4)} for t in texts]
        exact = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        a, b = (near.of_text(t) for t in texts)
        assert a and b
        same = sum(x == y for x, y in zip(a.bits, b.bits, strict=True)) / 64
        assert abs(same - exact) <= 4 * (0.25 / 64) ** 0.5


def test_short_texts_are_like_nothing() -> None:
    assert near.of_text("yes, please") is None


@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63), max_size=3))
def test_three_bits_or_fewer_always_share_a_band(bits: int, flipped: set[int]) -> None:
    other = bits
    for place in flipped:
        other ^= 1 << place
    a, b = near.of_bits("image", bits), near.of_bits("image", other)
    assert set(a.bands) & set(b.bands)
    assert near.likeness("image", a.bits, b.bits)


async def test_the_index_finds_what_earlier_batches_kept(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}", "near")
    await store.open([near.NEAR])
    kept = near.of_bits("image", 2**63 + 5)

    async def keep(unit: Unit) -> None:
        index = await near.Index.of(unit, "p", [kept])
        for i in range(40):
            index.add(f"item{i}", kept)
        index.keep(unit)

    await store.transact(keep)

    async def find(unit: Unit) -> tuple[str, str]:
        one = near.of_bits("image", 2**63 + 4)
        return (await near.Index.of(unit, "p", [one])).find(one)

    found, said = await store.transact(find)
    assert found.startswith("item") and said == "1 of 64 bits differ"
    (doc, *_) = (await store.get_many(near.NEAR, [f"p/near/image-{kept.bands[0]}"])).values()
    assert len(doc["entries"]) == 16
    await store.close()
