"""How calls ended, window by window: a column for each outcome that occurred, `ok` first.

Definitions. Windows are those of `windows`; a call counts where it was completed. The failures that occurred most
have a column each, at most `MOST` of them; the rest are added up under `OTHERS`. So the columns of a row add up to
the calls that ended in that window, but for those that are neither.
"""

from typing import Final

import numpy as np
import pandas as pd

from harness.analysis.calls import windows
from harness.analysis.calls.calls import FAILED, OK, Calls
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome

MOST: Final = 6
OTHERS: Final = "others"


def measure(calls: Calls, *, most: int = windows.MOST) -> pd.DataFrame:
    """One row per window: `start_s`, `end_s`, `ok`, then the failures, the most frequent first."""
    edges = windows.borders(calls, most)
    data = {
        "start_s": edges[:-1] / NS_PER_S,
        "end_s": edges[1:] / NS_PER_S,
        outcome.OK: windows.count(calls.done_ns[calls.kind == OK], edges),
    }
    failed = calls.kind == FAILED
    codes, at_ns = calls.outcome[failed], calls.done_ns[failed]
    counts = np.bincount(codes[codes >= 0], minlength=len(calls.names["outcome"]))
    ranked = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    for code in ranked[:MOST]:
        data[calls.names["outcome"][code]] = windows.count(at_ns[codes == code], edges)
    rest = ~np.isin(codes, ranked[:MOST])
    if rest.any():
        data[OTHERS] = windows.count(at_ns[rest], edges)
    return pd.DataFrame(data)


def failures(frame: pd.DataFrame) -> list[str]:
    """The names of the columns that count failures."""
    return [str(name) for name in frame.columns if name not in {"start_s", "end_s", outcome.OK}]
