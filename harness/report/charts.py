"""The charts of a run, one function each: a reading to a drawing with its description in words.

Over time: throughput with the users under it, percentiles. By level: throughput against users, percentiles
against users. A chart that has nothing to show is None (one level has no curve), never an empty picture.
The level at which the run broke is shaded in every chart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator

from harness.analysis.rounding import show
from harness.report import lanes, svg
from harness.report.reading import Reading
from harness.report.svg import BAD, BLUE, MUTED, PAPER, Q_HIGH, Q_LOW, Q_MID
from harness.units import show_duration

POINTS_AN_INCH: Final = 72
TICKS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
QUANTILE_COLOURS: Final = {"p50": Q_LOW, "p95": Q_MID, "p99": Q_HIGH}
LOGARITHMIC_FROM: Final = 30.0
PLOT_PX: Final = 230  # what the plots of one picture have in height, about
LANES_HEAD_PX: Final = 24
DECADES_WITH_STEPS: Final = 300.0  # a wider range has ticks enough at its powers of ten
ROUND: Final = (1, 2, 2.5, 5, 10)
LABEL: Final[dict[str, Any]] = {"facecolor": PAPER, "alpha": 0.8, "linewidth": 0, "pad": 2}


@dataclass(frozen=True, slots=True)
class Size:
    """In the page's pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure, and what it shows in words for who does not see it."""

    figure: Figure
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One kind of chart: how it is drawn, and in which sizes (the first for files and wide screens)."""

    title: str
    draw: Callable[[Reading, Size], Drawing | None]
    sizes: tuple[Size, ...]


def throughput_over_time(reading: Reading, size: Size) -> Drawing | None:
    """Offered, answered and failed calls a second; users below."""
    data = reading.windows
    if data.empty:
        return None
    figure, (upper, lower) = _over_time(reading, size, (4, 1))
    at_s = (data["start_s"] + data["end_s"]) / 2
    upper.plot(at_s, data["offered_rps"], color=MUTED, linewidth=1.2, linestyle=(0, (3, 2)), label="offered")
    upper.plot(at_s, data["throughput_rps"], color=BLUE, label="answered")
    upper.fill_between(at_s, data["throughput_rps"], color=BLUE, alpha=0.10, linewidth=0)
    if data["failed"].any():
        upper.plot(at_s, data["failed_rps"], color=BAD, linewidth=1.4, label="failed")
    _finish(upper, "calls a second")
    edges = np.append(data["start_s"], data["end_s"].iloc[-1])
    lower.stairs(data["users"].fillna(0), edges, color=MUTED, fill=True, alpha=0.35)
    _finish(lower, "users", legend=False)
    lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    _broken_time(reading, (upper, lower))
    best, most = float(data["throughput_rps"].max()), data["users"].max()
    users = "" if np.isnan(most) else f", with up to {most:.0f} users"
    failed = f"; {int(data['failed'].sum()):,} calls failed" if data["failed"].any() else "; no call failed"
    found = f"up to {show(best, 'per_s')} answered{users}{failed}{lanes.words(reading)}"
    return Drawing(figure, f"Throughput over time: {found}.")


def percentiles_over_time(reading: Reading, size: Size) -> Drawing | None:
    """Response times of the ok calls."""
    data = reading.windows
    columns = {name: f"response_ms_{name}" for name in QUANTILE_COLOURS}
    if data.empty or data[list(columns.values())].isna().all(axis=None):
        return None
    figure, (axes,) = _over_time(reading, size, (4,))
    at_s = (data["start_s"] + data["end_s"]) / 2
    for name, column in columns.items():
        if data[column].notna().any():
            axes.plot(at_s, data[column], color=QUANTILE_COLOURS[name], label=name)
    _finish(axes, "response time")
    _milliseconds(axes, data[list(columns.values())].to_numpy().ravel())
    _broken_time(reading, (axes,))
    spans = [
        f"{name} between {show(data[column].min(), 'ms')} and {show(data[column].max(), 'ms')}"
        for name, column in columns.items()
        if data[column].notna().any()
    ]
    return Drawing(figure, f"Response time over time: {', '.join(spans)}{lanes.words(reading)}.")


def throughput_by_users(reading: Reading, size: Size) -> Drawing | None:
    """The curve of goodput against concurrency."""
    levels = _levels(reading)
    if not levels:
        return None
    figure = _figure(size)
    axes = figure.subplots()
    first = [row for row in levels if row["kind"] != "confirm"]
    axes.plot([row["users"] for row in first], [row["throughput_rps"] for row in first], color=BLUE)
    for row in levels:
        broke = _broke(reading, row)
        axes.plot(
            row["users"],
            row["throughput_rps"],
            "o",
            markersize=6 if broke else 4.5,
            color=BAD if broke else BLUE,
        )
    _finish(axes, "answered calls a second", legend=False)
    _users_axis(axes, reading)
    peak = max(levels, key=lambda row: row["throughput_rps"])
    words = f"highest at {peak['users']} users with {show(peak['throughput_rps'], 'per_s')}"
    return Drawing(figure, f"Throughput by users: {words}{_break_words(reading)}.")


def percentiles_by_users(reading: Reading, size: Size) -> Drawing | None:
    """How response times grow with concurrency."""
    levels = [row for row in _levels(reading) if row["kind"] != "confirm"]
    shown = {
        name: [(row["users"], row["latency_ms"]["response"][name]) for row in levels]
        for name in QUANTILE_COLOURS
    }
    shown = {name: [pair for pair in pairs if pair[1] is not None] for name, pairs in shown.items()}
    if not any(len(pairs) > 1 for pairs in shown.values()):
        return None
    figure = _figure(size)
    axes = figure.subplots()
    for name, pairs in shown.items():
        if pairs:
            users, values = zip(*pairs, strict=True)
            axes.plot(users, values, "o-", markersize=4, color=QUANTILE_COLOURS[name], label=name)
    _finish(axes, "response time")
    _milliseconds(axes, [value for pairs in shown.values() for _, value in pairs])
    _users_axis(axes, reading)
    ends = [f"{name} {show(pairs[-1][1], 'ms')}" for name, pairs in shown.items() if pairs]
    words = f"at {levels[-1]['users']} users {', '.join(ends)}"
    return Drawing(figure, f"Response time by users: {words}{_break_words(reading)}.")


WIDE: Final = (Size(900, 300), Size(350, 260))
HALF: Final = (Size(430, 290),)

CHARTS: Final[dict[str, Chart]] = {
    "throughput-by-users": Chart("Throughput by users", throughput_by_users, HALF),
    "percentiles-by-users": Chart("Response time by users", percentiles_by_users, HALF),
    "throughput": Chart("Throughput over time", throughput_over_time, WIDE),
    "percentiles": Chart("Response time over time", percentiles_over_time, WIDE),
}


def renditions(name: str, reading: Reading) -> list[str]:
    """The chart in each of its sizes, as SVG elements; none when there is nothing to show."""
    chart = CHARTS[name]
    with mpl.rc_context(svg.STYLE):
        drawn = [chart.draw(reading, size) for size in chart.sizes]
        return [
            svg.to_svg(drawing.figure, f"{name}-{number}", drawing.label)
            for number, drawing in enumerate(drawn)
            if drawing is not None
        ]


def _over_time(reading: Reading, size: Size, heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Plots over one axis of time, with the lanes of the faults below the first."""
    data = reading.windows
    start_s, end_s = data["start_s"].iloc[0], data["end_s"].iloc[-1]
    bars = lanes.arrange(reading, start_s, end_s, size.width)
    lanes_px = lanes.count(bars) * lanes.LANE_PX
    if not bars:
        figure = _figure(size)
        plots = list(
            figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        )
    else:
        # The plots keep their size; the picture grows by the lanes and the heading above them.
        figure = _figure(Size(size.width, size.height + lanes_px + LANES_HEAD_PX))
        px = [height * PLOT_PX / sum(heights) for height in heights]
        ratios = [px[0], lanes_px, *px[1:]]
        found = list(figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0])
        lanes.draw(bars, found[1])
        plots = [found[0], *found[2:]]
        lanes.shade(bars, plots)
    _time_axis(figure.axes[-1], start_s, end_s, size)
    return figure, plots


