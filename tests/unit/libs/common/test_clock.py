"""The machine's clock may be set; what is kept by time keeps its order."""

from __future__ import annotations

from datetime import timedelta

from libs.common.clock import SystemClock


class Machine:
    """A machine whose clock somebody sets."""

    wall, steady = 1_000_000.0, 50.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_it_follows_the_machine_and_never_goes_back() -> None:
    machine = Machine()
    clock = SystemClock(lambda: machine.wall, lambda: machine.steady)
    start = clock.now()
    machine.pass_(10)
    assert clock.now() - start == timedelta(seconds=10)
    machine.wall += 3600
    ahead = clock.now()
    assert ahead - start == timedelta(seconds=3610), "set forward it follows at once"
    machine.wall -= 3600
    assert clock.now() == ahead, "set back it stands"
    machine.pass_(100)
    assert clock.now() - ahead == timedelta(seconds=50), "and goes on, or no lease would end"
    machine.pass_(7200)
    caught_up = clock.now()
    machine.pass_(5)
    assert clock.now() - caught_up == timedelta(seconds=5)
    assert clock.now().timestamp() == machine.wall
    assert clock.monotonic() == machine.steady


def test_the_real_one_is_now() -> None:
    import time

    assert abs(SystemClock().now().timestamp() - time.time()) < 60
