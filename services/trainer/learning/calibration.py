"""Is a prediction wrong as often as it says? Learnt from the items chance chose.

The chance p' that a prediction is wrong, of the u that the model states, is a logistic line with a
floor: p' = floor + (1 - floor) / (1 + exp(-(shift + slope log(u / (1 - u))))). The line is Platt's
(1999) on the log odds; the floor are errors no confidence shows, as wrong reference labels are.
Its three numbers are the most likely ones under a prior around u itself, so that few labels change
little: likelihood is a proper score, and the prior is what it must overcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, xlog1py, xlogy

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
# Of shift, slope and the floor's logarithm: where the prior has its middle, and its spread.
MIDDLE = np.array([0.0, 1.0, np.log(2e-4)])
SPREAD = np.array([0.5, 0.25, 1.0])
LEAST_PROBABILITY = 1e-30
# A calibrated top class stays the top class: of the room up to a tie this part may be used.
ROOM = 0.999


@dataclass(frozen=True)
class Calibration:
    """The three numbers; as made it changes nothing."""

    shift: float = 0.0
    slope: float = 1.0
    floor: float = 0.0

    def wrong(self, uncertainty: Floats) -> Floats:
        """Calibrated chance of being wrong, of one minus the largest probability."""
        return np.asarray(self.floor + (1.0 - self.floor) * expit(self._odds(uncertainty)))

    def probabilities(self, stated: Floats) -> Floats:
        """(m, classes) with the calibrated chance of being wrong; the top class stays."""
        stated = np.maximum(stated, LEAST_PROBABILITY)
        rows, top = np.arange(len(stated)), stated.argmax(1)
        others = stated.copy()
        others[rows, top] = 0.0
        uncertainty, second = others.sum(1), others.max(1)
        most = ROOM * uncertainty / (uncertainty + second)
        wrong = np.minimum(self.wrong(uncertainty), most)
        found = others * (wrong / uncertainty)[:, None]
        found[rows, top] = 1.0 - wrong
        return np.asarray(found)

    def _odds(self, uncertainty: Floats) -> Floats:
        uncertainty = np.clip(uncertainty, LEAST_PROBABILITY, 1.0 - 1e-9)
        odds = np.log(uncertainty) - np.log1p(-uncertainty)
        return np.asarray(self.shift + self.slope * odds)


UNCALIBRATED = Calibration()


def fit(uncertainty: Floats, wrong: Bools) -> Calibration:
    """The calibration of items (n,) with stated `uncertainty` that turned out `wrong` or not."""

    def loss(found: Floats) -> float:
        told = Calibration(found[0], found[1], float(np.exp(min(found[2], -1.0)))).wrong(
            uncertainty
        )
        likelihood = xlogy(wrong, told) + xlog1py(~wrong, -told)
        return float(0.5 * (((found - MIDDLE) / SPREAD) ** 2).sum() - likelihood.sum())

    best = minimize(loss, MIDDLE, method="Nelder-Mead", options={"maxiter": 300, "xatol": 1e-3})
    shift, slope, floor = best.x
    return Calibration(float(shift), float(max(slope, 0.05)), float(np.exp(min(floor, -1.0))))
