"""Sessions that are processes: how long they took to start, and what each has used.

Definitions. Started: the first exchange with a process, of the transport `stdio` and not `reused`. Its service time is the
start-up, from when the program's own code began to the answer. Of starts that failed only the number is known.
CPU and memory are of a process and all that it has started, looked at once a second; those of sessions that lived
for less may not have been seen.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec import UNSET, UnsetType

from harness.analysis.calls.calls import OK, Calls
from harness.analysis.statistics.rounding import milliseconds
from harness.mcp.stdio_address import STDIO
from harness.run_directory.results import Processes


def measure(calls: Calls, seen: Mapping[str, Any] | None) -> Processes | UnsetType:
    """The value of `processes` in the summary; it is not there where sessions are no processes."""
    known = calls.names["transport"]
    if STDIO not in known:
        return UNSET
    first = calls.take((calls.transport == known.index(STDIO)) & (calls.reused == 0))
    begun = first.take(first.kind == OK)
    took_ns = begun.done_ns - begun.sent_ns
    median, most = (float(np.median(took_ns)), float(took_ns.max())) if len(took_ns) else (None, None)
    seen = seen or {}
    return Processes(
        started=len(begun),
        failed=len(first) - len(begun),
        start_ms_median=milliseconds(median),
        start_ms_max=milliseconds(most),
        cpu_s_median=seen.get("cpu_s_median"),
        cpu_s_max=seen.get("cpu_s_max"),
        rss_mb_median=seen.get("rss_mb_median"),
        rss_mb_max=seen.get("rss_mb_max"),
    )
