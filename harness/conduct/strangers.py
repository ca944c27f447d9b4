"""Those who tried to join the load without its token: written down each time, and told the first time."""

from harness.conduct.asked import Run
from harness.record import events


def refused(run: Run, attempts: int, why: str) -> None:
    """The load goes on as it is."""
    run.event(events.STRANGER_REFUSED, attempts=attempts, why=why)
    if not run.strangers:
        run.progress.note(f"  ! somebody tried to join the load {why}, and was refused")
    run.strangers += attempts
