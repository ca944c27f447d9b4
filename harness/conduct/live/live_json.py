"""live.json: what a run shows while it runs, once a second, for whoever watches from outside.

    {"schema": 1, "run_id": ..., "at_s": 65.0, "doing": "steady step 7", "step": "steady", "users": 30, "faults": ["slow"],
     "last_second": {"span_s", "throughput_rps", "success_rate", "p50_ms", "p95_ms", "outcomes": {"ok": 512}},
     "last_10s": {"throughput_rps", "success_rate", "failed", "p50_ms", "p90_ms", "p95_ms", "p99_ms"}}

`step` is null while nothing is measured (users are changed, calls end, a rest). Calls count when they end; percentiles are
of calls that were ok, null when there were none; `last_10s` is null when no call ended. The file is whole at any
moment, and goes when the run has ended (one that was killed leaves its last): events.jsonl and summary.json have what
happened.
"""

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from harness.conduct.live.last_rows import Recent
from harness.conduct.live.last_second import LastSecond
from harness.run_directory.directory import RunDirectory

NAME: Final = "live.json"
LAST_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """One look at a run: the last second, the step, the faults that are on."""

    live: LastSecond
    doing: str
    step: str | None
    faults: tuple[str, ...]

    @property
    def headline(self) -> str:
        """What goes on, for a line of progress."""
        return "  ".join([self.doing, *(f"! {name}" for name in self.faults)])


def board(run_id: str, shown: LiveSnapshot, recent: Recent | None) -> dict[str, Any]:
    """The contents of live.json; `recent` is what `Recent.measure` says of the last ten seconds."""
    live = shown.live
    return {
        "schema": 1,
        "run_id": run_id,
        "at_s": round(live.at_s, 3),
        "doing": shown.doing,
        "step": shown.step,
        "users": live.users,
        "faults": list(shown.faults),
        "last_second": {
            "span_s": round(live.span_s, 3),
            "throughput_rps": live.throughput_rps,
            "success_rate": live.success_rate,
            "p50_ms": live.p50_ms,
            "p95_ms": live.p95_ms,
            "outcomes": dict(live.outcomes),
        },
        "last_10s": _recent(recent) if recent else None,
    }


def _recent(found: Recent) -> dict[str, float | None]:
    percentiles = {"p50": found.p50, "p90": found.p90, "p95": found.p95, "p99": found.p99}
    return {
        "throughput_rps": found.throughput,
        "success_rate": found.success_rate,
        "failed": found.failed,
        **{f"{name}_ms": value if math.isfinite(value) else None for name, value in percentiles.items()},
    }


def publish(directory: RunDirectory, shown: LiveSnapshot, recent: Recent | None) -> None:
    """A disk that is full costs a look, not the run."""
    with suppress(OSError):
        directory.write_json(NAME, board(directory.run_id, shown, recent))


def take_down(directory: RunDirectory) -> None:
    """The run has ended."""
    (directory.path / NAME).unlink(missing_ok=True)
