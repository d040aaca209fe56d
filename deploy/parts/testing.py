"""The one rule for tests that need a real part."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.parts.cache import PartUnavailable, install
from deploy.parts.catalogue import PARTS


def require(part: str) -> Path:
    """The path of the part's program, installed if need be.

    Where this machine cannot have it the test is skipped with the reason; in CI it fails, since
    CI promises every part.
    """
    try:
        return install(PARTS[part])
    except PartUnavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
