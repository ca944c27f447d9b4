"""What a nightly run writes beside its report: nightly.md and nightly.json compare it with the one before."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.foundation.untrusted.printable import printable as clean
from harness.history.pair import ONLY_DESCRIBES, RunPair, Side, describe
from harness.history.runs import mapping, previous
from harness.report.markdown import cell, table
from harness.report.reading import Reading
from harness.run_directory.directory import write_whole
from harness.run_directory.event_kinds import Event, StepAsked
from harness.run_directory.events import read_events
from harness.run_directory.results import glance

HEADS: Final = ("Of", "Figure", "Was", "Is", "Change")


@dataclass(frozen=True, slots=True)
class Night:
    """A run, compared with the run before it, if there is one on this machine."""

    scenario: str
    pair: RunPair | None
    elsewhere: int  # runs of the same scenario on other machines
    unwritten: str = ""  # why the comparison could not be written into the run directory

    def head(self) -> str:
        if self.pair is None:
            others = f" ({self.elsewhere} on other machines)" if self.elsewhere else ""
            return f"No run of {self.scenario} before this one on this machine{others}: nothing to put beside it."
        return f"Beside {self.pair.was} ({self.pair.was_started_at[:16].replace('T', ' ')} UTC)"

    def remarks(self) -> list[str]:
        """Warnings to read before the figures."""
        if self.pair is None:
            return []
        untrusted = [
            f"{which} cannot be trusted (its verdict is unknown): neither can the change"
            for which, verdict in (
                ("The run before", self.pair.was_verdict),
                ("This run", self.pair.now_verdict),
            )
            if verdict == "unknown"
        ]
        unlike = [f"Not alike: {text}" for text in self.pair.unlike]
        return [ONLY_DESCRIBES, *(f"{text}." for text in (*untrusted, *unlike))]

    def text(self) -> str:
        """The comparison as text for a terminal."""
        rows = [HEADS, *(figure.cells() for figure in self.pair.figures)] if self.pair else []
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))] if rows else []
        lines = ["  ".join(_padded(clean(text), width, at) for at, (text, width) in enumerate(
            zip(row, widths, strict=True))).rstrip() for row in rows]  # fmt: skip
        shown = [self.head(), *(["", *lines, ""] if lines else []), *self.remarks()]
        return "\n".join(f"  {clean(line)}".rstrip() for line in shown)

    def markdown(self) -> str:
        rows = [tuple(map(cell, figure.cells())) for figure in self.pair.figures] if self.pair else []
        parts = [
            f"### {cell(self.scenario)}: this run and the one before",
            cell(self.head()),
            table(HEADS, rows),
            "\n".join(f"- {cell(remark)}" for remark in self.remarks()),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "scenario": self.scenario,
            "pair": self.pair.as_json() if self.pair else None,
            "elsewhere": self.elsewhere,
        }


def _padded(text: str, width: int, column: int) -> str:
    """Align words left and numbers right."""
    return text.ljust(width) if column < 2 else text.rjust(width)


def _names(events: Sequence[Event]) -> dict[int, str]:
    """The names of the steps by index; summary.json has only the index."""
    return {one.index: one.name for one in events if isinstance(one, StepAsked)}


def write(reading: Reading, root: Path) -> Night:
    """Find the run before this one under `root`, and write both files into the run directory."""
    before, elsewhere = previous(root, reading.run_dir)
    pair = None
    if before is not None and before.summary is not None:
        plan = mapping(before.path / "plan.json") or {}
        pair = describe(
            Side(before.summary, before.metadata, plan, _names(read_events(before.directory.events))),
            Side(glance.of(reading.summary), reading.metadata, reading.plan, _names(reading.events)),
        )
    night = Night(str(reading.summary.scenario), pair, elsewhere)
    try:
        write_whole(reading.run_dir / "nightly.md", night.markdown())
        write_whole(reading.run_dir / "nightly.json", json.dumps(night.as_json(), indent=2) + "\n")
    except OSError as error:  # the comparison is still shown
        return replace(night, unwritten=error.strerror or str(error))
    return night
