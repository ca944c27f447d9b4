"""Progress on standard error: one line that is rewritten on a terminal, plain lines elsewhere.

Plain lines come when something has happened (a step was judged), never once a second: they end up in
the logs of CI jobs.
"""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TextIO

from harness.foundation.units import show_duration, show_percent
from harness.foundation.untrusted.printable import lines

if TYPE_CHECKING:  # its figures are computed when the load runs
    from harness.conduct.live.last_second import LastSecond

CLEAR = "\r\x1b[K"


class Progress(Protocol):
    """Shows the progress of a run."""

    def note(self, text: str) -> None: ...
    def tick(self, live: "LastSecond", doing: str) -> None: ...


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def tick(self, live: "LastSecond", doing: str) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Plain:
    """Writes a line for each event."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def note(self, text: str) -> None:
        self.stream.write(lines(text) + "\n")
        self.stream.flush()

    def tick(self, live: "LastSecond", doing: str) -> None:
        """Do nothing: a log needs no line for every second."""


@dataclass(slots=True)
class Terminal:
    """Writes a line for each event, and rewrites a last line every second."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    width: int = 100

    def note(self, text: str) -> None:
        self.stream.write(f"{CLEAR}{lines(text)}\n")
        self.stream.flush()

    def tick(self, live: "LastSecond", doing: str) -> None:
        self.stream.write(CLEAR + lines(line(live, doing))[: self.width - 1])
        self.stream.flush()

    def clear(self) -> None:
        self.stream.write(CLEAR)
        self.stream.flush()


def line(live: "LastSecond", doing: str) -> str:
    """Return the figures of a second as one line."""
    rate = live.success_rate
    parts = [
        f"{show_duration(int(live.at_s)):>6}  {doing}",
        f"{live.users} users",
        f"{live.throughput_rps:.0f}/s",
        "no calls ended" if rate is None else f"{show_percent(rate)} ok",
        "" if live.p50_ms is None else f"p50 {live.p50_ms:.1f} ms",
        "" if live.p95_ms is None else f"p95 {live.p95_ms:.1f} ms",
        live.worst,
    ]
    return "  ".join(part for part in parts if part)
