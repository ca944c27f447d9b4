"""Sessions: how many were opened, lost by the server, and opened again; in total, and per fault.

Definitions. Opened: ok calls of an operation that opens a session (`OPENING`). Lost: calls that ended as
`session_lost`, so a session that several calls found missing counts several times. Reopened: sessions opened
by a user who had opened one before.

Per fault, each session is counted once, from the fault until the next one is applied, or to the end:

    opened        fault on           off                      the next one
      |--- S ---------|=================|--- an ok call of S: survived -----|
                            a call of S finds it gone: lost                 (tests/analysis/calls/test_sessions.py)

A session was present if it is the last one that a user opened before, and the user made a call since. It
survived if a call within it (such as a tool call) was answered after the fault, and none found it gone.
Sessions that neither survived nor were lost were given up: if the connection is the session (WebSocket), it
ends with the connection. It was reopened if its user opened another one.

In a storm, users who have had a session ask for another one, answered or not, faster than at any time in the
`BEFORE_S` before. Its peak is the busiest second, counted from the fault on; it lasts from the first such
second to the end of the last.

Sessions survived a restart if one was present, a call used it after the restart, and no call found its session
gone. A protocol without sessions has no such result.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.analysis.calls.calls import OK, Calls, Ints
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.statistics.rounding import seconds
from harness.analysis.statistics.spans import FOREVER, Span
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.run_directory.results import Sessions, SessionsFound, Storm

OPENING: Final = ("initialize", "websocket/open")
# Operations that use the session; a GET of /health by the same user proves nothing.
WITHIN: Final = ("tools/", "resources/", "prompts/", "completion/", "logging/", "tasks/", "ping")
RESTARTING: Final = ("kill", "restart", "rolling_restart")
TARGET: Final = "target"
BEFORE_S: Final = 30


def measure(calls: Calls, survived_restart: bool | None = None) -> Sessions:
    """The value of `sessions` in the summary."""
    opened = _opening(calls)
    opened = opened.take(opened.kind == OK)
    owners = np.unique(_key(opened.worker, opened.user))
    return Sessions(
        opened=len(opened),
        lost=calls.of_outcome(outcome.SESSION_LOST),
        reopened=len(opened) - len(owners),
        survived_restart=survived_restart,
    )


def fate(calls: Calls, fault: PlannedFault, faults: Sequence[PlannedFault]) -> SessionsFound | None:
    """Count the sessions that survived a fault, were lost or were opened again; None without any."""
    if fault.window is None:
        return None
    span = (fault.window[0], until(fault.window, faults))
    asked = _opening(calls)
    opened = asked.take(asked.kind == OK)
    since = calls.ended(*span)
    users, present = _present(opened, since, span[0])
    of_present = np.isin(_key(since.worker, since.session), present)
    gone = of_present & (since.outcome == _code(since, outcome.SESSION_LOST))
    well = of_present & (since.kind == OK) & (since.sent_ns >= fault.window[1]) & _within(since)
    lost = np.unique(_key(since.worker, since.session)[gone])
    survived = np.setdiff1d(_key(since.worker, since.session)[well], lost)
    again = opened.ended(*span)
    reopened = np.intersect1d(users, _key(again.worker, again.user))
    storm = _storm(asked, span)
    if not len(present) and storm is None:
        return None
    return SessionsFound(
        present=len(present),
        survived=len(survived),
        lost=len(lost),
        reopened=len(reopened),
        storm=storm,
    )


def until(window: Span, faults: Sequence[PlannedFault]) -> int:
    """The end of the time that counts for this fault: when the next fault is applied, or never."""
    starts = [fault.on_ns for fault in faults if fault.on_ns is not None and fault.on_ns > window[0]]
    return min(starts, default=FOREVER)


def survived_restart(fault_fates: Sequence[tuple[PlannedFault, SessionsFound | None]]) -> bool | None:
    """Whether sessions survived the restarts of the target; None when that is not known."""
    fates = [one for fault, one in fault_fates if one and fault.kind in RESTARTING and fault.link == TARGET]
    if any(one.lost for one in fates):
        return False
    return True if any(one.survived for one in fates) else None


def _opening(calls: Calls) -> Calls:
    known = calls.names["operation"]
    codes = [known.index(name) for name in OPENING if name in known]
    return calls.take(np.isin(calls.operation, codes))


def _within(calls: Calls) -> npt.NDArray[np.bool_]:
    codes = [code for code, name in enumerate(calls.names["operation"]) if name.startswith(WITHIN)]
    return np.isin(calls.operation, codes)


def _present(opened: Calls, since: Calls, on_ns: int) -> tuple[Ints, Ints]:
    """The users who called since the fault, and the session that each had before it."""
    before = opened.take(opened.done_ns < on_ns)
    before = before.take(np.argsort(before.done_ns, kind="stable")[::-1])
    users, last = np.unique(_key(before.worker, before.user), return_index=True)
    here = np.isin(users, _key(since.worker, since.user))
    return users[here], _key(before.worker, before.session)[last[here]]


def _storm(asked: Calls, span: Span) -> Storm | None:
    sent_ns = _asked_again_ns(asked)
    from_ns = span[0] - BEFORE_S * NS_PER_S
    normal = max(_by_second(sent_ns[(sent_ns >= from_ns) & (sent_ns < span[0])] - from_ns), default=0)
    counts = _by_second(sent_ns[(sent_ns >= span[0]) & (sent_ns < span[1])] - span[0])
    above = np.flatnonzero(counts > max(normal, 1))
    if not len(above):
        return None
    stretch = slice(int(above[0]), int(above[-1]) + 1)
    return Storm(
        asked=int(counts[stretch].sum()),
        peak_per_s=int(counts.max()),
        lasted_s=seconds((stretch.stop - stretch.start) * NS_PER_S),
    )


def _asked_again_ns(asked: Calls) -> Ints:
    """The times at which users who had had a session asked for another one."""
    # Counted by session, because opening one may take several calls.
    _, first = np.unique(_key(asked.worker, asked.session), return_index=True)
    opened = asked.take(asked.kind == OK)
    opened = opened.take(np.argsort(opened.done_ns, kind="stable"))
    users, earliest = np.unique(_key(opened.worker, opened.user), return_index=True)
    if not len(users):
        return asked.sent_ns[:0]
    each = _key(asked.worker, asked.user)[first]
    at = np.minimum(np.searchsorted(users, each), len(users) - 1)
    again = (users[at] == each) & (asked.sent_ns[first] > opened.done_ns[earliest][at])
    when_ns: Ints = asked.sent_ns[first][again]
    return when_ns


def _by_second(at_ns: Ints) -> npt.NDArray[np.int64]:
    return np.bincount(at_ns // NS_PER_S).astype(np.int64) if len(at_ns) else np.zeros(0, dtype=np.int64)


def _key(worker: npt.NDArray[Any], number: npt.NDArray[Any]) -> Ints:
    """A number that is unique over all workers: each worker numbers its users and sessions by itself."""
    key: Ints = worker.astype(np.int64) << 32 | number.astype(np.int64)
    return key


def _code(calls: Calls, name: str) -> int:
    known = calls.names["outcome"]
    return known.index(name) if name in known else len(known)
