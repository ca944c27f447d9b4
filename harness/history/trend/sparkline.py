"""A series as one line of blocks for a terminal, and a trend as a table of such lines."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from harness.foundation.untrusted.printable import lines
from harness.history.comparison import wording
from harness.history.comparison.terminal import table
from harness.history.over_time import Outcomes
from harness.history.trend.series import Series, Trend

BLOCKS: Final = "▁▂▃▄▅▆▇█"
WIDTH: Final = 40
# What became of an objective, or of a recovery, by its outcome.
OUTCOME_WORDS: Final = {
    "objective": {"pass": "held", "fail": "missed", "unknown": "not decided"},
    "recovery": {"pass": "recovered", "fail": "not recovered", "unknown": "the fault was not verified"},
}
OUTCOME_BLOCKS: Final = {"pass": "·", "fail": "✕", "unknown": "?"}
HEADS: Final = ("Of", "Figure", "First", "Last", "Changed", "Over the nights")
OUTCOME_HEADS: Final = ("Objective", "Nights", "The newest, · ✕ ?")


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """The values from lowest to highest block; of more values than `width` the means of neighbours."""
    if not values:
        return ""
    count = min(width, len(values))
    edges = [round(at * len(values) / count) for at in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    if span <= 0:
        return BLOCKS[0] * count
    return "".join(BLOCKS[min(len(BLOCKS) - 1, int((one - low) / span * len(BLOCKS)))] for one in means)


def text(one_trend: Trend) -> str:
    """The trend for a terminal: a line a figure, then every change for the worse with its run."""
    rows = [
        (
            one.of,
            one.name,
            wording.show(one.points[0].value, one.unit),
            wording.show(one.points[-1].value, one.unit),
            _changes(one),
            sparkline([point.value for point in one.points]),
        )
        for one in one_trend.series
    ]
    head = count(one_trend)
    worse = [line for one in one_trend.series for line in _worse(one)]
    held = [
        (f"{'recovery from ' if one.kind == 'recovery' else ''}{one.name}", outcomes(one), _newest(one))
        for one in one_trend.outcomes
    ]
    return lines(
        "\n".join(
            f"  {line}".rstrip()
            for line in (
                "",
                head,
                "",
                *table([HEADS, *rows]),
                *(["", *table([OUTCOME_HEADS, *held])] if held else []),
                "",
                *worse,
            )
        )
    )


def outcomes(one: Outcomes) -> str:
    """Return how often an objective held, or a recovery came, in words."""
    there = Counter(held.outcome for held in one.held if held is not None)
    words = OUTCOME_WORDS[one.kind]
    return ", ".join(
        f"{words[outcome]} {there[outcome]}" for outcome in ("pass", "fail", "unknown") if there[outcome]
    )


def _newest(one: Outcomes) -> str:
    """A mark a night, of the newest."""
    return "".join(OUTCOME_BLOCKS[held.outcome] if held is not None else " " for held in one.held[-WIDTH:])


def count(one_trend: Trend) -> str:
    """Return how many runs and nights the series has, in words."""
    branch = f" of {one_trend.branch}" if one_trend.branch else ""
    nights = f"{one_trend.nights} night{'' if one_trend.nights == 1 else 's'}"
    server = f", server {one_trend.target}, {one_trend.protocol}" if one_trend.target else ""
    return f"{one_trend.scenario}{branch}: {one_trend.runs} run{'' if one_trend.runs == 1 else 's'}, {nights} or runs of their own{server}"


def _changes(one: Series) -> str:
    texts = [
        f"{change.change:+.1%}" + (" (false)" if change.at in one.marked else "") for change in one.changes
    ]
    return ", ".join(texts) or "no"


def _worse(one: Series) -> list[str]:
    return [
        f"{one.of}: {one.name} became worse by {abs(change.change):.1%} with {moment(one, change.at)}"
        for change in one.worse
    ]


def moment(one: Series, at: int) -> str:
    """The run of a point, with its day and its commit."""
    point = one.points[at]
    return said_night(point.run_id, point.at_s, point.commit)


def said_night(run_id: str, at_s: float, commit: str) -> str:
    """A run with its day and its commit."""
    day = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
    return f"{run_id} ({day}{f', {commit[:12]}' if commit else ''})"
