"""Workers that tried to join the load without its token. Each attempt is an event; the terminal names the first one."""

from harness.conduct.run_values import RunContext
from harness.run_directory.event_kinds import StrangerRefused


def refused(run: RunContext, attempts: int, why: str) -> None:
    """Write the event, and tell the user the first time; the load goes on."""
    run.log.write(StrangerRefused(at_ns=run.clock.now_ns(), attempts=attempts, why=why))
    if not run.strangers:
        run.progress.note(f"  ! a worker tried to join the load {why}, and was refused")
    run.strangers += attempts
