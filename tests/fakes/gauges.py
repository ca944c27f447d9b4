"""What a worker that does nothing in particular reports of itself."""

from typing import Any

from msgspec import structs

from harness.run_directory.spool import Gauges


def gauges(at_ns: int, **more: Any) -> Gauges:
    """One user at a moment when nothing is open; `more` are other fields."""
    quiet = Gauges(
        at_ns=at_ns,
        started=0,
        recorded=0,
        open_calls=0,
        oldest_open_ns=at_ns,
        users=1,
        cpu=0.1,
        run_delay=0.0,
    )
    return structs.replace(quiet, **more)
