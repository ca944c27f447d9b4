"""Check each row by itself for values that no call can have.

- intended <= sent <= first byte <= done, none of them negative. (The goodbye of a session is exempt from the first:
  until 2026-11 a user that was stopped while it waited gave it the time at which its next call was due.)
- An outcome of the taxonomy, and a status that it can come with: see `STATUS`.
- An ok call was sent and answered: bytes in both directions, unless nothing is answered (notifications, streams).
- No call takes longer than its time-out, and `OVERDUE_S`; none is wanted or done outside of the run.
- Each number once in each worker. (Missing numbers alone are lost calls, which the verdict tells of.)

Times are compared as they were written, to the nanosecond: both are of one clock. Only a timer may ring `EARLY_NS`
before it is due.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.analysis.health.integrity.files import Record
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.mcp import outcome
from harness.mcp.operations import JOURNEY

Mask = npt.NDArray[np.bool_]

EARLY_NS: Final = 2 * NS_PER_MS
OVERDUE_S: Final = 15.0  # allowance for a machine that pauses
SLACK_NS: Final = NS_PER_S  # between the clocks of two machines
NOT_NEGATIVE: Final = (
    "seq", "intended_ns", "sent_ns", "first_byte_ns", "done_ns", "user", "session", "worker", "bytes_out", "bytes_in",
)  # fmt: skip
CLOSING: Final = "session/delete"
STREAM: Final = "session/listen"
# Not failures: closing a session that is gone, and asking for a stream that the server does not have.
FINE_STATUS: Final[dict[str, tuple[int, ...]]] = {CLOSING: (404, 405), STREAM: (405,)}
# What a response with these statuses can have been: (from, to), and whether there must be one.
STATUS: Final[dict[str, tuple[int, int, bool]]] = {
    outcome.OK: (101, 299, False),
    outcome.TOOL_ERROR: (101, 299, False),
    outcome.UNEXPECTED: (101, 299, False),
    outcome.INPUT_REQUIRED: (101, 299, False),
    outcome.RATE_LIMITED: (429, 429, True),
    outcome.UNAUTHORIZED: (401, 403, True),
    outcome.REJECTED: (400, 400, True),
    outcome.SESSION_LOST: (400, 499, False),
}
ANY_STATUS: Final = (100, 599)
OK_STATUS: Final = 200
UNASKED: Final = ("notifications/", "session/")  # nothing needs to come back
UNANSWERED: Final = (outcome.UNFINISHED, outcome.CANCELLED)  # cut off in mid-call


def find(record: Record) -> Iterator[str]:
    """Yield one sentence for each kind of impossible row."""
    rows = record.rows
    if not len(rows):
        return
    yield from _numbers(rows)
    yield from _times(rows)
    yield from _words(rows)
    if record.real:
        yield from _transported(rows)
    yield from _inside(rows, record)


def _numbers(rows: pd.DataFrame) -> Iterator[str]:
    for name in NOT_NEGATIVE:
        yield from _count(rows[name].to_numpy() < 0, f"with a negative {name}")
    twice = rows.duplicated(["worker", "seq"])
    if count := int(np.count_nonzero(twice)):
        missing = int((rows.groupby("worker")["seq"].max() + 1).sum()) - len(rows) + count
        yield f"{_calls(count)} with a number that another call of its worker has" + (
            f", and {missing:,} numbers are missing" if missing > 0 else ""
        )


def _times(rows: pd.DataFrame) -> Iterator[str]:
    intended, sent, done = (rows[name].to_numpy() for name in ("intended_ns", "sent_ns", "done_ns"))
    first = rows["first_byte_ns"].to_numpy(dtype=float, na_value=np.nan)
    closing = _is(rows["operation"], CLOSING)
    yield from _count((intended > sent + EARLY_NS) & ~closing, "sent before its intended start")
    yield from _count(done < sent, "completed before it was sent")
    yield from _count(first < sent, "with a first byte before it was sent")
    yield from _count(first > done, "with a first byte after its completion")


def _words(rows: pd.DataFrame) -> Iterator[str]:
    outcomes = rows["outcome"]
    known = outcomes.isin(outcome.ALL).to_numpy()
    if not known.all():
        strange = sorted({str(name) for name in outcomes[~known].unique()})[:3]
        yield f"{_calls(int(np.count_nonzero(~known)))} with an outcome that does not exist: {', '.join(strange)}"
    status = rows["status"].to_numpy(dtype=float, na_value=np.nan)
    status = np.where(status == -1, np.nan, status)
    low, high = ANY_STATUS
    yield from _count((status < low) | (status > high), "with a status that does not exist")
    allowed = np.zeros(len(rows), dtype=bool)
    for operation, fine in FINE_STATUS.items():
        allowed |= _is(rows["operation"], operation).to_numpy() & np.isin(status, fine)
    for name, (low, high, must) in STATUS.items():
        these = _is(outcomes, name).to_numpy() & ~allowed
        bad = these & ((status < low) | (status > high) | (np.isnan(status) if must else False))
        yield from _count(bad, f"that ended as {name} with a status that is none of that")
    ok = _is(outcomes, outcome.OK).to_numpy()
    yield from _count(ok & ~np.isnan(_floats(rows["code"])), "ok, and with the code of an error")
    cut = outcomes.isin(UNANSWERED).to_numpy()
    answered = ~np.isnan(_floats(rows["first_byte_ns"]))
    yield from _count(cut & answered, "cut off before an answer, and with a first byte")


def _transported(rows: pd.DataFrame) -> Iterator[str]:
    """Check that status, bytes and outcome fit the transport."""
    outcomes, status = rows["outcome"], _floats(rows["status"])
    http = _is(rows["transport"], "http").to_numpy()
    refused = _is(outcomes, outcome.HTTP_STATUS).to_numpy() & http
    yield from _count(refused & (status == OK_STATUS), "that ended as http_status with status 200")
    yield from _count(refused & np.isnan(status), "that ended as http_status without one")
    unconnected = _is(outcomes, outcome.CONNECT).to_numpy()
    yield from _count(unconnected & ~np.isnan(status), "without a connection, and with a status")
    asks = ~rows["operation"].isin(_named(rows["operation"], UNASKED)).to_numpy()
    ok = _is(outcomes, outcome.OK).to_numpy()
    yield from _count(ok & asks & (rows["bytes_in"].to_numpy() == 0), "ok without a byte received")
    yield from _count(ok & asks & (rows["bytes_out"].to_numpy() == 0), "ok without a byte sent")


def _named(column: "pd.Series[Any]", beginnings: tuple[str, ...]) -> list[str]:
    return [str(name) for name in column.unique() if str(name).startswith(beginnings)]


def _inside(rows: pd.DataFrame, record: Record) -> Iterator[str]:
    """Check that calls lie within the run and within their time-out."""
    intended, sent, done = (rows[name].to_numpy() for name in ("intended_ns", "sent_ns", "done_ns"))
    if (started_ns := record.started_ns) is not None:
        yield from _count(intended < started_ns - SLACK_NS, "with an intended start before the run began")
    if record.ended is not None and record.conducted:
        yield from _count(
            intended > record.ended.at_ns + SLACK_NS, "with an intended start after the run had ended"
        )
    if not record.real:
        return
    if record.ended is not None:
        yield from _count(done > record.ended.at_ns + SLACK_NS, "completed after the run had ended")
    if timeout_s := record.number("timeout_s"):
        limit_ns = int((timeout_s + OVERDUE_S) * NS_PER_S)
        whole = rows["operation"].isin(_named(rows["operation"], (JOURNEY,))).to_numpy()
        yield from _count((done - sent > limit_ns) & ~whole, f"longer than the time-out of {timeout_s:g} s")


def _count(bad: Any, what: str) -> Iterator[str]:
    if count := int(np.count_nonzero(bad)):
        yield f"{_calls(count)} {what}"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _is(column: "pd.Series[Any]", name: str) -> "pd.Series[bool]":
    return column == name


def _floats(column: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    return column.to_numpy(dtype=float, na_value=np.nan)
