"""The charts over time: throughput with users and the generator's lag under it, percentiles, the heat map, outcomes.

All have the same axis, and the lanes of the faults below the first plot.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from harness.analysis.calls import outcomes
from harness.analysis.calls.heat import Heat
from harness.analysis.statistics.rounding import show
from harness.foundation.units import show_duration
from harness.report import activities, lanes
from harness.report.drawing import (
    DASHED,
    QUANTILE_COLOURS,
    Data,
    Drawing,
    Size,
    broken_time,
    finish,
    milliseconds,
    over_time,
    short_ms,
)
from harness.report.palette import BAD, BLUE, KINDS, MUTED
from harness.report.reading import Reading

# One blue, from a hint to solid: readable on a light and on a dark page.
HEAT_RGB: Final = (0x2F / 255, 0x7D / 255, 0xDD / 255)
HEAT: Final = ListedColormap([(*HEAT_RGB, 0.10 + 0.90 * step / 63) for step in range(64)])
HEAT_TICKS: Final = (1, 2, 5)


def throughput(reading: Reading, size: Size) -> Drawing | None:
    """Draw offered, answered and failed calls per second; below, the users and the generator's lag."""
    data = reading.windows
    if data.empty:
        return None
    lag = data["lag_ms"].notna().any()
    figure, plots = over_time(reading, size, (5, 1.1, 1.1) if lag else (5, 1.1))
    at_s = middle(data)
    plots[0].plot(at_s, data["offered_rps"], color=MUTED, linewidth=1.2, linestyle=DASHED, label="offered")
    plots[0].plot(at_s, data["throughput_rps"], color=BLUE, label="answered")
    plots[0].fill_between(at_s, data["throughput_rps"], color=BLUE, alpha=0.10, linewidth=0)
    if data["failed"].any():
        plots[0].plot(at_s, data["failed_rps"], color=BAD, linewidth=1.4, label="failed")
    finish(plots[0], "calls a second")
    _users(plots[1], data)
    if lag:
        _lag(plots[2], data)
    broken_time(reading, plots)
    return Drawing(figure, f"Throughput over time: {_throughput_words(reading)}.")


def percentiles(reading: Reading, size: Size) -> Drawing | None:
    """Draw the response times of the ok calls."""
    data = reading.windows
    columns = {name: f"response_ms_{name}" for name in QUANTILE_COLOURS}
    if data.empty or data[list(columns.values())].isna().all(axis=None):
        return None
    figure, (axes,) = over_time(reading, size, (4,))
    at_s = middle(data)
    for name, column in columns.items():
        if data[column].notna().any():
            axes.plot(at_s, data[column], color=QUANTILE_COLOURS[name], label=name)
    finish(axes, "response time")
    milliseconds(axes, data[list(columns.values())].to_numpy().ravel())
    broken_time(reading, (axes,))
    spans = [
        f"{name} between {show(data[column].min(), 'ms')} and {show(data[column].max(), 'ms')}"
        for name, column in columns.items()
        if data[column].notna().any()
    ]
    return Drawing(figure, f"Response time over time: {', '.join(spans)}{_beside_words(reading)}.")


def heat(reading: Reading, size: Size) -> Drawing | None:
    """Draw a heat map of calls by time and latency; the latencies and the colour are logarithmic."""
    cells = reading.heat
    if cells is None:
        return None
    figure, (axes,) = over_time(reading, size, (4,))
    logs = np.log10(cells.edges_ms)
    shown = np.ma.masked_equal(cells.counts, 0)
    axes.imshow(
        np.log1p(shown),
        cmap=HEAT,
        vmin=0,
        interpolation="none",
        aspect="auto",
        origin="lower",
        extent=(cells.edges_s[0], cells.edges_s[-1], logs[0], logs[-1]),
    )
    axes.set_xlim(reading.windows["start_s"].iloc[0], reading.windows["end_s"].iloc[-1])
    _log_ticks(axes, logs)
    axes.set_title("response time", loc="left", fontsize=11, color=MUTED)
    broken_time(reading, (axes,))
    return Drawing(
        figure, f"Response times as a heat map over time: {_heat_words(cells)}{_beside_words(reading)}."
    )


def outcome_kinds(reading: Reading, size: Size) -> Drawing | None:
    """Draw failed calls per second, stacked by outcome; below, the success rate."""
    data = reading.outcomes
    names = outcomes.failures(data)
    if not names:
        return None
    figure, (upper, lower) = over_time(reading, size, (4, 1.3))
    edges = np.append(data["start_s"], data["end_s"].iloc[-1])
    width_s = (data["end_s"] - data["start_s"]).to_numpy()
    base = np.zeros(len(data))
    for place, name in enumerate(names):
        top = base + data[name].to_numpy() / width_s
        colour = KINDS[place] if place < len(KINDS) else MUTED
        upper.stairs(top, edges, baseline=base, fill=True, color=colour, label=name)
        base = top
    finish(upper, "failed calls a second")
    failed = data[names].sum(axis=1)
    decided = failed + data["ok"]
    rate = (data["ok"] / decided.where(decided > 0)) * 100
    lower.stairs(rate, edges, color=BLUE, linewidth=1.6, baseline=None)
    finish(lower, "success, %", legend=False)
    lower.yaxis.set_major_locator(FixedLocator([0, 50, 100]))
    lower.set_ylim(0, 108)
    broken_time(reading, (upper, lower))
    counts = ", ".join(f"{int(data[name].sum()):,} {name}" for name in names)
    worst = "" if rate.isna().all() else f"; the success rate was lowest at {rate.min():.1f}%"
    return Drawing(figure, f"Outcomes over time: {counts}{worst}{_beside_words(reading)}.")


