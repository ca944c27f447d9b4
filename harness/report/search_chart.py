"""The chart of a search for capacity: how bad each trial was, by its load, and where the threshold lies."""

from typing import Final

from matplotlib.ticker import FuncFormatter, MaxNLocator
from msgspec import UNSET

from harness.report.drawing import DASHED, Drawing, Size, finish, plain
from harness.report.palette import BAD, BLUE, MUTED
from harness.report.reading import Reading
from harness.report.search_words import capacity_load
from harness.run_directory.results import CapacityTrial, FoundCapacity

SHOWN_MOST: Final = 4.0  # times what is allowed: all above is far beyond
FAR: Final = 0.6  # of the number: trials further away are left out


def trials(reading: Reading, size: Size) -> Drawing | None:
    """Draw the trials around the first capacity that was found."""
    found = reading.summary.found_capacity
    one = next((one for one in found if one.interval), None) if found is not UNSET else None
    if one is None or one.interval is None:
        return None
    low, high = one.interval
    left, right = low * (1 - FAR), high * (1 + FAR)
    near = [trial for trial in one.trials if left <= trial.load <= right and trial.untrusted is None]
    if not near:
        return None
    figure, axes = plain(size)
    axes.axvspan(low, high, color=MUTED, alpha=0.18, linewidth=0, label="where it lies, at 90%")
    axes.axhline(1.0, color=MUTED, linewidth=1.2, linestyle=DASHED)
    for held, colour, name in ((True, BLUE, "held"), (False, BAD, "missed")):
        those = [trial for trial in near if trial.held == held]
        axes.plot(
            [trial.load for trial in those],
            [min(worst(trial), SHOWN_MOST) for trial in those],
            "o" if held else "D",
            markersize=5,
            color=colour,
            label=name,
        )
    finish(axes, "bad calls, in units of what is allowed")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=one.unit == "users", steps=(1, 2, 5, 10)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.set_xlabel("users" if one.unit == "users" else "calls a second")
    return Drawing(figure, f"Trials of the search: {_words(one)}.")


def worst(trial: CapacityTrial) -> float:
    """How bad it was by the objective that was missed most, in units of what that allows."""
    return max((mark.bad / max(mark.allowed, 1e-6) for mark in trial.marks), default=0.0)


def _words(one: FoundCapacity) -> str:
    assert one.interval is not None
    low, high = (capacity_load(edge, whole=one.unit == "users") for edge in one.interval)
    missed = sum(not trial.held for trial in one.trials)
    return f"{len(one.trials)} trials, {missed} missed; the threshold lies between {low} and {high}"
