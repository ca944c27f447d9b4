"""Check rows against each other: calls of one worker, and of one user, come one after the other.

- A worker gives numbers as it sends: in the order of the numbers nothing was sent before what came first.
- A user has one call at a time: it sends the next when the one before is done. Open load, too, has users who do so.
  Users of the classes that call at once (`CALLS_AT_ONCE`) are left out.
- Numbers of users and sessions are dealt out like cards: worker w of n has those that leave w when divided by n.
- A session is one user's, or that of as many users as share a process over stdio (`users_per_process`).

Only real workers can be held to this; simulated calls are drawn from a formula that knows no users.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.analysis.health.integrity.files import Record
from harness.mcp.operations import JOURNEY
from harness.scenario.catalogue import CALLS_AT_ONCE

Ints = npt.NDArray[np.int64]


def find(record: Record) -> Iterator[str]:
    """Yield one sentence for each kind of impossible order among rows."""
    rows = record.rows
    if not record.real or not len(rows):
        return
    rows = rows[
        ~rows["operation"].astype(str).str.startswith(JOURNEY)
    ]  # they repeat calls that have rows of their own
    worker, seq, user, session, sent, done = (
        rows[name].to_numpy().astype(np.int64)
        for name in ("worker", "seq", "user", "session", "sent_ns", "done_ns")
    )
    by_number = np.lexsort((seq, worker))
    back = _follow(worker[by_number]) & (np.diff(sent[by_number]) < 0)
    yield from _say(back, "sent before another one of its worker that has a lower number")
    alone = by_number[~rows["user_class"].isin(CALLS_AT_ONCE).to_numpy()[by_number]]
    yield from _one_at_a_time(user, alone, sent, done)
    workers = record.number("workers")
    if workers and workers >= 1:
        yield from _dealt(int(workers), worker, user, session)
    yield from _owned(user, session, _sharing(record))


def _one_at_a_time(user: Ints, by_number: Ints, sent: Ints, done: Ints) -> Iterator[str]:
    order = by_number[np.argsort(user[by_number], kind="stable")]
    overlaps = _follow(user[order]) & (sent[order][1:] < done[order][:-1])
    yield from _say(overlaps, "sent while another call of the same user was open")


def _dealt(workers: int, worker: Ints, user: Ints, session: Ints) -> Iterator[str]:
    yield from _say(worker >= workers, f"of a worker that the run did not have (it had {workers})")
    strange = (user % workers != worker) | ((session % workers != worker) & (session != 0))
    yield from _say(strange & (worker < workers), "with a user or session number of another worker")


def _sharing(record: Record) -> int:
    """How many users a session may have."""
    target = (record.scenario or {}).get("target")
    value = target.get("users_per_process", 1) if isinstance(target, dict) else 1
    return value if isinstance(value, int) else 1


def _owned(user: Ints, session: Ints, most: int) -> Iterator[str]:
    """Check that no session has more users than it may. Session 0 means that none has been opened yet."""
    pairs = np.unique(np.stack([session, user], axis=1)[session != 0], axis=0)
    _, users = np.unique(pairs[:, 0], return_counts=True)
    if count := int(np.count_nonzero(users > most)):
        whose = "two users" if most == 1 else f"more than {most} users"
        yield f"1 session is that of {whose}" if count == 1 else f"{count:,} sessions are those of {whose}"


def _follow(sorted_key: Ints) -> npt.NDArray[np.bool_]:
    """A mask of the rows with the same key as the row before."""
    same: npt.NDArray[np.bool_] = sorted_key[1:] == sorted_key[:-1]
    return same


def _say(bad: Any, what: str) -> Iterator[str]:
    if count := int(np.count_nonzero(bad)):
        yield f"1 call {what}" if count == 1 else f"{count:,} calls {what}"
