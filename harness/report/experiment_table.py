"""The actions and probes of a Chaos Toolkit experiment as a table; journal.json has all of the details."""

from typing import Final

from harness.analysis.statistics.rounding import show
from harness.foundation.units import show_duration
from harness.report.activities import activities
from harness.report.markup import Html, Node, el
from harness.report.pieces import section, table
from harness.report.reading import Reading
from harness.run_directory.event_kinds import ExperimentEnded

MOST: Final = 200
COLUMNS: Final = ("At", "Activity", "Kind", "Outcome", "Took")


def experiment(reading: Reading) -> Html | None:
    """The section about the experiment; None for a run without one."""
    rows = activities(reading)
    ending = next((event for event in reading.events if isinstance(event, ExperimentEnded)), None)
    if ending is None and not rows:
        return None
    body: list[list[Node]] = [
        [
            show_duration(round(one.start_s, 1)),
            el("span", one.name, cls="long"),
            one.kind,
            el(
                "span",
                "✓ succeeded" if one.succeeded else "✕ failed",
                cls=f"badge {'pass' if one.succeeded else 'fail'}",
            ),
            show((one.end_s - one.start_s) * 1000, "ms"),
        ]
        for one in rows[:MOST]
    ]
    left_out = len(rows) - len(body)
    return section(
        "Experiment",
        _ending(ending),
        table(COLUMNS, body, text=(0, 1, 2, 3)) if body else None,
        el("p", f"{left_out:,} more activities are in journal.json.", cls="note") if left_out else None,
    )


def _ending(ending: ExperimentEnded | None) -> str:
    """The title of the experiment, and how it ended."""
    title = (ending and ending.title) or "An experiment"
    status = (ending and ending.status) or "unknown"
    deviated = "; its hypothesis no longer held after the method" if ending and ending.deviated else ""
    return f"{title}: {status}{deviated}."
