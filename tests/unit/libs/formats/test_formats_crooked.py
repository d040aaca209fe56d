"""Crooked files that people have give what they must; see `tests.interop.crooked`."""

from __future__ import annotations

import pytest

from tests.interop.crooked import Case, cases, wrong


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.format}: {case.name}")
def test_crooked_files(case: Case) -> None:
    assert not list(wrong(case))
