"""Fault lanes: they show under every chart over time when each fault was on.

    |  curve  :  :  curve     |     a tinted band with dotted edges while the fault was on
    |  lane   [//]-| name     |     hatched in a lane below, with its name, and a line until it had recovered
    0                       60 s

A fault is told apart by its place, its hatching (one a link) and its label, not by colour alone; an outline without
hatching is a fault that could not be verified. Labels stand beside their bars; faults whose bars or labels
would overlap get a lane of their own, and have their names only when that is not enough. At most `LANES` lanes and `MOST` faults are drawn: the table has more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from harness.analysis.faults.impact import Impact
from harness.foundation.units import NS_PER_S
from harness.report import wording
from harness.report.palette import FAULT, MUTED
from harness.report.reading import Reading

LANES: Final = 4
MOST: Final = 40
LANE_PX: Final = 17
FONT_PX: Final = 10.5
CHARACTER_PX: Final = 5.7  # on average, of a system font of that size
GAP_PX: Final = 5
LEAST_PX: Final = 3
WORDS_FROM_PX: Final = 600  # narrower charts show names only
HATCH: Final = {"client": "////", "database": "\\\\\\\\", "queue": "....", "sessions": "||||"}
OTHER_HATCH: Final = "xxx"


@dataclass(frozen=True, slots=True)
class Bar:
    """One fault, where it is drawn; times in seconds since the run began."""

    lane: int
    start_s: float
    end_s: float
    recovered_s: float
    label: str
    before: bool  # the label stands before the bar
    hatch: str
    verified: bool


def arrange(reading: Reading, start_s: float, end_s: float, width_px: int) -> list[Bar]:
    """Place the faults: each goes into the first lane with room; labels are shortened to names if needed."""
    impacts = [one for one in reading.impacts if one.fault.window is not None]
    shown = sorted(impacts, key=lambda one: one.fault.window or (0, 0))[:MOST]
    bars: list[Bar] = []
    for short in (False, True) if width_px >= WORDS_FROM_PX else (True,):
        bars = _placed(
            [_bar(one, start_s, end_s, width_px, short=short) for one in shown], start_s, end_s, width_px
        )
        if all(bar.label for bar in bars):
            break
    return bars


def _placed(bars: Sequence[Bar], start_s: float, end_s: float, width_px: int) -> list[Bar]:
    """Place the bars in lanes. A bar without room for its label has none; labels never overlap."""
    s_a_px = (end_s - start_s) / width_px
    free_s = [start_s] * LANES
    last: list[int | None] = [None] * LANES
    placed: list[Bar] = []
    for bar in bars:
        words_s = (len(bar.label) * CHARACTER_PX + 2 * GAP_PX) * s_a_px
        left_s = bar.start_s - words_s if bar.before else bar.start_s
        lane = next((lane for lane in range(LANES) if free_s[lane] <= left_s), None)
        label = bar.label if lane is not None else ""
        if lane is None:
            lane = min(range(LANES), key=lambda lane: free_s[lane])
            over = last[lane]
            if over is not None and free_s[lane] > bar.start_s:
                placed[over] = replace(placed[over], label="")
        free_s[lane] = bar.recovered_s + (words_s if label and not bar.before else 0)
        last[lane] = len(placed)
        placed.append(replace(bar, lane=lane, label=label))
    return placed


def count(bars: Sequence[Bar]) -> int:
    """The number of lanes in use."""
    return max((bar.lane for bar in bars), default=-1) + 1


def shade(bars: Sequence[Bar], plots: Sequence[Axes]) -> None:
    """Shade the time of the faults behind the curves; all faults in one call, which is fast."""
    if not bars:
        return
    areas = [[(bar.start_s, 0), (bar.start_s, 1), (bar.end_s, 1), (bar.end_s, 0)] for bar in bars]
    edges = [[(edge_s, 0), (edge_s, 1)] for bar in bars for edge_s in (bar.start_s, bar.end_s)]
    for axes in plots:
        upright = axes.get_xaxis_transform()
        shaded = PolyCollection(areas, facecolors=FAULT, alpha=0.08, linewidths=0, transform=upright)
        dotted = LineCollection(
            edges, colors=FAULT, alpha=0.55, linewidths=0.8, linestyles=[(0, (1, 2))], transform=upright
        )
        axes.add_collection(shaded, autolim=False)
        axes.add_collection(dotted, autolim=False)


def draw(bars: Sequence[Bar], axes: Axes) -> None:
    """Draw the lanes."""
    for bar in bars:
        wide = bar.end_s - bar.start_s
        axes.barh(bar.lane, wide, 0.62, left=bar.start_s, color=FAULT, alpha=0.18, linewidth=0)
        axes.barh(
            bar.lane,
            wide,
            0.62,
            left=bar.start_s,
            facecolor="none",
            edgecolor=FAULT,
            hatch=bar.hatch,
            linewidth=1.2,
        )
        if bar.recovered_s > bar.end_s:
            axes.plot([bar.end_s, bar.recovered_s], [bar.lane, bar.lane], color=FAULT, linewidth=1.6)
            axes.plot([bar.recovered_s], [bar.lane], "|", color=FAULT, markersize=7, markeredgewidth=1.6)
        if bar.label:
            axes.annotate(
                bar.label,
                (bar.start_s if bar.before else bar.recovered_s, bar.lane),
                xytext=(-GAP_PX if bar.before else GAP_PX, 0),
                textcoords="offset points",
                ha="right" if bar.before else "left",
                va="center",
                fontsize=FONT_PX,
                annotation_clip=False,
            )
    axes.set_ylim(count(bars) - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.set_title("faults", loc="left", fontsize=11, color=MUTED)


def words(reading: Reading) -> str:
    """The faults as text, for readers who cannot see the chart."""
    names = [
        f"{one.fault.name} from {one.result.start_s:.0f} s to {one.result.end_s:.0f} s"
        for one in reading.impacts
        if one.fault.window is not None
    ]
    if not names:
        return ""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"; faults: {', '.join(names[:MOST])}{more}"


def _bar(impact: Impact, start_s: float, end_s: float, width_px: int, *, short: bool) -> Bar:
    fault = impact.fault
    window = fault.window or (0, 0)
    least_s = (end_s - start_s) / width_px * LEAST_PX
    begun = min(max(window[0] / NS_PER_S, start_s), end_s - least_s)
    over = min(max(window[1] / NS_PER_S, begun + least_s), end_s)
    back = over
    if fault.healed_ns is not None and impact.recovery.recover_s:
        back = min(max(over, fault.healed_ns / NS_PER_S + impact.recovery.recover_s), end_s)
    label = fault.name[:24] if short else wording.fault_label(impact)
    room_px = (end_s - back) / (end_s - start_s) * width_px
    return Bar(
        lane=0,
        start_s=begun,
        end_s=over,
        recovered_s=back,
        label=label,
        before=room_px < len(label) * CHARACTER_PX + GAP_PX,
        hatch=HATCH.get(fault.link, OTHER_HATCH) if fault.verified else "",
        verified=fault.verified,
    )
