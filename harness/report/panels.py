"""A small picture for each operation: its median and p95 over time, and the calls that were answered.

All panels share the time axis and none shares a scale: they show which operation gave way, and when.
"""

import matplotlib as mpl

from harness.analysis.calls.panels import Panel
from harness.analysis.statistics.rounding import show
from harness.report import lanes, svg
from harness.report.drawing import Size, finish, milliseconds, stacked, time_axis
from harness.report.markup import Html, el
from harness.report.palette import BAD, BLUE, Q_LOW, Q_MID
from harness.report.pieces import section
from harness.report.reading import Reading
from harness.report.time_charts import middle

SIZE = Size(310, 190)
HEIGHTS_PX = (105, 42)
HEAD_BETWEEN_PX = 9
LEAST_CALLS = 20  # fewer have no median


def panels(reading: Reading) -> Html | None:
    """The pictures of the section; none for a run with one operation, which the other charts show."""
    shown = [panel for panel in reading.panels if panel.windows["ok"].sum() >= LEAST_CALLS]
    if len(shown) < 2:
        return None
    with mpl.rc_context(svg.STYLE):
        figures = [
            el(
                "figure",
                el("figcaption", el("code", panel.operation)),
                Html(_picture(panel, reading, number)),
            )
            for number, panel in enumerate(shown)
        ]
    return section(
        "Operations over time",
        "Above: response time, the median (pale) and p95. Below: calls answered a second; failed ones in red.",
        el("div", *figures, cls="panels"),
    )


def _picture(panel: Panel, reading: Reading, number: int) -> str:
    data = panel.windows
    figure, (upper, lower) = stacked(SIZE.width, HEIGHTS_PX, HEAD_BETWEEN_PX)
    at_s = middle(data)
    for name, colour in (("p50", Q_LOW), ("p95", Q_MID)):
        upper.plot(at_s, data[f"response_ms_{name}"], color=colour, linewidth=1.5)
    finish(upper, "", legend=False, ticks=3)
    milliseconds(upper, data[["response_ms_p50", "response_ms_p95"]].to_numpy().ravel())
    lower.fill_between(at_s, data["throughput_rps"], color=BLUE, alpha=0.25, linewidth=0)
    lower.plot(at_s, data["throughput_rps"], color=BLUE, linewidth=1.1)
    if data["failed"].any():
        lower.plot(at_s, data["failed_rps"], color=BAD, linewidth=1.1)
    finish(lower, "", legend=False, ticks=2)
    start_s, end_s = data["start_s"].iloc[0], data["end_s"].iloc[-1]
    lanes.shade(lanes.arrange(reading, start_s, end_s, SIZE.width), (upper, lower))
    time_axis(lower, start_s, end_s, SIZE)
    best = show(float(data["throughput_rps"].max()), "per_s")
    slowest = show(float(data["response_ms_p95"].max()), "ms")
    failed = int(data["failed"].sum())
    words = (
        f"{panel.operation} over time: up to {best} answered, p95 at most {slowest}, {failed:,} calls failed."
    )
    return svg.to_svg(figure, f"operation-{number}", words)
