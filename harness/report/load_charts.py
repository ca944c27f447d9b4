"""The charts by level of load, and the distribution of latency.

By level: throughput against users, with the breaking point, the knee and the fitted curve if there is one;
percentiles against users. One level makes no curve. The distribution: response and service times, up to 99.99
%.
"""

from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from harness.analysis.calls import curve
from harness.analysis.calls.curve import Point
from harness.analysis.levels import capacity
from harness.analysis.levels.capacity import Level
from harness.analysis.statistics.rounding import show
from harness.report.drawing import (
    DASHED,
    LABEL,
    QUANTILE_COLOURS,
    Data,
    Drawing,
    Size,
    broke,
    finish,
    key,
    milliseconds,
    plain,
)
from harness.report.palette import BAD, BLUE, MUTED, Q_HIGH
from harness.report.reading import Reading

PERCENTILES: Final = (50, 90, 95, 99, 99.9, 99.99)
FITTED_POINTS: Final = 60
CROWDED: Final = 95  # close beside 90 on that axis
CROWDED_BELOW_PX: Final = 400
LAST_TICK_ROOM: Final = 1.25  # of a logarithmic axis: half of its last label has to fit into the picture


def throughput(reading: Reading, size: Size) -> Drawing | None:
    """Draw goodput against users."""
    levels = _levels(reading)
    if not levels:
        return None
    figure, axes = plain(size)
    first = [one for one in levels if one.step.kind != "confirm"]
    axes.plot([one.users for one in first], [one.rps for one in first], color=BLUE)
    for one in levels:
        red = broke(reading, one.step)
        axes.plot(
            one.users,
            one.rps,
            "o",
            markersize=6 if red else 4.5,
            color=BAD if red else BLUE,
        )
    fitted = _fitted(reading, axes, max(one.users for one in levels))
    finish(axes, "answered calls a second", legend=fitted)
    _users_axis(axes, reading)
    peak = max(levels, key=lambda one: one.rps)
    words = f"highest at {peak.users} users with {show(peak.rps, 'per_s')}"
    model = "; a fitted curve is drawn" if fitted else ""
    return Drawing(figure, f"Throughput by users: {words}{_break_words(reading)}{model}.")


def percentiles(reading: Reading, size: Size) -> Drawing | None:
    """Draw response times against users."""
    levels = [one for one in _levels(reading) if one.step.kind != "confirm"]
    shown = {
        name: [(one.users, ms) for one in levels if (ms := one.step.latency_ms.response.at(name)) is not None]
        for name in QUANTILE_COLOURS
    }
    if not any(len(pairs) > 1 for pairs in shown.values()):
        return None
    figure, axes = plain(size)
    for name, pairs in shown.items():
        if pairs:
            users, values = zip(*pairs, strict=True)
            axes.plot(users, values, "o-", markersize=4, color=QUANTILE_COLOURS[name], label=name)
    finish(axes, "response time")
    milliseconds(axes, [value for pairs in shown.values() for _, value in pairs])
    _users_axis(axes, reading)
    ends = [f"{name} {show(pairs[-1][1], 'ms')}" for name, pairs in shown.items() if pairs]
    words = f"at {levels[-1].users} users {', '.join(ends)}"
    return Drawing(figure, f"Response time by users: {words}{_break_words(reading)}.")


def distribution(reading: Reading, size: Size) -> Drawing | None:
    """Draw percentiles up to 99.99 %; the x-axis is logarithmic in the share of slower calls."""
    response, service = reading.curve.response, reading.curve.service
    if len(response) < 2:
        return None
    figure, axes = plain(size)
    axes.set_xscale("log")
    axes.plot(
        [point.above for point in response], [point.ms for point in response], color=Q_HIGH, label="response"
    )
    axes.plot(
        [point.above for point in service],
        [point.ms for point in service],
        color=BLUE,
        linestyle=DASHED,
        linewidth=1.4,
        label="service",
    )
    finish(axes, "time", legend=False)
    key(axes)
    milliseconds(axes, [point.ms for point in (*response, *service)])
    least = response[-1].above
    axes.set_xlim(500_000, min(least, 100_000) / LAST_TICK_ROOM)
    shown = [percent for percent in PERCENTILES if 100 - least / 10_000 >= percent - 1e-9 or percent <= 90]
    ticks = [percent for percent in shown if percent != CROWDED or size.width >= CROWDED_BELOW_PX]
    axes.xaxis.set_major_locator(FixedLocator([_above(percent) for percent in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda above, _: f"{100 - above / 10_000:.6g}%"))
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("of the calls took at most")
    words = ", ".join(f"{percent:g}% took at most {_at(response, percent)}" for percent in shown)
    return Drawing(figure, f"Distribution of response time: {words}.")


def no_data(reading: Reading) -> Data | None:
    """Return no table, because the table of levels below the charts has these numbers."""
    del reading
    return None


def distribution_data(reading: Reading) -> Data | None:
    """The named percentiles of response and service times."""
    response, service = reading.curve.response, reading.curve.service
    if not response:
        return None
    rows = tuple((f"{percent:g}%", _at(response, percent), _at(service, percent)) for percent in PERCENTILES)
    return Data(("Calls", "Response", "Service"), rows)


def _above(percent: float) -> int:
    return round((100 - percent) * 10_000)


def _at(points: tuple[Point, ...], percent: float) -> str:
    return show(curve.at(points, _above(percent)), "ms")


def _fitted(reading: Reading, axes: Axes, most: int) -> bool:
    """Draw the curve of the capacity model; returns whether there was one."""
    fit = reading.fit
    if fit is None:
        return False
    users = [most * step / FITTED_POINTS for step in range(1, FITTED_POINTS + 1)]
    axes.plot(
        users,
        [capacity.rps_at(fit, one) for one in users],
        color=MUTED,
        linestyle=DASHED,
        linewidth=1.3,
        label="fitted (USL)",
    )
    return True


def _users_axis(axes: Axes, reading: Reading) -> None:
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=(1, 2, 5, 10)))
    axes.set_xlabel("users")
    breaking, knee = reading.summary.breaking_point, reading.summary.knee
    if breaking and breaking.users:
        _mark(axes, breaking.users, f"breaks at {breaking.users}", BAD)
    elif knee:
        _mark(axes, knee.users, f"knee at {knee.users}", MUTED)


def _mark(axes: Axes, users: int, text: str, colour: str) -> None:
    axes.axvline(users, color=colour, linewidth=1.2, linestyle=DASHED)
    axes.annotate(
        text,
        (users, 0.04),
        xycoords=("data", "axes fraction"),
        xytext=(-5, 0),
        textcoords="offset points",
        ha="right",
        fontsize=11,
        color=colour,
        bbox=LABEL,
    )


def _levels(reading: Reading) -> list[Level]:
    """The steps that make a curve: at least two different numbers of users; else none."""
    measured = capacity.levels(reading.summary.steps)
    return sorted(measured, key=lambda one: one.users) if len({one.users for one in measured}) > 1 else []


def _break_words(reading: Reading) -> str:
    breaking, knee = reading.summary.breaking_point, reading.summary.knee
    if breaking and breaking.users:
        return f"; the breaking point is at {breaking.users} users"
    return f"; the knee is at {knee.users} users" if knee else ""
