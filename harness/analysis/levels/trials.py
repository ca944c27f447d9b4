"""A trial of a search for capacity, from its rows: what share of its calls was bad by each objective.

Bad for a percentile: slower than the bound, failed, or not sent. Bad for success_rate: failed, or not sent. A mean says
only whether it held. Calls that are neither ok nor failed are left out.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from harness.analysis.calls.calls import FAILED, OK, Calls
from harness.analysis.levels.next_trial import Trial
from harness.analysis.levels.threshold import Mark
from harness.analysis.objectives import decision
from harness.analysis.objectives.observed import SLOWEST, slowness
from harness.analysis.statistics import correlation
from harness.analysis.statistics.confidence import ONE_END
from harness.foundation.units import NS_PER_MS
from harness.scenario.catalogue import QUANTILES
from harness.scenario.objectives import Objective, parse

A_MEAN_SAYS: Final = 20  # calls: what it weighs beside shares
ITS_SHARE: Final = 0.5


def trial(begun: Calls, objectives: Sequence[str], load: float, not_sent: int) -> Trial:
    """The trial at this load; `begun` are the calls of the load that were due in its measured window."""
    return Trial(load, tuple(_mark(begun, parse(text), load, not_sent) for text in objectives))


def _mark(begun: Calls, objective: Objective, load: float, not_sent: int) -> Mark:
    durations_ns = np.concatenate([slowness(begun), np.full(not_sent, SLOWEST)])
    if not len(durations_ns):  # nobody was answered
        return Mark(load, 1, 1.0, 1.0, ITS_SHARE, sided=True)
    if objective.metric in QUANTILES:
        good = decision.beneath(objective, durations_ns, objective.value)
        return _share(load, good, 1 - QUANTILES[objective.metric] / 1000)
    if objective.metric == "mean":
        failed = bool(np.any(durations_ns == SLOWEST))
        held = not failed and objective.holds(float(durations_ns.mean()) / NS_PER_MS)
        return Mark(load, A_MEAN_SAYS, float(A_MEAN_SAYS), 0.0 if held else 1.0, ITS_SHARE, sided=True)
    answered = begun.kind[(begun.kind == OK) | (begun.kind == FAILED)] == OK
    return _share(load, np.concatenate([answered, np.zeros(not_sent, dtype=bool)]), 1 - objective.value)


def _share(load: float, good: decision.Flags, allowed: float) -> Mark:
    count = len(good)
    worth = correlation.effective(good, [count], ONE_END)
    return Mark(load, count, worth, 1 - int(np.count_nonzero(good)) / count, allowed)
