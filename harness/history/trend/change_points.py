"""Find where a series changed for good: E-divisive, the energy statistic of two stretches (Matteson and James).

    q(t) = n m / (n + m) * (2 mean|x - y| - mean|x - x'| - mean|y - y'|)      x: the n values before t, y: the m after it
    (means over all pairs of a stretch, a value with itself among them)

The largest q is where the distributions before and after differ most; it assumes nothing of their shape. Whether that is
chance is told by shuffling the values: rare is a q that fewer than one shuffle in `RARE` reaches. Then both
stretches are searched in the same way. Shuffles are seeded: the same series always has the same change points.

A change also has to matter: the medians of the two stretches differ by more than a gate. Neighbouring nights that are alike
for a while (autocorrelation) look like a change to any such method; the gate and the rarity are what holds that down.

It cannot see a change before two values follow it, nor tell one slow slope from a few steps.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]

SHUFFLES: Final = 999
BATCH: Final = 333  # as many as say that a change is rare when none of them shows as much
RARE: Final = 0.003
LEAST: Final = 2  # values in a stretch
VALUES_LEAST: Final = 8
SEED: Final = 7


class ChangePoint(Struct, frozen=True, kw_only=True):
    """A series is another one from this value on."""

    at: int  # the index of the first value after the change
    before: float  # the median of the stretch before
    after: float
    p: float  # how rarely shuffled values show as much

    @property
    def change(self) -> float:
        """As a share more or less."""
        return self.after / self.before - 1 if self.before else math.inf


def change_points(values: Sequence[float], gate: float = 0.03) -> tuple[ChangePoint, ...]:
    """Every change point of a series, in order; a change of less than `gate` (a share) is none."""
    series = np.array(values, dtype=np.float64)
    cuts = sorted(
        _searched(series, 0, len(series), np.random.default_rng(SEED), gate), key=lambda cut: cut[0]
    )
    edges = [0, *(at for at, _ in cuts), len(series)]
    positions = []
    for number, (at, p) in enumerate(cuts):
        before, after = (
            float(np.median(series[low:high])) for low, high in ((edges[number], at), (at, edges[number + 2]))
        )
        positions.append(ChangePoint(at=at, before=before, after=after, p=p))
    return tuple(positions)


def _searched(
    series: Floats, start: int, end: int, random: np.random.Generator, gate: float
) -> list[tuple[int, float]]:
    """The change points between two indices, with their p."""
    part = series[start:end]
    if len(part) < VALUES_LEAST:
        return []
    energies = energy(part)
    cut = LEAST + int(np.argmax(energies[LEAST : len(part) - LEAST + 1]))
    before, after = (float(np.median(one)) for one in (part[:cut], part[cut:]))
    if not energies[cut] > 0 or abs(after - before) <= gate * abs(before):
        return []
    p = _chance(part, float(energies[cut]), random)
    if p > RARE:
        return []
    return [
        *_searched(series, start, start + cut, random, gate),
        (start + cut, p),
        *_searched(series, start + cut, end, random, gate),
    ]


def energy(values: Floats) -> Floats:
    """q of every split; the first value is 0, for a split that leaves nothing before it."""
    apart = _distances(values)
    energies: Floats = _energies(apart, np.arange(len(values))[None, :])[0]
    return energies


def _distances(values: Floats) -> Floats:
    found: Floats = np.abs(values[:, None] - values[None, :])
    return found


def _energies(apart: Floats, orders: npt.NDArray[np.intp]) -> Floats:
    """q of every split of the values in each of these orders, by the distances of any two of them.

    All orders are walked at once, a value at a time, with what lies between each value and those that came before.
    """
    rows, count = orders.shape
    whole = apart.sum(axis=1)
    to_earlier = np.zeros((rows, count))
    earlier = np.empty((rows, count))
    every = np.arange(rows)
    for place, value in enumerate(orders.T):
        earlier[:, place] = to_earlier[every, value]
        to_earlier += apart[value]
    at = np.arange(1, count)
    before = 2 * earlier.cumsum(axis=1)[:, at - 1]
    across = whole[orders].cumsum(axis=1)[:, at - 1] - before
    after = whole.sum() - before - 2 * across
    n, m = at.astype(np.float64), (count - at).astype(np.float64)
    q = n * m / count * (2 * across / (n * m) - before / n**2 - after / m**2)
    energies: Floats = np.concatenate([np.zeros((rows, 1)), q], axis=1)
    return energies


def _chance(values: Floats, seen: float, random: np.random.Generator) -> float:
    """Return how often shuffled values show as large a change; stop as soon as that is often, or surely rare."""
    hits = done = 0
    apart = _distances(values)
    least = seen * (1 - 1e-9)  # the same stretches in another order have the same q, but for its last digit
    while done < SHUFFLES:
        orders = random.permuted(np.tile(np.arange(len(values)), (BATCH, 1)), axis=1)
        largest = _energies(apart, orders)[:, LEAST : len(values) - LEAST + 1].max(axis=1)
        hits += int((largest >= least).sum())
        done += BATCH
        if (hits + 1) / (SHUFFLES + 1) > RARE or (hits == 0 and 1 / (done + 1) <= RARE):
            break
    return (hits + 1) / (done + 1)