def _figure(size: Size) -> Figure:
    return Figure(figsize=(size.width / POINTS_AN_INCH, size.height / POINTS_AN_INCH), layout="constrained")


def _finish(axes: Axes, unit: str, *, legend: bool = True) -> None:
    """What every chart has: from zero, thousands apart, the unit above the axis, a legend beside it."""
    axes.margins(y=0.08)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=ROUND))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    axes.set_title(unit, loc="left", fontsize=11, color=MUTED)
    if legend:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=4,
            borderaxespad=0.2,
            handlelength=1.4,
            columnspacing=1.2,
        )


def _milliseconds(axes: Axes, values: Any) -> None:
    """A scale of times: logarithmic when the slowest would hide the rest."""
    known = np.asarray(values, dtype=float)
    known = known[known > 0]
    if len(known) and known.max() / known.min() > LOGARITHMIC_FROM:
        axes.set_yscale("log")
        axes.set_ylim(bottom=known.min() / 1.5)
        if known.max() / known.min() < DECADES_WITH_STEPS:
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short_ms(value)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda _value, _place: ""))


def _short_ms(value: float) -> str:
    return f"{value / 1000:,.4g} s" if value >= 1000 else f"{value:,.4g} ms"


def _time_axis(axes: Axes, start_s: float, end_s: float, size: Size) -> None:
    most = max(3, size.width // 75)
    step = next((tick for tick in TICKS_S if (end_s - start_s) / tick <= most), TICKS_S[-1])
    while (end_s - start_s) / step > most:
        step *= 2
    axes.set_xlim(start_s, end_s)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show_duration(max(0.0, value))))


