"""Each operation over time, in its own windows, so that a slow one is not hidden among fast ones.

Definitions are those of `windows`; all panels share one time axis. At most `MOST` operations, those with the most
calls, in at most `WINDOWS_MOST` windows each: the summary's `operations` has all of them as totals.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from harness.analysis.calls import windows
from harness.analysis.calls.calls import Calls

MOST: Final = 12
WINDOWS_MOST: Final = 120


@dataclass(frozen=True, slots=True)
class Panel:
    """One operation over time."""

    operation: str
    windows: pd.DataFrame


def measure(calls: Calls) -> tuple[Panel, ...]:
    """The operations with the most calls, the busiest first."""
    names = calls.names["operation"]
    counts = np.bincount(calls.operation[calls.operation >= 0], minlength=len(names))
    ranked = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    return tuple(
        Panel(
            names[code],
            windows.measure(calls.of_operation(names[code]), most=WINDOWS_MOST, over=calls),
        )
        for code in ranked[:MOST]
    )
