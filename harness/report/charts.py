"""The table of all charts, and a function that draws one of them in the sizes that a page needs."""

from typing import Final

import matplotlib as mpl

from harness.report import load_charts, search_chart, svg, time_charts
from harness.report.drawing import Chart, Size
from harness.report.reading import Reading

TALL: Final = (Size(900, 370), Size(350, 330))
WIDE: Final = (Size(900, 300), Size(350, 260))
HALF: Final = (Size(430, 290), Size(350, 290))

CHARTS: Final[dict[str, Chart]] = {
    "throughput": Chart(
        "Throughput over time", time_charts.throughput, TALL, time_charts.windows_data,
        "Offered: calls that were due to start. Answered: ok calls, by their completion. Below: users, and how late the "
        "load generator itself was.",
    ),
    "percentiles": Chart("Response time over time", time_charts.percentiles, WIDE, time_charts.percentiles_data),
    "heat": Chart(
        "Response time heat map", time_charts.heat, WIDE, time_charts.heat_data,
        "All ok calls: a stronger colour means more calls that began at that time and took that long.",
    ),
    "outcomes": Chart("Failures over time", time_charts.outcome_kinds, WIDE, time_charts.outcomes_data),
    "distribution": Chart(
        "Percentiles to 99.99%", load_charts.distribution, HALF, load_charts.distribution_data,
        "Each curve ends where fewer than ten calls were slower. Where the two curves differ, calls waited before they were sent.",
    ),
    "search": Chart(
        "Trials of the search", search_chart.trials, WIDE, load_charts.no_data,
        "Each dot is a trial. Bad: the share of calls that an objective does not allow, in units of what it allows: above 1 it "
        "was missed. The band is the interval of 90 %.",
    ),
    "throughput-by-users": Chart("Throughput by users", load_charts.throughput, HALF, load_charts.no_data),
    "percentiles-by-users": Chart(
        "Response time by users", load_charts.percentiles, HALF, load_charts.no_data
    ),
}  # fmt: skip


def renditions(name: str, reading: Reading) -> list[str]:
    """The chart as one SVG element per size; empty when there is nothing to show."""
    chart = CHARTS[name]
    with mpl.rc_context(svg.STYLE):
        drawn = [chart.draw(reading, size) for size in chart.sizes]
        return [
            svg.to_svg(drawing.figure, f"{name}-{number}", drawing.label)
            for number, drawing in enumerate(drawn)
            if drawing is not None
        ]
