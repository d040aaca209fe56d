"""Simulated annotators and reviewers, always called so.

Each has an error rate, a speed and a weakness for drafts; answers come from ground truth. They
work through the public REST API with keys of their own, as people's browsers would.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

Doc = dict[str, Any]
Truths = Mapping[str, str]


@dataclass(frozen=True)
class Habits:
    """How one simulated person works: shares in 0..1, seconds a task."""

    error_rate: float
    anchoring: float
    seconds_blind: float
    seconds_confirm: float


def habits_of(seed: int, *, reviewer: bool = False) -> Habits:
    """Habits drawn for one person; reviewers are slower and err less."""
    rng = random.Random(seed)
    error = rng.uniform(0.001, 0.003) if reviewer else rng.uniform(0.005, 0.02)
    blind = rng.uniform(5.0, 9.0) * (1.5 if reviewer else 1.0)
    return Habits(error, rng.uniform(0.02, 0.1), blind, blind * rng.uniform(0.3, 0.5))


class SimulatedPerson:
    """Claims, answers and submits until told to stop."""

    def __init__(
        self,
        url: str,
        key: str,
        project: str,
        truths: Truths,
        classes: Sequence[str],
        habits: Habits,
        seed: int,
        *,
        reviewer: bool = False,
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"{url}/v1/", headers={"authorization": f"Bearer {key}"}, timeout=60
        )
        self._project, self._truths, self._classes = project, truths, list(classes)
        self._habits, self._rng, self._reviewer = habits, random.Random(seed), reviewer
        self.answers = 0

    async def work(self, over: Callable[[], bool], batch: int = 10) -> None:
        """Works until `over()`; waits a little when there is nothing to do."""
        body: Doc = {"max_tasks": batch, **({"stage": "REVIEW"} if self._reviewer else {})}
        try:
            while not over():
                found = await self._post(f"{self._project}/tasks:claim", body)
                for assignment in found["assignments"]:
                    await self._answer(assignment)
                if not found["assignments"]:
                    await asyncio.sleep(0.3)
        finally:
            await self._http.aclose()

    async def _answer(self, assignment: Doc) -> None:
        truth = self._truths[_item(assignment)]
        if assignment["stage"] in ("REVIEW", "ADJUDICATION"):
            body, verb = self._verdict(truth), "review"
        else:
            body, verb = self._label(assignment, truth), "submit"
        body["fencing_token"] = assignment["fencing_token"]
        await self._post(f"{assignment['name']}:{verb}", body)
        self.answers += 1

    def _label(self, assignment: Doc, truth: str) -> Doc:
        draft = assignment.get("prediction")
        shown = draft["value"]["choices"]["classes"][0] if draft else ""
        if "draft" in assignment and assignment.get("comment"):
            # Asked to look again: anew at the item, not at the model.
            chosen = self._noisy(truth)
        elif shown and shown != truth and self._rng.random() < self._habits.anchoring:
            chosen = shown
        else:
            chosen = self._noisy(truth)
        seconds = self._habits.seconds_confirm if shown == chosen else self._habits.seconds_blind
        return {
            "value": {"choices": {"classes": [chosen]}},
            "work_seconds": seconds * self._rng.lognormvariate(0, 0.3),
        }

    def _verdict(self, truth: str) -> Doc:
        value = {"choices": {"classes": [self._noisy(truth)]}}
        seconds = self._habits.seconds_blind * self._rng.lognormvariate(0, 0.3)
        return {"verdict": "FIXED", "value": value, "work_seconds": seconds}

    def _noisy(self, truth: str) -> str:
        if self._rng.random() >= self._habits.error_rate:
            return truth
        return self._rng.choice([c for c in self._classes if c != truth])

    async def _post(self, path: str, body: Doc) -> Any:
        for attempt in range(8):
            try:
                response = await self._http.post(path, json=body)
            except httpx2.TransportError:
                await asyncio.sleep(0.2 * 2**attempt)
                continue
            if response.status_code < 300:
                return response.json()
            if response.status_code != 503:
                raise RuntimeError(f"{path}: {response.text[:500]}")
            await asyncio.sleep(0.2 * 2**attempt)
        raise RuntimeError(f"{path}: the platform stayed away")


def _item(assignment: Doc) -> str:
    return str(assignment["task"].rsplit("/", 1)[-1])
