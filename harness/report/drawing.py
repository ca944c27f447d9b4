"""The common parts of charts: sizes, axes, scales, and the mark of the level at which the run broke.

A chart is a function from a reading to a `Drawing`: a figure, with its content in words for readers who
cannot see it. A chart without content is None, never an empty picture. `Data` holds the same numbers as a
table of limited size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator

from harness.analysis.levels import breaking_point
from harness.foundation.units import show_duration
from harness.report import activities, lanes, wording
from harness.report.palette import BAD, MUTED, PAPER, Q_HIGH, Q_LOW, Q_MID
from harness.report.reading import Reading
from harness.run_directory.results import StepResult

POINTS_AN_INCH: Final = 72
TICKS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
QUANTILE_COLOURS: Final = {"p50": Q_LOW, "p95": Q_MID, "p99": Q_HIGH}
LOGARITHMIC_FROM: Final = 30.0
DECADES_WITH_STEPS: Final = 300.0  # a wider range has ticks enough at its powers of ten
# The room around a plot: its axis on the left, its unit and legend above, its ticks (and their name) below.
LEFT_PX: Final = 58
RIGHT_PX: Final = 14
HEAD_PX: Final = 25
FOOT_PX: Final = 24
NAME_PX: Final = 17
ROUND: Final = (1, 2, 2.5, 5, 10)
LABEL: Final[Mapping[str, Any]] = {"facecolor": PAPER, "alpha": 0.8, "linewidth": 0, "pad": 2}
KEY_CHARACTER_PX: Final = 6.4  # on average, as the pictures are laid out
KEY_ENTRY_PX: Final = 36  # its line, and the room around it
KEY_ROW_PX: Final = 17
UNIT_PX: Final = 17
DASHED: Final = (0, (3, 2))


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a picture in pixels of the page."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure, and its content in words."""

    figure: Figure
    label: str


@dataclass(frozen=True, slots=True)
class Data:
    """The numbers of a chart as a table; the first column names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One kind of chart: how it is drawn, in which sizes (the first for files and wide screens), and its numbers."""

    title: str
    draw: Callable[[Reading, Size], Drawing | None]
    sizes: tuple[Size, ...]
    data: Callable[[Reading], Data | None]
    hint: str = ""  # how to read the chart, if that is not obvious


def plain(size: Size, *, named: bool = True) -> tuple[Figure, Axes]:
    """A figure with one plot, with room for a name below its axis."""
    figure = Figure(figsize=(size.width / POINTS_AN_INCH, size.height / POINTS_AN_INCH))
    foot_px = FOOT_PX + (NAME_PX if named else 0)
    box = (
        LEFT_PX / size.width,
        foot_px / size.height,
        1 - (LEFT_PX + RIGHT_PX) / size.width,
        1 - (HEAD_PX + foot_px) / size.height,
    )
    return figure, figure.add_axes(box)


def stacked(width_px: int, heights_px: Sequence[float], head_px: int = HEAD_PX) -> tuple[Figure, list[Axes]]:
    """Plots one below the other with one x-axis. Placed by hand: charts line up, and it is fast."""
    whole = sum(heights_px) + head_px * len(heights_px) + FOOT_PX
    figure = Figure(figsize=(width_px / POINTS_AN_INCH, whole / POINTS_AN_INCH))
    top, plots = float(whole), list[Axes]()
    for height in heights_px:
        bottom = top - head_px - height
        box = (LEFT_PX / width_px, bottom / whole, 1 - (LEFT_PX + RIGHT_PX) / width_px, height / whole)
        plots.append(figure.add_axes(box, sharex=plots[0] if plots else None))
        top = bottom
    for axes in plots[:-1]:
        axes.tick_params(labelbottom=False)
    return figure, plots


