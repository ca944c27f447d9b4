"""Workers that tried to join the load without its token. Each attempt is an event; the terminal names the first one."""

from harness.conduct.asked import Run
from harness.record import events


def refused(run: Run, attempts: int, why: str) -> None:
    """The load goes on as it is."""
    run.event(events.STRANGER_REFUSED, attempts=attempts, why=why)
    if not run.strangers:
        run.progress.note(f"  ! somebody tried to join the load {why}, and was refused")
    run.strangers += attempts
