"""How likely the largest of several changes is by chance, where the figures of a run belong together.

Throughput, p50 and p95 of a run rise and fall with each other, so six of them are not six chances to be wrong. Holm's
steps, each against the largest change that chance makes among the figures that are left (Westfall and Young), find that out:

    a figure      its change, and what is left over: the coordinates of its values in a space without levels and lines
    by chance     no direction of that space is special: turn all figures by the same random rotation (Langsrud)

Of figures with normal noise this is exact, whatever their correlation: of one figure alone it is Student's t. A figure whose
spread was raised to its doubt is never more certain than Holm's steps make it.
"""

from functools import lru_cache
from typing import Final

import numpy as np

from harness.history.comparison.design import Floats

ROTATIONS: Final = 4000
SEED: Final = 11
NOTHING: Final = 1e-12


def chances(spaces: Floats) -> Floats:
    """The adjusted p of each column: a figure's change in the first row, what is left over in the others."""
    freedom = len(spaces) - 1
    whole = (spaces**2).sum(axis=0)
    ratio = _ratio(spaces[0], whole, freedom)
    turned = _ratio(_turned(spaces), whole, freedom)
    order = np.argsort(-ratio)
    largest = np.maximum.accumulate(turned[:, order][:, ::-1], axis=1)[
        :, ::-1
    ]  # of this figure and those after
    steps = (1 + (largest >= ratio[order] * (1 - 1e-9)).sum(axis=0)) / (1 + ROTATIONS)
    adjusted = np.empty(len(ratio))
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted


def _ratio(change: Floats, whole: Floats, freedom: int) -> Floats:
    """|t| of a change, where this is the sum of squares of change and rest."""
    rest = np.maximum(whole - change**2, NOTHING**2)
    ratio: Floats = np.where(whole > NOTHING**2, np.abs(change) / np.sqrt(rest / freedom), 0.0)
    return ratio


def _turned(spaces: Floats) -> Floats:
    """The changes of all figures in random directions; of a large space only where its figures lie is drawn."""
    if len(spaces) > 2 * spaces.shape[1]:
        inside, weights = np.linalg.qr(spaces)
        turned: Floats = _directions(inside.shape[1], len(spaces)) @ weights
        return turned
    return np.asarray(_directions(len(spaces), len(spaces)) @ spaces)


@lru_cache(maxsize=64)
def _directions(inside: int, size: int) -> Floats:
    """Random unit vectors of a space of this size: their first coordinates."""
    random = np.random.default_rng([SEED, size])
    drawn = random.standard_normal((ROTATIONS, inside))
    beyond = random.chisquare(size - inside, ROTATIONS) if size > inside else np.zeros(ROTATIONS)
    directions: Floats = drawn / np.sqrt((drawn**2).sum(axis=1) + beyond)[:, None]
    return directions
