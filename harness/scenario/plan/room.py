"""How much a run of a plan writes: rows times bytes a row, and the parts that are always there. Pure.

- A call is 90 bytes in the spool; sealed into samples.parquet it is up to 30 more, beside the spool until that is whole.
- Twice a second each worker says how it is, in events.jsonl.
- Reports, logs and charts are the fixed part; it is also what is kept free while the load goes on (`KEPT_BYTES`), so
  that a run which must end early has room for its report.

What is known beforehand is open load and steps by count. Users of a closed load call as fast as the server lets them:
they are taken as making a call every 10 ms each, 10,000 a second together at most. A run is refused for what is sure, and
warned for what is likely.
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
FILES: Final = 60


@dataclass(frozen=True, slots=True)
class Needed:
    """Bytes on disk."""

    sure: int  # without them the run cannot end in order
    likely: int
    largest_file: int  # of what is sure


def needed(plan: Plan) -> Needed:
    """What a run of this plan writes."""
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
    """For a reader of the plan."""
    found = needed(plan)
    if found.likely == found.sure:
        return f"Writes about {show_bytes(found.sure)}."
    return (
        f"Writes {show_bytes(found.sure)}, and {ROW_BYTES} bytes a call: about {show_bytes(found.likely)} if each user makes "
        f"{1 / CALL_S:.0f} calls a second."
    )


def _known(step: LoadStep) -> int:
    """Calls that are sure to be made, or at least offered."""
    if step.requests is not None:
        return step.requests
    if step.arrivals is None:
        return 0
    return int(step.arrivals.rate_per_s * step.hold_s) * (step.arrivals.calls or 1)


def _guessed(step: LoadStep, plan: Plan) -> int:
    if step.requests is not None or step.arrivals is not None:
        return 0
    users = step.users if isinstance(step.users, int) else plan.max_users
    return int(min(users / CALL_S, CALLS_MOST_S) * step.hold_s)
