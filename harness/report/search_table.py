"""The section of the report about a search for capacity: what was found, its chart, and a row for each trial."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET

from harness.analysis.statistics.rounding import show
from harness.report.markup import Html, Node
from harness.report.pictures import figure
from harness.report.pieces import section, table
from harness.report.reading import Reading
from harness.report.search_words import capacity_load, found_capacity
from harness.run_directory.results import CapacityTrial, FoundCapacity


def searched(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> Html | None:
    """The section; nothing when the run searched for no capacity."""
    found = reading.summary.found_capacity
    if found is UNSET:
        return None
    return section(
        "Capacity",
        f"{found_capacity(reading.summary)}.",
        figure("search", drawn, reading),
        *(part for one in found for part in _parts(one)),
    )


def _parts(one: FoundCapacity) -> Iterator[Html]:
    """The trials in the order in which they ran; untrusted ones say why they do not count."""
    columns = ("Trial", "Load", "Calls", "Result", *(f"Bad by {text}" for text in one.objectives))
    rows: list[list[Node]] = [
        [
            str(number),
            capacity_load(trial.load, whole=one.unit == "users"),
            show(trial.calls, "count"),
            _result(trial),
            *(f"{show(mark.bad, 'share')} of {show(mark.allowed, 'share')}" for mark in trial.marks),
        ]
        for number, trial in enumerate(one.trials, 1)
    ]
    yield table(columns, rows)


def _result(trial: CapacityTrial) -> str:
    if trial.untrusted is not None:
        return f"not counted: {trial.untrusted}"
    return "held" if trial.held else "missed"
