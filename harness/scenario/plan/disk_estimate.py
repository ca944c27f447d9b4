"""Estimate how many bytes a run writes: rows times bytes per row, plus a fixed part. Pure.

- A call takes 90 bytes in the spool, and up to 30 more in samples.parquet; both exist until that file is
  complete.
- Twice a second each worker adds a report to events.jsonl.
- Reports, logs and charts are the fixed part. As much is kept free during the load (`KEPT_BYTES`), so that a
  run which must end early has room for its report.

The number of calls is known for open load and for steps by count. Users of a closed load call as fast as the
server answers: the estimate is a call every 10 ms per user, and 10,000 a second in total at most. A run is
refused if there is no room for the sure part, and warned if there is none for the likely one.
"""

from dataclasses import dataclass
from typing import Final

from harness.foundation.units import show_bytes
from harness.scenario.plan.plan import LoadStep, Plan

SPOOLED_BYTES: Final = 90
SEALED_BYTES: Final = 30
ROW_BYTES: Final = SPOOLED_BYTES + SEALED_BYTES
SECOND_BYTES: Final = 6_000
KEPT_BYTES: Final = 4_000_000
FIXED_BYTES: Final = 2 * KEPT_BYTES
CALL_S, CALLS_MOST_S = 0.01, 10_000.0
SEARCHED_S: Final = 2_000.0  # calls a second while a search looks for a capacity
FILES: Final = 60


@dataclass(frozen=True, slots=True)
class Needed:
    """The disk space that a run needs, in bytes."""

    sure: int  # without them the run cannot end in order
    likely: int
    largest_file: int  # within the sure part


def needed(plan: Plan) -> Needed:
    """The disk space that a run of this plan needs."""
    steps = [*([plan.warm_up] if plan.warm_up else []), *plan.steps]
    known = sum(_known(step) for step in steps)
    guessed = sum(_guessed(step, plan) for step in steps)
    fixed = FIXED_BYTES + int(plan.duration_s * SECOND_BYTES)
    return Needed(
        fixed + known * ROW_BYTES,
        fixed + (known + guessed) * ROW_BYTES,
        max(KEPT_BYTES // 2, known * SPOOLED_BYTES),
    )


def sentence(plan: Plan) -> str:
    """The same as a sentence, for a reader of the plan."""
    size = needed(plan)
    if size.likely == size.sure:
        return f"A run writes about {show_bytes(size.sure)}."
    return (
        f"A run writes {show_bytes(size.sure)}, and {ROW_BYTES} bytes for each call: about {show_bytes(size.likely)} if each user makes "
        f"{1 / CALL_S:.0f} calls a second."
    )


def _known(step: LoadStep) -> int:
    """The number of calls that are certain to be made, or at least to arrive; 0 for closed load by time."""
    if step.requests is not None:
        return step.requests
    if step.arrivals is None or step.search is not None:
        return 0
    return int(step.arrivals.rate_per_s * step.hold_s) * (step.arrivals.calls or 1)


def _guessed(step: LoadStep, plan: Plan) -> int:
    if step.search is not None:
        return int(SEARCHED_S * step.hold_s)
    if step.requests is not None or step.arrivals is not None:
        return 0
    users = step.users if isinstance(step.users, int) else plan.max_users
    return int(min(users / CALL_S, CALLS_MOST_S) * step.hold_s)