def over_time(reading: Reading, size: Size, shares: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Plots over one time axis, with the lanes of faults and experiment below the first; they add height."""
    data = reading.windows
    start_s, end_s = data["start_s"].iloc[0], data["end_s"].iloc[-1]
    width_px = size.width - LEFT_PX - RIGHT_PX
    bars = lanes.arrange(reading, start_s, end_s, width_px)
    groups = activities.arrange(reading, start_s, end_s, width_px)
    room_px = size.height - FOOT_PX - HEAD_PX * len(shares)
    heights = [room_px * share / sum(shares) for share in shares]
    under = [px for px in (lanes.count(bars) * lanes.LANE_PX, activities.height_px(groups)) if px]
    figure, drawn = stacked(size.width, [heights[0], *under, *heights[1:]])
    below = iter(drawn[1:])
    if bars:
        lanes.draw(bars, next(below))
    if groups:
        activities.draw(groups, next(below))
    plots = [drawn[0], *below]
    lanes.shade(bars, plots)
    time_axis(figure.axes[-1], start_s, end_s, size)
    return figure, plots


def finish(axes: Axes, unit: str, *, legend: bool = True, ticks: int = 6) -> None:
    """Finish a chart: y-axis from zero, thousands separators, the unit above the axis, a legend beside it."""
    axes.margins(y=0.08)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(ticks, steps=ROUND))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    axes.set_title(unit, loc="left", fontsize=11, color=MUTED)
    if legend:
        key(axes)


def key(axes: Axes) -> None:
    """Put the legend above the plot: right of the unit, or in rows above it when there is no room."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    labels = axes.get_legend_handles_labels()[1]
    box = axes.get_window_extent()
    width_px = box.width * POINTS_AN_INCH / figure.dpi
    entries_px = [len(label) * KEY_CHARACTER_PX + KEY_ENTRY_PX for label in labels]
    legend = partial(axes.legend, borderaxespad=0.2, handlelength=1.4, columnspacing=1.2)
    if len(axes.get_title(loc="left")) * KEY_CHARACTER_PX + sum(entries_px) <= width_px:
        legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=8)
        return
    columns = max(1, int(width_px / max(entries_px)))
    grow(figure, -(-len(labels) // columns) * KEY_ROW_PX)
    above = 1 + UNIT_PX / (box.height * POINTS_AN_INCH / figure.dpi)
    legend(loc="lower left", bbox_to_anchor=(0, above), ncols=columns)


def grow(figure: Figure, more_px: float) -> None:
    """Make the figure taller at the top; everything else keeps its size."""
    width, height = figure.get_size_inches()
    taller = height + more_px / POINTS_AN_INCH
    for axes in figure.axes:
        x, y, wide, high = axes.get_position().bounds
        axes.set_position((x, y * height / taller, wide, high * height / taller))
    figure.set_size_inches(width, taller)


def milliseconds(axes: Axes, values: Any) -> None:
    """Set a time scale: logarithmic when the slowest calls would hide the rest."""
    known = np.asarray(values, dtype=float)
    known = known[known > 0]
    if len(known) and known.max() / known.min() > LOGARITHMIC_FROM:
        axes.set_yscale("log")
        axes.set_ylim(known.min() / 1.5, known.max() * 1.4)
        if known.max() / known.min() < DECADES_WITH_STEPS:
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_ms(value)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda _value, _place: ""))


def short_ms(value: float) -> str:
    """Format a time for an axis: 1,500 is 1.5 s, 0.02 is 20 µs."""
    if value >= 1000:
        return f"{value / 1000:,.4g} s"
    return f"{value:,.4g} ms" if value >= 0.1 or not value else f"{value * 1000:,.4g} µs"


def time_axis(axes: Axes, start_s: float, end_s: float, size: Size) -> None:
    """Label the x-axis with durations since the start of the run, at round values."""
    most = max(3, size.width // 75)
    step = next((tick for tick in TICKS_S if (end_s - start_s) / tick <= most), TICKS_S[-1])
    while (end_s - start_s) / step > most:
        step *= 2
    axes.set_xlim(start_s, end_s)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show_duration(max(0.0, value))))


def broken_time(reading: Reading, plots: Sequence[Axes]) -> None:
    """Shade the time of the level at which the run broke."""
    rows = [step for step in reading.summary.steps if broke(reading, step)]
    for axes in plots:
        for row in rows:
            axes.axvspan(row.start_s, row.end_s, color=BAD, alpha=0.10, linewidth=0)
    if rows:
        place = (rows[0].start_s, 0.05)
        text = f"breaks at {wording.size(rows[0].users, rows[0].rate)} "
        plots[0].annotate(
            text, place, xycoords=("data", "axes fraction"), ha="right", color=BAD, fontsize=11, bbox=LABEL
        )


def broke(reading: Reading, step: StepResult) -> bool:
    """Whether the run broke at this level."""
    return breaking_point.is_at(step, reading.summary.breaking_point)
