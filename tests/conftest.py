"""What every test shares: Hypothesis measures no times.

Its deadline of 200 ms an example is an absolute limit: a first call, or a busy machine, breaks it.
What else the profile in force says (`ci` where `CI` is set) stays.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
