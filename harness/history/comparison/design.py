"""In which order the runs of two sides were made, and what that allows to say.

A *sitting* is a stretch of runs with no pause of an hour between them: the machine is in one state, or drifts slowly.

    together   every sitting holds runs of both sides            A B B A A B B A
    in turn    the same, but all of A came before all of B       A A A A B B B B
    apart      no sitting holds both: nights, for example        A A A | A A A | B B B
    vouched    somebody says that all were made under the same conditions

Together, drift takes both sides alike and is taken off (a straight line a sitting). In turn the line and the change look
nearly the same, so that only a large change stands out. Apart, the sitting is the unit: what differs from sitting to
sitting is only seen from several. With one sitting a side nobody can tell a change of the server from another day.

What it cannot see: a single jump of the machine exactly between A and B of runs in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.history.comparison.measured import MeasuredRun

PAUSE_S: Final = 3600.0
INFLATED: Final = 1.5  # the variance of the change, with a line and without, that still counts as together
Order = Literal["together", "in turn", "apart", "vouched", "one sitting each", "one run a side"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """The runs in a matrix: a row a run that is used, and what multiplies the change in `columns[:, 0]`."""

    order: Order
    rows: tuple[int, ...]  # which of [*a, *b] are used
    columns: Floats  # a row for each of `rows`; the first column is the side: -1/2 A, +1/2 B
    sittings: tuple[int, ...]  # of each row

    @property
    def decides(self) -> bool:
        return self.order not in {"one sitting each", "one run a side"}


def sittings(runs: Sequence[MeasuredRun]) -> tuple[int, ...]:
    """The number of the sitting of each run."""
    numbers = [0] * len(runs)
    number, ended_at_s = -1, -float("inf")
    for at in sorted(range(len(runs)), key=lambda one: runs[one].started_at_s):
        if runs[at].started_at_s - ended_at_s >= PAUSE_S:
            number += 1
        numbers[at] = number
        ended_at_s = max(ended_at_s, runs[at].ended_at_s)
    return tuple(numbers)


def design(a: Sequence[MeasuredRun], b: Sequence[MeasuredRun], *, vouched: bool = False) -> Design:
    """How the runs were made."""
    runs = [*a, *b]
    side = np.array([-0.5] * len(a) + [0.5] * len(b))
    sitting = sittings(runs)
    everything = tuple(range(len(runs)))
    if len(runs) <= 2:
        return Design("one run a side", everything, np.c_[side, np.ones(len(runs))], sitting)
    if vouched:
        return Design("vouched", everything, np.c_[side, np.ones(len(runs))], sitting)
    shared = set(sitting[: len(a)]) & set(sitting[len(a) :])
    if not shared:
        many = len(set(sitting)) > 2
        return Design("apart" if many else "one sitting each", everything, side[:, None], sitting)
    rows = tuple(at for at in everything if sitting[at] in shared)
    return _together(rows, side[list(rows)], [runs[at] for at in rows], tuple(sitting[at] for at in rows))


def _together(
    rows: tuple[int, ...], side: Floats, runs: Sequence[MeasuredRun], sitting: tuple[int, ...]
) -> Design:
    """Sittings with both sides: one level for each, and one slope over the time for all of them."""
    numbers = sorted(set(sitting))
    levels = np.array([[float(one == number) for number in numbers] for one in sitting])
    times = np.array([run.started_at_s for run in runs], dtype=np.float64)
    for number in numbers:
        inside = np.array([one == number for one in sitting])
        times[inside] -= times[inside].mean()
    spread = np.abs(times).max()
    plain = np.c_[side, levels]
    if spread <= 0:
        return Design("together", rows, plain, sitting)
    lined = np.c_[plain, times / spread]
    if np.linalg.matrix_rank(lined) < lined.shape[1]:
        return Design("in turn", rows, plain, sitting)
    inflated = _variance(lined) / _variance(plain)
    return Design("together" if inflated < INFLATED else "in turn", rows, lined, sitting)


def _variance(columns: Floats) -> float:
    """The variance of the change, in variances of a run."""
    return float(np.linalg.inv(columns.T @ columns)[0, 0])
