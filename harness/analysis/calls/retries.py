"""Retries: the results of calls that clients retried, and the extra load on the server.

    attempt      attempt           attempt
      |--failed    : wait : |--failed  : wait : |--ok        one call, three attempts, three rows
    intended                                    done         its response time

Definitions. A row is an *attempt*. Everything else that is measured is measured in attempts, for they are what the
server sees. A *call* is an attempt that is no retry, and the retries behind it: those of the same user and operation
until its next one that is no retry (a user makes one call at a time). It ended as its last attempt did. Its response
time is from the first intended start to the last completion, waits and all. *Retried* are the attempts beyond the
first, *succeeded* the calls that did so after a retry, *given up* those that failed although they were tried again,
*budget exhausted* the times that a retry was due and its client had none left, over the whole run, as the workers counted.

A retry whose first attempt lies before the warm-up's end counts as a call of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.analysis.calls import latency
from harness.analysis.calls.calls import FAILED, OK, Calls
from harness.analysis.statistics.rounding import ratio
from harness.run_directory.event_kinds import Event, WorkerReport
from harness.run_directory.results import KeptDown, Retries, RetryPolicy


@dataclass(frozen=True, slots=True)
class Tried:
    """The attempts in order, and where each call begins and ends among them."""

    rows: Calls  # by user and operation, each in the order of time
    firsts: npt.NDArray[np.intp]
    lasts: npt.NDArray[np.intp]


def measure(
    calls: Calls,
    policy: Mapping[str, Any] | None,
    events: Iterable[Event],
    kept_down: Sequence[KeptDown] = (),
) -> Retries | None:
    """The value of `retries` in the summary; None when clients do not retry."""
    if not policy:
        return None
    groups = grouped(calls)
    kind = groups.rows.kind[groups.lasts]
    again = groups.lasts > groups.firsts
    ok = kind == OK
    durations = (groups.rows.done_ns[groups.lasts] - groups.rows.intended_ns[groups.firsts])[ok]
    return Retries(
        policy=_policy(policy),
        calls=len(groups.firsts),
        retried=int(np.count_nonzero(calls.retried())),
        succeeded=int(np.count_nonzero(again & ok)),
        given_up=int(np.count_nonzero(again & (kind == FAILED))),
        budget_exhausted=_refused(events),
        success_rate=ratio(int(np.count_nonzero(ok)), int(np.count_nonzero(ok | (kind == FAILED)))),
        latency_ms=latency.table(durations),
        kept_down=tuple(kept_down),
    )


def _policy(policy: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        attempts=policy["attempts"],
        backoff_s_first=policy.get("backoff_s_first"),
        backoff_s_most=policy.get("backoff_s_most"),
        budget=policy.get("budget"),
    )


def grouped(calls: Calls) -> Tried:
    """The attempts, grouped by call."""
    rows = calls.take(np.lexsort((calls.sent_ns, calls.operation, calls.user, calls.worker)))
    whose = np.stack([rows.worker, rows.user, rows.operation])
    begins = ~rows.retried()
    begins[:1] = True
    begins[1:] |= np.any(whose[:, 1:] != whose[:, :-1], axis=0)
    firsts = np.flatnonzero(begins)
    return Tried(rows, firsts, np.append(firsts[1:], len(rows))[: len(firsts)] - 1)


def _refused(events: Iterable[Event]) -> int:
    """The number of retries refused by the budget: the last count of each worker, added up."""
    refused_by_worker: dict[int, int] = {}
    for event in events:
        if isinstance(event, WorkerReport) and event.retries_refused is not None:
            refused_by_worker[event.worker] = event.retries_refused
    return sum(refused_by_worker.values())
