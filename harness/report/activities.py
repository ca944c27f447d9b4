"""Draw the actions and probes of a Chaos Toolkit experiment, in a lane on every chart over time.

    experiment
    o o success rate +1   ■ latency begins   ■ it is over   o o success rate +1      o probe   ■ action   x failed

Marks that would touch share a label: the name of one activity, and how many more there are. A label without
room in either row is left out. At most `MOST` activities are drawn; the table has more (`experiment_table`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from harness.foundation.units import NS_PER_S
from harness.report.lanes import CHARACTER_PX, FONT_PX, GAP_PX, LANE_PX, WORDS_FROM_PX
from harness.report.palette import BAD, INK, MUTED
from harness.report.reading import Reading
from harness.run_directory.event_kinds import Activity as Done

ROWS: Final = 2
MOST: Final = 60
WORDS_MOST: Final = 20
TOUCHING_PX: Final = 11
LABEL_MOST: Final = 34
LABEL_MOST_NARROW: Final = 16
MARKS: Final = {"action": "s", "probe": "o"}


@dataclass(frozen=True, slots=True)
class Activity:
    """One action or probe of the experiment; times in seconds since the run began."""

    name: str
    kind: str  # action or probe
    start_s: float
    end_s: float
    succeeded: bool


@dataclass(frozen=True, slots=True)
class ActivityGroup:
    """Activities that are drawn together, and their position."""

    row: int
    members: tuple[Activity, ...]
    label: str
    before: bool  # the label stands before the marks


def activities(reading: Reading) -> list[Activity]:
    """All activities of the run's experiment, in order."""
    return [
        Activity(
            name=event.name or "without a name",
            kind=str(event.type or ""),
            start_s=event.at_ns / NS_PER_S,
            end_s=max(event.end_ns or 0, event.at_ns) / NS_PER_S,
            succeeded=bool(event.succeeded),
        )
        for event in reading.events
        if isinstance(event, Done)
    ]


def arrange(reading: Reading, start_s: float, end_s: float, width_px: int) -> list[ActivityGroup]:
    """Place the activities of this time range: each group goes into the first row with room for it."""
    s_a_px = (end_s - start_s) / width_px
    shown = [one for one in activities(reading) if start_s <= one.start_s <= end_s][:MOST]
    free_s = [start_s - TOUCHING_PX * s_a_px] * ROWS
    last: list[int | None] = [None] * ROWS
    groups: list[ActivityGroup] = []
    for members in _together(shown, TOUCHING_PX * s_a_px):
        label = _label(members, LABEL_MOST if width_px >= WORDS_FROM_PX else LABEL_MOST_NARROW)
        words_s = (len(label) * CHARACTER_PX + 2 * GAP_PX) * s_a_px
        first_s, last_s = members[0].start_s, max(min(one.end_s, end_s) for one in members)
        before = last_s + words_s > end_s
        left_s, right_s = (first_s - words_s, last_s) if before else (first_s, last_s + words_s)
        row = next((row for row in range(ROWS) if free_s[row] <= left_s), None)
        if row is None:  # no room for its label: draw the marks only
            row = min(range(ROWS), key=lambda row: free_s[row])
            label, right_s = "", last_s
            over = last[row]
            if over is not None and free_s[row] > first_s:
                groups[over] = replace(groups[over], label="")
        free_s[row], last[row] = right_s, len(groups)
        groups.append(ActivityGroup(row, tuple(members), label, before))
    return groups


def height_px(groups: Sequence[ActivityGroup]) -> int:
    """The height in pixels that the activities add to a chart."""
    return (max((group.row for group in groups), default=-1) + 1) * LANE_PX


def draw(groups: Sequence[ActivityGroup], axes: Axes) -> None:
    """Draw the lane of activities."""
    _marks([(one, group.row) for group in groups for one in group.members], axes)
    for group in groups:
        if group.label:
            at_s = group.members[0].start_s if group.before else max(one.end_s for one in group.members)
            axes.annotate(
                group.label,
                (at_s, group.row),
                xytext=(-GAP_PX - 3 if group.before else GAP_PX + 3, 0),
                textcoords="offset points",
                ha="right" if group.before else "left",
                va="center",
                fontsize=FONT_PX,
                annotation_clip=False,
                parse_math=False,
            )
    axes.set_ylim(max(group.row for group in groups) + 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.set_title("experiment", loc="left", fontsize=11, color=MUTED)


def words(reading: Reading) -> str:
    """The activities as text, for readers who cannot see the chart."""
    all_of_them = activities(reading)
    if not all_of_them:
        return ""
    failed = sum(not one.succeeded for one in all_of_them)
    actions = [f"{one.name} at {one.start_s:.0f} s" for one in all_of_them if one.kind == "action"][
        :WORDS_MOST
    ]
    text = f"; an experiment with {len(all_of_them)} activities, {failed} of them failed"
    return f"{text}: {', '.join(actions)}" if actions else text


def _together(one_by_one: Sequence[Activity], touching_s: float) -> list[list[Activity]]:
    groups: list[list[Activity]] = []
    for one in one_by_one:
        if groups and one.start_s - groups[-1][-1].start_s < touching_s:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _label(members: Sequence[Activity], most: int) -> str:
    """The label: the first failed activity, else the first action, else the first; and how many more."""
    name = min(members, key=lambda one: (one.succeeded, one.kind != "action")).name
    more = f" +{len(members) - 1}" if len(members) > 1 else ""
    return (name if len(name) <= most else name[: most - 1].rstrip() + "…") + more


def _marks(placed: Sequence[tuple[Activity, int]], axes: Axes) -> None:
    """Draw the marks; those that look alike are drawn in one call, which is fast."""
    alike: dict[tuple[str, str, str], list[tuple[Activity, int]]] = {}
    for one, row in placed:
        colour = INK if one.succeeded else BAD
        inside = colour if one.kind == "action" else "none"
        alike.setdefault((MARKS.get(one.kind, "D") if one.succeeded else "x", colour, inside), []).append(
            (one, row)
        )
    for (mark, colour, inside), members in alike.items():
        took = [[(one.start_s, row), (one.end_s, row)] for one, row in members if one.end_s > one.start_s]
        axes.add_collection(LineCollection(took, colors=colour, linewidths=1.2), autolim=False)
        axes.plot(
            [one.start_s for one, _ in members],
            [row for _, row in members],
            mark,
            color=colour,
            markerfacecolor=inside,
            markersize=5.5,
            markeredgewidth=1.8 if mark == "x" else 1.3,
            clip_on=False,
        )
