"""The run second by second: what was offered, answered and failed, and how long calls took.

Definitions. Windows have one width: the smallest of `WIDTHS_S` that covers the run with at most `MOST`
windows, so the data of a chart is bounded however long the run. A last window of less than half the width is
joined to the one before; rates are over a window's own length.
Offered counts calls by intended start; ok and failed by completion; percentiles of ok calls go by intended
start. Where fewer than ten calls lie above a percentile, neighbouring windows are merged until that holds
(each percentile for itself), and every one of them shows the merged value. An empty window between two merged
groups has none: a server that stands still leaves a gap, not a line.
`users` is what the workers reported last, else what the steps asked for. `lag_ms` and `cpu` are the worst that a
worker said of itself in the window: the generator's health beside what it measured.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.analysis.calls import latency
from harness.analysis.calls.calls import FAILED, OK, Calls, Ints
from harness.analysis.health.worker_reports import listed
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.run_directory.event_kinds import Event, StepRunning, WorkerReport
from harness.scenario.catalogue import QUANTILES

MOST: Final = 600
WIDTHS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 86400)
SHOWN: Final = ("p50", "p95", "p99")

Floats = npt.NDArray[np.float64]


def measure(
    calls: Calls, events: Sequence[Event] = (), *, most: int = MOST, over: Calls | None = None
) -> pd.DataFrame:
    """One row per window; no rows without calls. `over`: use the windows of those calls."""
    edges = borders(calls if over is None else over, most)
    widths_s = np.diff(edges) / NS_PER_S
    begun = np.searchsorted(calls.intended_ns, edges)
    counts = {
        "offered": np.diff(begun),
        "ok": count(calls.done_ns[calls.kind == OK], edges),
        "failed": count(calls.done_ns[calls.kind == FAILED], edges),
    }
    data: dict[str, npt.NDArray[np.generic]] = {
        "start_s": edges[:-1] / NS_PER_S,
        "end_s": edges[1:] / NS_PER_S,
        "users": _users(events, edges),
        **counts,
        "throughput_rps": counts["ok"] / widths_s,
        "offered_rps": counts["offered"] / widths_s,
        "failed_rps": counts["failed"] / widths_s,
        "lag_ms": _worst(events, edges, "lag_ms"),
        "cpu": _worst(events, edges, "cpu"),
    }
    ok = calls.take(calls.kind == OK)
    bounds = np.searchsorted(ok.intended_ns, edges)
    for kind, durations in (("response", ok.response_ns()), ("service", ok.service_ns())):
        for name in SHOWN:
            data[f"{kind}_ms_{name}"] = _merged(durations, bounds, QUANTILES[name])
    return pd.DataFrame(data)


def width_s(span_s: float, most: int = MOST) -> int:
    """The width in seconds of the windows of a run of this length."""
    width = next((width for width in WIDTHS_S if span_s <= width * most), WIDTHS_S[-1])
    while span_s > width * most:
        width *= 2
    return width


def borders(calls: Calls, most: int = MOST) -> Ints:
    """The borders of the windows, from the whole second before the first call to the last completion."""
    if not len(calls):
        return np.zeros(1, dtype=np.int64)
    start = int(calls.intended_ns[0]) // NS_PER_S * NS_PER_S
    end = max(int(calls.done_ns.max()), int(calls.intended_ns[-1])) + 1
    width = width_s((end - start) / NS_PER_S, most) * NS_PER_S
    whole = max(1, (end - start + width // 2) // width)
    edges = start + np.arange(whole + 1, dtype=np.int64) * width
    edges[-1] = end
    return edges


def count(at_ns: Ints, edges: Ints) -> Ints:
    """The number of these times in each window."""
    if len(edges) < 2:
        return np.zeros(0, dtype=np.int64)
    # All windows but the last have one width, so a division finds the place.
    places = np.minimum((at_ns - edges[0]) // max(1, int(edges[1] - edges[0])), len(edges) - 2)
    return np.bincount(np.maximum(places, 0), minlength=len(edges) - 1)


def _merged(durations_ns: Ints, bounds: npt.NDArray[np.intp], per_mille: int) -> Floats:
    """The percentile of each window; `bounds` are the positions of the windows in the durations."""
    values = np.full(max(0, len(bounds) - 1), np.nan)
    groups = _groups(bounds, latency.needed(per_mille))
    for first, last in groups:
        inside = durations_ns[bounds[first] : bounds[last]]
        at = latency.rank(len(inside), per_mille)
        values[first:last] = np.partition(inside, at)[at] / NS_PER_MS
    return values


def _groups(bounds: npt.NDArray[np.intp], enough: int) -> list[tuple[int, int]]:
    """Groups of windows [first, last) with enough calls; the rest at the end joins the last group."""
    groups: list[tuple[int, int]] = []
    first: int | None = None
    for window in range(len(bounds) - 1):
        if first is None and bounds[window + 1] > bounds[window]:
            first = window
        if first is not None and bounds[window + 1] - bounds[first] >= enough:
            groups.append((first, window + 1))
            first = None
    if first is not None and groups:
        last = int(np.searchsorted(bounds, bounds[-1]))  # behind the last window with a call
        groups[-1] = (groups[-1][0], last)
    return groups


def _users(events: Sequence[Event], edges: Ints) -> Floats:
    """The number of users at the end of each window; NaN before the first report."""
    reported: list[WorkerReport | StepRunning] = [
        event for event in events if isinstance(event, WorkerReport) and event.users is not None
    ]
    running: list[WorkerReport | StepRunning] = [event for event in events if isinstance(event, StepRunning)]
    changes = reported or running
    users = np.full(max(0, len(edges) - 1), np.nan)
    by_worker: dict[int | None, list[WorkerReport | StepRunning]] = {}
    for event in changes:
        by_worker.setdefault(event.worker if isinstance(event, WorkerReport) else None, []).append(event)
    for reports in by_worker.values():
        at_ns = np.array([event.at_ns for event in reports])
        values = np.array([float(event.users or 0) for event in reports])
        latest = np.searchsorted(at_ns, edges[1:], side="right") - 1
        known = latest >= 0
        users[known] = np.nan_to_num(users[known]) + values[latest[known]]
    return users


def _worst(events: Sequence[Event], edges: Ints, key: str) -> Floats:
    """The highest value of a gauge in each window; NaN when no worker reported it."""
    worst = np.full(max(0, len(edges) - 1), np.nan)
    for event in events:
        place = int(np.searchsorted(edges, event.at_ns, side="right")) - 1
        values = listed(getattr(event, key)) if isinstance(event, WorkerReport) else []
        if values and 0 <= place < len(worst):
            worst[place] = np.fmax(worst[place], max(values))
    return worst