def windows_data(reading: Reading) -> Data | None:
    """The throughput of a limited number of windows."""
    columns = ("Window", "Users", "Offered", "Answered", "Failed", "Lag")
    rows = tuple(
        (
            _window(row),
            show(row.users, "count"),
            show(row.offered_rps, "per_s"),
            show(row.throughput_rps, "per_s"),
            show(row.failed, "count"),
            show(row.lag_ms, "ms"),
        )
        for row in _rows(reading.brief)
    )
    return Data(columns, rows) if rows else None


def percentiles_data(reading: Reading) -> Data | None:
    """The percentiles of a limited number of windows."""
    names = [f"{kind}_ms_{name}" for kind in ("response", "service") for name in QUANTILE_COLOURS]
    rows = tuple(
        (_window(row), *(show(getattr(row, name), "ms") for name in names)) for row in _rows(reading.brief)
    )
    heads = (*QUANTILE_COLOURS, *(f"service {name}" for name in QUANTILE_COLOURS))
    return Data(("Window", *heads), rows) if rows else None


def heat_data(reading: Reading) -> Data | None:
    """The number of calls in each latency band, over the whole run."""
    if reading.heat is None:
        return None
    totals = reading.heat.counts.sum(axis=1)
    whole = int(totals.sum())
    rows = tuple(
        (
            f"{show(low, 'ms')} to {show(high, 'ms')}",
            show(count, "count"),
            show(int(count) / whole, "share"),
        )
        for low, high, count in zip(reading.heat.edges_ms, reading.heat.edges_ms[1:], totals, strict=False)
        if count
    )
    return Data(("Response time", "Calls", "Share"), rows)


def outcomes_data(reading: Reading) -> Data | None:
    """The outcomes of a limited number of windows."""
    data = reading.brief_outcomes
    names = outcomes.failures(data)
    if not names:
        return None
    rows = tuple(
        (_window(row), *(f"{int(value):,}" for value in (row.ok, *values)))
        for row, values in zip(_rows(data), data[names].to_numpy().tolist(), strict=True)
    )
    return Data(("Window", "ok", *names), rows)


def middle(data: pd.DataFrame) -> "pd.Series[Any]":
    """The middle of each window in seconds, where its value is drawn."""
    at_s: pd.Series[Any] = (data["start_s"] + data["end_s"]) / 2
    return at_s


def _rows(data: pd.DataFrame) -> Iterable[Any]:
    """One tuple per row, with the columns as attributes."""
    return data.itertuples()


def _window(row: Any) -> str:
    return f"{show_duration(round(row.start_s))} to {show_duration(round(row.end_s))}"


def _users(axes: Axes, data: pd.DataFrame) -> None:
    edges = np.append(data["start_s"], data["end_s"].iloc[-1])
    axes.stairs(data["users"].fillna(0), edges, color=MUTED, fill=True, alpha=0.35)
    finish(axes, "users", legend=False)
    axes.yaxis.set_major_locator(FixedLocator([0, float(data["users"].max())]))


def _lag(axes: Axes, data: pd.DataFrame) -> None:
    """Draw the scheduling lag of the generator: it limits how exact the measurement can be."""
    known = data[data["lag_ms"].notna()]
    axes.plot(middle(known), known["lag_ms"], color=MUTED, linewidth=1.2)
    finish(axes, "generator's lag, worst", legend=False)
    axes.yaxis.set_major_locator(MaxNLocator(2, steps=(1, 2, 5, 10)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_ms(value)))


def _log_ticks(axes: Axes, logs: Sequence[float] | np.ndarray) -> None:
    """Put ticks at 1, 2 and 5 of each power of ten, on an axis that holds logarithms."""
    low, high = float(logs[0]), float(logs[-1])
    steps = HEAT_TICKS if high - low < 2.6 else (1,)
    decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    ticks = [float(np.log10(step) + decade) for decade in decades for step in steps]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_ms(float(f"{10**value:.3g}"))))


def _beside_words(reading: Reading) -> str:
    """The faults and activities as text."""
    return lanes.words(reading) + activities.words(reading)


def _throughput_words(reading: Reading) -> str:
    data = reading.windows
    best, most = float(data["throughput_rps"].max()), data["users"].max()
    users = "" if np.isnan(most) else f", with up to {most:.0f} users"
    failed = f"; {int(data['failed'].sum()):,} calls failed" if data["failed"].any() else "; no call failed"
    lag = data["lag_ms"].max()
    late = "" if np.isnan(lag) else f"; the generator was at most {show(lag, 'ms')} late"
    return f"up to {show(best, 'per_s')} answered{users}{failed}{late}{_beside_words(reading)}"


def _heat_words(cells: Heat) -> str:
    totals = cells.counts.sum(axis=1)
    place = int(totals.argmax())
    share = show(int(totals[place]) / int(totals.sum()), "share")
    low, high = (show(cells.edges_ms[edge], "ms") for edge in (place, place + 1))
    ends = f"{show(cells.edges_ms[0], 'ms')} and {show(cells.edges_ms[-1], 'ms')}"
    return f"all calls took between {ends}, most often {low} to {high} ({share} of them)"
