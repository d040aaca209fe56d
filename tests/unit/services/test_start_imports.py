"""What few projects need is not loaded by every start."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("s3fs", "aiobotocore", "laspy", "scipy.cluster", "kafka", "motor", "pymongo")


def test_a_start_loads_no_clients_of_what_it_may_never_meet() -> None:
    check = (
        "import sys, services.intake.main, services.prelabel_gateway.main, services.gateway.main;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_search_for_garbage_leaves_out_what_a_start_loaded_but_no_rings_of_later() -> None:
    check = """
import gc, weakref
import services.gateway.main
from services.__main__ import spare_what_stays
class Ring: pass
def ring():
    made = Ring()
    made.itself = made
    return weakref.ref(made)
before, loaded = ring(), len(gc.get_objects())
spare_what_stays()
searched, gone_before = len(gc.get_objects()), before() is None
later = ring()
gc.collect()
print(searched < loaded / 10, gone_before, later() is None, gc.isenabled())
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.stdout.strip() == "True True True True", done.stdout + done.stderr
