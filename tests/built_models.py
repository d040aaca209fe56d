"""The repository of models that `make test-models` builds."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable
from pathlib import Path

from deploy.models.build import build, repository


def built_models(names: Iterable[str] = ()) -> Path:
    """The path of the repository with the usual models and those of `names`.

    What is lacking is built here, by one process of a run while the others wait.
    """
    home = repository().absolute()
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        build(home, names)
    return home