def _users_axis(axes: Axes, reading: Reading) -> None:
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=(1, 2, 5, 10)))
    axes.set_xlabel("users")
    breaking = reading.summary["breaking_point"]
    if breaking:
        axes.axvline(breaking["users"], color=BAD, linewidth=1.2, linestyle=(0, (3, 2)))
        axes.annotate(
            f"breaks at {breaking['users']}",
            (breaking["users"], 0.04),
            xycoords=("data", "axes fraction"),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            fontsize=11,
            color=BAD,
            bbox=LABEL,
        )


def _broken_time(reading: Reading, plots: Sequence[Axes]) -> None:
    """Shades the time of the level at which the run broke."""
    rows = [row for row in reading.summary["steps"] if _broke(reading, row)]
    for axes in plots:
        for row in rows:
            axes.axvspan(row["start_s"], row["end_s"], color=BAD, alpha=0.10, linewidth=0)
    if rows:
        place = (rows[0]["start_s"], 0.05)
        text = f"breaks at {rows[0]['users']} users "
        plots[0].annotate(
            text, place, xycoords=("data", "axes fraction"), ha="right", color=BAD, fontsize=11, bbox=LABEL
        )


def _levels(reading: Reading) -> list[dict[str, Any]]:
    """The steps that make a curve: at least two different levels of users."""
    rows = [row for row in reading.summary["steps"] if row["users"] and row["throughput_rps"] is not None]
    rows = [row for row in rows if row["kind"] != "sustain"] or rows
    return sorted(rows, key=lambda row: row["users"]) if len({row["users"] for row in rows}) > 1 else []


def _broke(reading: Reading, row: dict[str, Any]) -> bool:
    breaking = reading.summary["breaking_point"]
    return bool(breaking) and row["users"] == breaking["users"] and row["kind"] != "sustain"


def _break_words(reading: Reading) -> str:
    breaking = reading.summary["breaking_point"]
    return f"; the breaking point is at {breaking['users']} users" if breaking else ""
