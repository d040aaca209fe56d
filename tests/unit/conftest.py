"""Fixtures that several modules share."""

from __future__ import annotations

from tests.unit.services.intake.import_desk import desk, slow

__all__ = ["desk", "slow"]
