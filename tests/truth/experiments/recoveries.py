"""Recovery of a server that is slow for exactly four seconds after it was healed, in all of its calls or in some.

The fault is a standstill of the server's own process (SIGSTOP): it knows the moment in which it goes on, and is slow from
then. Recovery is told in whole seconds, so four seconds are reported as 4.0; a call that comes in the first instants of a
second may be the one that decides, so 5.0 is allowed where few calls are meant.

    never            one tool of two (a quarter of the calls) stays slow for ever: not recovered, whatever the others do
    already failing  every call fails from five seconds before the fault, for ever: nobody can say that it recovered
    placebo          slow for no time: recovered at once

They make little load each, and run side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tests.truth.rows import Form, Row, between, exactly, one_of
from tests.truth.runs import Run, at_once, scenario, serving

SIDE_BY_SIDE = 5
CLOSED = {"sustain": {"users": 3}}
OPEN = {"rate": {"rate": "80/s"}}


@dataclass(frozen=True, slots=True)
class Case:
    """A server, a load, and what has to be reported."""

    name: str
    load: dict[str, Any]
    recovers_s: float | None  # None: it has not
    verdicts: tuple[str, ...]
    server: dict[str, Any] = field(default_factory=dict)
    late_s: float = 0.0  # how much more may be reported
    more: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("open, all calls", OPEN, 4.0, ("pass",)),
    Case("closed, all calls", CLOSED, 4.0, ("pass",), late_s=1.0),
    Case("one tool of two", OPEN, 4.0, ("pass",), {"who": "tool"}, late_s=1.0),
    Case("one shard of three in ten", OPEN, 4.0, ("pass",), {"who": "shard"}, late_s=1.0),
    Case("never, one tool of two, closed", CLOSED, None, ("fail",), {"who": "tool", "slow_s": None}),
    Case("never, one tool of two, open", OPEN, None, ("fail",), {"who": "tool", "slow_s": None}),
    Case("never, one shard", OPEN, None, ("fail",), {"who": "shard", "slow_s": None}),
    Case("never, all calls", OPEN, None, ("fail",), {"slow_s": None}),
    Case("already failing", OPEN, None, ("fail", "unknown"), {"slow_s": 0, "fails": 1.0, "fails_after_s": 7}),
    Case("placebo, slow for no time", OPEN, 0.0, ("pass",), {"slow_s": 0}),
)
SHORT = ("never, one tool of two, open",)


def rows(form: Form) -> Iterator[Row]:
    cases = [case for case in CASES if form.long or case.name in SHORT]
    for begin in range(0, len(cases), SIDE_BY_SIDE):
        batch = cases[begin : begin + SIDE_BY_SIDE]
        for case, run in zip(batch, at_once([partial(_run, form, case) for case in batch]), strict=True):
            yield from _rows(form, case, run)


def _run(form: Form, case: Case) -> Run:
    before_s, after_s = (7, 4) if form.short else (14, 12)
    ((kind, settings),) = case.load.items()
    with serving("recovering", **case.server) as server:
        fault = {
            "name": "stop",
            "fault": "pause",
            "pid": server.pid,
            "at": f"steady+{before_s}s",
            "for": "2s",
        }
        return scenario(
            form.out,
            "recovery-" + case.name.replace(" ", "-").replace(",", ""),
            server,
            workload=[{"call": "often", "weight": 3}, {"call": "rare"}],
            load=[{"name": "steady", kind: {**settings, "for": f"{before_s + 2 + after_s}s"}}],
            faults=[fault],
        )


def _rows(form: Form, case: Case, run: Run) -> Iterator[Row]:
    found, verdict, why = run.fault["recover_s"], run.summary["verdict"], run.reasons
    if case.recovers_s is None:
        yield exactly(f"{case.name}: recovered after", None, found, why)
    else:
        high = case.recovers_s + case.late_s
        yield replace(
            between(f"{case.name}: recovered after s", case.recovers_s, found, case.recovers_s, high), why=why
        )
    # A busy machine may be too unsteady to tell: then it says unknown. It never says that it recovered.
    yield one_of(
        f"{case.name}: verdict", (*case.verdicts, *(["unknown"] if form.short else [])), verdict, why
    )
