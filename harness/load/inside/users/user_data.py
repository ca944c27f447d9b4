"""What a user's calls are made from: rows of feeders, values of earlier replies, and the journey that it is on.

    own        the row of the user's number, for as long as it lives; users beyond the rows begin again
    in_order   the next row for each call, or journey; the workers take turns, and begin again at the end
    random     any row, by the seed
    once       as in_order, and never twice: the load may not ask for more

A journey takes its rows when it begins. It ends when its last step has succeeded, or a step has not; then it has a row of its own: its
response time is that of its calls together, without the thinking between them.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from harness.load.feeders import Row, filled_headers, read_rows
from harness.load.workload import WorkloadEntry, chosen
from harness.mcp import outcome
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply
from harness.mcp.reply_content import value_of_reply
from harness.scenario.arguments import REPLY, NoValueError, Values

DETAIL_CHARS = 120


@dataclass(slots=True)
class WorkerFeeder:
    """The rows of one feeder, as a worker deals them out."""

    rows: Sequence[Row]
    order: str
    counter: Iterator[int]

    def row(self, user: int, rng: Random) -> Row:
        """Return the row for a user's next call or journey."""
        if self.order == "own":
            return self.rows[user % len(self.rows)]
        if self.order == "random":
            return self.rows[rng.randrange(len(self.rows))]
        number = next(self.counter)
        if self.order == "once" and number >= len(self.rows):
            raise RuntimeError("the rows of a feeder that gives each of them once are used up")
        return self.rows[number % len(self.rows)]


@dataclass(frozen=True, slots=True)
class WorkerData:
    """The feeders of a worker, and where templates look."""

    values: Values
    feeders: Mapping[str, WorkerFeeder]

    @classmethod
    def opened(
        cls, asked: Mapping[str, Mapping[str, Any]], worker: int, workers: int, values: Values
    ) -> "WorkerData":
        """Read the files."""
        return cls(
            values,
            {
                name: WorkerFeeder(read_rows(name, one), one["order"], itertools.count(worker, workers))
                for name, one in asked.items()
            },
        )


def headers_of(headers: Mapping[str, str], data: WorkerData | None, user: int) -> tuple[tuple[str, str], ...]:
    """Return the headers of a user: those of all, with values of its own rows."""
    if data is None:
        return tuple(headers.items())
    rows = {name: one.rows[user % len(one.rows)] for name, one in data.feeders.items()}
    return tuple(filled_headers(headers, rows).items())


@dataclass(slots=True)
class Journey:
    """A journey that a user is on."""

    entry: WorkloadEntry
    known: JsonObject  # rows, and replies by their names
    step: int = 0
    waited_ns: int = 0


@dataclass(slots=True)
class UserData:
    """What one user draws from."""

    data: WorkerData
    user: Any  # an McpUser
    journey: Journey | None = None

    def drawn(self) -> tuple[WorkloadEntry, Any]:
        """Return the next call and its arguments: the next step of the journey, or an entry drawn by weight."""
        user = self.user
        while True:
            if self.journey is None:
                workload, weights = user.context.workload, user.context.weights
                entry = chosen(workload, weights, user.random, user.number, user.calls)
                known = {
                    name: self.data.feeders[name].row(user.number, user.random) for name in entry.feeders
                }
                if not entry.steps:
                    self.data.values.now = known
                    return entry, entry.draw(user.random, user.calls)
                self.journey = Journey(entry, known)
            at = self.journey
            work = at.entry.steps[at.step]
            self.data.values.now = at.known
            try:
                return work, work.draw(user.random, user.calls)
            except NoValueError as error:
                self._end(outcome.UNEXPECTED, f"step {at.step + 1} was not made: {error}")

    def called(self, call: Callable[[], Reply]) -> Reply:
        """Make the call; go on to the next step, or end the journey."""
        due_ns = self.user.pacing.ready_ns
        reply = call()
        if self.journey is not None:
            self._went(self.journey, reply, self.user.pacing.free_ns - due_ns)
        return reply

    def _went(self, at: Journey, reply: Reply, took_ns: int) -> None:
        at.waited_ns += max(took_ns, 0)
        if reply.outcome != outcome.OK:
            self._end(reply.outcome, f"step {at.step + 1}: {reply.detail}")
            return
        work = at.entry.steps[at.step]
        at.step += 1
        if at.step == len(at.entry.steps):
            self._end(outcome.OK, "")
        elif at.entry.keeps:
            at.known[REPLY] = value_of_reply(reply)
            if work.name:
                at.known[work.name] = at.known[REPLY]

    def _end(self, ended: str, detail: str) -> None:
        at, self.journey = self.journey, None
        if at is not None:
            self.user.record_journey(at.entry.operation, ended, detail[:DETAIL_CHARS], at.waited_ns)
