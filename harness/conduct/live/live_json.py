"""live.json: the figures of a run while it runs, once a second, for other programs.

    {"schema": 1, "run_id": ..., "at_s": 65.0, "doing": "steady step 7", "step": "steady", "users": 30, "faults": ["slow"],
     "last_second": {"span_s", "throughput_rps", "success_rate", "p50_ms", "p95_ms", "outcomes": {"ok": 512}},
     "last_10s": {"throughput_rps", "success_rate", "failed", "p50_ms", "p90_ms", "p95_ms", "p99_ms"}}

`step` is null while nothing is measured (users are changed, calls end, a rest). Calls count when they end; percentiles are
of calls that were ok, null when there were none; `last_10s` is null when no call ended. The file is whole at any
moment. It is removed when the run has ended (a killed run leaves its last one): events.jsonl and summary.json
tell what happened.
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
    """A snapshot of a run: the last second, the step, the faults that are on."""

    live: LastSecond
    doing: str
    step: str | None
    faults: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The current activity and faults, for a line of progress."""
        return "  ".join([self.doing, *(f"! {name}" for name in self.faults)])


def document(run_id: str, shown: LiveSnapshot, recent: Recent | None) -> dict[str, Any]:
    """Return the contents of live.json.

    `recent` are the figures of the last ten seconds (`LastRows.measure`).
    """
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


def _recent(figures: Recent) -> dict[str, float | None]:
    percentiles = {"p50": figures.p50, "p90": figures.p90, "p95": figures.p95, "p99": figures.p99}
    return {
        "throughput_rps": figures.throughput,
        "success_rate": figures.success_rate,
        "failed": figures.failed,
        **{f"{name}_ms": value if math.isfinite(value) else None for name, value in percentiles.items()},
    }


def publish(directory: RunDirectory, shown: LiveSnapshot, recent: Recent | None) -> None:
    """Write live.json; a full disk is ignored."""
    with suppress(OSError):
        directory.write_json(NAME, document(directory.run_id, shown, recent))


def take_down(directory: RunDirectory) -> None:
    """Remove live.json, when the run has ended."""
    (directory.path / NAME).unlink(missing_ok=True)
